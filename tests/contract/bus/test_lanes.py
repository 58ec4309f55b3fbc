"""The order of messages in the dispatcher's hands."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from local.bus.lanes import Lanes, Message


def message(number: int, key: str = "k") -> Message:
    return Message(number, key, "topic", {}, datetime(2024, 1, 2, tzinfo=UTC))


def test_start_when_a_key_is_out_then_only_other_keys_start() -> None:
    lanes = Lanes()
    lanes.add([message(1, "a"), message(2, "a"), message(3, "b")])
    assert lanes.start() == message(1, "a")
    assert lanes.start() == message(3, "b")
    assert lanes.start() is None


def test_put_back_when_younger_ones_wait_then_it_starts_before_them() -> None:
    lanes = Lanes()
    lanes.add([message(1), message(2)])
    first = lanes.start()
    assert first is not None
    lanes.put_back(first)
    assert lanes.start() == first


def test_add_when_an_older_message_comes_late_then_it_goes_first() -> None:
    lanes = Lanes()
    lanes.add([message(2), message(3)])
    lanes.add([message(1)])
    assert lanes.start() == message(1)


def test_add_when_a_message_is_known_then_it_is_ignored() -> None:
    lanes = Lanes()
    lanes.add([message(1)])
    out = lanes.start()
    assert out is not None
    lanes.add([message(1)])
    lanes.finish(out)
    assert lanes.start() is None
    assert len(lanes) == 0


def test_full_keys_when_a_key_holds_its_cap_then_it_is_named() -> None:
    lanes = Lanes(cap=2)
    lanes.add([message(1, "a"), message(2, "a"), message(3, "b")])
    assert lanes.full_keys() == ["a"]


STEPS = st.tuples(st.sampled_from(["add", "start", "finish", "put_back"]), st.integers(0, 20))


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=20), st.lists(STEPS, max_size=60))
def test_lanes_when_steps_interleave_then_every_key_ends_in_order_and_nothing_is_lost(
    keys: list[str], steps: list[tuple[str, int]]
) -> None:
    coming = [message(number, key) for number, key in enumerate(keys)]
    lanes, out, ended = Lanes(), list[Message](), list[Message]()
    # Whatever the steps leave undone is brought to its end afterwards.
    for step, number in [*steps, *[("add", 0), ("start", 0), ("finish", 0)] * (2 * len(keys))]:
        if step == "add":
            lanes.add(coming[:2])
            coming = coming[2:]
        elif step == "start":
            started = lanes.start()
            if started is not None:
                assert started.key not in {each.key for each in out}
                out.append(started)
        elif out:
            chosen = out.pop(number % len(out))
            if step == "finish":
                ended.append(chosen)
                lanes.finish(chosen)
            else:
                lanes.put_back(chosen)
    assert len(lanes) == 0
    for key in "abc":
        assert [each.id for each in ended if each.key == key] == [n for n, name in enumerate(keys) if name == key]
