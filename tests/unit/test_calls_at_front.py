"""What is told of calls beforehand is what the simulated Front then drops: the same changes, over real sockets."""

import asyncio
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

from connector.core.call_states import CallStatus
from connector.core.records import Record, key_hash
from connector.simulator.server import Simulator
from connector.simulator.switches import Switches
from tests.support.http_stage import over_http
from tests.support.real_time import until
from tests.support.world import record
from tests.unit.config_files import folder, loaded

# A state that is sent again is remarked on too, and not told: a repeat is no mistake.
_REMARK = re.compile(r"illegal transition (\w+) to (\w+)")
CHANNEL = "cha_shop_phone"
MAPPING = f"""\
version: 1
topics:
  messages:
    start: earliest
    key: {{format: bytes}}
    defaults: {{channel: {CHANNEL}}}
    rules:
      - name: begins
        when: '${{headers.state in ["ringing", "queued"] && has(headers.first)}}'
        operation: create-call
        body:
          external_call_id: '${{value.conversation}}'
          parent_external_call_id: '${{value.conversation}}'
          initial_status: '${{headers.state}}'
          direction: inbound
          from: {{handle: '+4930555010'}}
      - name: changes
        operation: update-call
        path: {{external_call_id: '${{value.conversation}}'}}
        body: {{call_status: '${{headers.state}}'}}
"""


def story(seed: int) -> list[Record]:
    """Forty calls of six states each, in one another; half of the states are chosen blindly."""
    chance = random.Random(seed)
    left = [f"leg-{n}" for n in range(40) for _ in range(6)]
    chance.shuffle(left)
    begun: set[str] = set()
    records = []
    for offset, leg in enumerate(left):
        first = leg not in begun
        begun.add(leg)
        state = chance.choice(("ringing", "queued") if first else get_args(CallStatus))
        headers = (("state", state.encode()), *((("first", b"1"),) if first else ()))
        records.append(replace(record(offset, leg), headers=headers))
    return records


def test_what_is_told_of_calls_is_what_front_drops(tmp_path: Path) -> None:
    """Call by call, as many as Front's own log remarks on."""
    mappings = loaded(folder(tmp_path, messages=MAPPING)).mappings

    async def play() -> None:
        async with (
            Simulator(switches=Switches(processing_delay_ms=0, rpm=0, tier_rps=0)) as front,
            over_http(front.base_url, mappings) as (stage, _),
        ):
            stage.assign()
            stage.pipeline.received(story(seed=6))
            await until(lambda: stage.facts.count("settled", "messages", "accepted") == 240)
            dropped = Counter(
                key_hash(("call", CHANNEL, str(entry.call_id)))
                for entry in front.state.log.newest(1000)
                if (found := _REMARK.fullmatch(entry.remark or "")) and found[1] != found[2]
            )
            told = Counter(
                fields["key_hash"]
                for _, given, fields in stage.facts.seen
                if given == ("call.illegal_transition",)
            )
            assert told == dropped
            assert 40 < dropped.total() < 200
            assert stage.letters.letters == []

    asyncio.run(play())
