"""Rules -> requests, a skip, or a refusal: what one decoded record becomes at Front.

`topic.py` is the room's door (`TopicMapping.map`). Compiling mapping files into these values is done in
`connector/config`; here they are only evaluated. No files, no clock.
"""

from connector.core.mapping.channels import Change, ChannelDirectory, ChannelRow
from connector.core.mapping.formats import (
    AvroFormat,
    BytesFormat,
    KeyFormat,
    RawAvroFormat,
    StringFormat,
    ValueFormat,
)
from connector.core.mapping.lets import Let, Lets
from connector.core.mapping.mapper import API_VERSION, Mapper, MapperInput, MapperRequest, PythonMapper
from connector.core.mapping.results import (
    ChannelNeeded,
    Input,
    Plan,
    Refusal,
    Result,
    Skip,
    SkipReason,
    line_key,
)
from connector.core.mapping.rules import RequestTemplate, Rule, Rules, Tried
from connector.core.mapping.templates import Constant, Expression, Fields, Items, Node
from connector.core.mapping.topic import MappingSet, OnMissingOffset, Start, StartAt, TopicMapping

__all__ = [
    "API_VERSION",
    "AvroFormat",
    "BytesFormat",
    "Change",
    "ChannelDirectory",
    "ChannelNeeded",
    "ChannelRow",
    "Constant",
    "Expression",
    "Fields",
    "Input",
    "Items",
    "KeyFormat",
    "Let",
    "Lets",
    "Mapper",
    "MapperInput",
    "MapperRequest",
    "MappingSet",
    "Node",
    "OnMissingOffset",
    "Plan",
    "PythonMapper",
    "RawAvroFormat",
    "Refusal",
    "RequestTemplate",
    "Result",
    "Rule",
    "Rules",
    "Skip",
    "SkipReason",
    "Start",
    "StartAt",
    "StringFormat",
    "TopicMapping",
    "Tried",
    "ValueFormat",
    "line_key",
]
