"""The verb `probe` from its options to its exit code: asks for the channel's name, runs, prints, writes the profile.

Raises `Unusable` for options that cannot be followed, for a channel that is not confirmed, and for a Front that is not there
or does not let us in. Never shows a secret or a token.
"""

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path

import typer
from pydantic import SecretStr

from connector.adapters.files import FixedSecret, SecretFile, secret_of
from connector.adapters.front import settings as front_settings
from connector.adapters.front.carrier import Carrier
from connector.config import Loaded
from connector.config.front import FrontSettings
from connector.workbench.probe.asking import Asker, Pace, Stopped, Times, Whom
from connector.workbench.probe.choice import Asked, BadChoice, Target, chosen
from connector.workbench.probe.items import Items
from connector.workbench.probe.profile import as_profile
from connector.workbench.probe.report import Report, as_json
from connector.workbench.probe.text import as_text, plan
from connector.workbench.probe.tokens import Refused
from connector.workbench.probe.trials import Ended, probe
from connector.workbench.unusable import EXIT_CONFIG, EXIT_DENIED, EXIT_UNAVAILABLE, Unusable

EXIT_REFUTED = 1
EXIT_INTERRUPTED = 130
_LARGE_DEADLINE_S = 180.0
"""For an upload of 25 MB from an office."""


def run(loaded: Loaded, asked: Asked) -> int:
    """The exit code."""
    target = chosen(asked, loaded)
    if isinstance(target, BadChoice):
        raise Unusable(target.why)
    out = asked.profile_out
    if out is not None and not out.parent.is_dir():
        raise Unusable(f"--profile-out: there is no folder {out.parent}")
    typer.echo(plan(target, large=asked.large), err=True)
    if asked.confirm is None:
        _confirm(target)
    try:
        ended = asyncio.run(_probed(loaded, target, large=asked.large))
    except KeyboardInterrupt:
        raise Unusable(
            "interrupted: what was sent stays in Front, and a call may be open", EXIT_INTERRUPTED
        ) from None
    _give(ended.report, asked)
    if ended.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_REFUTED if ended.report.refuted else 0


def _confirm(target: Target) -> None:
    if not sys.stdin.isatty():
        raise Unusable(
            f"{target.channel} is not confirmed: stdin is no terminal to ask at, so say --confirm {target.channel};"
            " nothing was sent"
        )
    typer.echo(f"Type the channel's id to go on: {target.channel}\n> ", nl=False, err=True)
    try:
        typed = sys.stdin.readline().strip()
    except KeyboardInterrupt:
        raise Unusable("interrupted: nothing was sent", EXIT_INTERRUPTED) from None
    if typed != target.channel:
        raise Unusable(f"{target.channel} is not confirmed: another text was typed; nothing was sent")


async def _probed(loaded: Loaded, target: Target, *, large: bool) -> Ended:
    front = loaded.settings.front
    carrier = _carrier(front, large=large)
    pace = Pace(per_second=front.rate_limit.channel_per_second, per_minute=target.per_minute)
    app = front.apps[target.app]
    try:
        tokens = front_settings.tokens(app, front.token_life_s, _secret)
        whom = Whom(target.base_url, target.channel, tokens)
        await carrier.start()
        asker = Asker(carrier, whom, Times(), pace)
        items = Items(target.channel, secrets.token_hex(4))
        return await probe(
            asker, items, large=large, tell=lambda what: typer.echo(f"trying {what} ...", err=True)
        )
    except Refused as why:
        raise Unusable(_refused(str(why), target), EXIT_DENIED) from None
    except Stopped as why:
        raise Unusable(f"{target.base_url} cannot be asked: {why}", EXIT_UNAVAILABLE) from None
    except ValueError as why:
        raise Unusable(f"invalid configuration: {why}", EXIT_CONFIG) from None
    finally:
        await carrier.close()


def _refused(said: str, target: Target) -> str:
    hint = "scopes of the app; a channel of another app or company"
    if said == "401":
        hint = "this machine's clock; the app's secret and uid; a channel of another app"
    return f"Front does not take the token for {target.channel}: answered {said}. Look at: {hint}"


def _carrier(front: FrontSettings, *, large: bool) -> Carrier:
    if large:
        front = front.model_copy(update={"request_deadline_s": _LARGE_DEADLINE_S})
    try:
        return front_settings.carrier(front, 1, _secret)
    except ValueError as why:
        raise Unusable(f"invalid configuration: {why}", EXIT_CONFIG) from None


class _Unobserved:
    """A run is short: what happens to a secret's file meanwhile is nobody's news."""

    def secret_reloaded(self, path: str) -> None:
        """Nothing to do."""

    def secret_kept(self, path: str, why: str) -> None:
        """Nothing to do."""


def _secret(value: SecretStr | None, file: Path | None) -> FixedSecret | SecretFile:
    return secret_of(value, file, time.monotonic, _Unobserved())


def _give(report: Report, asked: Asked) -> None:
    if asked.as_json:
        sys.stdout.write(f"{json.dumps(as_json(report), indent=2, ensure_ascii=False)}\n")
    else:
        typer.echo(as_text(report))
    if asked.profile_out is not None:
        try:
            asked.profile_out.write_text(as_profile(report), encoding="utf-8")
        except OSError as error:
            raise Unusable(f"--profile-out: cannot write {asked.profile_out}: {error.strerror}") from None
        typer.echo(f"written: {asked.profile_out}", err=True)
