"""Who may reach the pods, and whom they may reach."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from tests.chart.rendering import Object, objects, one


def _policy(config: dict[str, Any] | None = None, **settings: Any) -> Object:
    found = objects({"networkPolicy": {"enabled": True, **settings}, "config": config or {}})
    (policy,) = [
        o for o in found if o["kind"] == "NetworkPolicy" and not o["metadata"]["name"].endswith("-test")
    ]
    return policy


def _allowed(policy: Object, host: str, port: int) -> bool:
    """Whether a connection to an address outside of the cluster is let out, by the rules of NetworkPolicy."""
    return any(
        any(p["port"] == port and p.get("protocol", "TCP") == "TCP" for p in rule["ports"])
        and ("to" not in rule or any(_holds(peer.get("ipBlock"), host) for peer in rule["to"]))
        for rule in policy["spec"]["egress"]
    )


def _holds(block: dict[str, Any] | None, host: str) -> bool:
    if block is None:
        return False
    address = ip_address(host)
    networks = [ip_network(text) for text in [block["cidr"], *block.get("except", [])]]
    assert all(inner.subnet_of(networks[0]) for inner in networks[1:])  # type: ignore[arg-type]  # of one version
    return address in networks[0] and not any(address in inner for inner in networks[1:])


INSIDE = {"brokers": {"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}}
TOKEN_URL = "sasl.oauthbearer.token.endpoint.url"
NEAR = {"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}]}


def test_nothing_is_let_in_but_prometheus_and_the_test_to_the_port_of_metrics() -> None:
    """Not the status page, whose port is not even named; both directions are closed otherwise."""
    policy = _policy(monitoring={"namespace": "observability", "podLabels": {"app": "prometheus"}})
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": "metrics"}]
    prometheus, test = rule["from"]
    assert prometheus == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "observability"}},
        "podSelector": {"matchLabels": {"app": "prometheus"}},
    }
    assert test["podSelector"]["matchLabels"].items() <= one(objects({}), "Pod")["metadata"]["labels"].items()
    assert "8083" not in str(policy)


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
        *(
            "127.0.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "fd00:ec2::254",
            "fe80::1",
            "::1",
            "ff02::1",
            "64:ff9b::a9fe:a9fe",
        ),
    ],
)
def test_the_world_is_not_what_lies_inside(host: str) -> None:
    """A cloud's metadata and the API of the cluster lie there, both at 443 or 80."""
    policy = _policy({"attachments": {"hosts": {"files.example.com": {"plain_text": True}}}}, **INSIDE)
    assert not _allowed(policy, host, 443)
    assert not _allowed(policy, host, 80)


@pytest.mark.parametrize("host", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888"])
def test_the_world_is_reached_at_443_only(host: str) -> None:
    """Front, and a registry that is public."""
    policy = _policy(**INSIDE)
    assert _allowed(policy, host, 443)
    assert not _allowed(policy, host, 80)


@pytest.mark.parametrize(
    ("config", "port"),
    [
        ({"kafka": {"bootstrap_servers": "a.example.com:9095, b.example.com:9096"}}, 9096),
        ({"kafka": {"bootstrap_servers": "a.example.com"}}, 9092),
        ({"kafka": {"bootstrap_servers": "SASL_SSL://a.example.com:9097"}}, 9097),
        ({"registry": {"url": "https://registry.example.com:8443"}}, 8443),
        ({"registry": {"url": "http://registry.example.com"}}, 80),
        ({"front": {"apps": {"main": {"base_url": "https://front.example.com:8443"}}}}, 8443),
        ({"front": {"proxy": "http://proxy.example.com:3128"}}, 3128),
        ({"attachments": {"proxy": "http://proxy.example.com:3129"}}, 3129),
        ({"attachments": {"hosts": {"files.example.com:9000": {}}}}, 9000),
        ({"tracing": {"enabled": True, "endpoint": "http://collector.example.com:4318"}}, 4318),
        ({"kafka": {"properties": {TOKEN_URL: "https://id.example.com:8444/token"}}}, 8444),
    ],
    ids=str,
)
def test_what_the_configuration_names_is_reached_where_it_is_public(
    config: dict[str, Any], port: int
) -> None:
    """And nobody is let out there without it; at no port to what lies inside, a cloud's metadata above all."""
    policy = _policy(config)
    assert _allowed(policy, "8.8.8.8", port)
    assert not _allowed(_policy(**INSIDE), "8.8.8.8", port)
    for inside in ("169.254.169.254", "10.0.0.1", "fd00:ec2::254", "64:ff9b::a9fe:a9fe"):
        assert not _allowed(policy, inside, port)


@pytest.mark.parametrize(
    ("config", "peers", "port"),
    [
        ({"kafka": {"bootstrap_servers": "a:9095, b:9096"}}, {"brokers": NEAR}, 9096),
        ({"kafka": {"bootstrap_servers": "10.0.0.1"}}, {"brokers": NEAR}, 9092),
        (
            {"kafka": {"bootstrap_servers": "kafka.example.com:9093"}},
            {"brokers": {"ports": [9099], **NEAR}},
            9099,
        ),
        ({"registry": {"url": "https://registry.kafka.svc:8443"}}, {"registry": NEAR}, 8443),
        ({"registry": {"url": "https://registry"}}, {"registry": NEAR}, 443),
        ({"front": {"proxy": "http://proxy:3128"}}, {"proxy": NEAR}, 3128),
        ({"front": {"proxy": "environment"}}, {"proxy": {"ports": [3130], **NEAR}}, 3130),
        ({"attachments": {"proxy": "http://proxy:3129"}}, {"proxy": NEAR}, 3129),
        ({"tracing": {"enabled": True, "endpoint": "http://collector:4318"}}, {"tracing": NEAR}, 4318),
        ({"attachments": {"hosts": {"f.example.com": {}}, "allow_private": ["10.0.0.0/24"]}}, {}, 443),
    ],
    ids=str,
)
def test_what_lies_inside_is_reached_at_its_peers_only(
    config: dict[str, Any], peers: dict[str, Any], port: int
) -> None:
    """Private addresses are usual for brokers; which ones, only the operator knows."""
    policy = _policy(config, **peers)
    assert _allowed(policy, "10.0.0.1", port)
    assert not _allowed(policy, "10.0.1.1", port)
    assert not _allowed(policy, "169.254.169.254", port)


def test_no_rule_but_that_of_names_leads_everywhere() -> None:
    """Whatever is configured: a rule without peers is open to every address."""
    config = {
        "registry": {"url": "http://registry.example.com:8081"},
        "front": {"proxy": "http://proxy.example.com:3128"},
        "tracing": {"enabled": True, "endpoint": "http://collector.example.com:4318"},
    }
    everywhere = [rule for rule in _policy(config)["spec"]["egress"] if "to" not in rule]
    assert [sorted({p["port"] for p in rule["ports"]}) for rule in everywhere] == [[53]]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_sidecar_needs_no_rule(host: str) -> None:
    """No policy stands between the containers of a pod."""
    policy = _policy(
        {"registry": {"url": f"http://{host}:8081"}, "kafka": {"bootstrap_servers": f"{host}:9095"}}
    )
    assert not _allowed(policy, "8.8.8.8", 8081)
    assert not _allowed(policy, "8.8.8.8", 9095)


def test_peers_narrow_a_rule() -> None:
    """Brokers at their own addresses only."""
    policy = _policy(**INSIDE)
    assert _allowed(policy, "10.20.0.7", 9093)
    assert not _allowed(policy, "10.20.1.7", 9093)


def test_own_rules_are_added() -> None:
    """An identity provider inside, a second Prometheus."""
    own = {"ports": [{"protocol": "TCP", "port": 8443}], "to": [{"ipBlock": {"cidr": "10.3.0.0/16"}}]}
    scraper = {"from": [{"podSelector": {"matchLabels": {"app": "agent"}}}]}
    policy = _policy(extraEgress=[own], extraIngress=[scraper])
    assert _allowed(policy, "10.3.0.1", 8443)
    assert scraper in policy["spec"]["ingress"]


def test_an_identity_provider_inside_is_reached_by_a_rule_of_ones_own() -> None:
    """The chart cannot tell where it lies: without such a rule it is refused."""
    own = {"ports": [{"protocol": "TCP", "port": 8443}], "to": [{"ipBlock": {"cidr": "10.3.0.0/16"}}]}
    endpoint = {"sasl.oauthbearer.token.endpoint.url": "https://10.3.0.1:8443/token"}
    policy = _policy({"kafka": {"properties": endpoint}}, extraEgress=[own])
    assert _allowed(policy, "10.3.0.1", 8443)
    assert not _allowed(policy, "10.4.0.1", 8443)


def test_all_may_have_to_go_through_a_proxy() -> None:
    """As docs/deployment.md says: a policy knows no names, so only so the world's 443 is Front's alone."""
    world = {"exceptIPv4": ["0.0.0.0/1", "128.0.0.0/1"], "exceptIPv6": ["::/1", "8000::/1"]}
    policy = _policy({"front": {"proxy": "http://proxy:3128"}}, world=world, proxy=NEAR, **INSIDE)
    assert not _allowed(policy, "8.8.8.8", 443)
    assert not _allowed(policy, "2001:4860:4860::8888", 443)
    assert _allowed(policy, "10.0.0.1", 3128)
