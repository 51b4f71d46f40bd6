"""A swap of mappings while records wait: what then starts them, and in which order. Virtual time."""

from connector.ports import RegistryUnavailable
from tests.support.virtual_time import in_virtual_time
from tests.support.world import SCHEMA, Stage
from tests.unit.test_pipeline_reload import BY_ROOM, by, in_room, version


@in_virtual_time
async def test_a_dead_letter_that_settles_last_starts_what_waits_behind_the_wall() -> None:
    """No request of the old version is left whose end would start anything."""
    async with Stage(maps=version("old")) as stage:
        stage.assign()
        stage.letters.delay = 5.0
        stage.pipeline.received([in_room(0, "bad")])
        await stage.quiet(1.0)
        assert stage.pipeline.swap(version("new", BY_ROOM)) == 1
        stage.pipeline.received([in_room(1, "a")])
        await stage.quiet(30.0)
        assert by(stage) == [("1", "new")]


@in_virtual_time
async def test_what_waited_under_several_keys_is_mapped_anew_in_order_of_offsets() -> None:
    """By room they waited in two queues; by conversation they are one."""
    async with Stage(maps=version("old", BY_ROOM)) as stage:
        stage.assign()
        stage.schemas.script = lambda _ref, _n: RegistryUnavailable("down")
        rooms = ["one", "two", "one"]
        stage.pipeline.received([in_room(n, "a", room, schema=2) for n, room in enumerate(rooms)])
        await stage.quiet(1.0)
        stage.schemas.script = lambda _ref, _n: SCHEMA
        stage.pipeline.swap(version("new"))
        await stage.quiet(60.0)
        assert by(stage) == [("0", "new"), ("1", "new"), ("2", "new")]
