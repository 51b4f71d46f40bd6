"""Files that records name by URL: fetched from listed hosts only, within bounds, and kept until they are sent.

`guard.py` judges a URL's text, `connecting.py` the address that it leads to, `fetcher.py` follows redirects, `receiving.py`
takes the body, `spool.py` keeps it. docs/attachments.md is the page for those who use it.
"""

from connector.adapters.attachments.fetcher import AttachmentSource as AttachmentSource
from connector.adapters.attachments.options import FetchOptions as FetchOptions
from connector.adapters.attachments.options import HostOptions as HostOptions
from connector.adapters.attachments.options import SpoolOptions as SpoolOptions
from connector.adapters.attachments.settings import fetch_options as fetch_options
