"""What every hot store does, whatever it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from functions.core.errors import BadInput
from functions.core.hotstore.port import HotStore

LONG = timedelta(minutes=5)
Connect = Callable[[], HotStore]

VALUES: list[Any] = [None, True, 0, -1.5, "", "é\n\"'", [], {}, [[1], [2, [3]]], {"a": {"b": [None]}, "": 1}, 2**53 - 1]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_get_when_a_value_was_put_then_it_comes_back_unchanged(store: HotStore, key: str, value: Any) -> None:
    written = store.put(key, value)
    found = store.get(key)
    assert found == written
    assert found is not None
    assert found.value == value
    assert type(found.value) is type(value)


def test_get_when_the_key_is_absent_then_none(store: HotStore, key: str) -> None:
    assert store.get(key) is None


def test_put_when_repeated_with_the_same_value_then_the_version_changes(store: HotStore, key: str) -> None:
    assert store.put(key, 1).version != store.put(key, 1).version


def test_put_when_done_then_written_at_is_the_machines_time_in_utc(store: HotStore, key: str) -> None:
    written = store.put(key, 1)
    assert written.written_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - written.written_at) < timedelta(seconds=30)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, datetime(2024, 1, 2, tzinfo=UTC)], ids=repr)
def test_put_when_the_value_is_not_json_then_bad_input_and_nothing_is_written(
    store: HotStore, key: str, value: Any
) -> None:
    with pytest.raises(BadInput):
        store.put(key, value)
    assert store.get(key) is None


def test_get_many_when_some_keys_are_absent_then_the_others_come(store: HotStore, key: str) -> None:
    store.put_many({f"{key}1": 1, f"{key}2": {"x": 2}})
    found = store.get_many([f"{key}1", f"{key}2", f"{key}3"])
    assert {name: entry.value for name, entry in found.items()} == {f"{key}1": 1, f"{key}2": {"x": 2}}


def test_get_many_when_no_keys_are_asked_then_nothing(store: HotStore) -> None:
    assert store.get_many([]) == {}
    store.put_many({})


def test_delete_when_the_key_is_there_or_not_then_it_is_gone(store: HotStore, key: str) -> None:
    store.put(key, 1)
    store.delete(key)
    store.delete(key)
    assert store.get(key) is None


def test_compare_and_set_when_the_version_is_the_present_one_then_it_writes(store: HotStore, key: str) -> None:
    first = store.put(key, 1)
    second = store.compare_and_set(key, 2, first.version)
    assert second is not None
    assert second == store.get(key)
    assert second.value == 2


def test_compare_and_set_when_the_version_is_old_then_it_loses_and_changes_nothing(store: HotStore, key: str) -> None:
    first = store.put(key, 1)
    second = store.put(key, 2)
    assert store.compare_and_set(key, 3, first.version) is None
    assert store.get(key) == second


def test_compare_and_set_when_the_same_value_was_written_between_then_it_still_loses(store: HotStore, key: str) -> None:
    first = store.put(key, 1)
    assert store.compare_and_set(key, 1, first.version) is not None
    assert store.compare_and_set(key, 1, first.version) is None


def test_compare_and_set_when_absence_is_expected_then_only_the_first_writes(store: HotStore, key: str) -> None:
    assert store.compare_and_set(key, 1, None) is not None
    assert store.compare_and_set(key, 2, None) is None
    found = store.get(key)
    assert found is not None
    assert found.value == 1


def test_compare_and_set_when_the_key_was_deleted_then_the_old_version_loses(store: HotStore, key: str) -> None:
    first = store.put(key, 1)
    store.delete(key)
    assert store.compare_and_set(key, 2, first.version) is None
    assert store.get(key) is None


@pytest.mark.parametrize("exists", [True, False])
def test_compare_and_set_when_two_clients_race_then_exactly_one_wins(connect: Connect, key: str, exists: bool) -> None:
    clients = [connect(), connect()]
    version = clients[0].put(key, "start").version if exists else None
    for turn in range(10):
        barrier = Barrier(2)

        def race(name: int, turn: int = turn, version: int | None = version, barrier: Barrier = barrier) -> Any:
            barrier.wait(10)
            return clients[name].compare_and_set(f"{key}" if exists else f"{key}{turn}", name, version)

        with ThreadPoolExecutor(2) as threads:
            results = list(threads.map(race, range(2)))
        winners = [result for result in results if result is not None]
        assert len(winners) == 1
        if exists:
            assert clients[0].get(key) == winners[0]
            version = winners[0].version


def test_compare_and_set_when_threads_count_up_together_then_no_count_is_lost(store: HotStore, key: str) -> None:
    store.put(key, 0)

    def count(_: int) -> None:
        while True:
            entry = store.get(key)
            assert entry is not None
            if store.compare_and_set(key, entry.value + 1, entry.version) is not None:
                return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(count, range(24)))
    found = store.get(key)
    assert found is not None
    assert found.value == 24


def test_acquire_when_another_owner_holds_it_then_none_until_it_is_released(store: HotStore, key: str) -> None:
    lease = store.acquire(key, "first", LONG)
    assert lease is not None
    assert (lease.name, lease.owner) == (key, "first")
    assert timedelta(minutes=4) < lease.expires_at - datetime.now(UTC) < timedelta(minutes=6)
    assert store.acquire(key, "second", LONG) is None
    store.release(key, "first")
    assert store.acquire(key, "second", LONG) is not None


def test_acquire_when_the_owner_holds_it_then_it_is_renewed(store: HotStore, key: str) -> None:
    first = store.acquire(key, "me", timedelta(minutes=1))
    second = store.acquire(key, "me", LONG)
    assert first is not None
    assert second is not None
    assert second.expires_at > first.expires_at


def test_release_when_somebody_else_holds_it_then_nothing_happens(store: HotStore, key: str) -> None:
    store.acquire(key, "first", LONG)
    store.release(key, "second")
    assert store.acquire(key, "second", LONG) is None
    store.release(f"{key}-never-held", "second")


def test_acquire_when_the_lease_has_expired_then_another_owner_gets_it_and_not_before(
    store: HotStore, key: str
) -> None:
    lease = store.acquire(key, "first", timedelta(milliseconds=150))
    assert lease is not None
    deadline = time.monotonic() + 15
    while store.acquire(key, "second", LONG) is None:
        assert time.monotonic() < deadline
    # Both clocks are this machine's; the store may round the moment to a millisecond.
    assert datetime.now(UTC) >= lease.expires_at - timedelta(milliseconds=5)
    assert store.acquire(key, "first", LONG) is None


def test_acquire_when_many_ask_at_once_then_one_gets_it(connect: Connect, key: str) -> None:
    clients = [connect() for _ in range(4)]
    barrier = Barrier(4)

    def ask(number: int) -> bool:
        barrier.wait(10)
        return clients[number].acquire(key, f"owner-{number}", LONG) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(ask, range(4))) == 1


@pytest.mark.parametrize("ttl", [timedelta(0), timedelta(seconds=-1)])
def test_acquire_when_the_time_is_not_above_zero_then_bad_input(store: HotStore, key: str, ttl: timedelta) -> None:
    with pytest.raises(BadInput):
        store.acquire(key, "me", ttl)


def test_leases_and_entries_when_named_alike_then_they_do_not_meet(store: HotStore, key: str) -> None:
    store.acquire(key, "me", LONG)
    assert store.get(key) is None
    store.put(key, 1)
    store.delete(key)
    assert store.acquire(key, "you", LONG) is None


def test_any_key_when_it_is_empty_then_bad_input(store: HotStore) -> None:
    with pytest.raises(BadInput):
        store.put("", 1)
    with pytest.raises(BadInput):
        store.put_many({"": 1})
    with pytest.raises(BadInput):
        store.get("")


def test_close_when_called_twice_then_it_is_fine(store: HotStore, key: str) -> None:
    store.get(key)
    store.close()
    store.close()
