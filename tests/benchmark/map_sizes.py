"""How long the map of settled offsets is, in several forms, on the patterns that held keys and busy partitions make.

    python -m tests.benchmark.map_sizes

Some ten seconds; `--quick` for a look. Three tables: bytes of the map, how many offsets above the committed one fit into
the budget of a commit's metadata, and microseconds to make and to read it. `fc2` is the product's own form
(`connector.core.offset_map`; its times include identity, checksum and base64); the others live only here, to be compared with.
docs/decisions/offset-map.md draws the conclusions. Roaring bitmaps are measured if `pyroaring` is installed.
"""

import argparse
import base64
import importlib
import itertools
import math
import random
import re
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from connector.core.ledger import Runs
from connector.core.offset_map import MAX_METADATA, Believed, LogIdentity, fit, read

LOG = LogIdentity("lkorDA4qT6W1K_dk0LHvtg", "Lw0nPBDJTyqW3PWZdbVQ9A")
START = 1_000_000_000
IDENTITY = len(fit(LOG, START, (), released=False, leader_epoch=12).text)
OFFSETS = 5_000
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Pattern:
    """`size` offsets from the committed one, which is unsettled; `runs` of settled ones as the ledger tells them."""

    size: int
    unsettled: Sequence[int]
    runs: Runs

    @property
    def entropy_bytes(self) -> float:
        """What no form can beat on average, if nothing is known but how many are unsettled."""
        size, holes = self.size, len(self.unsettled)
        ways = math.lgamma(size + 1) - math.lgamma(holes + 1) - math.lgamma(size - holes + 1)
        return max(0.0, ways) / math.log(2) / 8


def _some(size: int, wanted: Iterable[int]) -> Pattern:
    unsettled = sorted({0, *(offset for offset in wanted if offset < size)})
    runs = tuple(
        (START + hole + 1, START + after)
        for hole, after in itertools.pairwise((*unsettled, size))
        if hole + 1 < after
    )
    return Pattern(size, unsettled, runs)


def _random(share: float) -> Callable[[int], Pattern]:
    def made(size: int) -> Pattern:
        chance = random.Random(size)
        return _some(size, chance.sample(range(size), round(size * share)))

    return made


def _every(step: int) -> Callable[[int], Pattern]:
    return lambda size: _some(size, range(0, size, step))


def _channel(size: int) -> Pattern:
    """A held channel: twenty records in a row, some two hundred of others, each as an exponential distribution has it."""
    chance = random.Random(size)
    held: list[int] = []
    position = 0
    while position < size:
        position += 1 + int(chance.expovariate(1 / 200))
        burst = 1 + int(chance.expovariate(1 / 20))
        held.extend(range(position, position + burst))
        position += burst
    return _some(size, held)


def _steady(size: int) -> Pattern:
    """Nothing is held; 64 are in flight within the newest 300."""
    newest = range(max(0, size - 300), size)
    return _some(size, random.Random(size).sample(newest, min(63, len(newest))))


def _compacted(size: int) -> Pattern:
    """The log still holds three offsets of ten; one record of ten is unsettled. What it does not hold counts as settled."""
    chance = random.Random(size)
    return _some(size, [offset for offset in range(size) if chance.random() < 0.03])


def _markers(size: int) -> Pattern:
    """Every tenth record is unsettled; every seventh offset is a transaction's marker and never a record."""
    chance = random.Random(size)
    return _some(size, [offset for offset in range(size) if offset % 7 and chance.random() < 0.1])


PATTERNS: Mapping[str, Callable[[int], Pattern]] = {
    "one stuck record": lambda size: _some(size, ()),
    "64 in flight": _steady,
    "a key of 1,000, in turn": _every(1000),
    "a key of 1,000, random": _random(0.001),
    "random 1 %": _random(0.01),
    "a key of 10, in turn": _every(10),
    "a key of 10, random": _random(0.1),
    "random 30 %": _random(0.3),
    "random 50 %": _random(0.5),
    "alternating": _every(2),
    "a channel, in bursts": _channel,
    "compacted log, 10 %": _compacted,
    "markers, 10 %": _markers,
}
LARGER = {
    "one stuck record": (50_000, MOST),
    "a key of 1,000, random": (50_000, MOST),
    "64 in flight": (50_000,),
}
"""Patterns that are measured with more offsets too."""


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write the map. `decode` gets the bytes and the size."""

    encode: Callable[[Pattern], bytes]
    decode: Callable[[bytes, int], Runs]


def _varints(numbers: Iterable[int]) -> bytes:
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest >= 0x80:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def _numbers(packed: bytes) -> list[int]:
    numbers = []
    value = shift = 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    return numbers


def _steps(pattern: Pattern) -> tuple[list[int], list[int]]:
    """Gaps and lengths."""
    runs = pattern.runs
    ends = [START, *(end for _, end in runs)]
    return [first - before for (first, _), before in zip(runs, ends, strict=False)], [b - a for a, b in runs]


def _walk(gaps: Iterable[int], lengths: Iterable[int]) -> Runs:
    runs, position = [], START
    for gap, length in zip(gaps, lengths, strict=True):
        runs.append((position + gap, position + gap + length))
        position += gap + length
    return tuple(runs)


def _pairs(pattern: Pattern) -> bytes:
    return _varints(number for pair in zip(*_steps(pattern), strict=True) for number in pair)


def _unpairs(packed: bytes, _size: int) -> Runs:
    numbers = _numbers(packed)
    return _walk(numbers[::2], numbers[1::2])


def _columns(pattern: Pattern) -> bytes:
    gaps, lengths = _steps(pattern)
    return _varints(gaps + lengths)


def _uncolumns(packed: bytes, _size: int) -> Runs:
    numbers = _numbers(packed)
    return _walk(numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :])


def _bitmap(pattern: Pattern) -> bytes:
    bits = 0
    for first, end in pattern.runs:
        bits |= ((1 << (end - first)) - 1) << (first - START)
    return bits.to_bytes((pattern.size + 7) // 8, "little")


def _unbitmap(packed: bytes, size: int) -> Runs:
    ones = f"{int.from_bytes(packed, 'little'):b}"[::-1][:size]
    return tuple((START + found.start(), START + found.end()) for found in re.finditer("1+", ones))


def _deflate(packed: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return deflate.compress(packed) + deflate.flush()


def _deflated(form: Form) -> Form:
    return Form(
        lambda pattern: _deflate(form.encode(pattern)),
        lambda packed, size: form.decode(zlib.decompress(packed, -15), size),
    )


def _roaring(bitmap: Any) -> Form:
    def encode(pattern: Pattern) -> bytes:
        made = bitmap()
        for first, end in pattern.runs:
            made.add_range(first - START, end - START)
        made.run_optimize()
        return bytes(made.serialize())

    def decode(packed: bytes, _size: int) -> Runs:
        runs: list[tuple[int, int]] = []
        for offset in bitmap.deserialize(packed):
            if runs and runs[-1][1] == START + offset:
                runs[-1] = (runs[-1][0], START + offset + 1)
            else:
                runs.append((START + offset, START + offset + 1))
        return tuple(runs)

    return Form(encode, decode)


def _product(pattern: Pattern) -> bytes:
    return fit(LOG, START, pattern.runs, released=False, leader_epoch=12).text.encode()


def _read(text: bytes, _size: int) -> Runs:
    believed = read(text.decode(), LOG, START)
    assert isinstance(believed, Believed)
    return believed.settled


def forms() -> dict[str, Form]:
    """All of them; roaring only where it is installed."""
    pairs, columns, bitmap = Form(_pairs, _unpairs), Form(_columns, _uncolumns), Form(_bitmap, _unbitmap)
    made = {
        "pairs": pairs,
        "pairs deflated": _deflated(pairs),
        "columns deflated": _deflated(columns),
        "fc2": Form(_product, _read),
        "bitmap": bitmap,
        "bitmap deflated": _deflated(bitmap),
    }
    try:
        made["roaring"] = _roaring(importlib.import_module("pyroaring").BitMap)
    except ImportError:
        print("roaring is left out: pyroaring is not installed")
    return made


def length(name: str, form: Form, pattern: Pattern) -> int:
    """Bytes of the map alone; of the product's form, what stands between identity and checksum, without its base64."""
    packed = form.encode(pattern)
    return len(packed.split(b";")[6]) * 3 // 4 if name == "fc2" else len(packed)


def _fits(name: str, form: Form, pattern: Pattern) -> bool:
    if name == "fc2":
        return fit(LOG, START, pattern.runs, released=False, leader_epoch=12).fill <= 1
    return IDENTITY + math.ceil(len(form.encode(pattern)) * 4 / 3) <= MAX_METADATA


def capacity(name: str, form: Form, make: Callable[[int], Pattern]) -> int:
    """How many offsets fit into the budget, within about two percent; `MOST` if so many do."""
    low, high = 0, 1_000
    while _fits(name, form, make(high)):
        if high >= MOST:
            return MOST
        low, high = high, min(2 * high, MOST)
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(name, form, make(middle)) else (low, middle)
    return low


def microseconds(action: Callable[[], object], rounds: int) -> float:
    """The best of so many."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return min(took) * 1e6


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print in Markdown."""
    print(f"\n{title}\n")
    print("| " + " | ".join(["pattern", *columns]) + " |")
    print("|---|" + "---:|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Sizes of the map of settled offsets.")
    parser.add_argument("--quick", action="store_true", help="fewer offsets and rounds")
    quick = parser.parse_args(arguments).quick
    size, rounds = (500, 1) if quick else (OFFSETS, 20)
    made = forms()
    cases = [(name, make(size)) for name, make in PATTERNS.items()]
    if not quick:
        cases += [
            (f"{name}, {more:,}", PATTERNS[name](more)) for name, sizes in LARGER.items() for more in sizes
        ]
    table(
        f"Bytes of the map, {size:,} offsets above the committed one",
        ["entropy", *made],
        (
            (name, f"{case.entropy_bytes:.0f}", *(f"{length(*form, case):,}" for form in made.items()))
            for name, case in cases
        ),
    )
    if not quick:
        table(
            f"Offsets that fit into {MAX_METADATA:,} characters of base64, identity and checksum included",
            list(made),
            (
                (name, *(f"{capacity(*form, make):,}" for form in made.items()))
                for name, make in PATTERNS.items()
            ),
        )
    timed = [(name, case) for name, case in cases if case.size == size]
    table(
        f"Microseconds to encode / to decode, {size:,} offsets",
        list(made),
        ((name, *(_times(form, case, rounds) for form in made.values())) for name, case in timed),
    )
    _alphabets(rounds)


def _times(form: Form, pattern: Pattern, rounds: int) -> str:
    packed = form.encode(pattern)
    encode = microseconds(lambda: form.encode(pattern), rounds)
    return f"{encode:.0f} / {microseconds(lambda: form.decode(packed, pattern.size), rounds):.0f}"


def _alphabets(rounds: int) -> None:
    raw = random.Random(1).randbytes(2_900)
    for name, encode, decode in (
        ("base64", base64.urlsafe_b64encode, base64.urlsafe_b64decode),
        ("base85", base64.b85encode, base64.b85decode),
    ):
        text = encode(raw)
        to, back = microseconds(partial(encode, raw), rounds), microseconds(partial(decode, text), rounds)
        print(f"\n{name}: {len(raw)} bytes in {len(text)} characters, {to:.0f} / {back:.0f} microseconds")


if __name__ == "__main__":
    main()
