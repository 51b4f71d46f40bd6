"""What each fault does to the world. A fault that lasts ends by itself, at `CALM_AT` at the latest."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.core.offset_map import VERSION, LogIdentity, Refused, read, write
from connector.core.records import TopicPartition
from tests.simulation.coordinator import Entry
from tests.simulation.files import FileSpell, FileSpellKind
from tests.simulation.front import Spell, SpellKind
from tests.simulation.log import PartitionLog
from tests.simulation.plan import CALM_AT, Fault
from tests.simulation.records import HOSTS

if TYPE_CHECKING:
    from tests.simulation.member import Member
    from tests.simulation.world import Simulation

Strike = Callable[["Simulation", Fault, "Member"], None]


def strike(world: "Simulation", fault: Fault, member: "Member") -> None:
    """Let it happen now."""
    _STRIKES[fault.kind](world, fault, member)


def _lasts(world: "Simulation", fault: Fault) -> float:
    return max(0.0, min(fault.seconds, CALM_AT - world.kernel.now))


def _crash(world: "Simulation", fault: Fault, member: "Member") -> None:
    member.crash()
    world.kernel.after(_lasts(world, fault), world.start_when_gone, member)


def _freeze(world: "Simulation", fault: Fault, member: "Member") -> None:
    member.freeze(_lasts(world, fault))


def _cut(world: "Simulation", fault: Fault, member: "Member") -> None:
    if member.client is not None:
        member.client.cut(_lasts(world, fault) * 1.5)


def _stop(world: "Simulation", fault: Fault, member: "Member") -> None:
    member.stop()
    world.start_when_gone(member)


def _scale_up(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.scale_up()


def _scale_down(world: "Simulation", fault: Fault, member: "Member") -> None:
    if sum(other.alive for other in world.members) > 1:
        member.stop()
        world.kernel.at(CALM_AT, world.start_when_gone, member)
    else:
        _stop(world, fault, member)


def _clock(world: "Simulation", fault: Fault, member: "Member") -> None:
    if member.process is None:
        return
    clock = member.clock
    clock.skew = member.skew + (fault.dice - 0.5) * 20.0
    world.kernel.after(_lasts(world, fault), lambda: setattr(clock, "skew", member.skew))


def _coordinator(*codes: int) -> Strike:
    def act(world: "Simulation", fault: Fault, member: "Member") -> None:
        world.group.away(_lasts(world, fault), codes[int(fault.dice * len(codes))])

    return act


def _refused(world: "Simulation", fault: Fault, member: "Member") -> None:
    code = (14, 15, 16, 27, 28, 12, 113 if not world.config.classic else 27)[int(fault.dice * 7)]
    world.group.inject = [code] * (1 + int(fault.seconds))


def _answers_lost(world: "Simulation", fault: Fault, member: "Member") -> None:
    if member.client is not None:
        member.client.answers_lost_until = world.kernel.now + _lasts(world, fault)


def _late(world: "Simulation", fault: Fault, member: "Member") -> None:
    if member.client is not None:
        member.client.answers_late_until = world.kernel.now + _lasts(world, fault)


def _metadata(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.group.metadata_max = (90, 70, 55)[int(fault.dice * 3)]
    if fault.dice > 0.8:
        world.group.commit_max = 150


def _leader(world: "Simulation", fault: Fault, member: "Member") -> None:
    _log(world, fault).readable_from = world.kernel.now + _lasts(world, fault)


def _log(world: "Simulation", fault: Fault) -> PartitionLog:
    return world.cluster.logs[place(world, fault)]


def place(world: "Simulation", fault: Fault) -> TopicPartition:
    """The partition that it strikes."""
    tps = sorted(world.cluster.logs)
    return tps[fault.partition % len(tps)]


def _transaction(world: "Simulation", fault: Fault, member: "Member") -> None:
    log = _log(world, fault)
    log.begin()
    world.kernel.after(_lasts(world, fault), lambda: log.finish(commit=fault.dice < 0.6))


def _compaction(world: "Simulation", fault: Fault, member: "Member") -> None:
    _log(world, fault).compact()


def _retention(world: "Simulation", fault: Fault, member: "Member") -> None:
    log = _log(world, fault)
    committed = world.group.offsets.get(log.tp)
    known = committed.offset if committed is not None else 0
    log.retain(known + int(fault.dice * 6) - 1)


def _truncation(world: "Simulation", fault: Fault, member: "Member") -> None:
    log = _log(world, fault)
    lost = 1 + int(fault.dice * 5)
    log.truncate(max(log.low, log.end - lost))
    if fault.seconds < 3.0:  # producers go on at once: other records at the same offsets
        world.rewrite(log.tp, lost, fault.dice)


def _recreation(world: "Simulation", fault: Fault, member: "Member") -> None:
    """Deleted, and made anew a moment later under another id; the group's offsets go with it, or not."""
    cluster, group = world.cluster, world.group
    topic = place(world, fault).topic
    partitions = len(cluster.partitions(topic))
    world.recreated += 1
    anew = LogIdentity(cluster.cluster_id, f"{topic}{world.recreated}")
    for tp in [tp for tp in cluster.logs if tp.topic == topic]:
        log = cluster.logs.pop(tp)
        log.drop()
        cluster.past.append(log)
        cluster.log_ids.pop(topic, None)
        held = group.offsets.get(tp)
        # A broker drops it with the topic, and may fail to. An operator's text, damaged or of another version, tells nobody
        # whose offset it is, even if the former topic's id stands in it.
        told = held is not None and read(held.metadata, anew, held.offset) == Refused("topic")
        if fault.dice < 0.5 or not told:
            group.offsets.pop(tp, None)
    world.kernel.after(0.05, group.rebalance)

    def create() -> None:
        cluster.create(topic, partitions, anew.topic_id)
        world.kernel.after(0.2, group.rebalance)

    world.kernel.after(1.5, create)


def _added(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.cluster.add_partition(place(world, fault).topic)
    world.kernel.after(0.2, world.group.rebalance)


def _rewound(world: "Simulation", fault: Fault, member: "Member") -> None:
    """An operator stops everything, writes other offsets (with text of his own, or somebody else's map) and starts it."""
    tp = place(world, fault)

    def write_offset() -> None:
        log = world.cluster.logs.get(tp)
        if log is None or log.low > log.stable:
            return
        committed = world.group.offsets.get(tp)
        top = committed.offset if committed is not None else log.stable
        offset = log.low + int(fault.dice * max(0, min(top, log.stable) - log.low))
        world.group.apply(None, Entry(tp, offset, foreign_text(world, log, offset, fault.dice), None))

    world.stop_all(write_offset)


def foreign_text(world: "Simulation", log: PartitionLog, offset: int, dice: float) -> str:
    """Metadata that must not be believed of this log and offset, or says nothing."""
    runs = ((offset + 2, offset + 4), (offset + 5, offset + 40))
    true = LogIdentity(world.cluster.cluster_id, log.log_id)
    good = write(true, offset, runs, released=True, leader_epoch=7)
    return (
        "",
        "written by hand",
        write(LogIdentity("elsewhere", log.log_id), offset, runs, released=True, leader_epoch=7),
        write(LogIdentity(world.cluster.cluster_id, "former"), offset, runs, released=True, leader_epoch=7),
        write(true, offset + 1, runs, released=True, leader_epoch=7),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.replace(VERSION, "fc0"),
    )[int(dice * 997) % 7]


def _spell(*kinds: SpellKind, share: float = 1.0) -> Strike:
    def act(world: "Simulation", fault: Fault, member: "Member") -> None:
        kind = kinds[int(fault.dice * len(kinds))]
        channel = ("cha_1", "cha_2", None)[int(fault.dice * 89) % 3]
        part = share if fault.dice < 0.5 else 1.0
        world.front.spells.append(Spell(kind, world.kernel.now + _lasts(world, fault), part, channel))

    return act


def _unwritable(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.letters.unwritable_until = world.kernel.now + _lasts(world, fault)


def _doubtful(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.letters.doubtful_until = world.kernel.now + _lasts(world, fault)


def _letters_slow(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.letters.slow_until = world.kernel.now + _lasts(world, fault)


def _registry(world: "Simulation", fault: Fault, member: "Member") -> None:
    world.registry.down_until = world.kernel.now + _lasts(world, fault)


def _files(kind: FileSpellKind, share: float = 1.0) -> Strike:
    def act(world: "Simulation", fault: Fault, member: "Member") -> None:
        host = (*HOSTS, None)[int(fault.dice * 89) % 3]
        spell = FileSpell(kind, world.kernel.now + _lasts(world, fault), share, host)
        world.files.spells.append(spell)

    return act


def _no_room(world: "Simulation", fault: Fault, member: "Member") -> None:
    if member.process is not None:
        member.files.full_until = world.kernel.now + _lasts(world, fault)


def _pauses(world: "Simulation", fault: Fault, member: "Member") -> None:
    """Through the control topic: every member hears of it a moment later, whoever starts meanwhile before it does anything."""
    world.operator.pause(_lasts(world, fault))


def _settles(world: "Simulation", fault: Fault, member: "Member") -> None:
    """Some records of one member, and now and then the same one twice, or one that it does not have."""
    world.operator.settle(member, fault.dice)


_STRIKES: dict[str, Strike] = {
    "crash": _crash,
    "freeze": _freeze,
    "cut off": _cut,
    "stop": _stop,
    "scale up": _scale_up,
    "scale down": _scale_down,
    "clock jump": _clock,
    "coordinator moves": _coordinator(15, 16),
    "coordinator loads": _coordinator(14),
    "commit refused": _refused,
    "commit answers lost": _answers_lost,
    "commits late": _late,
    "metadata limit": _metadata,
    "leader down": _leader,
    "transaction": _transaction,
    "compaction": _compaction,
    "retention": _retention,
    "truncation": _truncation,
    "recreation": _recreation,
    "added partition": _added,
    "offsets rewound": _rewound,
    "front 503": _spell("503", share=0.6),
    "front throttles": _spell("429", share=0.4),
    "front 401": _spell("401"),
    "front 403": _spell("403", share=0.3),
    "front 404": _spell("404", share=0.3),
    "front wrong route": _spell("route"),
    "front refuses": _spell("refuse", share=0.5),
    "front resets": _spell("reset", share=0.5),
    "front hangs": _spell("hang", share=0.3),
    "front slow": _spell("slow", share=0.7),
    "requests late": _spell("late", share=0.5),
    "requests too late": _spell("too_late", share=0.5),
    "dead letters unwritable": _unwritable,
    "dead letters doubtful": _doubtful,
    "dead letters slow": _letters_slow,
    "registry down": _registry,
    "files down": _files("down"),
    "files hang": _files("hangs"),
    "files slow": _files("slow"),
    "files gone": _files("gone", share=0.5),
    "files fail": _files("fails", share=0.5),
    "files without room": _no_room,
    "operator pauses": _pauses,
    "operator settles": _settles,
}
