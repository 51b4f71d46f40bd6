"""Partitions that are begun again: the polling thread's rules on a scripted client, with the real pipeline behind them."""

from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, TopicPartition

from connector.adapters.kafka import starts
from connector.adapters.kafka.assignments import Assignments
from connector.adapters.kafka.runtime import Runtime
from connector.core.mapping import OnMissingOffset
from connector.core.offset_map import LogIdentity, write
from tests.support.virtual_time import in_virtual_time
from tests.support.world import TP, Stage

LOG = LogIdentity("cluster", "")
NEIGHBOUR = TP._replace(partition=1)


class Client:
    """Committed at 50 with leader epoch 3, in a log of 0 to `high`; its look-ups answer or do not."""

    def __init__(self) -> None:
        self.answers = True
        self.high = 100
        self.log = LOG
        self.sought: list[int] = []

    def committed(self, wanted: Any, timeout: float) -> list[TopicPartition]:
        if not self.answers:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        text = write(self.log, 50, ((60, 90),), released=True)
        return [TopicPartition(tp.topic, tp.partition, 50, text, leader_epoch=3) for tp in wanted]

    def offsets_for_times(self, partitions: Any, timeout: float) -> list[TopicPartition]:
        told = {OFFSET_BEGINNING: 0, OFFSET_END: self.high}
        return [TopicPartition(tp.topic, tp.partition, told[tp.offset]) for tp in partitions]

    def seek(self, position: TopicPartition) -> None:
        self.sought.append(position.offset)

    def incremental_assign(self, partitions: Any) -> None: ...
    def incremental_unassign(self, partitions: Any) -> None: ...
    def pause(self, partitions: Any) -> None: ...
    def resume(self, partitions: Any) -> None: ...


class Bridge:
    def tell_loop(self, function: Any, *args: object) -> None:
        function(*args)


class NoIds:
    def done(self) -> bool:
        return True

    def result(self) -> dict[str, str]:
        return {}


@dataclass
class Ids:
    """The topic's id as it is now."""

    id: str = "old"

    def done(self) -> bool:
        return True

    def result(self) -> dict[str, str]:
        return {TP.topic: self.id}


def assignments(stage: Stage, policy: OnMissingOffset) -> Assignments:
    made = Assignments(Runtime(), stage.facts, {TP.topic: policy})
    made.known.logs[TP.topic] = LOG
    made.connect(Bridge(), stage.pipeline, lambda _topics: NoIds())  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("policy", ["hold", "latest", "earliest"])
def test_led_21_a_second_cut_above_the_committed_offset_begins_there_again(policy: OnMissingOffset) -> None:
    """A held key keeps the offset where it is while the log is cut twice above it: records came in between, so it is sound."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, client = assignments(stage, policy), Client()
            made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
            await stage.quiet(1.0)
            for client.high in (95, 200):
                made.cut(client, TP, "client")  # type: ignore[arg-type]
                made.flowed(TP, 3)
                await stage.quiet(1.0)
            assert made.missing == {}
            assert client.sought == [50, 50, 50]
            assert stage.pipeline.partitions[TP].ledger.position == 50
            assert stage.facts.count("passed_over") == 0

    play()


@pytest.mark.parametrize("leader_epoch", [None, 2])
def test_led_21_a_position_that_leads_back_before_a_record_of_its_log_came_is_not_tried_again(
    leader_epoch: int | None,
) -> None:
    """No record, or one of an older leader than the committed offset's: the offset itself was cut, the policy decides."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, client = assignments(stage, "hold"), Client()
            made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
            made.cut(client, TP, "client")  # type: ignore[arg-type]
            if leader_epoch is not None:
                made.flowed(TP, leader_epoch)
            made.cut(client, TP, "client")  # type: ignore[arg-type]
            assert list(made.missing) == [TP]

    play()


@pytest.mark.parametrize("first", ["topic", "records"])
def test_led_21_what_the_client_said_before_it_was_begun_again_proves_no_cut_of_the_committed_offset(
    first: str,
) -> None:
    """Its word waits in its queue while we see the same ourselves; with `latest`, to believe it would pass records over."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, client = assignments(stage, "hold"), Client()
            made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
            if first == "topic":
                made.begin_again(client, TP)  # type: ignore[arg-type]
            else:
                made.cut(client, TP, "records")  # type: ignore[arg-type]
            made.cut(client, TP, "client")  # type: ignore[arg-type]
            assert (client.sought, made.missing) == ([50, 50, 50], {})
            made.cut(client, TP, "client")  # type: ignore[arg-type]
            assert list(made.missing) == [TP], "twice by the same one: the offset itself was cut"

    play()


@in_virtual_time
async def test_reb_17_a_partition_that_is_begun_again_is_resolved_once() -> None:
    """Its look-up failed once and then succeeded by another way: the next tick does not assign it a second time."""
    async with Stage() as stage:
        made, client = assignments(stage, "hold"), Client()
        made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
        first = made.epoch(TP)
        client.answers = False
        made.cut(client, TP, "client")  # type: ignore[arg-type]
        assert made.epoch(TP) != first, "what was asked for in the closed assignment is not done any more"
        client.answers = True
        made.cut(client, TP, "client")  # type: ignore[arg-type]
        made.tick(client)  # type: ignore[arg-type]
        await stage.quiet(1.0)
        assert list(stage.pipeline.partitions) == [TP]
        assert not stage.pipeline.ending.defect


@pytest.mark.parametrize("answers", [True, False])
def test_reb_07_what_a_partition_asked_for_before_it_was_begun_again_is_of_a_closed_epoch(
    answers: bool,
) -> None:
    """Also when it holds: a commit that the loop has asked for would change the offset after it was judged."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, client = assignments(stage, "hold"), Client()
            made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
            asked_in = made.epoch(TP)
            client.answers, client.high = answers, 40
            made.cut(client, TP, "client")  # type: ignore[arg-type]
            assert list(made.missing) == ([TP] if answers else [])
            assert made.epoch(TP) not in (asked_in, None)

    play()


@pytest.mark.parametrize("by", ["a rebalance", "a cut", "a second try"])
def test_led_27_a_topic_made_anew_is_another_one_for_all_its_partitions(by: str) -> None:
    """One partition's look-up hears of the new id before anybody has asked for it: the others begin again, too, and once."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, client, topic = assignments(stage, "hold"), Client(), Ids()
            made.known.logs[TP.topic] = LogIdentity("cluster", "old")
            made.connect(Bridge(), stage.pipeline, lambda _topics: topic)  # type: ignore[arg-type]
            places = [TopicPartition(*TP), TopicPartition(*NEIGHBOUR)]
            client.log = made.known.logs[TP.topic]
            client.answers = by != "a second try"
            made.assigned(client, places[1:])  # type: ignore[arg-type]
            client.answers = True
            made.assigned(client, places[:1])  # type: ignore[arg-type]
            assert sorted(made.owned) == [TP, NEIGHBOUR]
            topic.id = "new"
            match by:
                case "a rebalance":
                    made.lost(client, places[1:])  # type: ignore[arg-type]
                    made.assigned(client, places[1:])  # type: ignore[arg-type]
                case "a cut":
                    made.cut(client, NEIGHBOUR, "client")  # type: ignore[arg-type]
                case _:
                    pass  # the tick reads what could not be read
            await stage.quiet(1.0)
            made.tick(client)  # type: ignore[arg-type]
            assert list(made.missing) == [NEIGHBOUR, TP]
            made.tick(client)  # type: ignore[arg-type]
            await stage.quiet(1.0)
            assert stage.pipeline.partitions == {}
            said = [fields for _, event, fields in stage.facts.seen if event == ("offset.missing",)]
            assert [(fields["partition"], fields["reason"]) for fields in said] == [
                (1, "another_topic"),
                (0, "another_topic"),
            ]

    play()


@pytest.mark.parametrize("committed_anew", [True, False])
def test_led_27_an_offset_is_judged_by_the_topic_that_is_there_when_it_has_been_read(
    committed_anew: bool,
) -> None:
    """The coordinator answers late. Meanwhile the topic is made anew, and another owner commits there, or nobody does."""

    @in_virtual_time
    async def play() -> None:
        async with Stage() as stage:
            made, topic = assignments(stage, "hold"), Ids()
            old, new = LogIdentity("cluster", "old"), LogIdentity("cluster", "new")

            class Slow(Client):
                def committed(self, wanted: Any, timeout: float) -> list[TopicPartition]:
                    topic.id = "new"
                    self.log = new if committed_anew else old
                    return super().committed(wanted, timeout)

            client = Slow()
            made.known.logs[TP.topic] = old
            made.connect(Bridge(), stage.pipeline, lambda _topics: topic)  # type: ignore[arg-type]
            made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]
            await stage.quiet(1.0)
            assert list(made.missing) == ([] if committed_anew else [TP])
            assert list(stage.pipeline.partitions) == ([TP] if committed_anew else [])

    play()


@in_virtual_time
async def test_reb_12_what_the_pipeline_asks_for_inside_a_revoke_begins_nothing_again() -> None:
    """It saw a rewound record, and a revoke carries its commands out: the next owner reads from the committed offset."""
    async with Stage() as stage:
        made, client = assignments(stage, "hold"), Client()
        made.assigned(client, [TopicPartition(*TP)])  # type: ignore[arg-type]

        class Asking(Bridge):
            def ask_loop(self, question: Any, bound_s: float, consumer: Any) -> bool:
                question.close()
                stage.pipeline.lost([TP])
                made.cut(consumer, TP, "client")
                return True

        made.connect(Asking(), stage.pipeline, lambda _topics: NoIds())  # type: ignore[arg-type]
        made.revoked(client, [TopicPartition(*TP)], 1.0)  # type: ignore[arg-type]
        assert (tuple(made.owned), stage.pipeline.partitions) == ((), {})


def test_led_22_a_partition_added_after_its_topic_was_made_anew_is_a_new_one() -> None:
    """Those that the old topic had may hold other records than we think; one that it did not have begins at its first."""
    known = starts.Known(logs={TP.topic: LOG}, begun={TP.topic: 2}, recreated={TP.topic})

    class Empty(Client):
        def committed(self, wanted: Any, timeout: float) -> list[TopicPartition]:
            return [TopicPartition(TP.topic, number) for number in (0, 2)]

    wanted = [TopicPartition(TP.topic, number) for number in (0, 2)]
    read = starts.read_committed(Empty(), wanted)  # type: ignore[arg-type]
    found = starts.positions(Empty(), read, known)  # type: ignore[arg-type]
    assert found[TP.topic, 0].fault == "another_topic"
    assert (found[TP.topic, 2].fault, found[TP.topic, 2].offset) == (None, 0)
