"""What is hardly meant in a mapping file: symbols of no enum, refused words, a forgotten `${}`, dedented keys."""

from pathlib import Path

import pytest

from connector.config.mapping.forgotten import meant
from tests.unit.config_files import folder, loaded, problems

RULES = """\
version: 1
topics:
  calls.v1:
    start: earliest
    value: {schemas: [started.avsc, ended.avsc]}
    rules:
      - name: started
        when: '${schema.name == "Started"}'
        operation: update-call
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {call_status: 'STATUS'}
      - name: ended
        when: '${schema.name == "Ended"}'
        operation: add-call-summary
        channel: '${channels[value.line_id]}'
        path: {external_call_id: '${value.call_id}'}
        body: {content: 'CONTENT'}
"""
AT = "mappings/calls.yaml"
NO_UPP = "an enum State (Started), which has no symbol 'UPP': did you mean 'UP'?"


def schema(name: str, *symbols: str) -> str:
    """A schema with an enum of its own."""
    state = f'{{"type": "enum", "name": "State", "symbols": [{", ".join(f"{chr(34)}{s}{chr(34)}" for s in symbols)}]}}'
    fields = (
        f'{{"name": "state", "type": {state}}}, {{"name": "note", "type": ["null", {{"type": "string"}}]}}'
    )
    ids = '{"name": "line_id", "type": "string"}, {"name": "call_id", "type": "string"}'
    return f'{{"type": "record", "name": "{name}", "fields": [{fields}, {ids}]}}'


def written(path: Path, text: str, status: str, content: str = "x") -> Path:
    """The configuration's path."""
    file = folder(path, calls=text.replace("STATUS", status).replace("CONTENT", content))
    (path / "mappings" / "started.avsc").write_text(schema("Started", "UP", "RINGS"))
    (path / "mappings" / "ended.avsc").write_text(schema("Ended", "WRAPUP", "LOST"))
    return file


def warned(path: Path, status: str = "hold", content: str = "x", text: str = RULES) -> list[str]:
    """The warnings of a mapping that is valid."""
    return [each.replace(f"{path}/", "") for each in loaded(written(path, text, status, content)).warnings]


def test_a_symbol_that_the_enum_does_not_have_is_a_warning(tmp_path: Path) -> None:
    """With its place, the schema of the rule, and the symbol that was probably meant."""
    doubt = f"{AT}:12:47: body.call_status: value.state is {NO_UPP}"
    assert warned(tmp_path, '${value.state == "UPP" ? "connected" : "ringing"}') == [doubt]


def test_what_a_rule_asks_counts_for_its_symbols(tmp_path: Path) -> None:
    """Another rule's schema does not lend its symbols."""
    [doubt] = warned(tmp_path, '${value.state == "LOST" ? "connected" : "ringing"}')
    assert doubt.startswith(f"{AT}:12:47: body.call_status: value.state is an enum State (Started)")
    assert warned(tmp_path, content='${value.state == "LOST" ? "x" : "y"}') == []


@pytest.mark.parametrize(("symbol", "doubts"), [("LOST", 0), ("LOSST", 1)])
def test_what_rules_share_may_ask_for_symbols_of_any_of_them(
    tmp_path: Path, symbol: str, doubts: int
) -> None:
    """A let of the topic is read where its comparison cannot hold, and where it can; it is told once."""
    lets = f"    let: {{gone: '${{value.state == \"{symbol}\"}}'}}\n    rules:\n"
    text = RULES.replace("    rules:\n", lets)
    found = warned(tmp_path, '${gone ? "hangup" : "ringing"}', '${gone ? "x" : "y"}', text)
    assert len(found) == doubts
    assert all("6:35: let gone: value.state is an enum State (Started, Ended)" in each for each in found)


def test_a_let_keeps_what_is_known_of_an_enum(tmp_path: Path) -> None:
    """Also with a default."""
    lets = "    let: {state: '${value.?state.orValue(\"none\")}'}\n    rules:\n"
    text = RULES.replace("    rules:\n", lets)
    status = '${state == "none" || state == "UPP" ? "connected" : "ringing"}'
    assert warned(tmp_path, status, "${state}", text) == [f"{AT}:13:60: body.call_status: state is {NO_UPP}"]


REFUSED = "must be 'queued', 'ringing', 'connected', 'hold', 'hangup', 'abandoned', 'missed' or 'transferred'"


@pytest.mark.parametrize("schemas", ["    value: {schemas: [started.avsc, ended.avsc]}\n", ""])
@pytest.mark.parametrize(
    ("status", "column"),
    [
        ('${{"UP": "ended", "RINGS": "ringing"}[value.state]}', 39),
        ('${value.state == "UP" ? "connected" : "ended"}', 68),
        ('${value.?note.orValue("ended")}', 52),
        ('${value.state == "UP" ? "ended" : value.note}', 54),
        ('${{"UP": "connected"}[?value.state].orValue("ended")}', 74),
        ('${{"UP": {"is": "ended"}}[value.state].is}', 46),
    ],
)
def test_a_word_that_front_refuses_is_an_error_in_tables_and_branches_too(
    tmp_path: Path, status: str, column: int, schemas: str
) -> None:
    """As if it stood alone, whether or not schemas are given."""
    text = RULES.replace("    value: {schemas: [started.avsc, ended.avsc]}\n", schemas)
    found = [each.replace(f"{tmp_path}/", "") for each in problems(written(tmp_path, text, status))]
    line = 12 if schemas else 11
    assert found == [
        f"{AT}:{line}:{column}: body.call_status {REFUSED}, and this expression can give 'ended'"
    ]


@pytest.mark.parametrize(
    "status",
    [
        '${{"UP": "connected", "ended": "hold"}[value.state + "ended"]}',
        '${{"a": "connected", "b": "ended"}.a}',
        '${value.state == "UP" || value.note == "ended" ? "connected" : "ringing"}',
        '${["connected", "ended"].filter(each, each != "ended")[0]}',
    ],
)
def test_a_word_that_no_field_gets_is_not_judged(tmp_path: Path, status: str) -> None:
    """Keys, conditions, other values than the one that is chosen."""
    text = RULES.replace("    value: {schemas: [started.avsc, ended.avsc]}\n", "")
    assert warned(tmp_path, status, text=text) == []


def test_a_let_whose_words_are_not_all_for_front_is_left_alone(tmp_path: Path) -> None:
    """A condition may have taken out those that Front refuses."""
    lets = '    let: {state: \'${{"UP": "connected", "RINGS": "ended"}[value.state]}\'}\n    rules:\n'
    text = RULES.replace("    rules:\n", lets).replace('"Started"}', '"Started" && state != "ended"}')
    assert warned(tmp_path, "${state}", text=text) == []


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("value.x", "'${value.x}'"),
        ("value.a.?b[0]", "'${value.a.?b[0]}'"),
        ("headers['x']", "\"${headers['x']}\""),
        ("key.id", "'${key.id}'"),
        ("schema.name", "'${schema.name}'"),
        ("env.REGION", "'${env.REGION}'"),
        ("channels[value.line_id]", "'${channels[value.line_id]}'"),
        ("{parse_time(value.x)}", "'${parse_time(value.x)}'"),
        ("{{ value.x }}", "'${value.x}'"),
        ("{strip_html(text)}", "'${strip_html(text)}'"),
        ("${value.x}", None),
        ("value", None),
        ("the value.x of it", None),
        ("{{1}}", None),
        ("{name}", None),
        ("{call (later)}", None),
        ("schema.org", None),
        ("https://value.example", None),
        ("", None),
    ],
)
def test_a_text_that_looks_like_an_expression_is_known(text: str, instead: str | None) -> None:
    """A path from a variable as a whole, or braces around something that only an expression has."""
    assert meant(text) == instead


def test_a_forgotten_sign_is_a_warning_wherever_texts_stand(tmp_path: Path) -> None:
    """In body, path, order_by, lets and defaults."""
    text = RULES.replace(
        "    rules:\n", "    let: {who: value.who}\n    defaults: {order_by: [value.call_id]}\n    rules:\n"
    ).replace("{external_call_id: '${value.call_id}'}", "{external_call_id: value.call_id}", 1)
    said = "this is a text, as it stands: write"
    assert warned(tmp_path, content="value.${who}", text=text.replace("'CONTENT'", "'${who} {value.x}'")) == [
        f"{AT}:6:16: let who: {said} '${{value.who}}' for the expression's value",
        f"{AT}:7:27: order_by[0]: {said} '${{value.call_id}}' for the expression's value",
        f"{AT}:13:34: path.external_call_id: {said} '${{value.call_id}}' for the expression's value",
    ]


def test_a_refused_text_that_looks_like_an_expression_is_told_with_it(tmp_path: Path) -> None:
    """The error says what to write."""
    [problem] = problems(written(tmp_path, RULES, "value.state"))
    assert problem.endswith(
        f"body.call_status {REFUSED}; for the expression's value write '${{value.state}}'"
    )


def dedented(*names: str) -> str:
    """The file with keys of the topic beside it."""
    text = RULES
    for name in names:
        text = text.replace(f"    {name}:", f"  {name}:")
    return text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            dedented("rules"),
            ["6:3: `rules` is a key of a topic, and stands here beside the topics: "
             "indent it by 4 spaces, as `start` in line 4, below the topic calls.v1"],
        ),
        (
            dedented("start", "value", "rules"),
            [f"{line}:3: `{name}` is a key of a topic, and stands here beside the topics: "
             "indent it, below the topic calls.v1" for line, name in ((4, "start"), (5, "value"), (6, "rules"))],
        ),
        (RULES.replace("    rules:", "rules:"), ["6:1: `rules` is a key of a topic: indent it, below its topic"]),
    ],
    ids=["one", "all", "file"],
)  # fmt: skip
def test_a_key_of_a_topic_beside_the_topics_is_told_as_that(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    """And nothing else: what the shapes would say of it misleads."""
    found = [each.replace(f"{tmp_path}/", "") for each in problems(written(tmp_path, text, "hold"))]
    assert found == [f"{AT}:{each}" for each in said]


def test_a_topic_may_have_the_name_of_a_key(tmp_path: Path) -> None:
    """It has a start."""
    assert warned(tmp_path, text=RULES.replace("calls.v1:", "rules:")) == []


def test_an_id_that_no_request_of_the_topic_can_have_is_left_out(tmp_path: Path) -> None:
    """None of them has ids in its path."""
    text = """\
version: 1
topics:
  calls.v1:
    start: earliest
    defaults: {path: {call: c-1}}
    rules:
      - {name: a, operation: update-channel, channel: cha_1, body: {status: connected}}
"""
    [found] = [each for each in problems(folder(tmp_path, calls=text)) if "defaults" in each]
    assert found.endswith("defaults.path.call: no request of this topic has ids in its path: leave it out")
