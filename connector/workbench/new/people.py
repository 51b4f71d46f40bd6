"""People in a first mapping file: handle, name and e-mail address of somebody outside the company.

A topicName is no person's name, an agent's number nobody's outside. What is joined from several fields is said.
"""

from connector.workbench.new import words as names
from connector.workbench.new.fields import Field, words
from connector.workbench.new.guess import MAYBE, Found, Guesser, text_of
from connector.workbench.new.parts import (
    NUMBER,
    TEXT_ONLY,
    Entry,
    code,
    poor_note,
    required_note,
)

NOBODY = names.NO_PERSON | names.OUR_SIDE


def person_entries(
    guesser: Guesser,
    target: str,
    phrases: names.Phrases,
    *,
    handle: str,
    email: bool,
    without: frozenset[str] = frozenset(),
) -> tuple[Entry, ...]:
    """A person's handle and name, and e-mail address where Front takes one. `without`: words of the other side."""
    nobody = NOBODY | without
    found = guesser.find(phrases, without=nobody)
    if found is None:
        note = "no field looks like the person's number or address"
        guesser.gap(f"{target}.handle", handle, note)
        return (Entry("handle", handle, note),)
    if found.field.kind == "text" and "email" not in words(found.field.path[-1]):
        guesser.sample(found.field, NUMBER)
    note = required_note(found)
    first = Entry("handle", code(guesser.take(found, f"{target}.handle", text_of(found.field), note)), note)
    near = found.field.path
    name = _name(guesser, f"{target}.name", near, nobody)
    if not email or (mail := guesser.find(names.EMAIL, near=near, without=nobody)) is None:
        return (first, *name)
    note = poor_note(mail)
    written = guesser.take(mail, f"{target}.email", text_of(mail.field), note)
    return (first, *name, Entry("email", code(written), note))


def _name(guesser: Guesser, target: str, near: tuple[str, ...], nobody: frozenset[str]) -> tuple[Entry, ...]:
    """The name to show: in one field, joined from two, or one part of it."""

    def found_by(phrases: names.Phrases) -> Found | None:
        return guesser.find(phrases, TEXT_ONLY, near, nobody)

    whole = found_by(names.NAME)
    first, last, nick = (found_by(each) for each in (names.FIRST_NAME, names.LAST_NAME, names.NICKNAME))
    if whole is not None and not any(one and one.field == whole.field for one in (first, last, nick)):
        if words(whole.field.path[-1]) == ("name",) and len(whole.field.path) == 1:
            whole = whole.at_most(MAYBE)  # of whom, or of what, a record's own "name" does not say
        note = poor_note(whole)
        return (Entry("name", code(guesser.take(whole, target, text_of(whole.field), note)), note),)
    if first is not None and last is not None:
        note = _with_others(f"joined from {first.field.code} and {last.field.code}", nick)
        guesser.taken.add(last.field.path)
        joined = guesser.take(first.at_most(MAYBE), target, _joined(first.field, last.field), note)
        return (Entry("name", code(joined), note),)
    one = nick or first or last
    if one is None:
        return ()
    rest = next((each for each in (first, last) if each is not None and each is not one), None)
    note = _with_others("a guess", rest)
    return (Entry("name", code(guesser.take(one.at_most(MAYBE), target, one.field.code, note)), note),)


def _with_others(note: str, other: Found | None) -> str:
    return note if other is None else f"{note}; there is also {other.field.code}"


def _joined(first: Field, last: Field) -> str:
    """Both names where both are there, the first alone where the last is absent, nothing where the first is."""
    if not last.optional:
        return first.with_it(f'@ + " " + {last.code}')
    return first.with_it(f'(@ + " " + {last.maybe}.orValue("")).trim()')
