"""How long `shadow` takes over many records, and how much memory: the shipped mappings against a changed copy of them.

    python -m tests.benchmark.shadow                    100,000 records of the demo's traffic: about a minute
    python -m tests.benchmark.shadow --records 10000
    python -m tests.benchmark.shadow --html plan.html   keep the report, too

The verb runs as users run it, as a process of its own, whose largest resident size is told. Broker and registry are the
embedded ones, in this process. The copy sends other requests for a share of the records, so that the slow way of comparing,
field by field, is measured as well. Linux only, as it is read from
/proc: `ru_maxrss` of a child would tell of this process, from which it was forked.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from connector.demo.broker import EmbeddedBroker
from connector.demo.estate import DEAD_LETTER_TOPIC, Estate
from connector.demo.events import TOPICS, generate
from connector.demo.registry import running_registry
from connector.demo.traffic import Publisher
from connector.resources import mappings_dir

RECORDS = 100_000
PARTITIONS = 32
"""The embedded broker forgets the oldest records of a partition beyond 5 MiB."""

CHANGES = {
    "messaging-messages.yaml": (
        ("- name: message received", "- name: message came in"),
        ("name: '${value.sender.display_name}'", "name: '${value.sender.address}'"),
        ('when: \'${schema.name == "MessageSent" && value.origin == "FRONT"}\'', "when: '${false}'"),
    ),
    "telephony-calls.yaml": (
        (
            "started_at: '${value.occurred_at}'             # calls",
            "started_at: '${value.occurred_at + 1}' # calls",
        ),
    ),
}
"""What the copy says otherwise, by file."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of the verb, from its start to its end."""

    records: int
    differing: int
    seconds: float
    records_per_s: float
    cpu_s: float
    """Of the process, all threads: what a machine that is not shared would need at most."""
    rss_mib: float


def changed_mappings(folder: Path) -> Path:
    """A copy of the shipped mapping files with `CHANGES`."""
    folder.mkdir(parents=True)
    for file in mappings_dir().glob("*.yaml"):
        text = file.read_text("utf-8")
        for before, after in CHANGES.get(file.name, ()):
            assert before in text, f"{file.name} does not say any more: {before}"
            text = text.replace(before, after)
        (folder / file.name).write_text(text, "utf-8")
    return folder


def run(records: int, folder: Path, html: Path | None = None) -> Measured:
    """Produce the records, compare them once, and say what it took. Raises RuntimeError if the verb fails."""
    with EmbeddedBroker() as broker, running_registry() as registry:
        for topic in (*TOPICS, DEAD_LETTER_TOPIC):
            broker.create_topic(topic, PARTITIONS)
        Publisher(broker.bootstrap, registry.url).publish(generate(seed=1, records=records))
        estate = Estate(bootstrap=broker.bootstrap, registry_url=registry.url, front_url="http://127.0.0.1:9")
        old = estate.write(folder / "old")
        changed = changed_mappings(folder / "changed")
        page = html or folder / "report.html"
        command = [
            sys.executable,
            "-m",
            "connector",
            "shadow",
            "--config",
            str(old),
            "--against",
            str(changed),
        ]
        command += ["--last", str(records), "--output", "json", "--html", str(page)]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        with (folder / "report.json").open("wb") as out, (folder / "stderr").open("wb") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err)
            kib = 0
            while process.poll() is None:
                kib = max(kib, _resident_kib(process.pid))
                time.sleep(0.1)
        code = process.returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = time.monotonic() - began
    if code != 1:
        raise RuntimeError(f"shadow ended with {code}: {(folder / 'stderr').read_text()[-2000:]}")
    report = json.loads((folder / "report.json").read_bytes())
    return Measured(
        records=report["records"],
        differing=report["differing"],
        seconds=round(seconds, 1),
        records_per_s=round(report["records"] / seconds, 1),
        cpu_s=round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        rss_mib=round(kib / 1024, 1),
    )


def _resident_kib(pid: int) -> int:
    """The most that a process has had resident so far; 0 when it has just ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--html", type=Path, help="keep the report here")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="shadow-"))
    try:
        measured = run(given.records, folder, given.html)
    finally:
        shutil.rmtree(folder)
    if given.output == "json":
        print(json.dumps(asdict(measured)))
    else:
        print(f"{measured.records:,} records, {measured.differing:,} differ")
        print(f"{measured.seconds} s ({measured.cpu_s} s of CPU), {measured.records_per_s:,} records/s")
        print(f"at most {measured.rss_mib} MiB resident")


if __name__ == "__main__":
    main()
