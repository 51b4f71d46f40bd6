"""The verb `probe` without a Front: which channel is meant, or why not; that it asks for its name; what it reports."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector import cli
from connector.simulator.profiles import PROFILES, settings
from connector.workbench.probe import command
from connector.workbench.probe.beliefs import BELIEFS
from connector.workbench.probe.choice import Asked, BadChoice, Target, chosen
from connector.workbench.probe.findings import Finding, Measured, NotDecidable, Otherwise
from connector.workbench.probe.profile import as_profile
from connector.workbench.probe.report import Report, as_json
from connector.workbench.probe.text import as_text, plan
from connector.workbench.probe.trials import Ended
from connector.workbench.unusable import Unusable
from tests.unit.config_files import CONFIG, folder, loaded

NOWHERE = "http://127.0.0.1:9"
ONE_APP = CONFIG.replace("secret: hush", f"secret: hush, base_url: '{NOWHERE}'")
TWO_APPS = CONFIG.replace(
    "    main: {uid: app-1, secret: hush}\n",
    "    main: {uid: app-1, secret: hush}\n    other: {uid: app-2, secret: hush}\n",
)


def probe(config: Path, *arguments: str) -> Any:
    """The verb; stdin is no terminal."""
    return CliRunner().invoke(cli.app, ["probe", "--config", str(config), *arguments])


def choose(tmp_path: Path, asked: Asked, config: str = CONFIG) -> Target | BadChoice:
    return chosen(asked, loaded(folder(tmp_path, config=config)))


# --- which channel -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "config", "why"),
    [
        (
            Asked(channel="alt:address:a@b.example"),
            CONFIG,
            "--channel: must be a channel id (cha_...), not 'alt:address:a@b.example'",
        ),
        (Asked(channel="cha_"), CONFIG, "--channel: must be a channel id (cha_...), not 'cha_'"),
        (
            Asked(channel="cha_9", confirm="cha_8"),
            CONFIG,
            "--confirm: names 'cha_8', and --channel 'cha_9': they must be the same; nothing was sent",
        ),
        (
            Asked(channel="cha_9", app="mian"),
            CONFIG,
            "--app: no app 'mian' among front.apps: did you mean 'main'?",
        ),
        (
            Asked(channel="cha_9"),
            TWO_APPS,
            "--app: front.apps has main, other, and cha_9 is not in the channels table: name one",
        ),
        (
            Asked(channel="cha_1", app="other"),
            TWO_APPS,
            "--app: cha_1 is of the app 'main' by the channels table, not of 'other'",
        ),
    ],
)
def test_a_choice_that_cannot_be_followed_says_why(
    tmp_path: Path, asked: Asked, config: str, why: str
) -> None:
    """With what was given, and what there is."""
    assert choose(tmp_path, asked, config) == BadChoice(why)


def test_the_app_is_the_only_one_or_the_table_s(tmp_path: Path) -> None:
    """Or the one that is named, for a channel that no table has."""
    found = [
        choose(tmp_path, Asked(channel="cha_9")),
        choose(tmp_path, Asked(channel="cha_1"), TWO_APPS),
        choose(tmp_path, Asked(channel="cha_9", app="other"), TWO_APPS),
    ]
    assert [one.app for one in found if isinstance(one, Target)] == ["main", "main", "other"]


def test_a_channel_of_the_table_is_taken_with_a_warning(tmp_path: Path) -> None:
    """A sandbox may stand there; a channel of customers must not be probed unawares."""
    target = choose(tmp_path, Asked(channel="cha_2"))
    assert isinstance(target, Target)
    assert target.warnings == (
        "cha_2 is in the channels table (key chat-1): if the connector runs with it, what the probe sends stands among"
        " real conversations",
    )
    assert "warning: cha_2 is in the channels table" in plan(target, large=False)
    unlisted = choose(tmp_path, Asked(channel="cha_9"))
    assert isinstance(unlisted, Target)
    assert unlisted.warnings == ()


def test_the_pace_is_that_of_the_channel_s_company(tmp_path: Path) -> None:
    """Where the table names it."""
    config = CONFIG.replace(
        "  channels: channels.csv",
        "  channels: channels.csv\n  rate_limit: {company_per_minute: 70}\n  companies: {shop: {per_minute: 120}}",
    )
    found = [choose(tmp_path, Asked(channel=channel), config) for channel in ("cha_1", "cha_9")]
    assert [one.per_minute for one in found if isinstance(one, Target)] == [120, 70]


# --- confirmation --------------------------------------------------------------------------------------------------


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No run is begun; what would have been sent to."""
    began: list[str] = []

    async def never(_loaded: object, target: Target, *, large: bool) -> Ended:
        began.append(f"{target.channel} {large}")
        return Ended(report({}))

    monkeypatch.setattr(command, "_probed", never)
    return began


def test_without_a_terminal_a_channel_is_confirmed_by_its_name_only(
    tmp_path: Path, silent: list[str]
) -> None:
    """The plan is told, and nothing sent."""
    result = probe(folder(tmp_path), "--channel", "cha_9")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "cha_9 is not confirmed: stdin is no terminal to ask at, so say --confirm cha_9; nothing was sent"
    )
    assert silent == []


@pytest.mark.parametrize(("typed", "code"), [("cha_9\n", 0), ("cha_8\n", 2), ("yes\n", 2), ("", 2)])
def test_at_a_terminal_the_channel_s_name_is_typed(
    tmp_path: Path, silent: list[str], monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """Another text ends it with a sentence."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    given = loaded(folder(tmp_path))
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    if code == 0:
        assert command.run(given, Asked(channel="cha_9")) == 0
        assert silent == ["cha_9 False"]
        return
    with pytest.raises(Unusable) as refused:
        command.run(given, Asked(channel="cha_9"))
    assert str(refused.value) == "cha_9 is not confirmed: another text was typed; nothing was sent"
    assert (refused.value.code, silent) == (2, [])


def test_the_plan_names_channel_items_requests_and_what_stays(tmp_path: Path, silent: list[str]) -> None:
    """Before anything is sent; and the megabytes, where they are asked for."""
    result = probe(
        folder(tmp_path, config=ONE_APP), "--channel", "cha_9", "--confirm", "cha_9", "--large", "-o", "json"
    )
    assert result.exit_code == 0
    assert silent == ["cha_9 True"]
    for part in (
        f"The channel cha_9 at {NOWHERE}, with the app main, gets:",
        "ids beginning with front-connector-probe-",
        "up to 200 MB of files",
        "About 100 requests, 200 at most",
        "cannot be deleted by the Channel API",
    ):
        assert part in result.stderr
    assert json.loads(result.stdout)["channel"] == "cha_9"


def test_the_folder_of_the_profile_must_be_there_before_anything_is_sent(
    tmp_path: Path, silent: list[str]
) -> None:
    """A run must not be for nothing."""
    missing = tmp_path / "nowhere" / "front.yaml"
    result = probe(
        folder(tmp_path), "--channel", "cha_9", "--confirm", "cha_9", "--profile-out", str(missing)
    )
    assert result.exit_code == 2
    assert result.stderr.strip() == f"--profile-out: there is no folder {missing.parent}"
    assert silent == []


def test_an_invalid_configuration_ends_it_first(tmp_path: Path) -> None:
    """As for every verb."""
    result = probe(folder(tmp_path, config=CONFIG + "colour: red\n"), "--channel", "cha_9")
    assert result.exit_code == 78


# --- the report ----------------------------------------------------------------------------------------------------

FOUND: dict[str, Finding] = {
    "dedupe": Measured("off", "look-ups know two messages"),
    "processing_delay_ms": Measured(1900, "known after 1900 ms", 1200),
    "unknown_call": Measured("404", "answered 404", rests_on=frozenset({404})),
    "unknown_keys": Measured("drop", "answered 202"),
    "strict_body": Measured(True, "refused"),
    "static_token": Measured("taken", "every request had one"),
    "size_limit": Otherwise("25,000,001 bytes were taken: the limit is higher"),
}


def report(found: dict[str, Finding], **changes: Any) -> Report:
    findings = {switch: found.get(switch, NotDecidable("not tried")) for switch in BELIEFS}
    given: dict[str, Any] = {
        "channel": "cha_9",
        "base_url": NOWHERE,
        "run": "4c9e9360",
        "began": 1_789_000_000.0,
        "took_s": 78.4,
        "requests": 77,
        "answers": {"202": 20, "400": 12},
        "findings": findings,
        "conversation": "front-connector-probe-4c9e9360-conversation",
        "messages": 8,
        "calls_open": (),
        "ahead_s": None,
        "stopped": None,
    }
    return Report(**{**given, **changes})


def test_the_report_parts_what_is_refuted_from_what_is_not() -> None:
    """And says what a person can look at where answers do not tell."""
    text = as_text(report(FOUND, ahead_s=-4.0, stopped="Front was silent", calls_open=("call-x",)))
    head, _, rest = text.partition("not as believed:\n")
    assert head.splitlines() == [
        f"cha_9 at {NOWHERE}, run 4c9e9360: 77 requests in 78 s",
        "stopped early: Front was silent",
        "Front's clock is 4 s behind ours",
        "",
    ]
    refuted, _, rest = rest.partition("as believed, or measured:\n")
    assert "  dedupe = off (believed: accept_then_drop)" in refuted
    assert "  size_limit (believed: 25000000)" in refuted
    measured, _, rest = rest.partition("not decidable:\n")
    assert "  processing_delay_ms = 1900\n" in measured
    assert "  strict_body = true\n" in measured
    assert "does not show" in measured
    assert "look: see whether the probe's second call in Front has one summary or two" in rest
    assert "left behind: 8 messages in the conversation front-connector-probe-4c9e9360-conversation" in rest
    assert text.endswith("perhaps open: the call call-x; Front did not take `abandoned`")


def test_the_json_has_every_belief_in_order() -> None:
    """With one of three results; a value only where there is one."""
    shown = as_json(report(FOUND))
    assert [row["belief"] for row in shown["beliefs"]] == list(BELIEFS)
    rows = {row["belief"]: row for row in shown["beliefs"]}
    assert rows["dedupe"] == {
        "belief": "dedupe",
        "about": "a message whose external_id Front has",
        "result": "refuted",
        "believed": "accept_then_drop",
        "value": "off",
        "why": "look-ups know two messages",
    }
    assert (rows["processing_delay_ms"]["at_least"], rows["processing_delay_ms"]["value"]) == (1200, 1900)
    assert rows["size_limit"]["result"] == "refuted"
    assert "value" not in rows["size_limit"]
    assert rows["burst"]["result"] == "not_decidable"
    assert "look" in rows["burst"]
    json.dumps(shown)


def test_the_exit_code_is_1_when_something_is_refuted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """130 when it was interrupted, whatever was found until then."""
    given = loaded(folder(tmp_path))
    asked = Asked(channel="cha_9", confirm="cha_9")
    for ended, code in (
        (Ended(report({})), 0),
        (Ended(report({"rpm": Measured(100, "w")})), 0),
        (Ended(report(FOUND)), 1),
        (Ended(report(FOUND), interrupted=True), 130),
    ):

        async def done(*_: object, ended: Ended = ended, **__: object) -> Ended:
            return ended

        monkeypatch.setattr(command, "_probed", done)
        assert command.run(given, asked) == code


def test_the_profile_is_one_that_the_simulator_takes(tmp_path: Path) -> None:
    """What is measured is set; all else is as the profile `front` has it, and stands there as a comment."""
    path = tmp_path / "front.yaml"
    path.write_text(as_profile(report(FOUND)), encoding="utf-8")
    taken = settings(str(path)).switches
    expected = {
        "dedupe": "off",
        "processing_delay_ms": 1900,
        "unknown_call": "404",
        "unknown_keys": "drop",
        "strict_body": True,
    }
    assert taken == PROFILES["front"].model_copy(update=expected)
    text = path.read_text(encoding="utf-8")
    assert (
        '  # measured; believed was "accept_then_drop": look-ups know two messages\n  dedupe: "off"\n' in text
    )
    assert "# burst: not decidable: not tried\n" in text
    assert "# size_limit: none of the simulator's values: 25,000,001 bytes were taken" in text
    assert "taken\n  static_token" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_a_profile_of_nothing_is_one_too(tmp_path: Path) -> None:
    """Then all is as believed."""
    path = tmp_path / "front.yaml"
    path.write_text(as_profile(report({})), encoding="utf-8")
    assert settings(str(path)).switches == PROFILES["front"]


def test_a_profile_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report was printed before."""
    given = loaded(folder(tmp_path))

    async def done(*_: object, **__: object) -> Ended:
        return Ended(report({}))

    monkeypatch.setattr(command, "_probed", done)
    with pytest.raises(Unusable, match=r"^--profile-out: cannot write .*: Is a directory$"):
        command.run(given, Asked(channel="cha_9", confirm="cha_9", profile_out=tmp_path))
