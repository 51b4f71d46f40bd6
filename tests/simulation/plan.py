"""A schedule: how the world is configured, what is written when, and which faults strike. Made from a seed; data only.

Shrinking drops records and faults from it; the world's own chances (delays, jitter) come from the seed all the same.
"""

from dataclasses import dataclass, replace
from random import Random

from connector.core.mapping import OnMissingOffset, Start
from tests.simulation.log import FileKind, Kind, Named
from tests.simulation.records import ABSENT_SCHEMA, CHANNELS

CALM_AT = 12.0
"""Seconds after which no fault strikes and all that last have ended."""
WINDOW = (0.2, 10.0)

_STATES = (
    "starting", "idle", "claiming", "awaiting owner", "in flight", "backing off", "held", "circuit open", "paused",
    "committing", "dead-lettering", "awaiting schema", "draining", "stopping",
)  # fmt: skip
STATES = (*_STATES, "fetching")

_FAULTS = (
    "crash", "freeze", "cut off", "stop", "scale up", "scale down", "clock jump",
    "coordinator moves", "coordinator loads", "commit refused", "commit answers lost", "commits late",
    "metadata limit", "leader down",
    "transaction", "compaction", "retention", "truncation", "recreation", "added partition", "offsets rewound",
    "front 503", "front throttles", "front 401", "front 403", "front 404", "front wrong route", "front refuses",
    "front resets", "front hangs", "front slow", "requests late", "requests too late",
    "dead letters unwritable", "dead letters doubtful", "dead letters slow", "registry down",
)  # fmt: skip
_FILE_FAULTS = ("files down", "files hang", "files slow", "files gone", "files fail", "files without room")
_OPERATOR = ("operator pauses", "operator settles")
FAULTS = (*_FAULTS, *_FILE_FAULTS, *_OPERATOR)


@dataclass(frozen=True, slots=True)
class Written:
    """A record, and how many offsets without one stand before it."""

    at: float
    topic: str
    partition: int
    conversation: str
    channel: str
    kind: Kind
    schema: int
    gap: int
    files: Named | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `member`, `partition`: which of those there are then. `when`: it waits for that state for a while.

    `dice`: a number in [0, 1) that decides what is left to decide.
    """

    kind: str
    at: float
    member: int
    partition: int
    seconds: float
    when: str | None
    dice: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the world and the connector are set up. Seconds, unless the name says otherwise."""

    classic: bool
    members: int
    topics: tuple[tuple[str, int], ...]
    """Names and partitions."""
    in_flight: int
    partition_records: int
    commit_interval: float
    metadata_max: int
    channel_per_second: int
    company_per_minute: int
    on_missing: OnMissingOffset
    start: Start
    foreign: bool
    """The group begins with committed offsets and maps that somebody else wrote."""
    skews: tuple[float, ...]
    revoke_bound: float
    drain: float
    map_budget: int | None = None
    """Characters that a map may take, if not as many as in production."""
    files_room: int = 50
    """Files that a process keeps at most."""
    files_stuck_from: float | None = None
    """A host of files hangs from then on, until all that does not wait for it has settled."""
    attempts: int = 3
    session: float = 4.0
    heartbeat: float = 0.4
    deadline: float = 1.2
    max_poll: float = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole schedule."""

    seed: int
    config: Config
    records: tuple[Written, ...]
    faults: tuple[Fault, ...]


def plan(seed: int, *, files: bool = True, operator: bool = True) -> Plan:
    """The schedule of a seed; without `files` no record names any, without `operator` nobody pauses or settles by hand."""
    random = Random(seed)
    config = _config(random)
    records = _records(random, config)
    # Chances of their own: the rest of a seed's schedule stays what it was.
    config, records = _crowded(Random(seed ^ 0xB0057), config, records)
    count = random.randint(5, 9)
    kinds = random.sample(_FAULTS, 5)
    faults = sorted(
        (
            _fault(random, random.choice(kinds)) if i >= len(kinds) else _fault(random, kinds[i])
            for i in range(count)
        ),
        key=lambda fault: fault.at,
    )
    made = Plan(seed, config, records, tuple(faults))
    made = _with_files(Random(seed ^ 0xF11E5), made) if files else made
    return _with_operator(Random(seed ^ 0x0BE7A), made) if operator else made


def _config(random: Random) -> Config:
    topics: tuple[tuple[str, int], ...] = (("messages", random.randint(1, 3)),)
    if random.random() < 0.4:
        topics = (*topics, ("calls", 1))
    return Config(
        classic=random.random() < 0.5,
        members=random.choice((2, 2, 2, 3)),
        topics=topics,
        in_flight=random.choice((1, 2, 4, 8)),
        partition_records=random.choice((3, 6, 12, 50)),
        commit_interval=random.choice((0.2, 0.5, 1.0)),
        metadata_max=random.choice((4096, 4096, 120, 60)),
        channel_per_second=random.choice((0, 0, 0, 10)),
        company_per_minute=random.choice((0, 0, 0, 200)),
        on_missing=random.choice(("hold", "earliest", "earliest", "latest")),
        start=random.choice(("earliest", "earliest", "earliest", "latest")),
        foreign=random.random() < 0.3,
        revoke_bound=random.choice((0.4, 0.8, 1.5)),
        drain=random.choice((0.4, 1.0, 3.0)),
        skews=tuple(random.uniform(-0.4, 0.4) for _ in range(4)),
    )


_KINDS: tuple[tuple[str, Kind, int], ...] = (
    ("a", "good", 5), ("b", "good", 4), ("c", "good", 3), ("three", "three", 2), ("bad", "bad", 1), ("skip", "skip", 1),
    ("rejected", "rejected", 1), ("poison", "poison", 1),
)  # fmt: skip


def _records(random: Random, config: Config) -> tuple[Written, ...]:
    places = [(topic, number) for topic, partitions in config.topics for number in range(partitions)]
    bag = [(name, kind) for name, kind, weight in _KINDS for _ in range(weight)]
    written = []
    for _ in range(random.randint(15, 45)):
        topic, partition = random.choice(places)
        name, kind = random.choice(bag)
        channel = random.choice(tuple(CHANNELS)) if name in ("a", "b") else "cha_1"
        schema = random.choice((1, 1, 1, 1, 1, 1, 1, 2, 3, ABSENT_SCHEMA)) if random.random() < 0.5 else 1
        gap = random.choice((1, 2, 5)) if random.random() < 0.1 else 0
        at = 0.0 if random.random() < 0.5 else random.uniform(0.0, WINDOW[1])
        written.append(Written(at, topic, partition, name, channel, kind, schema, gap))
    return tuple(sorted(written, key=lambda one: one.at))


def _crowded(
    random: Random, config: Config, records: tuple[Written, ...]
) -> tuple[Config, tuple[Written, ...]]:
    """In some schedules far more records than intake keeps come at once, in some there is little room for a map."""
    if random.random() < 0.15:
        config = replace(config, map_budget=random.randint(90, 200))
    if random.random() >= 0.12:
        return config, records
    config = replace(config, partition_records=random.choice((3, 6, 12)), in_flight=random.choice((2, 4, 8)))
    topic, partitions = random.choice(config.topics)
    at, partition = random.uniform(0.0, WINDOW[1] / 2), random.randrange(partitions)
    names = ("a", "b", "c", "d", "e", "f")
    burst = tuple(
        Written(at, topic, partition, random.choice(names), "cha_1", "good", 1, 0)
        for _ in range(random.randint(70, 120))
    )
    return config, tuple(sorted((*records, *burst), key=lambda one: one.at))


_FILES: tuple[FileKind, ...] = ("here",) * 9 + ("gone", "gone", "broken", "broken", "large", "refused")


def _with_files(random: Random, made: Plan) -> Plan:
    """In half of the schedules three records in ten name files. The rest of a seed's schedule stays what it was."""
    if random.random() < 0.5:
        return made
    config = replace(made.config, files_room=random.choice((2, 3, 50)))
    if random.random() < 0.3 and config.map_budget is None:
        # What waits for that host may fill a small disk or map, and then it stops the others.
        config = replace(config, files_room=50, files_stuck_from=random.uniform(*WINDOW))
    records = tuple(replace(one, files=_named(random, one.kind)) for one in made.records)
    faults = [replace(fault, when="fetching") if random.random() < 0.15 else fault for fault in made.faults]
    faults += [_fault(random, kind) for kind in random.sample(_FILE_FAULTS, random.choice((1, 2, 2, 3)))]
    faults.sort(key=lambda fault: fault.at)
    return replace(made, config=config, records=records, faults=tuple(faults))


def _named(random: Random, kind: Kind) -> Named | None:
    if kind in ("bad", "skip") or random.random() >= 0.3:
        return None
    kinds = tuple(random.choice(_FILES) for _ in range(random.choice((1, 1, 2))))
    return Named(kinds, random.choice(("dead_letter", "dead_letter", "send_without", "wait")))


def _with_operator(random: Random, made: Plan) -> Plan:
    """In half of the schedules somebody pauses the group, or settles records, once or a few times."""
    if random.random() < 0.5:
        return made
    more = [_fault(random, random.choice(_OPERATOR)) for _ in range(random.choice((1, 2, 3)))]
    more = [replace(fault, when=random.choice((*STATES, fault.when))) for fault in more]
    return replace(made, faults=tuple(sorted((*made.faults, *more), key=lambda fault: fault.at)))


def _fault(random: Random, kind: str) -> Fault:
    return Fault(
        kind=kind,
        at=random.uniform(*WINDOW),
        member=random.randrange(8),
        partition=random.randrange(8),
        seconds=random.choice((0.3, 1.0, 2.0, 4.0, 6.0)) * random.uniform(0.7, 1.3),
        when=random.choice(_STATES) if random.random() < 0.7 else None,
        dice=random.random(),
    )
