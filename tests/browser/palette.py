"""A PNG of a screen made smaller: 256 of its colours, which is all that a page with a few tints needs.

Reads what Chromium writes (8 bits a channel, RGB or RGBA without transparency, not interlaced) and nothing else.
"""

import struct
import zlib
from collections import Counter

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FREQUENT = 160


def smaller(png: bytes) -> bytes:
    """The same picture with a palette; each other colour becomes the nearest one of it."""
    width, height, channels, rows = _pixels(png)
    pixels = memoryview(rows)
    colours = Counter(bytes(pixels[at : at + 3]) for at in range(0, len(rows), channels))
    palette, places = _palette(colours)
    indexed = bytes(places[bytes(pixels[at : at + 3])] for at in range(0, len(rows), channels))
    lines = b"".join(b"\x00" + indexed[at : at + width] for at in range(0, len(indexed), width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", b"".join(palette)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _palette(colours: Counter[bytes]) -> tuple[list[bytes], dict[bytes, int]]:
    """The frequent colours, then those that are farthest from any chosen yet: a small mark keeps its own colour."""
    palette = [colour for colour, _ in colours.most_common(_FREQUENT)]
    nearest = {
        colour: min((_distance(colour, one), place) for place, one in enumerate(palette))
        for colour in colours
    }
    while len(palette) < 256 and any(distance for distance, _ in nearest.values()):
        farthest = max(nearest, key=lambda colour: nearest[colour][0])
        palette.append(farthest)
        for colour, known in nearest.items():
            nearest[colour] = min(known, (_distance(colour, farthest), len(palette) - 1))
    return palette, {colour: place for colour, (_, place) in nearest.items()}


def _distance(one: bytes, other: bytes) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _pixels(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bytes a pixel, and the pixels without their filters (PNG specification, section 9)."""
    at, packed, head = len(_SIGNATURE), b"", b""
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        head = data if name == b"IHDR" else head
        packed += data if name == b"IDAT" else b""
        at += size + 12
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    assert (depth, interlaced) == (8, 0)
    channels = {2: 3, 6: 4}[kind]
    return width, height, channels, _unfiltered(zlib.decompress(packed), width * channels, channels)


def _unfiltered(data: bytes, stride: int, channels: int) -> bytes:
    out, above = bytearray(), bytes(stride)
    for start in range(0, len(data), stride + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + stride])
        for at in range(stride) if kind else ():
            left = line[at - channels] if at >= channels else 0
            corner = above[at - channels] if at >= channels else 0
            added = (0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner))[kind]
            line[at] = (line[at] + added) & 0xFF
        out += line
        above = bytes(line)
    return bytes(out)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
