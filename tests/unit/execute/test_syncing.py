"""Comparing with the broker's lists: executions first, the position last, and one account never stops another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected
from functions.brokers.orders import BrokerOrder, OrderState
from functions.core.errors import AgentTraderError
from functions.core.ledger.errors import LedgerUnavailable
from functions.core.ledger.executing import ExecutionLedger, TradingAccount
from functions.execute.syncing import compare_accounts, sync_account
from functions.execute.witnessing import record_order
from tests.unit.core.doubles import NOW, World
from tests.unit.execute.desk_made import ALICE, BOB, ScriptedBroker, account_row, at_broker, desk_of, execution, trade


def working(number: int) -> dict[str, Any]:
    return {
        "trade_id": str(trade(number)),
        "client_order_id": f"at-{number}",
        "broker_order_id": f"b-at-{number}",
        "status": "submitted",
        "filled_quantity": "0",
    }


def world_of(**answers: Any) -> World:
    return World(
        {
            "trading_accounts": [account_row(ALICE)],
            "unrecorded_fills": [],
            "working_orders": [],
            "record_fill": {"counted": True},
            "record_broker_update": {"trade_id": str(trade(1)), "status": "submitted"},
            "record_account_snapshot": True,
        }
        | answers
    )


ACCOUNT = TradingAccount.model_validate(account_row(ALICE))


async def test_sync_when_everything_answers_then_fills_come_first_and_the_position_moves_last() -> None:
    world = world_of(
        unrecorded_fills=[{"index": 0, "order_known": True}],
        working_orders=[working(1)],
    )
    broker = ScriptedBroker(world.journal, fills=[execution()], find_order=at_broker())
    as_of = await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert as_of == NOW
    assert world.said() == [
        "broker.clock",
        "stream_position",
        "broker.fills",
        "unrecorded_fills",
        "record_fill",
        "working_orders",
        "broker.find_order",
        "record_broker_update",
        "broker.account",
        "record_account_snapshot",
        "record_stream_position",
    ]
    assert world.asked("record_stream_position")[0]["p_position"] == NOW.isoformat()
    (snapshot,) = world.asked("record_account_snapshot")
    assert (snapshot["p_cash"], snapshot["p_equity"], snapshot["p_buying_power"]) == ("5", "7", None)


async def test_sync_when_an_execution_belongs_to_an_order_nobody_knows_then_the_order_is_read_first() -> None:
    world = world_of(unrecorded_fills=[{"index": 1, "order_known": False}])
    broker = ScriptedBroker(
        world.journal, fills=[execution(1), execution(2, "b-lost")], order=at_broker("at-lost", order_type="stop")
    )
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert world.asked("broker.order") == ["b-lost"]
    (given,) = world.asked("record_fill")
    assert given["p_fill"]["client_order_id"] == "at-lost"
    assert given["p_fill"]["source"] == "activities"


async def test_sync_when_it_was_done_before_then_a_little_is_read_again() -> None:
    world = world_of(stream_position=NOW.isoformat())
    broker = ScriptedBroker(world.journal)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert world.asked("broker.fills") == [NOW - timedelta(minutes=5)]
    assert world.asked("unrecorded_fills") == []


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("clock", NotConnected("ALPACA_UNAVAILABLE", "down")),
        ("fills", BadResponse("price must be a number", {})),
        ("find_order", BadResponse("unknown order status", {})),
        ("account", BadCredentials("BAD_KEYS", "enter them again")),
    ],
)
async def test_compare_when_one_account_cannot_be_read_then_its_position_stays_and_the_others_are_compared(
    step: str, error: AgentTraderError
) -> None:
    world = world_of(trading_accounts=[account_row(BOB), account_row(ALICE)], working_orders=[working(1)])
    bobs = ScriptedBroker(world.journal, "bobs", **{step: error})
    desk = desk_of(world, {ALICE: ScriptedBroker(world.journal, "alices"), BOB: bobs})
    await compare_accounts(desk)
    assert [each["p_stream"] for each in world.asked("record_stream_position")] == [f"activities:{ALICE}"]
    assert len(world.asked("raise_alert")) == (not isinstance(error, NotConnected))


async def test_compare_when_the_ledger_goes_then_it_is_said() -> None:
    world = world_of(record_account_snapshot=LedgerUnavailable("LEDGER_UNAVAILABLE", "down"))
    broker = ScriptedBroker(world.journal)
    with pytest.raises(LedgerUnavailable):
        await compare_accounts(desk_of(world, {ALICE: broker}))
    assert world.asked("record_stream_position") == []


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("submitted", "submitted"),
        ("partially_filled", "submitted"),
        ("filled", "submitted"),
        ("cancel_pending", "cancel_pending"),
        ("replace_pending", "replace_pending"),
        ("canceled", "canceled"),
        ("expired", "expired"),
        ("rejected", "rejected"),
        ("replaced", "replaced"),
    ],
)
def test_record_order_when_the_broker_says_a_state_then_a_fill_is_never_made_of_it(
    state: OrderState, said: str
) -> None:
    world = world_of()
    order: BrokerOrder = at_broker(state=state, raw_status="raw")
    assert record_order(ExecutionLedger(world.ledger), ALICE, order) == "submitted"
    (given,) = world.asked("record_broker_update")
    assert given["p_update"]["status"] == said
    assert given["p_update"]["filled_quantity"] == "0"
    assert given["p_update"]["reason"] == ("BROKER_REJECTED: raw" if state == "rejected" else None)
    assert given["p_cursor"] is None


def test_record_order_when_it_is_not_ours_then_none() -> None:
    world = world_of(record_broker_update={"trade_id": None, "status": None})
    assert record_order(ExecutionLedger(world.ledger), ALICE, at_broker()) is None
