"""Two secrets of one app while one takes the other's place: which is used, which is tried, and when neither is."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.front.rotation import Rotation, Which

OVERLAP_S = 100.0


@dataclass
class World:
    """A secret file, the secrets that Front takes, and what was told."""

    file: str = "first"
    front: set[str] = field(default_factory=lambda: {"first"})
    now: float = 0.0
    told: list[tuple[str, bool]] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    looked: int = 0

    def __post_init__(self) -> None:
        self.rotation = Rotation("main", self, lambda: self.now, self, OVERLAP_S)

    def value(self) -> str:
        return self.file

    def refresh(self) -> None:
        self.looked += 1

    def other_secret(self, app: str, which: Which, *, accepted: bool) -> None:
        assert app == "main"
        self.told.append((which, accepted))

    def attempt(self, channel: str = "cha_1", *, fine: bool = True) -> bool:
        """One attempt; `fine`: Front takes the channel at all."""
        key = self.rotation.key(channel)
        self.used.append(key.value)
        taken = fine and key.value in self.front
        (self.rotation.accepted if taken else self.rotation.refused)(channel, key)
        return taken

    def record(self, channel: str = "cha_1", *, fine: bool = True) -> bool:
        """As the pipeline does: one more attempt after a 401, then the channel holds."""
        return self.attempt(channel, fine=fine) or self.attempt(channel, fine=fine)


@pytest.fixture
def world() -> World:
    made = World()
    assert made.record()
    made.used.clear()
    return made


def test_front_that_knows_only_the_former_gets_it_at_the_second_try(world: World) -> None:
    """The file is early: one request more, once; then the former until Front refuses it, then the newest."""
    world.file = "second"
    assert [world.record() for _ in range(3)] == [True] * 3
    assert world.used == ["second", "first", "first", "first"]
    world.front = {"second"}
    assert [world.record() for _ in range(3)] == [True] * 3
    assert world.used[4:] == ["first", "second", "second", "second"]
    assert world.told == [("former", True), ("newest", True)]


def test_a_file_that_is_late_is_read_again_at_once(world: World) -> None:
    """Front knows only the next secret: as soon as the file has it, the second try has it too."""
    world.front = {"second"}
    assert not world.record()
    world.file = "second"
    assert world.record()
    assert world.used == ["first", "first", "second"]
    assert world.looked == 2


def test_no_401_while_front_takes_both(world: World) -> None:
    """The file decides: nothing is tried, nothing told."""
    world.front = {"first", "second"}
    world.file = "second"
    assert world.record()
    world.front = {"second"}
    assert world.record()
    assert (world.used, world.told) == (["second", "second"], [])


def test_two_wrong_secrets_are_two_requests(world: World) -> None:
    """Neither is right: both were tried, and whatever the pipeline asks for next tries them in turn, one for one."""
    world.file, world.front = "second", set()
    assert not world.record()
    assert world.used == ["second", "first"]
    assert world.told == [("former", False)]
    assert not world.attempt()
    assert not world.attempt()
    assert world.used[2:] == ["second", "first"]


def test_a_channel_refused_for_another_reason_disturbs_no_other(world: World) -> None:
    """It is of another app, say: it tries both secrets, and the others go on with theirs."""
    world.file = "second"
    world.front = {"second"}
    for _ in range(3):
        assert not world.record("cha_alien", fine=False)
        world.used.clear()
        assert world.record("cha_1")
        assert world.used == ["second"]


def test_many_at_once_cost_one_more_request_each(world: World) -> None:
    """64 in flight are all refused, and all second tries are made with the former."""
    world.file = "second"
    first = [world.rotation.key("cha_1") for _ in range(64)]
    for key in first:
        world.rotation.refused("cha_1", key)
    second = [world.rotation.key("cha_1") for _ in range(64)]
    assert {key.value for key in second} == {"first"}
    for key in second:
        world.rotation.accepted("cha_1", key)
    assert world.rotation.key("cha_2").value == "first"
    assert world.told == [("former", True)]


def test_an_acceptance_from_before_the_rotation_brings_nothing_back(world: World) -> None:
    """It was on its way when the file changed; nobody has refused the newest."""
    before = world.rotation.key("cha_1")
    world.file = "second"
    after = world.rotation.key("cha_1")
    world.rotation.accepted("cha_1", before)
    assert world.rotation.key("cha_1") is after
    world.rotation.refused("cha_2", before)
    assert world.rotation.key("cha_2") is after


def test_the_former_is_not_taken_up_after_the_overlap(world: World) -> None:
    """An hour later a 401 has another reason."""
    world.file = "second"
    assert world.rotation.key("cha_1").value == "second"
    world.now += OVERLAP_S + 1
    assert not world.record()
    assert world.used == ["second", "second"]
    assert world.told == []


def test_the_former_in_use_stays_beyond_the_overlap(world: World) -> None:
    """It is what Front takes: dropping it would stop everything. The newest comes when Front refuses it."""
    world.file = "second"
    assert world.record()
    world.now += 10 * OVERLAP_S
    assert world.record()
    world.front = {"second"}
    assert world.record()
    assert world.used == ["second", "first", "first", "first", "second"]


def test_of_several_changes_the_secret_that_front_took_is_kept(world: World) -> None:
    """A typing error in between: the way back is to what worked."""
    for text in ("sceond", "second"):
        world.file = text
        world.rotation.key("cha_1")
    assert world.record()
    assert world.used == ["second", "first"]


def test_a_further_change_counts_at_once(world: World) -> None:
    """Also for a channel whose next attempt was to be made with the former."""
    world.file = "second"
    assert not world.attempt()
    world.file = "third"
    assert not world.attempt()
    assert world.used == ["second", "third"]


def test_a_change_that_is_taken_back_is_a_rotation_too(world: World) -> None:
    """The other direction: Front knows the second by then, and gets it."""
    world.file, world.front = "second", {"second"}
    assert world.record()
    world.file = "first"
    assert world.record()
    assert world.used == ["second", "first", "second"]
    assert world.told == [("former", True)]


def test_nothing_shows_a_secret(world: World) -> None:
    """Neither key nor rotation."""
    assert "first" not in repr(world.rotation.key("cha_1")) + repr(world.rotation)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sets(st.sampled_from("abc")),
            st.sampled_from(["cha_1", "cha_2"]),
            st.floats(0, 2 * OVERLAP_S),
        )
    )
)
def test_what_the_file_and_front_agree_on_is_accepted_at_the_second_try_at_latest(
    steps: list[tuple[str, set[str], str, float]],
) -> None:
    """Whatever came before. The pipeline makes no third attempt, so that a record is delayed and never held for it."""
    world = World()
    for file, front, channel, later in steps:
        world.now += later
        world.file, world.front = file, front
        accepted = world.record(channel)
        assert accepted or file not in front
