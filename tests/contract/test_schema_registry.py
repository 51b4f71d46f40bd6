"""The embedded Schema Registry answers Confluent's client as a real one does.

One suite on both. Subjects have names of their own, so a real registry may be anybody's.
"""

import json
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.demo.registry import Credentials, EmbeddedRegistry, running_registry


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedRegistry]:
    """The embedded registry."""
    with running_registry() as running:
        yield running


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.registry)])
def url(request: pytest.FixtureRequest) -> str:
    """The address of the registry under test."""
    if request.param == "real":
        return str(request.getfixturevalue("registry"))
    running: EmbeddedRegistry = request.getfixturevalue("embedded")
    return running.url


@pytest.fixture
def client(url: str) -> Iterator[SchemaRegistryClient]:
    """Confluent's client, without a second try: each answer is the registry's first."""
    with SchemaRegistryClient({"url": url, "max.retries": 0}) as running:
        yield running


@pytest.fixture
def subject() -> str:
    """A subject that nobody has; its odd characters must survive the path."""
    return f"calls.v1 {uuid.uuid4().hex[:8]}-value"


def _schema(name: str | None = None, field_type: object = "string") -> Schema:
    """A record schema that nobody has, unless it is named."""
    name = name or f"Call{uuid.uuid4().hex[:8]}"
    fields = [{"name": "id", "type": field_type}]
    return Schema(json.dumps({"type": "record", "name": name, "namespace": "t", "fields": fields}), "AVRO")


def test_a_registered_schema_is_found_by_its_id(client: SchemaRegistryClient, subject: str) -> None:
    """What was registered comes back, as Avro, under the id that was given for it."""
    schema = _schema()
    schema_id = client.register_schema(subject, schema)
    _forget(client)

    found = client.get_schema(schema_id)

    assert _json(found) == _json(schema)
    assert found.schema_type == "AVRO"


def test_the_same_schema_keeps_its_id(client: SchemaRegistryClient, subject: str) -> None:
    """Registering again, there or under another subject, gives the id that was given and no new version."""
    schema = _schema()
    first = client.register_schema(subject, schema)
    _forget(client)

    assert client.register_schema(subject, schema) == first
    assert client.register_schema(f"other {subject}", schema) == first
    assert client.get_versions(subject) == [1]


def test_another_schema_is_another_version(client: SchemaRegistryClient, subject: str) -> None:
    """A subject counts its versions from 1; the last is also called latest."""
    name = f"Call{uuid.uuid4().hex[:8]}"
    first = client.register_schema(subject, _schema(name))
    second = client.register_schema(subject, _schema(name, "long"))

    assert client.get_versions(subject) == [1, 2]
    assert client.get_version(subject, 1).schema_id == first
    assert client.get_latest_version(subject).schema_id == second
    assert client.get_latest_version(subject).version == 2
    assert subject in client.get_subjects()


def test_a_schema_is_looked_up_under_its_subject(client: SchemaRegistryClient, subject: str) -> None:
    """A producer that may not register asks for the id and version of what it has."""
    schema = _schema()
    schema_id = client.register_schema(subject, schema)
    _forget(client)

    found = client.lookup_schema(subject, schema)

    assert (found.subject, found.version, found.schema_id) == (subject, 1, schema_id)


def test_a_schema_with_a_reference_comes_back_with_it(client: SchemaRegistryClient, subject: str) -> None:
    """A reader needs the references to parse the schema; they are stored and given with it."""
    used = _schema()
    used_name = f"t.{_json(used)['name']}"
    client.register_schema(f"used {subject}", used)
    reference = SchemaReference(used_name, f"used {subject}", 1)
    user = Schema(_schema(None, used_name).schema_str, "AVRO", [reference])

    schema_id = client.register_schema(subject, user)
    _forget(client)

    assert client.get_schema(schema_id).references == [reference]


def test_confluents_serializer_and_deserializer_work(client: SchemaRegistryClient) -> None:
    """A record written with one side of Confluent's library is read with the other: the wire format is whole."""
    topic = f"calls-{uuid.uuid4().hex[:8]}"
    context = SerializationContext(topic, MessageField.VALUE)
    # Without this, both ask a route of Confluent's cloud for every topic.
    settings = {"subject.name.strategy.type": "TOPIC"}

    framed = AvroSerializer(client, _schema().schema_str, conf=settings)({"id": "c-1"}, context)
    _forget(client)

    assert framed is not None
    assert framed[0] == 0
    assert client.get_latest_version(f"{topic}-value").schema_id == int.from_bytes(framed[1:5], "big")
    assert AvroDeserializer(client, conf=settings)(framed, context) == {"id": "c-1"}


def test_an_unknown_id_is_not_found(client: SchemaRegistryClient) -> None:
    """404 with 40403: the schema does not exist, as opposed to a registry in trouble."""
    assert _refusal(lambda: client.get_schema(2_000_000_000)) == (404, 40403)


def test_an_unknown_subject_is_not_found(client: SchemaRegistryClient, subject: str) -> None:
    """404 with 40401, whether versions or a schema are asked for."""
    assert _refusal(lambda: client.get_versions(subject)) == (404, 40401)
    assert _refusal(lambda: client.get_latest_version(subject)) == (404, 40401)
    assert _refusal(lambda: client.lookup_schema(subject, _schema())) == (404, 40401)


def test_an_unknown_version_is_not_found(client: SchemaRegistryClient, subject: str) -> None:
    """404 with 40402."""
    client.register_schema(subject, _schema())
    assert _refusal(lambda: client.get_version(subject, 9)) == (404, 40402)


def test_a_schema_that_the_subject_has_not_is_not_found(client: SchemaRegistryClient, subject: str) -> None:
    """404 with 40403, though the subject exists."""
    client.register_schema(subject, _schema())
    assert _refusal(lambda: client.lookup_schema(subject, _schema())) == (404, 40403)


@pytest.mark.parametrize("text", ['{"type": "recrd", "name": "A", "fields": []}', "not JSON", '"NoSuchType"'])
def test_what_is_not_avro_is_refused(client: SchemaRegistryClient, subject: str, text: str) -> None:
    """422 with 42201, and the subject does not come to be."""
    assert _refusal(lambda: client.register_schema(subject, Schema(text, "AVRO"))) == (422, 42201)
    assert subject not in client.get_subjects()


def test_a_reference_to_nothing_is_refused(client: SchemaRegistryClient, subject: str) -> None:
    """422 with 42201: a schema whose parts are missing could not be read by anybody."""
    user = Schema(
        _schema(None, "t.Gone").schema_str, "AVRO", [SchemaReference("t.Gone", f"gone {subject}", 1)]
    )
    assert _refusal(lambda: client.register_schema(subject, user)) == (422, 42201)


def test_the_compatibility_level_is_told(client: SchemaRegistryClient) -> None:
    """`doctor` asks for it to see that the address is a registry's."""
    assert client.get_compatibility() in {"NONE", "BACKWARD"}


# What only the embedded one can be asked: routes that the real one here does not serve, and faults.


def test_a_schema_is_found_by_its_guid(embedded: EmbeddedRegistry, subject: str) -> None:
    """The header form of the wire format names schemas by GUID. Equal schemas have equal GUIDs in every run."""
    with SchemaRegistryClient({"url": embedded.url, "max.retries": 0}) as client, running_registry() as other:
        schema = _schema()
        client.register_schema(subject, schema)
        guid = client.get_latest_version(subject).guid
        assert guid is not None
        _forget(client)

        assert client.get_schema_by_guid(guid).schema_str == schema.schema_str
        assert _refusal(lambda: client.get_schema_by_guid(str(uuid.uuid4()))) == (404, 40403)

        with SchemaRegistryClient({"url": other.url, "max.retries": 0}) as again:
            again.register_schema(f"other {subject}", schema)
            assert again.get_latest_version(f"other {subject}").guid == guid


def test_white_space_and_order_of_attributes_make_no_other_schema(
    embedded: EmbeddedRegistry, subject: str
) -> None:
    """As in Confluent's registry, and unlike Apicurio's, which tells schemas apart by their text."""
    with SchemaRegistryClient({"url": embedded.url, "max.retries": 0}) as client:
        first = client.register_schema(subject, Schema('{"type":"fixed","name":"F","size":2}', "AVRO"))
        again = client.register_schema(subject, Schema('{"name": "F", "type": "fixed", "size": 2}', "AVRO"))
    assert again == first


def test_the_text_of_a_schema_is_served_alone(embedded: EmbeddedRegistry, subject: str) -> None:
    """`/schemas/ids/{id}/schema` answers the schema itself, for people and their shells."""
    with SchemaRegistryClient({"url": embedded.url}) as client:
        schema_id = client.register_schema(subject, Schema('"string"', "AVRO"))
    assert httpx.get(f"{embedded.url}/schemas/ids/{schema_id}/schema", trust_env=False).json() == "string"


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/schemas/ids/x", 404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        ("/no/such/route", 404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        (
            "/subjects/s/versions/0",
            422,
            {
                "error_code": 42202,
                "message": "The specified version '0' is not valid: a number from 1, or the word latest.",
            },
        ),
        ("/schemas/ids/999", 404, {"error_code": 40403, "message": "Schema 999 not found"}),
        ("/subjects/none/versions", 404, {"error_code": 40401, "message": "Subject 'none' not found."}),
        ("/subjects/s/versions/9", 404, {"error_code": 40402, "message": "Version 9 not found."}),
    ],
)
def test_a_refusal_says_what_was_wrong(
    embedded: EmbeddedRegistry, path: str, status: int, body: object
) -> None:
    """Whoever tries the registry by hand is told in Confluent's words and codes."""
    httpx.post(
        f"{embedded.url}/subjects/s/versions", json={"schema": '"int"'}, trust_env=False
    ).raise_for_status()
    answer = httpx.get(f"{embedded.url}{path}", trust_env=False)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("content", "status", "body"),
    [
        (b"{", 400, {"error_code": 400, "message": "The body is not JSON"}),
        (b"[]", 400, {"error_code": 400, "message": "The body is not a JSON object"}),
        (b"{}", 422, {"error_code": 42201, "message": "Empty schema"}),
        (
            b'{"schema": "x", "schemaType": "PROTOBUF"}',
            422,
            {"error_code": 42201, "message": "Invalid schema: type 'PROTOBUF' is not served here, only AVRO"},
        ),
    ],
)
def test_a_body_that_is_no_schema_is_refused(
    embedded: EmbeddedRegistry, content: bytes, status: int, body: object
) -> None:
    """A registration by hand that cannot be meant is told apart from a bad schema."""
    answer = httpx.post(f"{embedded.url}/subjects/s2/versions", content=content, trust_env=False)
    assert (answer.status_code, answer.json()) == (status, body)


def test_a_fault_meets_every_request_until_it_is_taken_back(subject: str) -> None:
    """A registry in trouble answers its status whatever is asked, and keeps what it had."""
    with (
        running_registry() as registry,
        SchemaRegistryClient({"url": registry.url, "max.retries": 0}) as client,
    ):
        schema_id = client.register_schema(subject, _schema())
        _forget(client)

        registry.fault = 503
        assert _refusal(lambda: client.get_schema(schema_id)) == (503, 503)
        assert _refusal(client.get_subjects) == (503, 503)
        registry.fault = None

        assert client.get_schema(schema_id)


def test_credentials_are_demanded_where_they_were_set() -> None:
    """Without them, or with others, every request is answered 401."""
    with running_registry(credentials=Credentials("alice", "s3cret")) as registry:
        for userinfo in (None, "alice:wrong"):
            settings = {"url": registry.url, "max.retries": 0}
            if userinfo:
                settings["basic.auth.user.info"] = userinfo
            with SchemaRegistryClient(settings) as refused:
                assert _refusal(refused.get_subjects) == (401, 401)
        with SchemaRegistryClient({"url": registry.url, "basic.auth.user.info": "alice:s3cret"}) as client:
            assert client.get_subjects() == []


def _json(schema: Schema) -> dict[str, object]:
    assert schema.schema_str is not None
    parsed: dict[str, object] = json.loads(schema.schema_str)
    return parsed


def _forget(client: SchemaRegistryClient) -> None:
    """Empty the client's caches, so that the next answer is the registry's."""
    client.clear_caches()  # type: ignore[no-untyped-call]


def _refusal(ask: Callable[[], object]) -> tuple[int, int]:
    """The HTTP status and the registry's own code of the error that a call ends in."""
    with pytest.raises(SchemaRegistryError) as refused:
        ask()
    return refused.value.http_status_code, refused.value.error_code
