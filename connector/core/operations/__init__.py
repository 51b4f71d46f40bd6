"""The eleven operations of Front's Channel API: what a mapping asks for becomes a request, or what is wrong.

  bodies.py   the request bodies as models, with Front's own names
  table.py    the operations themselves: method, path, body, files
  invalid.py  what is wrong, in words that hold no record data
  build.py    operation + channel + path ids + body -> Request | Invalid

What Front would refuse with 400 is found here, before anything is sent, with the path of the field.
"""

from connector.core.operations.build import REQUEST_BYTES_MAX, Request, build
from connector.core.operations.invalid import Invalid, InvalidReason
from connector.core.operations.table import OPERATIONS, Operation

__all__ = ["OPERATIONS", "REQUEST_BYTES_MAX", "Invalid", "InvalidReason", "Operation", "Request", "build"]
