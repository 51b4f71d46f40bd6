"""Does Front take the app's token? Proven by one request that changes nothing, and only if the user allows it.

It is `PATCH /channels/{id}` with `{}`: an update of the channel without a field to update. Front checks the token before it
looks for anything, so whatever else it answers, 401 and 403 speak of the credential. Nothing is created.
"""

import time
from collections.abc import Sequence
from typing import Final

from connector.adapters.front import settings as front_settings
from connector.adapters.front.tokens import StaticToken
from connector.config import Loaded
from connector.core.answers import Answer, Answered
from connector.core.clock_skew import WARN_ABOVE_S, corrected
from connector.core.mapping.channels import RowValue
from connector.core.operations import OPERATIONS, Request, build
from connector.core.outcome import front_details, proves_credentials
from connector.core.records import Channel
from connector.workbench.doctor.front import Front
from connector.workbench.doctor.results import Fine, NotChecked, Result, Wrong
from connector.workbench.doctor.silent import secret

NOT_ASKED: Final = (
    "whether Front takes it is asked with --ask-front: PATCH /channels/<id> with {}, which changes nothing"
)


async def look(front: Front, loaded: Loaded, app: str, *, ask: bool) -> Sequence[Result]:
    """Make a token; with `ask` show it to Front, for the first channel of the app that the directory has."""
    settings = front.settings.apps[app]
    try:
        tokens = front_settings.tokens(settings, front.settings.token_life_s, secret)
        tokens.mint("cha_none", time.time())
    except ValueError as why:
        return (Wrong(str(why), f"mend the secret of front.apps.{app}"),)
    made = "an API token" if isinstance(tokens, StaticToken) else f"a token is signed for uid {settings.uid}"
    if not ask:
        return (NotChecked(f"{made}; {NOT_ASKED}"),)
    row = next((row for row in loaded.channels.rows.values() if row["app"] == app), None)
    if row is None:
        return (NotChecked(f"{made}; the directory has no channel of the app to ask for"),)
    skew = front.skew(settings.base_url)
    token = tokens.mint(row["channel"], corrected(time.time(), skew))
    more = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = await front.ask(settings.base_url, "PATCH", _path(row), **more)
    return (judged(app, row["channel"], answer, skew),)


def _path(row: RowValue) -> str:
    """As every operation makes its paths."""
    channel = Channel(id=row.get("alias", row["channel"]), real_id=row["channel"], company="", app="")
    request = build(OPERATIONS["update-channel"], channel, {}, {}, "doctor")
    assert isinstance(request, Request), request
    return request.http.path


def judged(app: str, channel: str, answer: Answer, skew: float | None) -> Result:
    """What the answer says of the credential. `skew`: our clock less Front's, in seconds."""
    asked = f"PATCH /channels/{channel} with {{}}"
    if not isinstance(answer, Answered):
        return Wrong(f"{asked}: {answer.detail or answer.error}")
    if answer.status == 404 and proves_credentials(answer):
        return Wrong(
            f"Front takes the token, and knows no channel {channel}",
            "the directory's rows must be of the company in which the app is installed",
        )
    if proves_credentials(answer):
        return Fine(f"Front takes the token: {asked} was answered with {answer.status}")
    if answer.status >= 500:
        return NotChecked(f"{asked} was answered with {answer.status}: Front fails; look again later")
    if answer.status == 401:
        if skew is not None and abs(skew) > WARN_ABOVE_S:
            return Wrong(f"Front refuses the token (401) for {channel}", "mend the clock first: see above")
        return Wrong(
            f"Front refuses the token (401) for {channel}",
            f"check uid and secret of front.apps.{app}, and that the channel was made with this app",
        )
    if answer.status == 403:
        return Wrong(
            f"Front does not allow {asked} (403)",
            "check the app's scopes (channels:write), and that the channel is of this app",
        )
    said = ", ".join(front_details(answer.body)[:2])
    return Wrong(
        f"{asked} was answered with {answer.status}{f' ({said})' if said else ''}",
        f"check front.apps.{app}.base_url: https://api2.frontapp.com has no path behind it",
    )
