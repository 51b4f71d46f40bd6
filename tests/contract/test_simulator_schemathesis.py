"""The simulator against what a generator makes of the published contract: what fits is taken, the rest refused in form.

The contract is closed first where Front's pages say more than it does. Every request goes over a socket; the
generator's seeds are fixed, so that a failure is there again the next time.
"""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import response_schema_conformance

from connector.simulator.contract import CONTRACT
from connector.simulator.routes import OPERATIONS
from tests.contract.test_simulator_client import FrontClient, call, inbound, simulating

EXAMPLES = 40
"""Of each operation, beside those that walk through every rule of its schema."""

COUNTED: Counter[tuple[str, str]] = Counter()
"""Cases by how they were made, and whether they fit."""


def closed() -> dict[str, Any]:
    """The contract with its gaps closed: bodies are there and objects, `to` is not empty, a recording is audio."""
    contract = copy.deepcopy(CONTRACT)
    schemas = contract["components"]["schemas"]
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("type", "object")
            if schema["properties"].get("to", {}).get("type") == "array":
                schema["properties"]["to"]["minItems"] = 1
    for methods in contract["paths"].values():
        for operation in methods.values():
            operation["requestBody"]["required"] = True
            for media_type, content in operation["requestBody"]["content"].items():
                if media_type == "multipart/form-data":
                    content["encoding"] = {"attachments": {"contentType": "audio/mpeg"}}
    return contract


SCHEMA: Any = schemathesis.openapi.from_dict(closed())


@pytest.fixture(scope="module")
def front() -> Iterator[FrontClient]:
    with simulating() as client:
        client.switch(dedupe="off")
        yield client


def prepare(front: FrontClient, path: dict[str, str]) -> None:
    """Let there be what the request is about."""
    path = {key: unquote(value) for key, value in path.items()}
    if "external_call_id" in path:
        created = front.send("POST", "/channels/cha_1/calls", json=call(path["external_call_id"]))
    elif "message_ext_id" in path:
        body = inbound(path["message_ext_id"], path["conv_ext_id"])
        body["to"] = [body.pop("sender")]
        created = front.send("POST", "/channels/cha_1/outbound_messages", json=body)
    elif "external_id" in path:
        template = {"external_id": path["external_id"], "name": "n", "blurb": "b", "is_disabled": False}
        template |= {"status_name": "PENDING", "variable_mappings": [], "template_preview": "p"}
        created = front.send("PUT", "/channels/cha_1/application_message_templates", json=template)
    else:
        return
    assert created.is_success, created.text


def told(case: Any) -> str:
    """What the generator did to the request, in its words; nothing where it tells no more than that it is wrong."""
    return getattr(case.meta.phase.data, "description", None) or ""


def judged(front: FrontClient, case: Any) -> None:
    """Send a case to a channel that is there, and hold the answer against what its maker meant."""
    operation = case.operation.definition.raw
    prepare(front, case.path_parameters)
    case.path_parameters["channel_id"] = "cha_1"
    unsigned = case.meta.generation.mode is GenerationMode.NEGATIVE and is_unsigned(case)
    if not unsigned:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {front.token('cha_1')}"}
    answer = case.call(base_url=front.base_url)
    if case.method.lower() != case.operation.method.lower():
        assert_in_form(answer, 404, "No such route.")
    elif unsigned:
        assert_in_form(answer, 401, "JSON Web Token error")
    elif case.meta.generation.mode is GenerationMode.NEGATIVE:
        assert_in_form(answer, 400)
    elif answer.status_code == 400:
        # The one rule that no schema can say: lengths count in UTF-16 units.
        details = json.loads(answer.content)["_error"]["details"]
        assert details
        assert all(line.endswith("longer than 200 characters") for line in details), details
    else:
        assert str(answer.status_code) in operation["responses"], answer.text
        assert answer.status_code < 300, answer.text
        case.validate_response(answer, checks=[response_schema_conformance])


def is_unsigned(case: Any) -> bool:
    """Whether it is the token that is wrong, rather than what stands beside it."""
    header = case.meta.components.get(ParameterLocation.HEADER)
    if case.meta.phase.name.value == "coverage":
        return "`Authorization`" in told(case)
    return header is not None and header.mode is GenerationMode.NEGATIVE


def assert_in_form(answer: Any, status: int, message: str | None = None) -> None:
    """Front's error body, which repeats its status."""
    assert answer.status_code == status, answer.text
    if answer.request.method == "HEAD":
        return
    shown = json.loads(answer.content)["_error"]
    assert shown["status"] == status
    assert set(shown) <= {"status", "title", "message", "details"}
    assert shown["title"]
    assert all(isinstance(line, str) for line in shown.get("details", []))
    assert message is None or shown["message"] == message


def test_all_eleven_operations_are_generated() -> None:
    """None is missing from what the test below walks through."""
    found = {result.ok().definition.raw["operationId"] for result in SCHEMA.get_all_operations()}
    assert found == set(OPERATIONS)


@SCHEMA.parametrize()  # type: ignore[untyped-decorator]  # of a library without types for it
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_what_fits_the_contract_is_taken_and_the_rest_refused(case: Any, front: FrontClient) -> None:
    """2xx with the declared body; 400 for the body, 401 for the token, 404 for the method; never anything else."""
    COUNTED[case.meta.phase.name.value, case.meta.generation.mode.value] += 1
    judged(front, case)


def test_enough_of_each_kind_was_generated() -> None:
    """A generator that makes nothing finds nothing: run after the tests above, in this file's order."""
    if not COUNTED:
        pytest.skip("the test of the cases did not run")
    assert COUNTED["coverage", "negative"] > 300
    assert COUNTED["coverage", "positive"] > 50
    assert sum(COUNTED.values()) > 1_000
