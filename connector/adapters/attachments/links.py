"""Links that open a file for a while (presigned ones of object stores): when they end, and how a refusal says that they have.

Sources: AWS Signature Version 4 (query parameters X-Amz-Date, X-Amz-Expires) and 2 (Expires); Google Cloud Storage, signed
URLs (X-Goog-Date, X-Goog-Expires; Expires); Azure Storage, shared access signatures (se); CloudFront, signed URLs (Expires).
"""

import re
from datetime import UTC, datetime
from typing import Final

from yarl import URL

_EXPIRED: Final = re.compile(
    rb"request has expired|<code>\s*expiredtoken\s*</code>|signature expired", re.IGNORECASE
)
"""S3 and its kin; an S3 link whose session ended before it; Google."""
_OUT_OF_TIME: Final = re.compile(rb"signature not valid in the specified time frame", re.IGNORECASE)
"""Azure; said of a link that is not valid yet, too."""
_AT: Final = "%Y%m%dT%H%M%SZ"


def has_expired(url: URL, body: bytes, now: float) -> bool:
    """Whether a link that was refused has ended. `now`: Unix seconds, best by the clock of the host that judged it."""
    end = expiry(url)
    if end is not None and end <= now:
        return True
    return bool(_EXPIRED.search(body)) or (end is None and bool(_OUT_OF_TIME.search(body)))


def expiry(url: URL) -> float | None:
    """When the link ends by what it says itself, in Unix seconds; None if it does not say."""
    try:
        query = {name.lower(): value for name, value in url.query.items()}
        for maker in ("amz", "goog"):
            begin, lasts = query.get(f"x-{maker}-date"), query.get(f"x-{maker}-expires")
            if begin is not None and lasts is not None:
                return datetime.strptime(begin, _AT).replace(tzinfo=UTC).timestamp() + int(lasts)
        if "se" in query and "sig" in query:
            end = datetime.fromisoformat(query["se"])
            return (end if end.tzinfo else end.replace(tzinfo=UTC)).timestamp()
        if "expires" in query and "signature" in query:
            return float(int(query["expires"]))
    except (ValueError, OverflowError):
        return None
    return None
