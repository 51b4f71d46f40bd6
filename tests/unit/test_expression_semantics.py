"""What expressions mean: one table, with Python's own answer in a comment where CEL's differs from it."""

import pytest

from connector.core.expression import ABSENT, EvaluationError, Language, Template

LANGUAGE = Language(["channels"])
SCOPE = {
    "value": {
        "call_id": "c-1",
        "duration": 61_500,
        "rate": 1.5,
        "whole": 3.0,
        "outbound": True,
        "raw": b"\xc3\xa9",
        "bad": b"\xff",
        "body": "<p>Hé &amp; ho</p>",
        "caller": {"number": "+4930", "name": "Ada"},
        "legs": [{"id": 1, "to": "a"}, {"id": 2}],
        "labels": ["new", "vip"],
        "mixed": [1, "x", 2.0, True],
        "in": "reserved",
        "line-id": "l1",
    },
    "headers": {"trace-id": "t9"},
    "schema": {"name": "CallCreated", "namespace": "telephony", "id": 4},
    "topic": "calls",
    "partition": 3,
    "offset": 42,
    "timestamp": 1_700_000_000_123,
    "env": {"REGION": "eu"},
    "channels": {"l1": {"id": "cha_1"}},
}


def evaluate(text: str) -> object:
    template = LANGUAGE.compile(text)
    assert isinstance(template, Template), template
    return template.evaluate(SCOPE)


TABLE = {
    "texts": [
        ("plain", "plain"),
        ("", ""),
        ("costs $5 {x} $", "costs $5 {x} $"),
        ("$${value.call_id}", "${value.call_id}"),
        ("$$${x}", "$${x}"),
        ("${value.call_id}/${offset}", "c-1/42"),
        ("a ${value.rate} ${value.whole} ${value.outbound} ${value.raw}", "a 1.5 3 true é"),
        (" ${offset}", " 42"),
        ('${"}"}${{"a": "{"}.a}${r"\\d"}', "}{\\d"),
        ("${'''a\n'b}'''}", "a\n'b}"),
        ("${value.call_id // } not the end\n}", "c-1"),
    ],
    "paths": [
        ("${value.caller.number}", "+4930"),
        ("${value.duration}", 61_500),
        ("${value.legs}", [{"id": 1, "to": "a"}, {"id": 2}]),
        ('${value["line-id"]}', "l1"),
        ("${value['in']}", "reserved"),
        ("${value.legs[1].id}", 2),
        ("${value.legs[value.legs.size() - 1].id}", 2),
        ("${channels[value['line-id']].id}", "cha_1"),
        ("${channels.l1.id}", "cha_1"),
        ('${headers["trace-id"]}', "t9"),
        ("${schema.id}", 4),
        ("${env.REGION}", "eu"),
        ("${topic}", "calls"),
        ("${timestamp}", 1_700_000_000_123),
        ("${(value.caller).name}", "Ada"),
    ],
    "absent": [
        ("${value.nothing}", ABSENT),
        ("${value.caller.nothing.at.all}", ABSENT),
        ("${value.legs[7].id}", ABSENT),
        ("${channels.l2}", ABSENT),
        ("${key}", ABSENT),
        ("${key.id}", ABSENT),
        ("${value.?nothing}", ABSENT),
        ("${value.?nothing.at.all}", ABSENT),
        ("${value.?caller.?name}", "Ada"),
        ("${optional.none()}", ABSENT),
        ("${value.outbound ? optional.of(1) : optional.none()}", 1),
        ('${value.?nothing.orValue("none")}', "none"),
        ('${value.?nothing.or(value.?caller.name).orValue("none")}', "Ada"),
        ("${value.?nothing.hasValue()}", False),
        ("${value.?caller.value().name}", "Ada"),
        ("${value.legs[?0].?to.orValue(0)}", "a"),
        ("${value.legs[?-1].?to}", ABSENT),
        ('${channels[?"l2"]}', ABSENT),
        ("${value.?duration.optMap(ms, ms / 1000)}", 61),
        ("${value.?caller.optFlatMap(c, c.?email)}", ABSENT),
        ("${has(value.caller.name) && !has(value.caller.email)}", True),
        ("${has(value.?nothing.at)}", False),
        ('${{"a": 1, ?"b": value.?nothing, ?"c": value.?rate}}', {"a": 1, "c": 1.5}),
        ("${[?value.?nothing, 2, ?value.?rate]}", [2, 1.5]),
    ],
    "numbers": [
        ("${7 / 2}", 3),
        ("${-7 / 2}", -3),  # Python: -4
        ("${-7 % 2}", -1),  # Python: 1
        ("${7 % -2}", 1),  # Python: -1
        ("${value.duration / 1000}", 61),
        ("${value.rate / 0.5}", 3.0),
        ("${1.0 / 0.0 == -1.0 / -0.0}", True),
        ("${9223372036854775806 + 1}", 2**63 - 1),
        ("${-9223372036854775808}", -(2**63)),
        ("${-value.rate}", -1.5),
        ("${2 * value.duration - 1}", 122_999),
        ("${dyn(1) < 1.5 && 2.5 > dyn(2)}", True),
        ("${int(-1.9)}", -1),
        ('${int(" 42 ")}', 42),
        ('${double("1e3")}', 1000.0),
        ("${double(2)}", 2.0),
        ("${to_seconds(value.duration)}", 61),
        ("${to_seconds(-1)}", -1),
        ("${to_seconds(1999.9)}", 1),
        ("${to_millis(value.rate)}", 1500),
        ("${to_millis(to_seconds(value.duration))}", 61_000),
        ("${parse_time('2026-01-31T12:00:00+01:00')}", 1_769_857_200_000),
    ],
    "equality": [
        ("${dyn(1) == dyn(true)}", False),  # Python: True
        ("${dyn(1) == dyn(1.0)}", True),
        ("${value.outbound == true}", True),
        ("${value.duration == true}", False),
        ('${value.duration == "61500"}', False),
        ("${dyn([1, [2]]) == dyn([1.0, [2.0]])}", True),
        ("${dyn([1]) == dyn([true])}", False),  # Python: True
        ("${value.caller == {'name': 'Ada', 'number': '+4930'}}", True),
        ("${value.caller != {'name': 'Ada'}}", True),
        ("${0.0 / 0.0 == 0.0 / 0.0}", False),
        ("${[value.rate] == [value.whole / 2.0]}", True),
        ("${true in value.mixed && !(false in value.mixed)}", True),
        ("${2 in value.mixed}", True),
        ('${"name" in value.caller}', True),
        ('${"b" < "é" && b"a" < b"b" && false < true}', True),
    ],
    "conditions": [
        ('${value.outbound ? "out" : "in"}', "out"),
        ("${value.nothing == 1 || true}", True),
        ("${true || value.nothing == 1}", True),
        ("${false && value.nothing == 1}", False),
        ("${value.nothing == 1 && false}", False),
        ("${value.call_id == 'c-1' && offset > 1 && !(topic == 'x')}", True),
    ],
    "loops": [
        ("${value.legs.map(leg, leg.id)}", [1, 2]),
        ("${value.legs.map(leg, has(leg.to), leg.id * 10)}", [10]),
        ("${value.legs.filter(leg, leg.id > 1)}", [{"id": 2}]),
        ('${value.labels.exists(label, label == "vip")}', True),
        ("${value.mixed.exists(x, x > 1)}", True),
        ("${value.labels.all(label, size(label) == 3)}", True),
        ("${value.labels.exists_one(label, label.startsWith('v'))}", True),
        ("${[].all(x, x > 0)}", True),
        ("${value.caller.map(field, field)}", ["number", "name"]),
        ("${[1, 2].map(x, [10, 20].map(y, x * y))}", [[10, 20], [20, 40]]),
        ("${value.labels.map(value, value)}", ["new", "vip"]),
        (
            '${{"list": value.labels.map(l, {"name": l, "at": offset})}}',
            {"list": [{"name": n, "at": 42} for n in ("new", "vip")]},
        ),
    ],
    "strings": [
        ('${value.caller.name + " " + value.caller.number}', "Ada +4930"),
        ("${size('\U0001f600é')}", 2),
        ("${'\U0001f600é'.substring(1)}", "é"),
        ("${'abc'.substring(0, 3)}", "abc"),
        ("${'abc'.charAt(3)}", ""),
        ("${'tacocat'.indexOf('c') + 'tacocat'.lastIndexOf('c')}", 6),
        ("${'ÀB'.lowerAscii() + 'àb'.upperAscii()}", "ÀbàB"),
        ("${'\u2003 a \\n'.trim()}", "a"),
        ("${'a b a'.replace('a', 'x', 1)}", "x b a"),
        ("${'a,b,c'.split(',', 2)}", ["a", "b,c"]),
        ("${value.labels.join(', ')}", "new, vip"),
        ("${'+49 30'.matches('^[+]?[0-9 ]+$')}", True),
        ("${'xabcx'.matches('b')}", True),
        ("${value.caller.number.matches('^' + '[+]')}", True),
        ("${string(1e6) + string(true) + string(2.0) + string(value.raw)}", "1e+06true2é"),
        ("${bytes('é') == value.raw && size(value.raw) == 2}", True),
        ("${strip_html(value.body)}", "Hé & ho"),
        ("${truncate(strip_html(value.body), 2)}", "Hé"),
        ("${truncate('ab', 5)}", "ab"),
        ('${html_escape("<a href=\'x\'>&\\"")}', "&lt;a href=&#x27;x&#x27;&gt;&amp;&quot;"),
        ("${format_time(timestamp)}", "2023-11-14T22:13:20.123Z"),
        ("${e164('030/1234-5678', 'DE')}", "+493012345678"),
        ("${is_phone(value.caller.name)}", False),
        ("${sha256('é')}", "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"),
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(*row, id=f"{group}: {row[0]!r}") for group, rows in TABLE.items() for row in rows],
)
def test_a_text_has_the_value_in_the_table(text: str, expected: object) -> None:
    """Value and kind, with maps in the order written."""
    found = evaluate(text)
    assert (found, type(found), repr(found)) == (expected, type(expected), repr(expected))


@pytest.mark.parametrize(
    "expression",
    [
        *(
            "9223372036854775807 + 1",
            "-9223372036854775807 - 2",
            "4611686018427387904 * 2",
            "-9223372036854775808 / -1",
        ),
        *(
            "-(-9223372036854775808)",
            "-9223372036854775808 % -1",
            "1 / 0",
            "1 % 0",
            "value.rate + value.duration",
        ),
        *(
            "value.call_id + offset",
            "value.caller + value.caller",
            "value.outbound + value.outbound",
            "value.rate % value.rate",
        ),
        *(
            "value.call_id < offset",
            "value.labels < value.labels",
            "value.call_id ? 1 : 2",
            "value.call_id && true",
            "!value.rate",
        ),
        *(
            "value.mixed.all(x, x > 0)",
            "value.labels.exists_one(x, x > 1)",
            "value.duration.map(x, x)",
            "value.call_id in value.call_id",
        ),
        *(
            "value.mixed[1.5]",
            "value.mixed[-1]",
            "value.mixed[true]",
            "value.call_id[0]",
            "value.legs.id + 1",
            "value.rate.?x.orValue(1)",
        ),
        *(
            "int('1.5')",
            "int(1e19)",
            "double('x')",
            "bool('yes')",
            "string(value.bad)",
            "string(value.caller)",
            "size(value.duration)",
        ),
        *(
            "'abc'.substring(2, 1)",
            "'abc'.substring(4)",
            "'abc'.charAt(-1)",
            "'abc'.indexOf('a', 9)",
            "value.mixed.join()",
        ),
        *(
            "'a'.matches('(' + 'b')",
            "{value.call_id: 1, 'c-' + '1': 2}",
            "{string(1): 1}[string(2)]",
            "truncate('a', -1)",
        ),
        *(
            "to_millis(1e300)",
            "format_time(9223372036854775807)",
            "parse_time(value.call_id)",
            "e164(value.call_id)",
        ),
        *("to_seconds(1e300)", "to_seconds(0.0 / 0.0)", "value.?nothing.value()", "value.nothing.orValue"),
    ],
)
def test_what_has_no_value_is_an_evaluation_error(expression: str) -> None:
    """Where Python would go on (or raise something of its own), CEL has an error."""
    with pytest.raises(EvaluationError):
        evaluate("${[" + expression + "][0]}")


def test_roots_name_the_variables_that_a_template_reads() -> None:
    """Macro variables hide a root of the same name; a text without variables is constant."""
    template = LANGUAGE.compile("${value.labels.map(topic, topic)} ${channels.l1} $${offset}")
    assert isinstance(template, Template)
    assert (template.roots, template.is_constant) == ({"value", "channels"}, False)
    for text in ("plain", "${1 + 1}", ""):
        template = LANGUAGE.compile(text)
        assert isinstance(template, Template)
        assert (template.roots, template.is_constant) == (frozenset(), True)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<div><p>a</p>\n<p>b</p></div>", "a\n\nb"),
        ("<ul><li>x</li><li>y</li></ul>", "x\n\ny"),
        ("a <b>bold</b>,  <i>it</i>", "a bold, it"),
        ("a&nbsp;&lt;b&gt;&#x2764;&#8364;", "a <b>❤€"),
        ("<style>p{}</style>a<script>if (a<b) x()</script>b<!-- c --d -->e", "abe"),
        ("<a title=\"1>0\" href='x'>link</a>", "link"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<!DOCTYPE html><?xml?><p>a", "a"),
        ("a <script>never closed", "a"),
        ("a <b never closed", "a"),
        ("a <!-- never closed", "a"),
        ("&#" + "9" * 5000 + ";", "&#" + "9" * 5000 + ";"),
    ],
)
def test_strip_html_leaves_what_a_reader_sees(html: str, text: str) -> None:
    """Blocks become lines; markup that is never closed ends with the text."""
    template = LANGUAGE.compile("${strip_html(value)}")
    assert isinstance(template, Template)
    assert template.evaluate({"value": html}) == text
