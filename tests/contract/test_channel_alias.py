"""A channel's alias at the simulator: it stands in the path, and the token is made out for the real id."""

import asyncio
from pathlib import Path

from connector.core.mapping import ChannelRow
from connector.simulator.server import Simulator, running
from connector.simulator.world import demo_world
from tests.support.estates import raw_log
from tests.support.http_stage import over_http
from tests.support.world import record
from tests.unit.config_files import folder, loaded

MAPPING = """\
version: 1
topics:
  messages:
    start: earliest
    on_unknown_channel: wait
    rules:
      - name: message
        operation: sync-inbound-message
        channel: '${channels[value.channel]}'
        body:
          sender: {handle: h}
          body: b
          metadata: {external_id: '${value.id}', external_conversation_id: '${value.conversation}'}
"""
ALIAS = "alt:address:chat@corner-shop.example"


async def sent_for(simulator: Simulator, path: Path, channel: str) -> None:
    """A line waits for its row, which comes with the alias and this channel; then its record is sent."""
    known = loaded(folder(path, channels="key,channel,company,app\n", messages=MAPPING))
    async with over_http(simulator.base_url, known.mappings) as (stage, _):
        stage.assign()
        stage.pipeline.received([record(0, channel="inbox")])
        row = ChannelRow(key="inbox", channel=channel, company="corner-shop", app="main", alias=ALIAS)
        stage.pipeline.rows_came(frozenset(known.channels.change({"inbox": row}).set))
        async with asyncio.timeout(20.0):
            while not raw_log(simulator):
                await asyncio.sleep(0.01)


async def test_the_alias_goes_into_the_path_and_the_tokens_sub_is_the_real_id(tmp_path: Path) -> None:
    """Front accepts it; and it judges the sub, for with another real id the same path is refused."""
    with running(demo_world(open_to_all=False)) as simulator:
        await sent_for(simulator, tmp_path, "cha_shop_chat")
        (request,) = raw_log(simulator)
        assert request["path_ids"] == [ALIAS]
        assert (request["channel"], request["status"], request["accepted"]) == ("cha_shop_chat", 202, True)
    with running(demo_world(open_to_all=False)) as simulator:
        await sent_for(simulator, tmp_path, "cha_another")
        refused = raw_log(simulator)[0]
        assert (refused["status"], refused["remark"]) == (401, "token: sub is not the channel of the path")
