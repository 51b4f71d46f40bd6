"""`outcomes`: what a status means for the requests of one rule, where the settings say otherwise."""

from pathlib import Path

import pytest

from connector.core.answers import Answered
from connector.core.mapping import MappingSet, Rules
from connector.core.outcome import RetryPolicy
from tests.support.virtual_time import in_virtual_time
from tests.support.world import Stage, record
from tests.unit.config_files import folder, loaded, problems

MAPPING = """\
version: 1
topics:
  messages:
    start: earliest
    key: {format: bytes}
    defaults: {channel: cha_1, outcomes: {422: retry, 409: accept}}
    rules:
      - name: patient
        when: '${value.conversation == "patient"}'
        operation: sync-inbound-message
        body: &body
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
      - name: strict
        when: '${value.conversation == "strict"}'
        operation: sync-inbound-message
        body: *body
        outcomes: {422: dead_letter}
      - name: both
        requests:
          - {operation: sync-inbound-message, body: *body, outcomes: {422: accept}}
          - {operation: sync-inbound-message, body: *body}
        outcomes: {409: dead_letter, 404: retry}
"""


def mapping(path: Path, text: str = MAPPING) -> MappingSet:
    return loaded(folder(path, messages=text)).mappings


def test_a_request_is_put_over_its_rule_and_the_rule_over_the_defaults(tmp_path: Path) -> None:
    """Status by status."""
    maps = mapping(tmp_path).topics["messages"].maps
    assert isinstance(maps, Rules)
    assert [[request.outcomes for request in rule.requests] for rule in maps.rules] == [
        [{422: "retry", 409: "accept"}],
        [{422: "dead_letter", 409: "accept"}],
        [
            {422: "accept", 409: "dead_letter", 404: "retry"},
            {422: "retry", 409: "dead_letter", 404: "retry"},
        ],
    ]


def test_a_rule_s_outcomes_are_put_over_the_settings() -> None:
    """What it does not name stays; without any the policy is the very same."""
    policy = RetryPolicy(statuses={404: "retry", 422: "accept"})
    assert policy.with_statuses({422: "dead_letter"}).statuses == {404: "retry", 422: "dead_letter"}
    assert policy.with_statuses({}) is policy


def test_the_judge_reads_an_answer_as_its_rule_says(tmp_path: Path) -> None:
    """422: sent again for one rule until Front takes it, and a dead letter at once for the other."""

    @in_virtual_time
    async def judged() -> None:
        async with Stage(maps=mapping(tmp_path)) as stage:
            stage.front.script = lambda sent, n: Answered(202 if sent.key == "patient" and n == 3 else 422)
            stage.assign()
            stage.pipeline.received([record(0, "patient"), record(1, "strict")])
            await stage.quiet(60.0)
            assert dict(stage.front.tries) == {"messages-0-0": 3, "messages-0-1": 1}
            assert stage.letters.reasons() == ["front_rejected"]
            assert stage.facts.count("settled", "messages", "accepted") == 1

    judged()


def test_each_request_of_a_record_has_its_own(tmp_path: Path) -> None:
    """The first 422 is an acceptance, that of the second request is not."""

    @in_virtual_time
    async def judged() -> None:
        async with Stage(maps=mapping(tmp_path)) as stage:
            answers = iter((422, 422, 202))
            stage.front.script = lambda _sent, _n: Answered(next(answers))
            stage.assign()
            stage.pipeline.received([record(0, "other")])
            await stage.quiet(60.0)
            assert len(stage.front.sent) == 3
            assert (stage.letters.letters, stage.facts.count("settled", "messages", "accepted")) == ([], 1)

    judged()


def test_the_circuit_counts_what_the_rule_calls_a_failure(tmp_path: Path) -> None:
    """A status that a rule retries is the far side's failure there: enough keys of it open the circuit."""

    @in_virtual_time
    async def counted() -> None:
        async with Stage(maps=mapping(tmp_path, MAPPING.replace('== "patient"', '!= "strict"'))) as stage:
            stage.front.script = lambda _sent, _n: Answered(422)
            stage.assign()
            stage.pipeline.received([record(offset, str(offset)) for offset in range(40)])
            await stage.quiet(60.0)
            assert stage.facts.count("error", "circuit.opened") == 1
            assert stage.letters.letters == []

    counted()


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (
            "{422: retri}",
            "outcomes.422 has a value that is not known: did you mean 'retry'?",
        ),
        ("{999: retry}", "outcomes.999"),
        ("{teapot: retry}", "outcomes.teapot"),
        ("{429: retry}", "outcomes: 429 says how long to wait, and is always obeyed"),
        ("{202: retry}", "outcomes: 202 can only be accept: Front took the record"),
        (
            "{503: accept}",
            "outcomes: 503 cannot be accept: Front did not take the record, and it would be lost",
        ),
        ("[422]", "outcomes must be a map"),
    ],
)
@pytest.mark.parametrize("level", ["defaults", "rule", "request"])
def test_an_outcome_that_cannot_be_is_refused(tmp_path: Path, level: str, outcomes: str, said: str) -> None:
    """By the same rules as front.statuses, at each level that may have one."""
    written = {
        "defaults": "{422: retry, 409: accept}",
        "rule": "{422: dead_letter}",
        "request": "{422: accept}",
    }[level]
    found = problems(folder(tmp_path, messages=MAPPING.replace(written, outcomes)))
    assert any(said in problem for problem in found), found


def test_a_rule_that_skips_has_no_outcomes(tmp_path: Path) -> None:
    """It sends nothing that could be answered."""
    text = MAPPING + "      - {name: none, skip: true, outcomes: {422: retry}}\n"
    (said,) = problems(folder(tmp_path, messages=text))
    assert said.endswith("topics.messages.rules[3]: a rule that skips has no outcomes")
