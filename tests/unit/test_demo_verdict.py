"""The demo's verdict: every way in which a run can be wrong is found, and nothing else is.

A faultless run is made up from what the shipped mapping files ask for; each test damages its log or its letters.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pytest

from connector.config import Loaded, load
from connector.core.decode import ParsedSchema, SchemaId, SchemaRef, parse_schema
from connector.core.mapping import MappingSet, Plan
from connector.core.prepare import prepare
from connector.core.records import Epoch, Record
from connector.demo.estate import Estate
from connector.demo.events import DeadLettered, DemoRecord, Event, generate, payload
from connector.demo.table import fates_table, met, planned
from connector.demo.traffic import definition
from connector.demo.verdict import Coordinates, Letter, Verdict, fingerprint, judge

TRAFFIC = tuple(generate(seed=3, records=200))


@dataclass(frozen=True)
class Run:
    """What a run leaves behind. `asked`: the numbers in `log` of each record's requests."""

    produced: Sequence[Record]
    mappings: MappingSet
    schemas: Mapping[SchemaRef, ParsedSchema]
    log: Sequence[dict[str, Any]]
    letters: Sequence[Letter]
    asked: Mapping[Coordinates, Sequence[int]]

    def judged(self) -> Verdict:
        return judge(self.produced, self.mappings, self.schemas, self.log, self.letters)

    def without(self, row: int) -> "Run":
        return replace(self, log=[each for number, each in enumerate(self.log) if number != row])

    def swapped(self, one: int, other: int) -> "Run":
        log = list(self.log)
        log[one], log[other] = (
            {**log[other], "seq": log[one]["seq"]},
            {**log[one], "seq": log[other]["seq"]},
        )
        return replace(self, log=log)

    def then(self, *rows: dict[str, Any]) -> "Run":
        """With these rows at its end."""
        numbered = [{**row, "seq": len(self.log) + number} for number, row in enumerate(rows, 1)]
        return replace(self, log=[*self.log, *numbered])


@pytest.fixture(scope="module")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> MappingSet:
    """The shipped ones."""
    nowhere = "http://127.0.0.1:1"
    estate = Estate(bootstrap="127.0.0.1:1", registry_url=nowhere, front_url=nowhere)
    loaded = load(estate.write(tmp_path_factory.mktemp("estate")))
    assert isinstance(loaded, Loaded), loaded
    return loaded.mappings


@pytest.fixture
def run(mappings: MappingSet) -> Run:
    """Everything accepted or dead-lettered, once, in the order of its offsets."""
    return faultless(TRAFFIC, mappings)


def faultless(traffic: Sequence[DemoRecord], mappings: MappingSet) -> Run:
    schemas: dict[SchemaRef, ParsedSchema] = {}
    numbers: dict[str, int] = {}
    offsets: Counter[str] = Counter()
    produced, letters = [], []
    log: list[dict[str, Any]] = []
    asked = {}
    for record in traffic:
        text = definition(record)
        ref = SchemaId(numbers.setdefault(text, len(numbers) + 1))
        parsed = parse_schema(json.loads(text), ref)
        assert isinstance(parsed, ParsedSchema)
        schemas[ref] = parsed
        source = Record(
            topic=record.topic,
            partition=0,
            offset=offsets[record.topic],
            epoch=Epoch(0),
            value=payload(record, parsed.avro, ref.id),
            key=record.key.encode(),
            timestamp_ms=record.at_ms,
        )
        offsets[record.topic] += 1
        produced.append(source)
        at = (source.topic, source.partition, source.offset)
        if isinstance(record.expected, DeadLettered):
            letters.append(Letter(at, record.expected.reason))
            continue
        plan = prepare(source, mappings.topics[record.topic], schemas.get, 0.0)
        if isinstance(plan, Plan):
            rows = [row(fingerprint(request), len(log) + n) for n, request in enumerate(plan.requests, 1)]
            asked[at] = tuple(range(len(log), len(log) + len(rows)))
            log += rows
    return Run(produced, mappings, schemas, log, letters, asked)


def row(mark: tuple[str, tuple[str, ...], str], seq: int) -> dict[str, Any]:
    """As the simulator logs an accepted request."""
    operation, path_ids, body_sha256 = mark
    return {
        "seq": seq,
        "operation": operation,
        "path_ids": list(path_ids),
        "body_sha256": body_sha256,
        "accepted": True,
    }


def identity(row: Mapping[str, Any]) -> tuple[object, ...]:
    return row["operation"], tuple(row["path_ids"]), row["body_sha256"]


def following(run: Run) -> list[tuple[int, int]]:
    """Numbers of a request and of the next one of the same call or conversation, where both can be told from others."""
    times = Counter(identity(each) for each in run.log)
    threads = defaultdict(list)
    for record in run.produced:
        for number in run.asked.get((record.topic, record.partition, record.offset), ()):
            if times[identity(run.log[number])] == 1:
                threads[record.topic, record.key].append(number)
    pairs = [pair for numbers in threads.values() for pair in pairwise(numbers)]
    # The shipped order of other topics is by channel, which is wider than a record's key.
    return [
        (one, other)
        for one, other in pairs
        if "call" in run.log[one]["operation"] or "message" in run.log[one]["operation"]
    ]


def test_a_faultless_run_is_all_noughts(run: Run) -> None:
    """Every record is counted once, under the fate that the traffic planned for it."""
    found = run.judged()
    assert (found.lost, found.out_of_order, found.unexpected, found.duplicates) == (0, 0, 0, 0)
    assert found.ok
    assert found.examples == []
    assert found.line() == "verdict: lost=0 out_of_order=0 duplicates=0"
    assert found.requests == len(run.log)
    assert len(found.accepted) == 11
    assert met(found) == planned(TRAFFIC)
    assert met(found).total() == found.produced == len(TRAFFIC)


def test_any_lost_request_is_found(run: Run) -> None:
    """Whichever request is taken out of the log, one is lost, and its record is not counted as accepted."""
    whole = run.judged().accepted.total()
    for number in range(len(run.log)):
        found = run.without(number).judged()
        assert (found.lost, found.out_of_order, found.duplicates, found.ok) == (1, 0, 0, False)
        assert found.accepted.total() == whole - 1


def test_a_loss_is_told_with_its_place(run: Run) -> None:
    """Topic, partition and offset lead to the record; operation and ids to what is missing at Front."""
    (topic, partition, offset), [number, *_] = next(iter(run.asked.items()))
    gone = run.log[number]
    found = run.without(number).judged()
    assert found.line() == "verdict: lost=1 out_of_order=0 duplicates=0"
    assert found.examples == [
        f"lost: {topic} partition {partition} offset {offset}: {gone['operation']} {'/'.join(gone['path_ids'])}"
    ]


def test_a_refused_request_is_no_acceptance(run: Run) -> None:
    """An arrival that Front answered with an error does not count."""
    refused = {**run.log[0], "accepted": False}
    assert replace(run, log=[refused, *run.log[1:]]).judged().lost == 1


def test_half_of_a_record_is_a_loss(run: Run) -> None:
    """A record that asks for two requests is not accepted with the first."""
    second = next(numbers[1] for numbers in run.asked.values() if len(numbers) == 2)
    found = run.without(second).judged()
    assert found.lost == 1
    assert found.accepted["sync-outbound-message"] == run.judged().accepted["sync-outbound-message"]


def test_equal_requests_need_an_acceptance_each(mappings: MappingSet) -> None:
    """A line that came back twice asks for the same request twice: once is a loss, three times a duplicate."""
    status = next(
        r for r in generate(seed=5, records=400, calm=True) if r.schema_name.endswith("ChannelStatusChanged")
    )
    assert isinstance(status, Event)
    twice = faultless([status, status], mappings)
    assert len({identity(each) for each in twice.log}) == 1
    assert (twice.judged().lost, twice.judged().duplicates) == (0, 0)
    assert twice.without(0).judged().lost == 1
    assert twice.then(twice.log[0]).judged().duplicates == 1


def test_any_lost_dead_letter_is_found(run: Run) -> None:
    """A bad record must leave a letter, whatever was wrong with it."""
    assert {letter.reason for letter in run.letters} == {
        "decode_failed", "schema_missing", "no_rule", "mapping_failed", "request_invalid", "attachment_rejected",
    }  # fmt: skip
    for letter in run.letters:
        found = replace(run, letters=[each for each in run.letters if each != letter]).judged()
        assert (found.lost, found.ok) == (1, False)
        topic, partition, offset = letter.source
        assert found.examples == [
            f"lost: {topic} partition {partition} offset {offset} should have been dead-lettered ({letter.reason})"
        ]


def test_any_pair_in_the_wrong_order_is_found(run: Run) -> None:
    """Of a call or a conversation, what came later must not arrive before what came earlier."""
    pairs = following(run)
    assert len(pairs) > 40
    for one, other in pairs:
        found = run.swapped(one, other).judged()
        assert found.out_of_order >= 1
        assert (found.lost, found.ok) == (0, False)
        assert found.examples[0].startswith("out of order: ")


def test_a_request_that_does_not_wait_for_the_one_before_is_out_of_order(run: Run) -> None:
    """Order is judged by arrival: an attempt before the earlier record's acceptance is too early, even if refused."""
    one, other = following(run)[0]
    early = {**run.log[other], "seq": run.log[one]["seq"] - 0.5, "accepted": False}
    log = [*run.log[:one], early, *run.log[one:]]
    assert replace(run, log=log).judged().out_of_order == 1


def test_repeats_in_order_are_duplicates_only(run: Run) -> None:
    """A request that was accepted again is told, and is neither a loss nor a disorder."""
    again = run.then(run.log[0], run.log[3], run.log[3]).judged()
    assert (again.duplicates, again.lost, again.out_of_order, again.ok) == (3, 0, 0, True)
    assert again.line() == "verdict: lost=0 out_of_order=0 duplicates=3"


def test_a_request_that_nobody_asked_for_is_unexpected(run: Run) -> None:
    """Another body than the mapping's is another request."""
    stray = {**run.log[0], "body_sha256": "00" * 32}
    found = run.then(stray).judged()
    assert (found.unexpected, found.lost, found.ok) == (1, 0, False)
    assert found.examples == [f"nobody asked for: {stray['operation']} {'/'.join(stray['path_ids'])}"]


def test_requests_off_the_routes_are_passed_over(run: Run) -> None:
    """A stray GET, or a request that was cut off before its body had come, proves nothing."""
    cut = {**run.log[0], "accepted": False, "body_sha256": None}
    nowhere = {"seq": 0, "operation": None, "path_ids": [], "body_sha256": None, "accepted": False}
    assert run.then(cut, nowhere).judged() == run.judged()


def test_dead_letters_are_at_least_once(run: Run) -> None:
    """A letter that was written again is counted apart, and its record once."""
    found = replace(run, letters=[*run.letters, run.letters[0]]).judged()
    assert (found.duplicate_letters, found.ok) == (1, True)
    assert found.dead_lettered == run.judged().dead_lettered


def test_a_good_record_in_the_dead_letter_topic_is_not_lost_but_not_as_planned(run: Run) -> None:
    """It is kept, so the verdict stands; the comparison with the plan shows it."""
    at, [number, *_] = next(iter(run.asked.items()))
    given_up = replace(run.without(number), letters=[*run.letters, Letter(at, "retries_exhausted")]).judged()
    assert given_up.ok
    assert met(given_up) != planned(TRAFFIC)
    assert met(given_up)["dead-lettered", "retries_exhausted"] == 1


def test_the_table_has_a_row_for_each_fate_and_each_fault(run: Run) -> None:
    """Found and planned stand side by side."""
    found = run.judged()
    table = fates_table(found, planned(TRAFFIC))
    assert table.row_count == 1 + len(met(found)) + 5
    counted, expected = (list(table.columns[number].cells) for number in (2, 3))
    assert counted[0] == expected[0] == "200"
    assert counted[1:-5] == expected[1:-5]
    assert counted[-5:-2] == expected[-5:-2] == ["0", "0", "0"]
