"""Parts of a mapping that must be text, paths and order keys: which types pass, and which are told before any record."""

from pathlib import Path

import pytest

from tests.unit.test_config_typecheck import HEAD, told, warned

PATH = "path: {external_call_id: '${value.call_id}'}"


@pytest.mark.parametrize("number", ["value.legs", "value.at"])
def test_where_a_text_is_needed_a_whole_number_is_written_out(tmp_path: Path, number: str) -> None:
    """In a path and in an order key, as for the records later: an id may well be a number."""
    rule = f"""\
      - name: number
        when: '${{schema.name == "Started"}}'
        operation: add-call-summary
        channel: '${{channels[value.line_id]}}'
        path: {{external_call_id: '${{{number}}}'}}
        order_by: ['${{value.line_id}}', '${{{number}}}']
        body: {{content: text}}
"""
    assert warned(tmp_path, text=HEAD + rule) == []


@pytest.mark.parametrize(
    "value", ["value.lines", 'value.call_id == ""', "double(value.call_id)", "value.lines[0]"]
)
def test_what_is_no_text_and_no_whole_number_is_told_of_a_path(tmp_path: Path, value: str) -> None:
    """Such a record would become a dead letter."""
    [problem] = told(tmp_path, (PATH, PATH.replace("value.call_id", value)))
    assert problem.startswith("mappings/calls.yaml:22:34: path.external_call_id: this is a ")
    assert problem.endswith(", and it must be a string")


def test_what_is_no_text_and_no_whole_number_is_told_of_an_order_key(tmp_path: Path) -> None:
    """Each part by its number."""
    order_by = "        order_by: ['${value.call_id}', '${value.lines}', '${value.call_id == \"\"}']"
    assert told(tmp_path, (PATH, f"{PATH}\n{order_by}")) == [
        "mappings/calls.yaml:23:40: order_by[1]: this is a list, and must be a text or a whole number",
        "mappings/calls.yaml:23:58: order_by[2]: this is a bool, and must be a text or a whole number",
    ]
