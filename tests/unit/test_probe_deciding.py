"""What answers of Front say about a belief: every decider, every kind of answer, and that nothing is claimed without cause."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest

from connector.core.answers import Answer, Answered, NotSent, Unknown
from connector.simulator.profiles import PROFILES
from connector.simulator.switches import Switches
from connector.workbench.probe import deciding
from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.deciding import REFUSED, TAKEN, by_status, conclusive
from connector.workbench.probe.findings import (
    Finding,
    Measured,
    NotDecidable,
    Otherwise,
    demoted,
    refutes,
    words,
)

NO_ROUTE = Answered(404, {}, b'{"_error": {"message": "No such route."}}')
SILENCE: tuple[Answer, ...] = (NotSent("connect"), Unknown("timeout"), Unknown("protocol"))
INCONCLUSIVE: tuple[Answer, ...] = (
    *SILENCE,
    NO_ROUTE,
    *(Answered(status) for status in (100, 301, 307, 408, 425, 429, 500, 502, 503, 599)),
)
MEANINGS: deciding.Meanings = {"yes": TAKEN, "no": REFUSED, "gone": frozenset({404})}


def answered(*statuses: int) -> list[Answer]:
    return [Answered(status) for status in statuses]


def told(finding: Finding) -> Any:
    """The value, or the name of what there is instead of one."""
    return finding.value if isinstance(finding, Measured) else type(finding).__name__


# --- the list ----------------------------------------------------------------------------------------------------


def test_the_beliefs_are_the_switches_of_the_simulator() -> None:
    """Each that is no matter of the simulator alone; and what is believed is what its profile `front` does."""
    assert set(BELIEFS) == set(Switches.model_fields) - {"seed"}
    front = PROFILES["front"]
    for switch, belief in BELIEFS.items():
        if belief.believed is not None:
            assert getattr(front, switch) == belief.believed, switch


# --- by status ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", INCONCLUSIVE)
def test_an_answer_that_says_nothing_of_the_request_never_counts(answer: Answer) -> None:
    """Silence, redirects, limits, failures of the server, and a path that Front does not have."""
    assert not conclusive(answer)
    assert told(by_status([answer, answer, answer], MEANINGS)) == "NotDecidable"
    assert told(by_status([answer, *answered(202, 202)], MEANINGS)) == "yes"


@pytest.mark.parametrize("status", [*range(200, 209), *range(400, 432)])
def test_every_status_twice_over_has_one_finding(status: int) -> None:
    """A value if it means one; otherwise settled, unless it speaks of the token, of what is not there, or of no request."""
    expected = "Otherwise"
    if status in TAKEN:
        expected = "yes"
    elif status in REFUSED:
        expected = "no"
    elif status == 404:
        expected = "gone"
    elif status in (401, 403, 408, 425, 429):
        expected = "NotDecidable"
    assert told(by_status(answered(status, status), MEANINGS)) == expected
    assert told(by_status(answered(status), MEANINGS)) == "NotDecidable", "once may be by chance"


def test_a_404_without_a_meaning_decides_nothing() -> None:
    """What the path names was not there: nothing is said of the body."""
    assert told(by_status(answered(404, 404), {"yes": TAKEN, "no": REFUSED})) == "NotDecidable"


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations((202, 400, 404, 418), 2)))
def test_answers_that_differ_decide_nothing(one: int, other: int) -> None:
    """In either order."""
    assert told(by_status(answered(one, other), MEANINGS)) == "NotDecidable"
    assert told(by_status(answered(other, one), MEANINGS)) == "NotDecidable"


def test_two_statuses_of_one_meaning_agree() -> None:
    """A finding names both, and rests on both."""
    finding = by_status(answered(400, 422), MEANINGS)
    assert finding == Measured("no", "answered 400 and 422", rests_on=frozenset({400, 422}))


def test_no_answer_at_all_decides_nothing() -> None:
    """Nothing was asked."""
    assert by_status([], MEANINGS) == NotDecidable("no usable answer: none")


# --- claims that rest on what had no reason ------------------------------------------------------------------------


def test_a_claim_falls_with_the_status_that_it_rests_on() -> None:
    """Others stay; what was not decidable stays as it was."""
    findings: dict[str, Finding] = {
        "unknown_keys": Measured("reject", "w", rests_on=frozenset({400})),
        "unknown_call": Otherwise("w", frozenset({400, 418})),
        "jti_replay": Measured("reject", "w", rests_on=frozenset({401})),
        "burst": NotDecidable("w"),
    }
    left = demoted(findings, {400})
    assert [told(left[name]) for name in findings] == [
        "NotDecidable",
        "NotDecidable",
        "reject",
        "NotDecidable",
    ]
    assert left["unknown_call"] == NotDecidable(
        "it would rest on an answer 400, which other requests got without a reason"
    )
    assert demoted(findings, set()) == findings


def test_refuted_is_what_is_not_as_believed() -> None:
    """Of a quantity without a belief nothing can be refuted."""
    assert not refutes("dedupe", Measured("accept_then_drop", "w"))
    assert refutes("dedupe", Measured("off", "w"))
    assert refutes("dedupe", Otherwise("w"))
    assert not refutes("dedupe", NotDecidable("w"))
    assert not refutes("rpm", Measured(100, "w"))


def test_what_an_answer_leaves_open_is_said() -> None:
    """A 202 shows that a key was taken, not what became of it."""
    assert words("unknown_keys", Measured("drop", "answered 202")) == (
        "answered 202; what became of the key does not show"
    )
    assert words("unknown_keys", Measured("reject", "answered 400")) == "answered 400"


# --- tokens ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((204, 204), "allow"),
        ((401, 401), "reject"),
        ((401, 403), "reject"),
        ((401,), "NotDecidable"),
        ((204,), "NotDecidable"),
        ((204, 401), "NotDecidable"),
        ((400, 400), "NotDecidable"),
        ((500, 204, 204), "allow"),
        ((), "NotDecidable"),
    ],
)
def test_a_token_is_let_through_when_it_is_answered_as_a_usual_one(
    statuses: Sequence[int], expected: str
) -> None:
    """And refused when it gets 401 or 403 twice."""
    assert told(deciding.token_finding(204, answered(*statuses))) == expected


def test_a_usual_token_may_get_a_400() -> None:
    """Where Front does not take an empty update: then another token is judged by that."""
    assert told(deciding.token_finding(400, answered(400, 400))) == "allow"


# --- bodies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"", "", "empty"),
        (b"{}", "application/json", "{}"),
        (b'{ "status": "accepted" }', "application/json", '{"status":"accepted"}'),
        (b"Accepted", "text/plain; charset=utf-8", "text"),
        (b'{"id": "x", "status": "accepted"}', "application/json", "Otherwise"),
        (b"\xff\x00", "application/json", "NotDecidable"),
        (b"<html>", "text/html", "NotDecidable"),
        (b"[]", "application/json", "NotDecidable"),
    ],
)
def test_the_body_of_a_call_s_202(body: bytes, content_type: str, expected: str) -> None:
    """By form; of an object with other keys only their number is told."""
    answer = Answered(202, {"content-type": content_type}, body)
    finding = deciding.body_of_202([answer, answer])
    assert told(finding) == expected
    assert "x" not in finding.why.replace("text", "")


def test_two_calls_must_be_taken_alike() -> None:
    """One, or two that differ, say nothing."""
    empty, other = Answered(202), Answered(202, {}, b"{}")
    assert told(deciding.body_of_202([empty])) == "NotDecidable"
    assert told(deciding.body_of_202([empty, other])) == "NotDecidable"
    assert told(deciding.body_of_202(answered(400, 400))) == "NotDecidable"
    assert told(deciding.body_of_202(answered(200, 200))) == "Otherwise"


@pytest.mark.parametrize(
    ("answer", "uid"),
    [
        (Answered(202, {}, b'{"message_uid": "u1"}'), "u1"),
        (Answered(202, {}, b'{"message_uid": 5}'), None),
        (Answered(202, {}, b'{"message_uid": ""}'), None),
        (Answered(202, {}, b"[]"), None),
        (Answered(202, {}, b"\xff"), None),
        (Answered(400, {}, b'{"message_uid": "u1"}'), None),
        (Unknown("timeout"), None),
    ],
)
def test_the_uid_of_a_message_is_a_text_in_an_acceptance(answer: Answer, uid: str | None) -> None:
    """Anything else is none."""
    assert deciding.uid_of(answer) == uid


# --- messages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "later", "one_message", "expected"),
    [
        ("a", "a", [], False, "same_uid"),
        ("a", "b", [False, False], False, "accept_then_drop"),
        ("a", "b", [False], False, "NotDecidable"),
        ("a", "b", [True], False, "off"),
        ("a", "b", [False, True], False, "off"),
        ("a", "b", [True], True, "Otherwise"),
        ("a", "b", [], False, "NotDecidable"),
        ("a", "b", [None], False, "NotDecidable"),
        ("a", "b", [False, None], False, "NotDecidable"),
        ("a", None, [False, False], False, "NotDecidable"),
        (None, "b", [True], False, "NotDecidable"),
        (None, None, [], False, "NotDecidable"),
    ],
)
def test_a_repeat_is_judged_by_uids_and_look_ups(
    first: str | None, second: str | None, later: list[bool | None], one_message: bool, expected: str
) -> None:
    """Without look-ups only the same uid tells."""
    assert told(deciding.dedupe(first, second, later, one_message=one_message)) == expected


def test_the_time_of_processing_is_a_range() -> None:
    """From the last look that did not know a message to the first that did, over all messages."""
    finding = deciding.processing([(1.2, 1.5), (1.4, 1.9)], 30)
    assert isinstance(finding, Measured)
    assert (finding.low, finding.value) == (1200, 1900)
    assert finding.rests_on == {404}


def test_a_message_that_is_known_at_the_first_look_is_known_at_once() -> None:
    """Unless the look came late: then only a bound is known."""
    assert told(deciding.processing([(0.0, 0.02)], 30)) == 0
    late = deciding.processing([(0.0, 1.25)], 30)
    assert isinstance(late, Measured)
    assert (late.low, late.value) == (0, 1250)


def test_a_message_that_no_look_up_ever_knew_tells_no_time() -> None:
    """Never cannot be told from long, nor from a token that may not look up."""
    assert deciding.processing([], 30) == NotDecidable(
        "no look-up knew a message within 30 s, or the token may not look messages up"
    )


ARRIVED: tuple[bool | None, ...] = (True, False, None)


@pytest.mark.parametrize("there", list(itertools.product(ARRIVED, repeat=3)))
def test_the_names_of_files_are_told_from_which_arrived(there: tuple[bool | None, ...]) -> None:
    """All or one of three; two are settled, and no value of the simulator; none or an unknown one tells nothing."""
    names = ("attachments[]", "attachments", "attachments[0]")
    finding = told(deciding.attachment_names(dict(zip(names, there, strict=True))))
    if None in there or not any(there):
        assert finding == "NotDecidable"
    elif all(there):
        assert finding == "all"
    elif there.count(True) == 1:
        assert finding == names[there.index(True)]
    else:
        assert finding == "Otherwise"


YES: Finding = Measured(True, "answered 400", rests_on=frozenset({400}))
NO: Finding = Measured(False, "answered 202", rests_on=frozenset({202}))
UNCLEAR: Finding = NotDecidable("answered 500")


@pytest.mark.parametrize("checks", list(itertools.product((YES, NO, UNCLEAR), repeat=3)))
def test_strictness_needs_every_check(checks: tuple[Finding, ...]) -> None:
    """All refused, all taken, some of each; one that is not clear leaves all open."""
    finding = told(deciding.strict_body({f"check {at}": one for at, one in enumerate(checks)}))
    values = {one.value for one in checks if isinstance(one, Measured)}
    if UNCLEAR in checks:
        assert finding == "NotDecidable"
    else:
        assert finding == (values.pop() if len(values) == 1 else "Otherwise")


def test_strictness_names_the_check_that_is_not_clear() -> None:
    """And what each of mixed ones was answered."""
    assert deciding.strict_body({"a list": YES, "no body": UNCLEAR}) == NotDecidable("no body: answered 500")
    mixed = deciding.strict_body({"a list": YES, "no body": NO})
    assert mixed == Otherwise("refused: a list; taken: no body", frozenset({202, 400}))


def test_json_is_read_from_an_answer_only() -> None:
    """Neither from silence nor from what is no JSON."""
    assert deciding.json_of(Answered(200, {}, json.dumps({"a": 1}).encode())) == {"a": 1}
    assert deciding.json_of(Answered(200, {}, b"<html>")) is None
    assert deciding.json_of(Unknown("timeout")) is None
