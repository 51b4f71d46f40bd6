"""The eleven operations of Front's Channel API: what a mapping asks for becomes a request, or what is wrong.

  bodies.py       the request bodies as models, with Front's own names
  table.py        the operations themselves: method, path, body, files
  message_ids.py  the id of a message whose event has none
  form.py         the body of a request whose files are still to be fetched
  invalid.py      what is wrong, in words that hold no record data
  build.py        operation + channel + path ids + body -> Request | Invalid

What Front would refuse with 400 is found here, before anything is sent, with the path of the field.
"""

from connector.core.operations.build import Request, build
from connector.core.operations.form import REQUEST_BYTES_MAX, Form, Missing
from connector.core.operations.invalid import Invalid, InvalidReason
from connector.core.operations.message_ids import with_message_id
from connector.core.operations.table import OPERATIONS, Operation

__all__ = [
    "OPERATIONS",
    "REQUEST_BYTES_MAX",
    "Form",
    "Invalid",
    "InvalidReason",
    "Missing",
    "Operation",
    "Request",
    "build",
    "with_message_id",
]
