"""The outcome of tests as JUnit XML, which CI servers read: a suite for each topic, a case for each test.

Form: the elements and attributes that the schema of Jenkins's xUnit plugin (junit-10.xsd) knows.
"""

import re
from xml.etree import ElementTree as ET

from connector.config.reading import shown_path
from connector.workbench.testing.run import Outcome, TestResult

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) cannot hold, even escaped."""


def as_junit(outcome: Outcome) -> str:
    """The whole document."""
    root = ET.Element("testsuites", _counts(outcome.results, "front-connector test"))
    for topic in sorted({one.test.topic for one in outcome.results}):
        results = tuple(one for one in outcome.results if one.test.topic == topic)
        suite = ET.SubElement(root, "testsuite", {**_counts(results, topic), "skipped": "0"})
        for one in results:
            _case(suite, one)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(results: tuple[TestResult, ...], name: str) -> dict[str, str]:
    return {
        "name": _clean(name),
        "tests": str(len(results)),
        "failures": str(sum(one.status == "failed" for one in results)),
        "errors": str(sum(one.status == "error" for one in results)),
        "time": f"{sum(one.took_s for one in results):.6f}",
    }


def _case(suite: ET.Element, result: TestResult) -> None:
    test = result.test
    case = ET.SubElement(
        suite,
        "testcase",
        {
            "classname": _clean(test.topic),
            "name": _clean(test.name),
            "file": _clean(shown_path(test.path)),
            "line": str(test.line),
            "time": f"{result.took_s:.6f}",
        },
    )
    if result.status == "ok":
        return
    lines = [line for each in result.differences for line in each.lines]
    said = result.why or "the record becomes something else than expected"
    element = ET.SubElement(
        case,
        "failure" if result.status == "failed" else "error",
        {"message": _clean(said), "type": result.status},
    )
    element.text = _clean("\n".join(lines) or said)


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
