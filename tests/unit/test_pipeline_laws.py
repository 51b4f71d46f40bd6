"""Any schedule of answers, revokes and losses keeps the laws: no loss, order per key, true commits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.answers import Answered, NotSent, Unknown
from tests.support import virtual_time
from tests.support.world import TP, Sent, Stage, record


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_answers_keep_the_laws(data: st.DataObject) -> None:
    """Random records, answers, delays, revokes and losses: no loss, order per key, every commit true when made."""
    virtual_time.run(_any_answers(data))


async def _any_answers(data: st.DataObject) -> None:
    keys = data.draw(
        st.lists(st.sampled_from(["a", "b", "c", "bad", "skip", "three"]), min_size=1, max_size=25)
    )
    answers = data.draw(
        st.lists(
            st.sampled_from([202, 202, 202, 503, 400, 429, 401, 403, 404, "lost", "unsent"]),
            min_size=30,
            max_size=30,
        )
    )
    delays = data.draw(st.lists(st.sampled_from([0.01, 0.3, 2.0]), min_size=7, max_size=7))
    moves = data.draw(st.lists(st.sampled_from(["revoke", "lost", "wait"]), max_size=4))
    stage = Stage(in_flight=3, request_deadline_s=3.0, probe_interval_s=5.0, partition_records=6)
    count = iter(range(10**9))
    calm = False

    def script(_sent: Sent, _n: int) -> Answered | Unknown | NotSent:
        drawn = 202 if calm else answers[next(count) % len(answers)]
        return (
            Unknown("timeout")
            if drawn == "lost"
            else NotSent("connect")
            if drawn == "unsent"
            else Answered(int(drawn))
        )

    settled: set[int] = {offset for offset, key in enumerate(keys) if key == "skip"}
    accepted: dict[int, int] = {}

    def watched(sent: Sent, n: int) -> Answered | Unknown | NotSent:
        answer = script(sent, n)
        offset = int(sent.id.rsplit("-", 1)[1])
        if isinstance(answer, Answered) and answer.status == 202:
            accepted[offset] = accepted.get(offset, 0) + 1
        return answer

    async with stage:
        stage.front.script = watched
        stage.front.delay = lambda sent: delays[len(stage.front.sent) % len(delays)]
        epoch, start, metadata = 1, 0, None
        for move in [*moves, "end"]:
            stage.assign(start, metadata=metadata, epoch=epoch)
            stage.pipeline.received(
                [record(offset, key, epoch=epoch) for offset, key in enumerate(keys) if offset >= start]
            )
            if move == "end":
                break
            await stage.quiet(data.draw(st.sampled_from([0.1, 1.0, 6.0])))
            if move == "lost":
                stage.pipeline.lost([TP])
            else:
                await stage.pipeline.revoke([TP], 2.5)
            committed = stage.coordinator.committed()
            if committed is not None:
                start, metadata = committed.offset, committed.metadata
            epoch += 1
        calm = True
        await stage.quiet(300.0)
    settled |= {letter.source.offset for letter in stage.letters.letters}
    done = settled | set(accepted)
    assert done == set(range(len(keys))), "every record is accepted, dead-lettered or skipped"
    final = stage.coordinator.committed()
    assert final is not None
    assert final.offset == len(keys)
    firsts: dict[str, list[int]] = {}
    for sent in stage.front.sent:
        offset = int(sent.id.rsplit("-", 1)[1])
        order = firsts.setdefault(sent.key, [])
        if offset not in order:
            order.append(offset)
    assert all(order == sorted(order) for order in firsts.values()), (
        "first requests of a key come in offset order"
    )
