"""A round of sending webhooks: bounded, and one that is slow, fails or breaks holds up nobody else."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.core.ledger.errors import LedgerUnavailable
from functions.core.ledger.webhooks import ClaimedDelivery, WebhookLedger
from functions.report.webhooks.delivering import Round, Send
from functions.report.webhooks.sending import Outcome
from tests.unit.core.settings_made import made_settings


def queued(failing: bool = False) -> dict[str, Any]:
    return {
        "delivery_id": str(uuid4()),
        "attempt": 1,
        "event_id": str(uuid4()),
        "url": "https://example.com/",
        "body": "{}",
        "timestamp": "1",
        "signature": "s",
        "failing": failing,
    }


class Queue:
    """A ledger with these deliveries, healthy ones first, as the real one gives them."""

    def __init__(self, *waiting: dict[str, Any], next_in: tuple[float | None, ...] = (None,)) -> None:
        self.waiting = sorted(waiting, key=lambda each: bool(each["failing"]))
        self.next_in = list(next_in)
        self.asked: list[tuple[int, int]] = []
        self.told: dict[UUID, tuple[int | None, str | None]] = {}
        self.broken: set[str] = set()

    def call(self, function: str, said: dict[str, Any]) -> Any:
        if function == "record_webhook":
            if said["p_delivery_id"] in self.broken:
                raise LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
            self.told[UUID(said["p_delivery_id"])] = (said["p_status"], said["p_error"])
            return "delivered"
        limit, failing = said["p_limit"], said["p_failing"]
        self.asked.append((limit, failing))
        bad = [each for each in self.waiting if each["failing"]][:failing]
        taken = [each for each in self.waiting if not each["failing"] or each in bad][:limit]
        self.waiting = [each for each in self.waiting if each not in taken]
        wait = self.next_in.pop(0) if len(self.next_in) > 1 else self.next_in[0]
        return {"deliveries": taken, "loopback": False, "next_in": wait}


async def arrived(delivery: ClaimedDelivery, loopback: bool) -> Outcome:
    del delivery, loopback
    return Outcome(200, None)


def going(queue: Queue, send: Send = arrived, stays: bool = False, seconds: float = 60) -> Round:
    settings = made_settings(webhooks_at_once=4)
    return Round(WebhookLedger(queue), settings, seconds, stays, send)


async def test_round_when_more_wait_than_go_at_once_then_all_go_and_never_more_at_once() -> None:
    queue = Queue(*(queued() for _ in range(20)))
    now, most = 0, 0

    async def send(delivery: ClaimedDelivery, loopback: bool) -> Outcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await arrived(delivery, loopback)

    assert await going(queue, send).run() == 20
    assert (len(queue.told), most) == (20, 4)


async def test_round_when_one_is_slow_then_the_others_go_meanwhile() -> None:
    slow, *others = [queued() for _ in range(12)]
    queue = Queue(slow, *others)

    sent, all_others = 0, asyncio.Event()

    async def send(delivery: ClaimedDelivery, loopback: bool) -> Outcome:
        nonlocal sent
        if str(delivery.delivery_id) == slow["delivery_id"]:
            await all_others.wait()
        else:
            sent += 1
            if sent == len(others):
                all_others.set()
        return await arrived(delivery, loopback)

    assert await going(queue, send).run() == 12


async def test_round_when_many_fail_then_they_have_half_of_the_places_and_no_more() -> None:
    queue = Queue(*(queued(failing=True) for _ in range(8)), *(queued() for _ in range(8)))
    now, most = 0, 0

    async def send(delivery: ClaimedDelivery, loopback: bool) -> Outcome:
        nonlocal now, most
        if delivery.failing:
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
        return await arrived(delivery, loopback)

    assert await going(queue, send).run() == 16
    assert most <= 2


async def test_round_when_a_sending_breaks_then_told_as_ours_and_the_others_go_on() -> None:
    bad, *others = [queued() for _ in range(6)]
    queue = Queue(bad, *others)

    async def send(delivery: ClaimedDelivery, loopback: bool) -> Outcome:
        if str(delivery.delivery_id) == bad["delivery_id"]:
            raise RuntimeError("nobody expected it")
        return await arrived(delivery, loopback)

    assert await going(queue, send).run() == 6
    status, error = queue.told[UUID(bad["delivery_id"])]
    assert status is None
    assert error is not None
    assert error.startswith("NOT_SENT: ")


async def test_round_when_the_ledger_does_not_take_a_word_then_what_runs_is_told_and_the_error_raised() -> None:
    bad, *others = [queued() for _ in range(4)]
    queue = Queue(bad, *others)
    queue.broken = {bad["delivery_id"]}
    with pytest.raises(LedgerUnavailable):
        await going(queue).run()
    assert len(queue.told) == 3


@pytest.mark.parametrize(("stays", "rounds"), [(True, 3), (False, 1)])
async def test_round_when_a_retry_is_due_soon_then_the_sweep_stays_for_it_and_a_wake_up_does_not(
    stays: bool, rounds: int
) -> None:
    queue = Queue(next_in=(0.001, 0.001, None))
    await going(queue, stays=stays).run()
    assert len(queue.asked) == rounds


async def test_round_when_the_next_retry_is_after_its_time_then_it_ends() -> None:
    queue = Queue(next_in=(3600,))
    await going(queue, stays=True).run()
    assert len(queue.asked) == 1


async def test_round_when_its_time_is_over_then_nothing_more_is_taken() -> None:
    queue = Queue(queued())
    assert await going(queue, seconds=0).run() == 0
    assert queue.asked == []
