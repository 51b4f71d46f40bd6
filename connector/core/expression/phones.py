"""Phone numbers by `phonenumbers`, the Python port of Google's libphonenumber: E.164 text, or whether a text is a number.

What a valid number is says that library's table of the world's numbering plans, which is of the day the library was released.
"""

from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from connector.core.expression.values import Budget, EvaluationError

PHONE_MAX: Final = 100
"""Characters of a text that may be a number: parsing takes time with the square of the length, here at most some 0.2 ms."""

REGIONS: Final = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries and territories, by ISO 3166-1 alpha-2."""


def e164(budget: Budget, text: str, region: str | None = None) -> str:
    """The number as ITU-T E.164 writes it: +, country code, number, e.g. +493012345678.

    `region` is the country whose number it is when it is written without +. Raises EvaluationError for what is no valid number.
    """
    number = _parsed(budget, "e164", text, region)
    if number is None:
        hint = "" if region is not None else '; without a + the country is needed: e164(text, "DE")'
        raise EvaluationError(f"e164: the text is not a valid phone number{hint}")
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def is_phone(budget: Budget, text: str, region: str | None = None) -> bool:
    """Whether `e164` takes the same arguments."""
    return _parsed(budget, "is_phone", text, region) is not None


def why_no_region(region: str) -> str | None:
    """What is wrong with a region, without naming it: it may come from a record."""
    if region in REGIONS:
        return None
    return 'the region must be two capital letters of ISO 3166, such as "DE", "US" or "GB"'


def _parsed(budget: Budget, function: str, text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    """The valid number that a text is. An unknown region is an error, not a text that is no number."""
    wrong = None if region is None else why_no_region(region)
    if wrong is not None:
        raise EvaluationError(f"{function}: {wrong}")
    budget.read_phone()
    if len(text) > PHONE_MAX:
        return None
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
