"""Whether librdkafka takes the properties that it is given: asked before anything is started."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException


def refused(properties: Mapping[str, Any]) -> str | None:
    """The client's own words about what it does not take (an unknown name, a value, a file); None if it takes all.

    Connects to nobody. A certificate or key file that cannot be read is found here too.
    """
    try:
        # With the callback of a token the client would wait for one.
        known = {name: value for name, value in properties.items() if name != "oauth_cb"}
        Consumer({**known, "log_level": 0}).close()
    except KafkaException as error:
        return str(error.args[0].str())
    return None
