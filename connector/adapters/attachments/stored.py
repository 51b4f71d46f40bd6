"""A fetched file as the port shows it: `core.files.StoredFile`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from connector.adapters.attachments.kept import Content


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """Its name and type beside its content."""

    name: str
    content_type: str
    content: Content = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.content.size

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return self.content.sha256

    def chunks(self) -> AsyncIterator[bytes]:
        """From the beginning, each time."""
        return self.content.chunks()

    def close(self) -> None:
        """Give its room back."""
        self.content.close()
