"""Messages, templates and channels in a first mapping file: what their operations are made of."""

from connector.workbench.new import words as names
from connector.workbench.new.fields import items_of, words
from connector.workbench.new.guess import Guesser, quoted
from connector.workbench.new.parts import (
    TEXT_ONLY,
    Entry,
    Parts,
    Source,
    choice_entry,
    code,
    or_value,
    poor_note,
    required_note,
    text_entries,
    time_entries,
)
from connector.workbench.new.people import NOBODY, person_entries

_MESSAGE_ID = "body.metadata.external_id"


def _metadata(guesser: Guesser) -> Entry:
    message = text_entries(guesser, _MESSAGE_ID, names.MESSAGE, otherwise=None) or _made_up(guesser)
    conversation = text_entries(guesser, "body.metadata.external_conversation_id", names.CONVERSATION)
    reply = text_entries(guesser, "body.metadata.referenced_message_external_id", names.REPLY, otherwise=None)
    return Entry("metadata", (*message, *conversation, *reply))


def _made_up(guesser: Guesser) -> tuple[Entry, ...]:
    """An id for messages that have none."""
    own, note = code("record_id"), "no field looks like a message's id: this is made of where the record lies"
    guesser.gap(_MESSAGE_ID, own, note)
    return (Entry("external_id", own, note),)


def _message(guesser: Guesser) -> tuple[Entry, ...]:
    """All but the people and the metadata."""
    subject = text_entries(guesser, "body.subject", names.SUBJECT, otherwise=None, kinds=TEXT_ONLY)
    found = guesser.find(names.TEXT, TEXT_ONLY)
    if found is None:
        note = "no field looks like the text"
        guesser.gap("body.body", "TODO", note)
        body = Entry("body", "TODO", note)
    else:
        is_html = any("html" in words(name) for name in found.field.path)
        expression = found.field.code if is_html else found.field.with_it("html_escape(@)")
        body = Entry("body", code(guesser.take(found, "body.body", expression)), required_note(found))
    return (*subject, body, *time_entries(guesser, "body.delivered_at", names.SENT, "s"))


def inbound_message(guesser: Guesser, _: Source) -> Parts:
    """A message from somebody outside."""
    metadata = _metadata(guesser)
    sender = person_entries(
        guesser,
        "body.sender",
        names.SENDER + names.PERSON,
        email=True,
        handle="someone",
        without=names.CALLED,
    )
    return (), (Entry("sender", sender), *_message(guesser), metadata)


def outbound_message(guesser: Guesser, source: Source) -> Parts:
    """A message to somebody outside."""
    metadata = _metadata(guesser)
    sender = text_entries(guesser, "body.sender_name", names.AGENT_NAME, otherwise=None, kinds=TEXT_ONLY)
    return (), (*sender, _recipients(guesser, source), *_message(guesser), metadata)


def _recipients(guesser: Guesser, source: Source) -> Entry:
    found = guesser.find(names.RECIPIENTS, ("list",))
    if found is not None:
        item, fields = items_of(found.field, source.schema, "r")
        handle = Guesser(fields).find(names.HANDLE, TEXT_ONLY, without=NOBODY)
        if item in ("string", {"type": "string"}):
            made: str | None = '{"handle": r}'
        else:
            made = None if handle is None else f'{{"handle": {or_value(handle.field, quoted(""))}}}'
        if made is not None:
            expression = f"{found.field.code}.map(r, {made})"
            rated = found if handle is None else found.at_most(handle.score)
            note = required_note(rated)
            return Entry("to", code(guesser.take(rated, "body.to", expression, note)), note)
    person = person_entries(
        guesser,
        "body.to[0]",
        names.RECIPIENT + names.TO + names.PERSON,
        email=True,
        handle="someone",
        without=names.CALLING,
    )
    return Entry("to", [person])


def message_status(guesser: Guesser, _: Source) -> Parts:
    """A message that failed."""
    message = text_entries(guesser, "path.message_ext_id", names.MESSAGE)
    conversation = text_entries(guesser, "path.conv_ext_id", names.CONVERSATION)
    reason = text_entries(guesser, "body.reason", names.REASON, otherwise=None, kinds=("text", "enum"))
    return (*conversation, *message), (Entry("status", "failed"), *reason)


# --- channel and templates --------------------------------------------------------------------------------------------


def update_channel(guesser: Guesser, _: Source) -> Parts:
    """How the line is."""
    found = guesser.find(names.HEALTH, ("enum", "text", "bool"))
    if found is not None and found.field.kind == "bool":
        down = set(words(found.field.path[-1])) & {"offline", "down", "disconnected", "disabled"}
        choice = '@ ? "offline" : "ok"' if down else '@ ? "ok" : "offline"'
        expression = guesser.take(found, "body.status", found.field.with_it(choice))
        return (), (Entry("status", code(expression), poor_note(found)),)
    return (), (choice_entry(guesser, "body.status", names.HEALTH, names.HEALTH_STATUS, "ok"),)


def template(guesser: Guesser, _: Source) -> Parts:
    """A template in full."""
    ids = text_entries(guesser, "body.external_id", names.TEMPLATE)
    guesser.taken.clear()
    return (), (*ids, *_template_body(guesser, whole=True))


def template_change(guesser: Guesser, _: Source) -> Parts:
    """What changed of a template."""
    ids = text_entries(guesser, "path.external_id", names.TEMPLATE)
    guesser.taken.clear()
    return ids, _template_body(guesser, whole=False)


def _template_body(guesser: Guesser, *, whole: bool) -> tuple[Entry, ...]:
    """`whole`: every field is needed."""
    name = text_entries(
        guesser, "body.name", names.TEMPLATE_NAME, otherwise="TODO" if whole else None, kinds=TEXT_ONLY
    )
    text = guesser.find(names.TEMPLATE_TEXT, TEXT_ONLY)
    made: list[Entry] = [*name]
    if text is not None:
        blurb = text.field.with_it("truncate(strip_html(@), 120)")
        made.append(Entry("blurb", code(guesser.take(text, "body.blurb", blurb)), poor_note(text)))
        guesser.taken.discard(text.field.path)
        made.append(
            Entry("template_preview", code(guesser.take(text, "body.template_preview", text.field.code)))
        )
    elif whole:
        guesser.gap("body.template_preview", "TODO", "no field looks like the text")
        made += [Entry("blurb", "TODO", "no field looks like the text"), Entry("template_preview", "TODO")]
    disabled = guesser.find(names.DISABLED, ("bool",))
    if disabled is not None:
        made.append(
            Entry("is_disabled", code(guesser.take(disabled, "body.is_disabled", disabled.field.code)))
        )
    elif whole:
        made.append(Entry("is_disabled", "false", "true: the template cannot be used"))
    if whole or guesser.find(names.APPROVAL, ("enum",)) is not None:
        made.append(
            choice_entry(guesser, "body.status_name", names.APPROVAL, names.APPROVAL_STATUS, "APPROVED")
        )
    if whole:
        made.append(Entry("variable_mappings", "[]", "the gaps in the text, each with uid, name and type"))
        guesser.gap("body.variable_mappings", "[]", "the gaps in the text, each with uid, name and type")
    return tuple(made)
