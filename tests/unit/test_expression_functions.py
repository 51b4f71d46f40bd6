"""Times and phone numbers: what they give, what they refuse in which words, and that no text keeps them busy."""

import datetime as dt
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.expression import EvaluationError, Language, Problem, Template
from connector.core.expression.phones import PHONE_MAX
from connector.core.expression.values import PHONES_MAX

LANGUAGE = Language()
DAY = 86_400_000


def evaluate(expression: str, value: object = None) -> object:
    template = LANGUAGE.compile("${" + expression + "}")
    assert isinstance(template, Template), template
    return template.evaluate({"value": value})


def refused(expression: str, value: object = None) -> str:
    with pytest.raises(EvaluationError) as error:
        evaluate(expression, value)
    return str(error.value)


# --- times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01t01:00:00,5+01:00", 500),
        ("1970-01-02 00:00Z", DAY),
        ("1970-01-01T00:00+0530", -19_800_000),
        ("1969-12-31T23:00:00-01", 0),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("2026-01-31T12:34:56.123456789Z", 1_769_862_896_123),
        ("2024-02-29T00:00:00Z", 19_782 * DAY),
        ("0001-01-01T00:00:00+23:59", -62_135_596_800_000 - DAY + 60_000),
        ("9999-12-31T23:59:59.999-23:59", 253_402_300_799_999 + DAY - 60_000),
    ],
)
def test_a_time_with_its_zone_becomes_milliseconds(text: str, milliseconds: int) -> None:
    """Parts finer than a millisecond are cut, also before 1970, as those of a record are."""
    assert evaluate("parse_time(value)", text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-01-31", "2026-01-31T25:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:60Z", "20260131T120000Z", "2026-W05-6T12:00:00Z", "2026-01-31T12:00:00Z ", "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+1", "２026-01-31T12:00:00Z", "2026-01-31T12:00:00Z\n", "2026-01-31T12:00:00." + "9" * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_no_time_is_an_error(text: str) -> None:
    """On every version of Python the same: 24:00, weeks and digits of other scripts are none anywhere."""
    assert (
        refused("parse_time(value)", text)
        == "parse_time: the text is not a time such as 2026-01-31T12:00:00Z"
    )


def test_a_time_that_would_have_to_be_guessed_is_an_error() -> None:
    """Without a zone, or of a day that was not."""
    no_zone = "parse_time: the time has no zone: it needs Z or an offset such as +01:00"
    assert refused("parse_time(value)", "2026-01-31T12:00:00") == no_zone
    for text in ("2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z"):
        assert refused("parse_time(value)", text) == "parse_time: there is no such day"


@given(
    st.datetimes(
        min_value=dt.datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis puts the zone to it
        max_value=dt.datetime(9999, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-1439, 1439).map(lambda m: dt.timezone(dt.timedelta(minutes=m))),
    )
)
def test_any_time_that_python_writes_is_read(moment: dt.datetime) -> None:
    """The same moment, cut to milliseconds; and written again in UTC it is itself."""
    found = evaluate("parse_time(value)", moment.isoformat())
    assert found == (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    again = evaluate("format_time(value)", found)
    assert isinstance(again, str)
    assert dt.datetime.fromisoformat(again) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    """Also the first and the last that RFC 3339 can write; one further is an error."""
    assert evaluate("format_time(value)", 1_769_862_896_000) == "2026-01-31T12:34:56.000Z"
    assert evaluate("format_time(value)", -1) == "1969-12-31T23:59:59.999Z"
    first, last = -62_135_596_800_000, 253_402_300_799_999
    assert evaluate("format_time(value)", first) == "0001-01-01T00:00:00.000Z"
    assert evaluate("format_time(value)", last) == "9999-12-31T23:59:59.999Z"
    for outside in (first - 1, last + 1, 2**63 - 1, -(2**63)):
        assert refused("format_time(value)", outside) == "format_time: the year is not between 1 and 9999"
    assert refused("format_time(value)", "x") == "format_time: expected an int, found a string"


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [(0, 0), (-3, -3000), (1.001, 1001), (-0.0005, 0), (1.0014999, 1001), (2**53 + 0.0, 2**53 * 1000)]
)  # fmt: skip
def test_seconds_become_milliseconds(seconds: float, milliseconds: int) -> None:
    """Those of a double to the nearest one: 1.001 s is not 1000 ms."""
    found = evaluate("to_millis(value)", seconds)
    assert (found, type(found)) == (milliseconds, int)


@pytest.mark.parametrize(
    "seconds", [2**63 // 1000 + 1, -(2**63), 1e16, -1e300, 1e308, float("inf"), float("nan")]
)
def test_milliseconds_that_do_not_fit_are_an_error(seconds: float) -> None:
    """64 bits, as every int has."""
    assert refused("to_millis(value)", seconds) == "to_millis: the milliseconds do not fit into 64 bits"


def test_a_unit_of_time_is_of_a_number() -> None:
    """A bool is none."""
    assert refused("to_millis(value)", "1") == "to_millis: expected an int or a double, found a string"
    assert refused("to_millis(value)", True) == "to_millis: expected an int or a double, found a bool"


# --- phone numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "text", "number"),
    [
        ("e164(value)", "+49 30 12345678", "+493012345678"),
        ("e164(value)", "+1 (201) 555-0123", "+12015550123"),
        ("e164(value)", "tel:+49-30-12345678", "+493012345678"),
        ('e164(value, "DE")', "030 12345678", "+493012345678"),
        ('e164(value, "DE")', "0049 30 12345678", "+493012345678"),
        ('e164(value, "DE")', "+1 201 555 0123", "+12015550123"),
        ('e164(value, "US")', "201-555-0123 ext. 5", "+12015550123"),
        ('e164(value, "IT")', "06 6982 1234", "+390669821234"),
        ('e164(value, "GB")', "０２０ 7946 0018", "+442079460018"),
    ],
)
def test_a_number_is_written_as_e164(expression: str, text: str, number: str) -> None:
    """From any of the ways in which people write it; one with + needs no region and has its own."""
    assert evaluate(expression, text) == number
    assert evaluate(expression.replace("e164", "is_phone"), text) is True


@pytest.mark.parametrize(
    "text", ["", "anonymous", "+", "+49", "030 12345678", "12", "+999123456789", "sip:a@b", "\0", "\ud800", "1" * 1_000_000]
)  # fmt: skip
def test_what_is_no_valid_number_is_an_error_that_can_be_asked_for_before(text: str) -> None:
    """Without region also what lacks it; the message has nothing of the text."""
    assert refused("e164(value)", text) == (
        'e164: the text is not a valid phone number; without a + the country is needed: e164(text, "DE")'
    )
    assert evaluate("is_phone(value)", text) is False
    assert evaluate("is_phone(value) ? e164(value) : value", text) == text


def test_with_a_region_the_message_asks_for_none() -> None:
    """The advice would be of no use."""
    assert refused('e164(value, "DE")', "12") == "e164: the text is not a valid phone number"


def test_a_region_is_one_of_the_library_s() -> None:
    """One in the file is checked with the file, one of the record with the record; its value is not told."""
    said = 'the region must be two capital letters of ISO 3166, such as "DE", "US" or "GB"'
    assert LANGUAGE.compile('a ${e164(value, "UK")}') == (Problem(f"{said}, not 'UK'", 1, 17),)
    assert LANGUAGE.compile('${is_phone(value, "de")}') == (Problem(f"{said}, not 'de'", 1, 19),)
    assert refused("e164(value, value)", "UK") == f"e164: {said}"
    assert refused("is_phone(value, value)", "+49 30 12345678") == f"is_phone: {said}"
    assert refused("e164(value, value)", 7) == "e164: expected a string, found an int"


def test_only_short_texts_are_read_as_numbers() -> None:
    """The library's time grows with the square of the length."""
    padded = "+49 30 12345678"
    padded = padded.replace(" ", " " * (PHONE_MAX - len(padded) + 1), 1)
    assert len(padded) == PHONE_MAX
    assert evaluate("is_phone(value)", padded) is True
    assert evaluate("is_phone(value)", padded.replace(" ", "  ", 1)) is False


def test_an_evaluation_reads_a_thousand_numbers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing absorbs it, as the rest of the budget."""
    parsed: Any = phonenumbers.PhoneNumber(country_code=49, national_number=3012345678)
    monkeypatch.setattr(phonenumbers, "parse", lambda *_: parsed)
    monkeypatch.setattr(phonenumbers, "is_valid_number", lambda _: True)
    assert evaluate("value.all(x, is_phone(x))", ["1"] * PHONES_MAX) is True
    said = "one evaluation may read 1000 phone numbers, and this is more"
    assert refused("value.all(x, is_phone(x)) || true", ["1"] * (PHONES_MAX + 1)) == said
    assert refused("value.map(x, e164(x))", ["1"] * (PHONES_MAX + 1)) == said


@pytest.mark.parametrize(
    "unit", ["1", "(", "(1", "1-", "+1 ext", "ext", "x", "+", "1 ext. 1", "１", "tel:", ";phone-context=", ",,", " ", "1 ", "."]
)  # fmt: skip
def test_no_text_keeps_the_library_busy_or_makes_it_raise(unit: str) -> None:
    """The longest that is read, of each of the parts that its expressions look for."""
    for text in (unit * PHONE_MAX, "1" + unit * PHONE_MAX, f"+49{unit * PHONE_MAX}x9"):
        assert evaluate('is_phone(value, "DE")', text[:PHONE_MAX]) in (True, False)


@given(st.text(max_size=PHONE_MAX), st.sampled_from([None, "DE", "US", "AR"]))
def test_every_text_is_a_number_or_is_none(text: str, region: str | None) -> None:
    """No exception of the library's passes; what it takes is the number that it writes."""
    arguments = "value" if region is None else f'value, "{region}"'
    if evaluate(f"is_phone({arguments})", text):
        number = evaluate(f"e164({arguments})", text)
        assert evaluate("e164(value)", number) == number
    else:
        assert "not a valid phone number" in refused(f"e164({arguments})", text)
