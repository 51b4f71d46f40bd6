"""The demo's world, all invented: companies with their lines and agents, customers, and what people say.

Companies do not depend on the seed, so that the channels table can be written before any event is made. Random
choices come from a generator that the caller seeds; there is no other randomness and no clock.
"""

from dataclasses import dataclass
from random import Random

APP = "demo"
"""The one app that signs for all companies."""

_NAMES = (
    "corner-shop", "blue-harbour", "north-mill", "lindgren-tools", "casa-verde", "old-bridge",
    "mara-travel", "tin-drum", "sunny-hill", "oak-and-sons", "river-bank", "petit-pain", "kestrel-bikes",
    "pine-clinic", "quick-parcel", "hanse-tea", "atlas-rent", "green-roof", "velo-nord", "paper-moon",
    "stone-quay", "amber-optics", "fjord-fish", "marble-arch",
)  # fmt: skip
_AGENTS = ("Ines Roth", "Jonas Weber", "Amira Haddad", "Luca Conti", "Sofie Dahl", "Piotr Nowak")
_CUSTOMERS = (
    "Nadia Ferrand", "Tomas Berg", "Aylin Kaya", "Pedro Alves", "Greta Lund", "Omar Said", "Yuki Mori",
    "Elena Popescu", "Kofi Mensah", "Maeve Byrne", "Anton Fischer", "Chiara Russo",
)  # fmt: skip
_QUESTIONS = (
    "Is my order {order} on its way?", "Could the delivery come after 17:00?",
    "The parcel {order} arrived damaged.", "Do you have this in size < 42?",
    "I would like to return order {order}.", "What does shipping to Oslo & Bergen cost?",
    "My invoice {order} shows the wrong address.", "Thank you, that helps!", "Are you open on Saturday?",
)  # fmt: skip
_ANSWERS = (
    "It leaves our warehouse tonight.", "Friday 17:00 it is.",
    "Sorry about that: a new one for {order} is on its way.", "Yes, two are left.",
    "The label for {order} is in your mailbox.", "The corrected invoice {order} is attached.",
    "We are open from 9 to 18.", "You are welcome!",
)  # fmt: skip
TEMPLATE_TEXTS = (
    ("pickup_ready", "<p>Hi {{1}}, your order {{2}} is ready.</p>"),
    ("appointment", '<div style="padding:8px">Hi {{1}}, see you on {{2}}.</div>'),
    ("delay", "<p>Sorry, {{1}}: order {{2}} will be late.</p>"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the platform and the channel that it is at Front."""

    id: str
    channel: str
    company: str


@dataclass(frozen=True, slots=True)
class Company:
    """A customer company of the platform: lines that carry calls, and lines that carry messages."""

    name: str
    voice: tuple[Line, ...]
    chat: tuple[Line, ...]


def companies_of(count: int) -> tuple[Company, ...]:
    """The first `count` companies, each with two to four lines. Always the same ones."""
    return tuple(_company(index) for index in range(count))


def _company(index: int) -> Company:
    turn, place = divmod(index, len(_NAMES))
    name = _NAMES[place] if turn == 0 else f"{_NAMES[place]}-{turn + 1}"

    def line(kind: str, number: int) -> Line:
        return Line(f"{name}:{kind}-{number}", f"cha_{index + 1:03d}{kind[0]}{number}", name)

    voice = tuple(line("voice", number) for number in range(1, 2 + index % 2))
    chat = tuple(line("chat", number) for number in range(1, 2 + index // 2 % 2))
    return Company(name, voice, chat)


@dataclass(frozen=True, slots=True)
class Customer:
    """A person who calls or writes. The number lies in a range that is kept free for fiction."""

    name: str
    number: str
    email: str


def customer(rng: Random) -> Customer:
    """Somebody from the pool."""
    index = rng.randrange(len(_CUSTOMERS))
    name = _CUSTOMERS[index]
    # North American Numbering Plan: 555-0100 to 555-0199 are set aside for fictional use.
    return Customer(name, f"+1202555{100 + index:04d}", f"{name.lower().replace(' ', '.')}@mail.example")


def agent(rng: Random, company: str) -> dict[str, object]:
    """An agent as the schemas have it."""
    index = rng.randrange(len(_AGENTS))
    name = _AGENTS[index]
    return {
        "agent_id": f"agent-{index + 1}",
        "name": name,
        "email": f"{name.split()[0].lower()}@{company}.example",
    }


def question(rng: Random) -> str:
    """What a customer may write or say."""
    return rng.choice(_QUESTIONS).format(order=rng.randrange(1000, 10_000))


def answer(rng: Random) -> str:
    """What a company may write or say."""
    return rng.choice(_ANSWERS).format(order=rng.randrange(1000, 10_000))


def beep(rng: Random) -> bytes:
    """A short tone as a WAV file of 2 to 10 KB: mono, 8 bit, 8000 samples a second."""
    period = rng.choice((8, 10, 16, 20))
    wave = bytes(160 if sample < period // 2 else 96 for sample in range(period))
    samples = (wave * (10_000 // period))[: rng.randrange(2_000, 10_000)]
    head = b"fmt " + _u32(16) + _u16(1) + _u16(1) + _u32(8000) + _u32(8000) + _u16(1) + _u16(8)
    body = b"WAVE" + head + b"data" + _u32(len(samples)) + samples
    return b"RIFF" + _u32(len(body)) + body


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")
