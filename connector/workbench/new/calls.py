"""Calls in a first mapping file: what create-call and the operations on a call are made of."""

from collections.abc import Sequence
from dataclasses import replace

from connector.workbench.new import words as names
from connector.workbench.new.directions import Direction, Side, sides_of
from connector.workbench.new.fields import Field, items_of
from connector.workbench.new.guess import Found, Guesser, quoted, sorted_symbols, text_of
from connector.workbench.new.parts import (
    TEXT_ONLY,
    DraftRule,
    Entry,
    Parts,
    Source,
    channel_entry,
    choice_entry,
    code,
    or_value,
    poor_note,
    required_note,
    rule_of,
    text_entries,
    time_entries,
)
from connector.workbench.new.people import person_entries
from connector.workbench.new.times import written_in


def create_call(source: Source) -> list[DraftRule]:
    """One rule for each direction, as Front wants `from` in one case and `to` in the other."""
    sides: tuple[Side | None, ...] = sides_of(source) or (None,)
    return [_one_way(source, side) for side in sides]


def _one_way(source: Source, side: Side | None) -> DraftRule:
    guesser = Guesser(source.fields)
    if side is None:
        todo = "no field says who calls whom: this takes every call for an incoming one"
        guesser.gap("when", "", todo)
    else:
        todo = side.todo
        side.taken_by(guesser)
    direction: Direction = "inbound" if side is None else side.direction
    channel = channel_entry(guesser, source)
    body = _call_body(guesser, direction)
    name = {"inbound": "incoming call", "outbound": "outgoing call"}[direction]
    when = () if side is None else (side.condition,)
    return replace(
        rule_of(name, "create-call", guesser, (channel, Entry("body", body)), when),
        todo=todo,
        direction=direction if side else None,
    )


def _call_body(guesser: Guesser, direction: Direction) -> tuple[Entry, ...]:
    ids = text_entries(guesser, "body.external_call_id", names.CALL)
    parent = guesser.find(names.PARENT_CALL)
    own = ids[0].value
    assert isinstance(own, str)
    if parent is None:
        joined = Entry("parent_external_call_id", own)
    else:
        expression = text_of(parent.field)
        if parent.field.optional and own.startswith("'${"):
            base = own.removeprefix("'${").removesuffix("}'")
            text = parent.field.maybe if expression == parent.field.code else expression
            expression = f"{text}.orValue({base})"
        joined = Entry(
            "parent_external_call_id",
            code(guesser.take(parent, "body.parent_external_call_id", expression)),
            poor_note(parent),
        )
    side = "from" if direction == "inbound" else "to"
    phrases = (names.FROM if direction == "inbound" else names.TO) + names.PERSON
    other = names.CALLED if direction == "inbound" else names.CALLING
    person = person_entries(
        guesser, f"body.{side}", phrases, email=False, handle="'+15550100001'", without=other
    )
    return (
        *ids,
        joined,
        Entry("initial_status", "ringing"),
        Entry("direction", direction),
        Entry(side, person),
        *time_entries(guesser, "body.started_at", names.START, "ms"),
        *text_entries(
            guesser, "body.agent_email_address", names.AGENT_EMAIL, otherwise=None, kinds=TEXT_ONLY
        ),
    )


def _call_path(guesser: Guesser) -> tuple[Entry, ...]:
    return text_entries(guesser, "path.external_call_id", names.CALL)


def update_call(guesser: Guesser, _: Source) -> Parts:
    """The state, in Front's words."""
    path = _call_path(guesser)
    return path, (
        choice_entry(guesser, "body.call_status", names.STATE, names.CALL_STATUS, "ringing"),
        *time_entries(guesser, "body.occurred_at", names.TIME, "ms"),
        *text_entries(
            guesser, "body.agent_email_address", names.AGENT_EMAIL, otherwise=None, kinds=TEXT_ONLY
        ),
    )


def add_summary(guesser: Guesser, _: Source) -> Parts:
    """The text."""
    return _call_path(guesser), text_entries(guesser, "body.content", names.SUMMARY, kinds=TEXT_ONLY)


def add_recording(guesser: Guesser, _: Source) -> Parts:
    """The file."""
    path = _call_path(guesser)
    kind = choice_entry(guesser, "body.recording_type", names.RECORDING_KIND, names.RECORDING_TYPE, "call")
    found = guesser.find(names.FILE, ("bytes",)) or next(
        (Found(each, 60) for each in guesser.fields if each.kind == "bytes"), None
    )
    if found is None:
        url = guesser.find(names.FILE_URL, TEXT_ONLY)
        note = "no field has bytes: a recording must be in the record"
        if url is not None:
            note += f" (at {url.field.code} there is an address)"
        guesser.gap("body.attachments", 'b"TODO"', note)
        file = (
            Entry("name", "recording.wav"),
            Entry("content_type", "audio/wav"),
            Entry("content", code('b"TODO"')),
        )
        return path, (kind, Entry("attachments", [file], note))
    near = found.field.path
    content = code(guesser.take(found, "body.attachments[0].content", found.field.code))
    name = text_entries(
        guesser, "body.attachments[0].name", names.FILE_NAME, otherwise="recording.wav", near=near
    )
    media = guesser.find(names.FILE_TYPE, TEXT_ONLY, near)
    if media is None:
        typed = Entry("content_type", "audio/wav", "no field says the type of the file")
        guesser.gap("body.attachments[0].content_type", "audio/wav", typed.todo)
    else:
        guesser.sample(media.field, "audio/wav")
        written = guesser.take(media, "body.attachments[0].content_type", media.field.code)
        typed = Entry("content_type", code(written), required_note(media))
    return path, (
        kind,
        Entry("attachments", [(*name, typed, Entry("content", content, required_note(found)))]),
    )


def add_transcript(guesser: Guesser, source: Source) -> Parts:
    """The lines."""
    path = _call_path(guesser)
    found = guesser.find(names.LINES, ("list",))
    if found is not None:
        item, fields = items_of(found.field, source.schema, "s")
        made = _line(fields) if fields else _plain_line(item)
        if made is not None:
            note = "check who is internal and who is external, and that offsets are taken in their unit;"
            note += " an empty list is refused by Front"
            expression = f"{found.field.code}.map(s, {made})"
            return path, (Entry("lines", code(guesser.take(found, "body.lines", expression, note)), note),)
    note = "no field is a list of what was said; this makes one line"
    guesser.gap("body.lines", "", note)
    text = guesser.find(("transcript", "transcription", *names.TEXT), TEXT_ONLY)
    content = code(guesser.take(text, "body.lines[0].content", text.field.code)) if text else "TODO"
    line = (
        Entry("speaker_name", "Caller"),
        Entry("content", content),
        Entry("start_time_seconds", "0"),
        Entry("speaker_type", "external"),
    )
    return path, (Entry("lines", [line], note),)


def _plain_line(item: object) -> str | None:
    if item not in ("string", {"type": "string"}):
        return None
    return '{"speaker_name": "Caller", "content": s, "start_time_seconds": 0.0, "speaker_type": "external"}'


def _line(fields: Sequence[Field]) -> str | None:
    """One line of a transcript from an element's fields; None: nothing in it is text."""
    inner = Guesser(fields)
    text = inner.find(names.LINE_TEXT, TEXT_ONLY)
    if text is None:
        return None
    inner.taken.add(text.field.path)
    side = inner.find(names.LINE_SIDE, ("enum",))
    speaker_type = '"external"'
    if side is not None:
        known, _ = sorted_symbols(side.field.symbols, names.SPEAKER_TYPE)
        outside = [symbol for symbol, word in known.items() if word == "external"]
        value = f'{side.field.maybe}.orValue("")' if side.field.optional else side.field.code
        if outside:
            speaker_type = f'{value} in [{", ".join(map(quoted, outside))}] ? "external" : "internal"'
    speaker = inner.find(names.LINE_SPEAKER, ("text", "enum"))
    name = '"Caller"' if speaker is None else or_value(speaker.field, '"Caller"')
    start = inner.find(names.LINE_START, ("int", "double", "time"))
    seconds = "0.0"
    if start is not None:
        number = or_value(start.field, "0" if start.field.kind != "double" else "0.0")
        written = written_in(start.field)
        thousand = written.unit == "ms" and not written.assumed
        seconds = f"double({number})" + (" / 1000.0" if thousand else "")
    content = or_value(text.field, '""')
    rows = {
        "speaker_name": name,
        "content": content,
        "start_time_seconds": seconds,
        "speaker_type": speaker_type,
    }
    return "{" + ", ".join(f"{quoted(key)}: {value}" for key, value in rows.items()) + "}"
