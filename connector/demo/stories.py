"""Stories: what happens to one entity, as the events a platform would publish; here the short ones, and the list of all.

A story's events are in order, each later than the one before. Nothing here looks at the mapping files, so that what
the events are expected to become is a second opinion about them.
"""

from collections.abc import Callable
from typing import TypeAlias

from connector.demo import companies as world
from connector.demo.call_story import call
from connector.demo.conversation_story import conversation
from connector.demo.records import Accepted, Event, Skipped
from connector.demo.teller import CHANNELS, TEMPLATES, Teller, Thread

Story: TypeAlias = Callable[[Teller, int], list[Event]]
"""Given the moment of its beginning (milliseconds since 1970), all events of one entity, or of a chain of legs."""


def template(teller: Teller, at_ms: int) -> list[Event]:
    """A template is imported, reviewed, sometimes renamed, sometimes withdrawn."""
    company = teller.rng.choice(teller.companies)
    template_id = teller.new_id("tpl")
    thread = Thread(teller, teller.rng.choice(company.chat), TEMPLATES, template_id, at_ms)
    name, html = teller.rng.choice(world.TEMPLATE_TEXTS)
    parameters = [
        {"position": n, "label": label, "kind": "TEXT"} for n, label in ((1, "Customer name"), (2, "Order"))
    ]
    thread.add(
        "messaging.TemplateSynced",
        Accepted(("sync-application-message-template",)),
        template_id=template_id,
        name=name,
        body_html=html,
        approval="SUBMITTED",
        parameters=parameters,
        language="en-GB",
    )
    nothing = {"name": None, "body_html": None, "approval": None, "parameters": None}
    changes: list[dict[str, object]] = [{"approval": "ACCEPTED" if teller.chance(0.8) else "DECLINED"}]
    if teller.chance(0.5):
        changes.append({"name": f"{name}_v2", "body_html": html, "parameters": parameters})
    if teller.chance(0.3):
        changes.append({"approval": "PAUSED"})
    accepted = Accepted(("update-application-message-template",))
    for change in changes:
        thread.wait(20, 200)
        thread.add("messaging.TemplateChanged", accepted, template_id=template_id, **(nothing | change))
    return thread.events


def outage(teller: Teller, at_ms: int) -> list[Event]:
    """A line goes down, or limps, and comes back; in between nobody may know how it is."""
    line = teller.next_outage()
    thread = Thread(teller, line, CHANNELS, line.id, at_ms)
    accepted = Accepted(("update-channel",))
    trouble = teller.rng.choice(("DOWN", "DEGRADED", "MAINTENANCE"))
    thread.add("messaging.ChannelStatusChanged", accepted, health=trouble, note="The carrier reports a fault")
    if teller.chance(0.25):
        thread.wait(2, 20)
        unknown = Skipped("health that the platform cannot tell")
        thread.add("messaging.ChannelStatusChanged", unknown, health="UNKNOWN", note=None)
    thread.wait(20, 90)
    thread.add("messaging.ChannelStatusChanged", accepted, health="UP", note=None)
    return thread.events


STORIES: tuple[tuple[Story, float], ...] = (
    (call, 0.38),
    (conversation, 0.48),
    (template, 0.08),
    (outage, 0.06),
)
"""Each kind of story with its share."""
