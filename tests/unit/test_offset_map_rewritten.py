"""A log that was cut and written anew while nobody of us ran: the map that a former owner left names other records."""

from hypothesis import given
from hypothesis import strategies as st

from connector.core.ledger import Ledger, Taken
from connector.core.offset_map import Believed, LogIdentity, entry, read
from connector.core.records import Epoch, TopicPartition

TP = TopicPartition("calls", 3)
LOG = LogIdentity("cluster-1", "topic-1")


def successor(former: Ledger, end: int | None = None) -> Ledger:
    """The ledger of the next owner, made of nothing but what the former one committed."""
    left = entry(TP, former, LOG, released=False)
    found = read(left.metadata, LOG, left.offset, end)
    assert isinstance(found, Believed)
    return Ledger(Epoch(2), left.offset, found.settled, left.leader_epoch, found.leader_epoch)


def ledger_85_to_99(leader_epoch: int | None) -> Ledger:
    """85-89 are held, 90-99 settled ahead of them."""
    former = Ledger(Epoch(1), 85)
    for offset in range(85, 100):
        former.take(offset, leader_epoch)
    for offset in range(90, 100):
        former.settle(offset, Epoch(1))
    return former


def test_led_21_none_of_the_records_that_replace_settled_ones_is_taken_for_them() -> None:
    """Cut to 90 and written anew as 90-104 under the next leader: all fifteen are new, and the cut is told once."""
    ledger = successor(ledger_85_to_99(6))
    answers = [ledger.take(offset, 6 if offset < 90 else 7) for offset in range(85, 105)]
    assert answers == [Taken.NEW] * 5 + [Taken.REWRITTEN] + [Taken.NEW] * 14
    assert ledger.settled_above() == ()


def test_led_21_what_the_map_names_below_the_cut_stays_settled() -> None:
    """Cut to 95: five of the ten are the records that were accepted, and are not sent again."""
    ledger = successor(ledger_85_to_99(6))
    answers = [ledger.take(offset, 6 if offset < 95 else 9) for offset in range(85, 100)]
    assert answers[5:] == [Taken.SETTLED_BEFORE] * 5 + [Taken.REWRITTEN] + [Taken.NEW] * 4
    assert ledger.settled_above() == ((90, 95),)


def test_led_21_a_record_that_the_map_does_not_name_tells_of_the_cut_too() -> None:
    """What lies above it can be no older than it is."""
    former = Ledger(Epoch(1), 0)
    for offset in range(10):
        former.take(offset, 3)
    former.settle(8, Epoch(1))
    ledger = successor(former)
    assert [ledger.take(offset, 4) for offset in (0, 8)] == [Taken.REWRITTEN, Taken.NEW]


def test_an_election_between_the_frontier_and_the_map_is_no_cut_however_often_it_is_handed_on() -> None:
    """The committed offset's own leader epoch may be older than the map's; nobody need have read anything in between."""
    former = Ledger(Epoch(1), 0)
    for offset in range(10):
        former.take(offset, 5 if offset < 5 else 6)
        if offset:
            former.settle(offset, Epoch(1))
    third = successor(successor(former))
    answers = [third.take(offset, 5 if offset < 5 else 6) for offset in range(10)]
    assert answers == [Taken.NEW] + [Taken.SETTLED_BEFORE] * 9


def test_a_new_leader_above_the_map_is_no_cut() -> None:
    """Elections happen: only a record below the map's horizon tells that it was written anew."""
    ledger = successor(ledger_85_to_99(6))
    for offset in range(85, 100):
        ledger.take(offset, 6)
    assert ledger.take(100, 7) is Taken.NEW
    assert ledger.settled_above() == ((90, 100),)


def test_a_map_handed_on_unread_keeps_the_epoch_it_was_written_with() -> None:
    """An owner that read none of it, or half of it, does not vouch for the rest under a newer epoch."""
    unread = successor(ledger_85_to_99(6))
    half = successor(unread)
    for offset in range(85, 95):
        half.take(offset, 6)
    third = successor(half)
    assert (unread.map_leader_epoch, half.map_leader_epoch, third.map_leader_epoch) == (6, 6, 6)
    assert third.take(90, 7) is Taken.REWRITTEN


def test_a_map_without_an_epoch_means_no_record_that_has_one() -> None:
    """Between logs whose records carry none it is believed as before."""
    assert successor(ledger_85_to_99(None)).take(92, None) is Taken.SETTLED_BEFORE
    assert successor(ledger_85_to_99(None)).take(92, 0) is Taken.REWRITTEN
    assert successor(ledger_85_to_99(6)).take(92, None) is Taken.SETTLED_BEFORE


class Log:
    """Records by offset: (leader epoch, identity), or None where there is none (compaction, a transaction's marker)."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.records: list[tuple[int, int] | None] = []
        self.leader = self.written = 0

    def grow(self) -> None:
        for present in self.data.draw(st.lists(st.booleans() | st.just(True), max_size=8)):
            self.written += 1
            self.records.append((self.leader, self.written) if present else None)

    def elect(self, kept: int) -> None:
        """A new leader, which may have no more than the first so many records, `kept` at least."""
        self.leader += 1
        if self.data.draw(st.booleans()):
            del self.records[self.data.draw(st.integers(kept, len(self.records))) :]


@given(st.data())
def test_led_21_no_record_written_after_a_cut_is_ever_settled_before(data: st.DataObject) -> None:
    """Owners take over at any point of a log that is cut anywhere and grows again: what is `SETTLED_BEFORE` is the very
    record that an owner settled."""
    log = Log(data)
    settled: set[int] = set()
    ledger = Ledger(Epoch(1), 0)
    for _ in range(data.draw(st.integers(1, 12))):
        log.grow()
        for offset in range(ledger.position, data.draw(st.integers(ledger.position, len(log.records)))):
            if (record := log.records[offset]) is None:
                continue
            answer = ledger.take(offset, record[0])
            assert answer is not Taken.REWOUND
            if answer is Taken.SETTLED_BEFORE:
                assert record[1] in settled
            elif data.draw(st.booleans()):
                ledger.settle(offset, ledger.epoch)
                settled.add(record[1])
        left = entry(TP, ledger, LOG, released=False)
        if data.draw(st.booleans()):
            log.elect(left.offset)
            log.grow()
        found = read(left.metadata, LOG, left.offset, len(log.records))
        inherited, newest = (found.settled, found.leader_epoch) if isinstance(found, Believed) else ((), None)
        ledger = Ledger(Epoch(ledger.epoch + 1), left.offset, inherited, left.leader_epoch, newest)
