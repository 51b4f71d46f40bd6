"""The circuit: when it opens, how it is probed, how traffic returns, and what old news may not do."""

import dataclasses

import pytest

from connector.core.circuit import CircuitPolicy, Circuits, Closed, OpenCircuit, Opened, Probing
from connector.core.records import OrderKey

POLICY = CircuitPolicy()
APP = "main"


def key(number: int) -> OrderKey:
    return ("conversation", "cha_1", str(number))


def circuits(**policy: float) -> Circuits:
    return Circuits(dataclasses.replace(POLICY, **policy), {})  # type: ignore[arg-type]


def fail(made: Circuits, number: int, now: float, jitter: float = 0.0) -> Opened | None:
    """A request of one key starts and fails at once."""
    return made.failed(made.started(APP, key(number), now), now, jitter)


def succeed(made: Circuits, number: int, now: float) -> Probing | Closed | None:
    return made.succeeded(made.started(APP, key(number), now), now)


def opened(made: Circuits, now: float = 0.0) -> Opened:
    """Five keys have failed and nothing else is known."""
    changes = [fail(made, number, now) for number in range(5)]
    assert changes[:4] == [None] * 4
    assert changes[4] is not None
    return changes[4]


# --- opening ----------------------------------------------------------------------------------------------------------


def test_brk_01_it_opens_when_five_keys_fail_and_nothing_starts_until_its_time() -> None:
    """The documented threshold is met: a wait is named, and kept to the end."""
    made = circuits()
    assert opened(made, now=10.0) == Opened((APP,), until=11.0, failing=5, again=False)
    assert made.wait_until(APP, 10.0) == 11.0
    assert made.wait_until(APP, 10.999) == 11.0
    assert made.state(APP, 10.5) == "open"
    assert made.active(10.5) == (OpenCircuit((APP,), "open", 10.0),)
    assert made.wait_until(APP, 11.0) is None
    assert made.state(APP, 11.0) == "half_open", "a probe may start"


def test_brk_11_at_one_record_a_minute_it_opens_in_the_fifth_minute_of_an_outage() -> None:
    """A day of acceptances before does not weigh: they are older than the window. Every waiting key fails each minute."""
    made = circuits()
    for minute in range(1440):
        succeed(made, minute, minute * 60.0)
    opens = []
    for minute in range(10):
        for number in range(minute + 1):
            now = 86_400.0 + minute * 60.0 + number
            if made.wait_until(APP, now) is None:
                change = fail(made, 10_000 + number, now)
                opens += [minute] if change and not change.again else []
    assert opens == [4]


def test_brk_01_at_a_thousand_a_second_half_of_the_last_hundred_keys_open_it() -> None:
    """After a million acceptances it takes fifty failing keys, which is a twentieth of a second."""
    made = circuits()
    for number in range(1000):
        succeed(made, number, number / 1000)
    changes = [fail(made, 5000 + number, 1.0 + number / 1000) for number in range(50)]
    assert [change is not None for change in changes] == [False] * 49 + [True]


def test_ret_11_one_poison_key_never_opens_it_however_often_it_fails() -> None:
    """One record fails a hundred times between two acceptances of others: it is its own fault."""
    made = circuits()
    for second in range(100):
        assert fail(made, 0, float(second)) is None
    assert made.wait_until(APP, 100.0) is None


def test_a_key_that_was_accepted_after_its_failure_no_longer_counts() -> None:
    """Every key fails once and is accepted at its second attempt: failures do not dominate."""
    made = circuits()
    for number in range(200):
        assert fail(made, number, number * 1.0) is None
        succeed(made, number, number * 1.0 + 0.5)


def test_ret_15_a_third_of_failures_does_not_open_it() -> None:
    """Every third request of ever new keys fails: fewer than half."""
    made = circuits()
    for number in range(3000):
        if number % 3:
            succeed(made, number, number * 0.01)
        else:
            assert fail(made, number, number * 0.01) is None


def test_failures_that_lie_apart_do_not_add_up() -> None:
    """One failing key in two minutes is a quiet estate's bad luck, never five of them an outage."""
    made = circuits()
    for number in range(50):
        assert fail(made, number, number * POLICY.window_s) is None


def test_the_window_holds_its_number_of_keys_and_no_vote_of_its_age() -> None:
    """The tenth of ten keys still finds the first beside it; a vote two minutes old is gone, one a moment younger counts."""
    made = circuits(window_keys=10)
    for number in range(9):
        assert (fail if number < 4 else succeed)(made, number, float(number)) is None
    assert fail(made, 9, 9.0) is not None, "five of ten"
    for age, opens in ((POLICY.window_s, False), (POLICY.window_s - 0.001, True)):
        made = circuits()
        fail(made, 0, 50.0)
        changes = [fail(made, number, 50.0 + age) for number in range(1, 5)]
        assert any(changes) == opens


def test_brk_08_what_is_open_is_told_oldest_first() -> None:
    """In whatever order the apps began to work."""
    made = circuits()
    for app, now in (("a", 0.0), ("b", 1.0), ("a", 2.0)):
        for number in range(1 if now == 0.0 else 5):
            made.failed(made.started(app, key(number), now), now, 0.0)
    assert [circuit.apps for circuit in made.active(2.5)] == [("b",), ("a",)]


def test_brk_04_what_front_says_about_a_record_never_opens_it() -> None:
    """A thousand records answered 400: for the circuit each is an answer of a far side that is up."""
    made = circuits()
    for number in range(1000):
        assert succeed(made, number, number * 0.01) is None
    assert made.state(APP, 10.0) == "closed"


def test_brk_08_one_far_side_is_one_circuit_whoever_its_apps_are() -> None:
    """Two apps with one base URL open together; a third with another is not touched."""
    made = Circuits(POLICY, {"b": "https://one", "a": "https://one", "c": "https://two"})
    for number in range(5):
        change = made.failed(made.started("b", key(number), 0.0), 0.0, 0.0)
    assert change is not None
    assert change.apps == ("a", "b")
    assert made.wait_until("a", 0.5) == 1.0
    assert made.wait_until("c", 0.5) is None
    assert (made.state("a", 0.5), made.state("c", 0.5)) == ("open", "closed")


# --- probing ----------------------------------------------------------------------------------------------------------


def test_brk_02_exactly_one_request_probes_until_it_is_answered() -> None:
    """A hundred keys ask when the open period ends: one goes, ninety-nine wait, however long the answer takes."""
    made = circuits()
    opened(made)
    tickets = [
        made.started(APP, key(number), 1.0) for number in range(100) if made.wait_until(APP, 1.0) is None
    ]
    assert len(tickets) == 1
    assert made.wait_until(APP, 30.0) is not None
    assert made.state(APP, 30.0) == "half_open"


def test_brk_03_a_failed_probe_opens_it_again_for_no_less_time_up_to_the_cap() -> None:
    """The waits double to a minute, a quarter longer at most, and none is shorter than the one before."""
    made = circuits()
    change = opened(made)
    waits = []
    for jitter in (0.9, 0.0, 0.5, 0.2, 0.99, 0.0, 0.7, 0.1, 0.8, 0.3):
        now = change.until
        again = fail(made, 0, now, jitter)
        assert again is not None
        assert again.again
        waits.append(again.until - now)
        change = again
    assert waits == sorted(waits)
    for wait, period in zip(waits, (2, 4, 8, 16, 32, 60, 60, 60, 60, 60), strict=True):
        assert period <= wait <= period * 1.25


def test_brk_03_traffic_returns_in_two_steps() -> None:
    """One at a time until three in a row were answered, without waiting in between; then everything at once."""
    made = circuits()
    now = opened(made).until
    assert succeed(made, 7, now) == Probing((APP,))
    ticket = made.started(APP, key(8), now)
    assert made.wait_until(APP, now) is not None, "one at a time"
    assert made.succeeded(ticket, now + 1.0) == Probing((APP,))
    assert succeed(made, 9, now + 1.0) == Closed((APP,), open_s=now + 1.0)
    assert made.active(now + 1.0) == ()
    for number in range(100):
        assert made.wait_until(APP, now + 1.0) is None
        made.started(APP, key(number), now + 1.0)


def test_brk_03_a_failure_among_the_three_takes_one_answer_back() -> None:
    """Two answered, one not: open again, for no longer; two more are needed then, not three."""
    made = circuits()
    now = opened(made).until
    succeed(made, 1, now)
    succeed(made, 2, now)
    change = fail(made, 3, now)
    assert change == Opened((APP,), until=now + 1.0, failing=1, again=True)
    now = change.until
    assert [type(succeed(made, number, now)) for number in range(2)] == [Probing, Closed]


def test_brk_03_answers_that_failures_have_used_up_count_no_more() -> None:
    """One answered, two failed: the first failure opens for no longer, the second for twice as long."""
    made = circuits()
    now = opened(made).until
    succeed(made, 1, now)
    first = fail(made, 2, now)
    assert first is not None
    assert first.until - now == 1.0
    second = fail(made, 3, first.until)
    assert second is not None
    assert second.until - first.until == 2.0


def test_brk_03_what_closes_says_for_how_long_it_was_open() -> None:
    """From the failure that opened it to the answer that closed it."""
    made = circuits(open_s=0.5)
    assert opened(made, now=10.0).until == 10.5
    changes = [succeed(made, number, 12.0) for number in range(3)]
    assert changes[-1] == Closed((APP,), open_s=2.0)


def test_the_first_answer_after_it_closed_has_a_vote() -> None:
    """It started after the turn, so it tells of the time since: five of six failing keys are not all."""
    made = circuits(share=1.0)
    now = opened(made).until
    for number in range(3):
        succeed(made, number, now)
    succeed(made, 9, now)
    assert [fail(made, number, now) for number in range(5)] == [None] * 5


def test_brk_03_the_next_opening_begins_with_a_short_wait() -> None:
    """What an outage had grown to is forgotten with it, and so are its votes."""
    made = circuits()
    change = opened(made)
    for _ in range(3):
        change = fail(made, 0, change.until) or change
    now = change.until
    assert now == 15.0
    for number in range(3):
        succeed(made, number, now)
    assert [fail(made, number, now) for number in range(4)] == [None] * 4
    change = fail(made, 4, now) or change
    assert change.until == now + 1.0


def test_a_probe_that_is_cut_off_makes_room_for_another_at_once() -> None:
    """Its partition was revoked: no verdict, no wait; being told twice or too late changes nothing."""
    made = circuits()
    now = opened(made).until
    first = made.started(APP, key(1), now)
    assert made.abandoned(first, now + 1.0) == Probing((APP,))
    assert made.wait_until(APP, now + 1.0) is None
    second = made.started(APP, key(2), now + 1.0)
    assert made.abandoned(first, now + 1.5) is None
    assert made.failed(first, now + 1.5, 0.0) is None
    assert made.wait_until(APP, now + 2.0) is not None, "the second is the probe"
    assert made.succeeded(second, now + 2.0) == Probing((APP,))


def test_a_probe_that_is_cut_off_after_its_failure_does_not_shorten_the_wait() -> None:
    """Its answer was told; then its task is cancelled: the circuit is open, not half open, until its time."""
    made = circuits()
    now = opened(made).until
    probe = made.started(APP, key(1), now)
    change = made.failed(probe, now, 0.0)
    assert change is not None
    assert made.abandoned(probe, now) is None
    assert (made.state(APP, now), made.wait_until(APP, now)) == ("open", change.until)


def test_a_probe_of_which_nobody_hears_again_gives_up_its_place() -> None:
    """Whatever swallowed it: after a time longer than any request another may probe, and the lost one has no say."""
    made = circuits()
    now = opened(made).until
    lost = made.started(APP, key(1), now)
    later = now + POLICY.probe_patience_s
    assert made.wait_until(APP, now + 30.0) == later
    assert made.wait_until(APP, later) is None
    made.started(APP, key(2), later)
    assert made.succeeded(lost, later) is None
    assert made.state(APP, later) == "half_open"


# --- what was under way when it turned --------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [True, False])
def test_what_was_under_way_when_it_opened_changes_nothing(good: bool) -> None:
    """It ends while the circuit is open, beside a probe: neither closes it nor lengthens the wait."""
    made = circuits()
    under_way = [made.started(APP, key(100 + number), 0.0) for number in range(20)]
    until = opened(made).until
    probe = made.started(APP, key(0), until)
    for ticket in under_way:
        if good:
            assert made.succeeded(ticket, until) is None
        else:
            assert made.failed(ticket, until, 0.0) is None
    assert made.wait_until(APP, until) == until + POLICY.probe_patience_s
    assert made.succeeded(probe, until) == Probing((APP,))


def test_time_outs_of_before_the_opening_do_not_open_it_again_after_it_closed() -> None:
    """Sixty requests hang for fifteen seconds while Front is back after two: their failures are old news."""
    made = circuits()
    hanging = [made.started(APP, key(100 + number), 0.0) for number in range(60)]
    until = opened(made).until
    for number in range(3):
        succeed(made, number, until)
    assert [made.failed(ticket, 15.0, 0.0) for ticket in hanging] == [None] * 60
    assert made.state(APP, 15.0) == "closed"


def test_acceptances_of_before_the_opening_do_not_outvote_a_new_outage() -> None:
    """A hundred slow answers come in after it closed: five keys that fail now still open it."""
    made = circuits()
    slow = [made.started(APP, key(100 + number), 0.0) for number in range(100)]
    until = opened(made).until
    for number in range(3):
        succeed(made, number, until)
    for ticket in slow:
        made.succeeded(ticket, until)
    assert opened(made, until).again is False


def test_a_request_may_not_start_unasked() -> None:
    """That would be a second probe: a defect, and it stops the process."""
    made = circuits()
    opened(made)
    with pytest.raises(AssertionError, match="did not let through"):
        made.started(APP, key(1), 0.5)
