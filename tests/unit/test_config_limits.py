"""Limits that are nonsense alone or together, and Kafka's group settings that contradict one another: each with its words."""

from pathlib import Path

import pytest

from connector.app import wiring
from tests.unit.config_files import CONFIG, folder, loaded, problems


def with_lines(section: str, *lines: str) -> str:
    """The valid configuration with lines more in a section; a section that is not there is added."""
    if f"{section}:\n" not in CONFIG:
        return f"{CONFIG}{section}:\n" + "".join(f"  {line}\n" for line in lines)
    return CONFIG.replace(f"{section}:\n", f"{section}:\n" + "".join(f"  {line}\n" for line in lines))


ABOVE_ZERO = [
    ("kafka", "session_timeout_s"),
    ("kafka", "max_poll_interval_s"),
    ("front", "request_deadline_s"),
    ("front", "connect_timeout_s"),
    ("front", "hold_probe_s"),
    ("limits", "drain_s"),
    ("limits", "revoke_drain_s"),
    ("limits", "commit_interval_s"),
]


@pytest.mark.parametrize("most", [0, 7])
def test_so_many_calls_are_remembered_as_the_settings_say(tmp_path: Path, most: int) -> None:
    """Or none."""
    file = folder(tmp_path, config=with_lines("limits", f"calls_remembered: {most}"))
    assert wiring.policy(loaded(file).settings).calls_remembered == most


@pytest.mark.parametrize("value", ["0", "-1", ".nan"])
@pytest.mark.parametrize(("section", "name"), ABOVE_ZERO)
def test_shd_09_a_time_is_above_zero(tmp_path: Path, section: str, name: str, value: str) -> None:
    """Nothing waits no time at all, or less."""
    [problem] = problems(folder(tmp_path, config=with_lines(section, f"{name}: {value}")))
    assert f": {section}.{name} must be " in problem


@pytest.mark.parametrize("value", ["0", "-1"])
@pytest.mark.parametrize(
    ("name", "least"), [("in_flight", "1"), ("partition_records", "1"), ("partition_bytes", "1024")]
)
def test_shd_09_a_bound_leaves_room_for_one_record(tmp_path: Path, name: str, least: str, value: str) -> None:
    """Else nothing could ever move."""
    [problem] = problems(folder(tmp_path, config=with_lines("limits", f"{name}: {value}")))
    assert problem.endswith(f"limits.{name} must be {least} or more")


TOGETHER = [
    (
        "front",
        ("request_deadline_s: 46", "token_life_s: 30"),
        "front: token_life_s must not be below request_deadline_s: a token must outlive its request",
    ),
    (
        "kafka",
        ("session_timeout_s: 15",),
        "front.request_deadline_s must be below kafka.session_timeout_s: a request must end before another "
        "member may own its partition",
    ),
    (
        "kafka",
        ("session_timeout_s: 17.9",),
        "limits.commit_interval_s must be at most a third of kafka.session_timeout_s less front.request_deadline_s: "
        "several commits must fit into a session, so that what was accepted is recorded in time",
    ),
    (
        "kafka",
        ("max_poll_interval_s: 44",),
        "kafka: session_timeout_s must not be above max_poll_interval_s: librdkafka refuses it",
    ),
    (
        "limits",
        ("revoke_drain_s: 150",),
        "limits.revoke_drain_s must be below half of kafka.max_poll_interval_s, else a rebalance ends the membership",
    ),
]


@pytest.mark.parametrize(("section", "lines", "said"), TOGETHER)
def test_shd_09_limits_that_contradict_one_another_are_refused(
    tmp_path: Path, section: str, lines: tuple[str, ...], said: str
) -> None:
    """A text for each that names both."""
    [problem] = problems(folder(tmp_path, config=with_lines(section, *lines)))
    assert problem.endswith(said)


CONSUMER = ("group_protocol: consumer", "session_timeout_s: 40")
CLASSIC = ("group_protocol: classic",)
OF_THE_OTHER = [
    (CONSUMER, "heartbeat.interval.ms: 3000", "heartbeat.interval.ms", "consumer", "classic"),
    (CONSUMER, "group.protocol.type: consumer", "group.protocol.type", "consumer", "classic"),
    (CLASSIC, "group.remote.assignor: uniform", "group.remote.assignor", "classic", "consumer"),
]


@pytest.mark.parametrize(("group", "line", "name", "ours", "theirs"), OF_THE_OTHER)
def test_a_setting_of_the_other_protocol_is_refused_naming_both(
    tmp_path: Path, group: tuple[str, ...], line: str, name: str, ours: str, theirs: str
) -> None:
    """KIP-848: what the one protocol has the other does not know."""
    [problem] = problems(folder(tmp_path, config=with_lines("kafka", *group, f"properties: {{{line}}}")))
    assert problem.endswith(
        f"kafka: {name} cannot be set with group_protocol {ours}: it is a setting of {theirs}"
    )


@pytest.mark.parametrize("name", ["session.timeout.ms", "partition.assignment.strategy"])
def test_what_is_ours_in_the_one_protocol_and_the_brokers_in_the_other_says_so(
    tmp_path: Path, name: str
) -> None:
    """Refused under both, with both protocols in the sentence."""
    config = with_lines("kafka", *CONSUMER, f"properties: {{{name}: x}}")
    [problem] = problems(folder(tmp_path, config=config))
    assert f"{name} cannot be set: " in problem
    assert "consumer" in problem


def test_settings_of_the_own_protocol_pass(tmp_path: Path) -> None:
    """They go to librdkafka as they are."""
    classic = with_lines("kafka", *CLASSIC, "properties: {heartbeat.interval.ms: 3000}")
    assert loaded(folder(tmp_path, config=classic)).settings.kafka.properties
    consumer = with_lines("kafka", *CONSUMER, "properties: {group.remote.assignor: uniform}")
    assert loaded(folder(tmp_path, config=consumer)).settings.kafka.properties


BEATS_TOO_SELDOM = (
    "kafka: heartbeat.interval.ms must be below session_timeout_s, better a third of it: a member that beats less "
    "often is expelled again and again"
)


@pytest.mark.parametrize("interval", ["45000", "60000", "'60000'"])
def test_a_heartbeat_that_is_rarer_than_the_session_is_long_is_refused(tmp_path: Path, interval: str) -> None:
    """The coordinator would expel the member between two of them."""
    config = with_lines("kafka", f"properties: {{heartbeat.interval.ms: {interval}}}")
    [problem] = problems(folder(tmp_path, config=config))
    assert problem.endswith(BEATS_TOO_SELDOM)


@pytest.mark.parametrize("interval", ["44999", "soon"])
def test_a_heartbeat_within_the_session_passes(tmp_path: Path, interval: str) -> None:
    """And what is no number is librdkafka's to refuse."""
    config = with_lines("kafka", f"properties: {{heartbeat.interval.ms: {interval}}}")
    assert loaded(folder(tmp_path, config=config)).settings.kafka.properties


@pytest.mark.parametrize("name", ["group_id", "group_instance_id"])
@pytest.mark.parametrize("text", ["   ", "\\t", "\\n", " calls", "calls ", "a\\0b", "a\\x7fb"])
def test_an_id_that_the_client_would_cut_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """librdkafka cuts blanks off and stops at a NUL; of a group that is empty then, the process dies without a word."""
    config = CONFIG.replace("  group_id: front\n", f'  group_id: front\n  {name}: "{text}"\n')
    if name == "group_id":
        config = config.replace("  group_id: front\n", "")
    [problem] = problems(folder(tmp_path, config=config))
    assert problem.endswith(f"kafka.{name}: must have no control characters, and no blanks at its ends")


def test_an_id_may_have_blanks_within_and_any_letters(tmp_path: Path) -> None:
    """Kafka takes any text."""
    config = CONFIG.replace("group_id: front", "group_id: Anrufe für Köln")
    assert loaded(folder(tmp_path, config=config)).settings.kafka.group_id == "Anrufe für Köln"


@pytest.mark.parametrize("meaning", ["retry", "dead_letter", "hold_channel", "hold_app"])
@pytest.mark.parametrize("status", [200, 202, 299])
def test_what_front_took_cannot_mean_anything_else(tmp_path: Path, status: int, meaning: str) -> None:
    """It would be sent again for ever, or lie among the dead letters though it arrived."""
    [problem] = problems(
        folder(tmp_path, config=with_lines("front", f"statuses: {{409: accept, {status}: {meaning}}}"))
    )
    assert problem.endswith(
        f"front: statuses: {status} can only be accept: Front took the record, and it would be sent again or dead-lettered"
    )


@pytest.mark.parametrize("status", [401, 403, 408, 425, 500, 503, 599])
def test_what_front_did_not_take_cannot_be_accepted(tmp_path: Path, status: int) -> None:
    """It would be lost without a word."""
    [problem] = problems(folder(tmp_path, config=with_lines("front", f"statuses: {{{status}: accept}}")))
    assert problem.endswith(
        f"front: statuses: {status} cannot be accept: Front did not take the record, and it would be lost"
    )


def test_other_statuses_may_mean_what_the_operator_says(tmp_path: Path) -> None:
    """Among them failures that are to be dead letters or holds."""
    line = "statuses: {202: accept, 404: accept, 409: accept, 401: hold_app, 500: dead_letter, 503: hold_channel}"
    assert len(loaded(folder(tmp_path, config=with_lines("front", line))).settings.front.statuses) == 6


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False)])
def test_whether_the_group_is_new_may_be_said(tmp_path: Path, text: str, value: bool) -> None:
    """Unset, the offsets tell."""
    assert loaded(folder(tmp_path)).settings.kafka.group_is_new is None
    config = with_lines("kafka", f"group_is_new: {text}")
    assert loaded(folder(tmp_path, config=config)).settings.kafka.group_is_new is value
