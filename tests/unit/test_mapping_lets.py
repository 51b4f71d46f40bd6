"""`let`: what a name gives, how often it is asked, what is wrong with one, and what is said of one that nobody needs."""

import re
from contextlib import suppress
from pathlib import Path

import pytest

from connector.core.expression import BudgetExceeded, EvaluationError, Language, Template
from connector.core.mapping import Plan, Refusal, Result, Rules
from connector.core.mapping.lets import PARTS_MAX, LetScope
from tests.unit.config_files import folder, loaded, problems
from tests.unit.test_mapping import record

HEADERS = (("region", b"eu"),)

FILE = """\
version: 1
{file}topics:
  calls.v1:
    start: earliest
{topic}    rules:
      - name: noted
{rule}        when: '${{value.kind == "note"}}'
        operation: add-call-summary
        channel: '${{channels[value.line_id]}}'
        path: {{external_call_id: '${{call}}'}}
        body: {{content: '{content}'}}
      - name: others
        skip: true
"""


def written(*, file: str = "", topic: str = "", rule: str = "", content: str = "${value.text}") -> str:
    """A mapping file with `let:` at each level; `call` is the topic's unless the rule has it."""
    topic = topic or ("" if "call:" in file + rule else "call: '${value.call_id}'")
    parts = [_let(text, indent) for indent, text in ((0, file), (4, topic), (8, rule))]
    return FILE.format(file=parts[0], topic=parts[1], rule=parts[2], content=content)


def _let(text: str, indent: int) -> str:
    lines = "".join(f"{' ' * (indent + 2)}{line}\n" for line in text.splitlines())
    return f"{' ' * indent}let:\n{lines}" if text else ""


def mapped(path: Path, text: str, value: dict[str, object]) -> Result:
    topic = loaded(folder(path, calls=text)).mappings.topics["calls.v1"]
    return topic.map(record({"line_id": "line-1", **value}, headers=HEADERS))


NOTE: dict[str, object] = {"kind": "note", "call_id": "c-1", "text": "hello"}


def sent(result: Result) -> bytes:
    assert isinstance(result, Plan), result
    return result.requests[0].http.path.encode() + b" " + result.requests[0].http.content


def test_names_of_the_file_the_topic_and_the_rule_are_variables(tmp_path: Path) -> None:
    """Each may use those above it; texts keep what an expression gives, numbers stand as they are."""
    text = written(
        file="region: '${headers.region}'\nlimit: 3\nsite: 'site-${region}'",
        topic="call: '${site}/${value.call_id}'",
        rule="short: '${truncate(value.text, limit)}'",
        content="${short}",
    )
    assert sent(mapped(tmp_path, text, NOTE)).endswith(
        b'/channels/cha_1/calls/site-eu%2Fc-1/summary {"content":"hel"}'
    )


def test_what_is_absent_in_a_let_leaves_the_field_out(tmp_path: Path) -> None:
    """The same as if the path stood there; in a larger text it is an error that names the let."""
    text = written(rule="nick: '${value.nickname}'", content="${nick}")
    refused = mapped(tmp_path, text, NOTE)
    assert isinstance(refused, Refusal)
    assert refused.message == "rule 'noted': body.content is required"
    larger = mapped(tmp_path, written(rule="nick: '${value.nickname}'", content="Hi ${nick}"), NOTE)
    assert isinstance(larger, Refusal)
    assert larger.message == "rule 'noted', body.content: nick: this record has none"


def test_an_error_in_a_let_is_told_with_its_name(tmp_path: Path) -> None:
    """Through every let on the way."""
    text = written(rule="a: '${value.b.c + 1}'\nd: '${a + 1}'", content="${string(d)}")
    refused = mapped(tmp_path, text, NOTE)
    assert isinstance(refused, Refusal)
    assert refused.reason == "mapping_failed"
    assert refused.message == "rule 'noted', body.content: let d: let a: value.b: no such field 'b'"


def test_a_let_that_no_reached_expression_needs_is_not_evaluated(tmp_path: Path) -> None:
    """It could only fail for this record: a rule before it holds, or the other side of a choice."""
    text = written(rule="broken: '${value.none + 1}'", content='${has(value.none) ? string(broken) : "fine"}')
    assert b'"fine"' in sent(mapped(tmp_path, text, NOTE))
    unread = mapped(tmp_path, written(topic="call: '${value.none + 1}'"), {**NOTE, "kind": "other"})
    assert not isinstance(unread, Refusal)


def test_rules_may_use_one_name_for_different_things(tmp_path: Path) -> None:
    """A rule's let is its own."""
    text = written(rule="call: '${value.call_id}'").replace(
        "        skip: true\n",
        "        let: {call: '${value.other_id}'}\n        operation: add-call-summary\n        channel: cha_1\n"
        "        path: {external_call_id: '${call}'}\n        body: {content: x}\n",
    )
    assert b"/calls/c-1/" in sent(mapped(tmp_path, text, NOTE))
    other: dict[str, object] = {"kind": "x", "call_id": "c-1", "other_id": "o-1"}
    assert b"/calls/o-1/" in sent(mapped(tmp_path, text, other))


def compiled(text: str, *lets: str) -> Template:
    template = Language(lets=lets).compile(text)
    assert isinstance(template, Template), template
    return template


class Counted(dict[str, object]):
    """A value that counts how often it is read."""

    reads = 0

    def __getitem__(self, name: str) -> object:
        self.reads += 1
        return super().__getitem__(name)


@pytest.mark.parametrize(
    "text", ["${value.a}", "${value.none}", "${value.a + 1}"], ids=["there", "absent", "failing"]
)
def test_a_let_is_evaluated_once_a_record(text: str) -> None:
    """Whatever comes of it, and from whichever rule it is read."""
    value = Counted(a="x")
    shared = LetScope({"value": value}, {"a": compiled(text)})
    for _ in range(2):
        scope = LetScope(shared, {"b": 1})
        for expression in ("${a}", "${[a]}"):
            try:
                compiled(expression, "a", "b").evaluate(scope)
            except EvaluationError:
                continue
    once = Counted(a="x")
    with suppress(EvaluationError):
        compiled(text).evaluate({"value": once})
    assert value.reads == once.reads


def test_lets_that_double_one_another_end_at_a_bound() -> None:
    """A list of lists that is shared in memory would be endless once it is written out."""
    lets = {"a0": compiled("${[value, value]}")}
    for number in range(1, 40):
        lets[f"a{number}"] = compiled(f"${{[a{number - 1}, a{number - 1}]}}", f"a{number - 1}")
    with pytest.raises(EvaluationError) as error:
        compiled("${a39}", "a39").evaluate(LetScope({"value": 1}, lets))
    assert str(error.value).endswith(
        f"it is built from other lets and has more than {PARTS_MAX} values inside"
    )


def test_a_budget_that_a_let_exceeds_is_not_absorbed() -> None:
    """`||` and `exists` keep a let's other errors to themselves, but not this one: also when the let is read again."""
    scope = LetScope(
        {"value": [1] * 10_001}, {"a": compiled("${value.all(x, true)}"), "b": compiled("${value.c}")}
    )
    assert compiled("${b || true}", "a", "b").evaluate(scope) is True
    for text in ("${a || true}", "${[1].exists(x, a || true)}", "${a || true}"):
        with pytest.raises(BudgetExceeded) as error:
            compiled(text, "a", "b").evaluate(scope)
        assert str(error.value).startswith("let a: value: one evaluation may loop over 10000 elements")


def test_the_expressions_of_a_record_and_its_lets_share_one_budget(tmp_path: Path) -> None:
    """Each of them alone would be fine."""
    text = written(rule="clean: '${strip_html(value.text)}'", content="${truncate(clean, 9)}")
    again = "".join(f"${{truncate(strip_html(value.text), {n})}}" for n in range(1, 12))
    long: dict[str, object] = {**NOTE, "text": "a" * 300_000}
    assert sent(mapped(tmp_path, text, long)).endswith(b'{"content":"aaaaaaaaa"}')
    refused = mapped(
        tmp_path, written(rule="clean: '${strip_html(value.text)}'", content="${clean}" + again), long
    )
    assert isinstance(refused, Refusal)
    assert refused.reason == "mapping_failed"
    assert refused.message == (
        "rule 'noted', body.content: the expressions of this record take too much work: "
        "long lists or texts are looked through again and again"
    )


# --- what is wrong ------------------------------------------------------------------------------------------------

TAKEN = "this name is taken by the expression language; choose another one"
MISTAKES = [
    ("call: '${value.call_id}'\nvalue: x", f"8:7: let 'value': {TAKEN}"),
    ("call: '${value.call_id}'\nchannels: x", f"8:7: let 'channels': {TAKEN}"),
    ("call: '${value.call_id}'\nin: x", f"8:7: let 'in': {TAKEN}"),
    (
        "call: '${value.call_id}'\ncall-id: x",
        "8:7: let 'call-id': a name has only letters, digits and _, and no digit first",
    ),
    (
        "call: '${value.call_id}'\nbase: x",
        "8:7: let 'base': a let around it has this name already; choose another one",
    ),
    ("call: '${value.call_id}'\ncall: x", "8:7: the key 'call' is here twice; first in line 7"),
    ("call: '${call}'", "7:13: let call: it reads itself"),
    ("call: '${late}'\nlate: x", "7:13: let call: it reads late, which is not above it: move it up"),
    ("call: '${value.call_id +}'", "7:30: let call: the expression ends too early"),
    ("call: '${valeu.call_id}'", "7:16: let call: unknown variable 'valeu'; did you mean 'value'?"),
    ("call: '${1 / 0}'", "7:13: let call: division by zero"),
    (
        "call: [a]",
        "topics.calls.v1.let.call: must be text, which may hold ${...}, or a number, true or false",
    ),
    ("call:", "topics.calls.v1.let.call: must be text, which may hold ${...}, or a number, true or false"),
]


@pytest.mark.parametrize(("lets", "said"), MISTAKES, ids=[row[0].splitlines()[-1] for row in MISTAKES])
def test_each_mistake_in_a_let_is_told_with_its_place(tmp_path: Path, lets: str, said: str) -> None:
    """Names that are taken or no names, circles, and what is wrong in any expression."""
    text = written(file="base: x", topic=lets).replace("let:\n  base: x\n", "let: {base: x}\n", 1)
    found = problems(folder(tmp_path, calls=text))
    assert any(said in problem for problem in found), found


def test_a_let_is_known_below_it_only(tmp_path: Path) -> None:
    """A rule's name does not exist for its topic, and the message offers the nearest that does."""
    text = written(rule="short: '${value.text}'", content="${short}").replace(
        "        skip: true", "        when: '${shrt == \"x\"}'\n        skip: true"
    )
    (said,) = problems(folder(tmp_path, calls=text))
    assert "unknown variable 'shrt'" in said
    right = text.replace("${short}", "${shor}").replace("'${shrt == \"x\"}'", "'${true}'")
    (said,) = problems(folder(tmp_path, calls=right))
    assert said.endswith("body.content: unknown variable 'shor'; did you mean 'short'?")


def test_more_lets_than_can_stand_inside_one_another_are_refused(tmp_path: Path) -> None:
    """The deepest chain that is allowed still evaluates."""

    def chain(length: int) -> str:
        rest = "\n".join(f"a{n}: '${{a{n - 1}}}'" for n in range(1, length))
        return written(
            topic=f"call: '${{value.call_id}}'\na0: '${{value.text}}'\n{rest}", content=f"${{a{length - 1}}}"
        )

    assert b'"hello"' in sent(mapped(tmp_path, chain(99), NOTE))
    (said,) = problems(folder(tmp_path, calls=chain(100)))
    assert said == "mappings/calls.yaml:5:5: at most 100 lets can be seen at one place, and here are 101"


@pytest.mark.parametrize(
    "expression",
    [
        "value.?z.orValue({0})",
        "value.?z.orValue(value.?z.orValue(value.?z.orValue({0})))",
        '{0} == "" || {0} == "x" ? "x" : {0}',
        "[1].map(i, [2].exists(j, {0} == string(j)) ? {0} : {0})[0]",
        "optional.of(value).optMap(i, {0}).orValue({0})",
    ],
)
def test_lets_that_would_fill_the_stack_are_refused_at_load(tmp_path: Path, expression: str) -> None:
    """The let where it ends is named, and all of them above it still evaluate, also from deep in an expression."""

    def chain(length: int) -> str:
        lets = [f"a{n}: '${{{expression.format(f'a{n - 1}')}}}'" for n in range(1, length)]
        top = "\n".join(("call: '${value.call_id}'", "a0: '${value.text}'", *lets))
        last = f"a{length - 1}"
        return written(topic=top, content="${" + "value.?z.orValue(" * 20 + last + ")" * 20 + "}")

    (said,) = problems(folder(tmp_path, calls=chain(99)))
    found = re.search(r": let a(\d+): (.*)", said)
    assert found is not None
    assert (
        found[2] == "too many lets are built from one another here: join some, or nest their expressions less"
    )
    assert b'"hello"' in sent(mapped(tmp_path, chain(int(found[1])), NOTE))


def test_a_mapper_has_no_lets(tmp_path: Path) -> None:
    """It is said, rather than left without effect."""
    text = "version: 1\ntopics:\n  calls.v1: {start: latest, mapper: a.b:c, let: {a: x}, defaults: {channel: cha_1}}\n"
    (said,) = problems(folder(tmp_path, calls=text))
    assert said.endswith("topics.calls.v1: let and defaults belong to rules: a mapper does not see them")


def test_a_let_that_nobody_needs_is_a_warning(tmp_path: Path) -> None:
    """Also one that only such a let reads; at every level, with its place."""
    text = written(
        file="idle: x\nbase: y\nused: '${base}'",
        topic="call: '${used}'\nchain: x\nend: '${chain}'",
        rule="own: '${value.a}'",
    )
    assert [said.replace(f"{tmp_path}/", "") for said in loaded(folder(tmp_path, calls=text)).warnings] == [
        "mappings/calls.yaml:3:3: let idle: no expression uses it",
        "mappings/calls.yaml:11:7: let chain: no expression uses it",
        "mappings/calls.yaml:12:7: let end: no expression uses it",
        "mappings/calls.yaml:16:11: let own: no expression uses it",
    ]


# --- the key that is known early ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "rule", "early"),
    [
        ("call: '${headers.region}'", "", True),
        ("first: '${headers.region}'\ncall: '${first}'", "", True),
        ("first: '${value.call_id}'\ncall: '${first}'", "", False),
        ("call: '${schema.name}'", "", False),
        ("", "call: '${headers.region}'", False),
    ],
)
def test_the_order_key_is_early_unless_a_let_reads_the_value(
    tmp_path: Path, topic: str, rule: str, early: bool
) -> None:
    """Seen through all lets; what only a rule names may be something else in the next."""
    text = written(topic=topic, rule=rule).replace(
        "        body:", "        order_by: ['${call}']\n        body:"
    )
    mapping = loaded(folder(tmp_path, calls=text)).mappings.topics["calls.v1"]
    assert isinstance(mapping.maps, Rules)
    assert (mapping.maps.early_order_by is not None) is early
    assert mapping.early_key(record(headers=HEADERS).record, None) == (("eu",) if early else None)
