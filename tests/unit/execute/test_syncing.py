"""Comparing with the broker's lists: executions first, the position last, and one account never stops another."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.errors import BadResponse, NotConnected
from functions.brokers.holdings import BrokerActivity, BrokerPosition
from functions.brokers.orders import BrokerOrder, OrderState
from functions.brokers.protocol import Quarantined
from functions.core.errors import AgentTraderError
from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerRefused, LedgerUnavailable
from functions.core.ledger.executing import ExecutionLedger, TradingAccount
from functions.execute.syncing import compare_accounts, sync_account
from functions.execute.witnessing import record_order
from tests.unit.core.doubles import NOW, Turns, World
from tests.unit.execute.desk_made import ALICE, BOB, ScriptedBroker, account_row, at_broker, desk_of, execution, trade


def working(number: int) -> dict[str, Any]:
    return {
        "trade_id": str(trade(number)),
        "client_order_id": f"at-{number}",
        "broker_order_id": f"b-at-{number}",
        "status": "submitted",
        "filled_quantity": "0",
    }


RUN = named_uuid("run")


def world_of(**answers: Any) -> World:
    return World(
        {
            "trading_accounts": [account_row(ALICE)],
            "unrecorded_fills": [],
            "working_orders": [],
            "record_fill": {"counted": True},
            "record_broker_update": {"trade_id": str(trade(1)), "status": "submitted"},
            "record_account_snapshot": True,
            "record_account_rules": True,
            "record_broker_positions": {"differences": [], "opened": 0, "closed": 0},
            "start_reconciliation": str(RUN),
            "apply_activity": {"activity_id": str(RUN), "state": "applied", "applied": True, "note": ""},
        }
        | answers
    )


DIVIDEND = BrokerActivity(
    source="activities", external_id="div-1", kind="dividend", occurred_at=NOW, symbol="SPY", amount=Decimal("1.50")
)
ACCOUNT = TradingAccount.model_validate(account_row(ALICE))


async def test_sync_when_everything_answers_then_fills_come_first_and_the_position_moves_last() -> None:
    world = world_of(
        unrecorded_fills=[{"index": 0, "order_known": True}],
        working_orders=[working(1)],
    )
    broker = ScriptedBroker(
        world.journal,
        fills=[execution()],
        open_orders=[at_broker()],
        activities=[DIVIDEND],
        positions=[BrokerPosition(symbol="SPY", quantity=Decimal(1), average_entry_price=Decimal("270.10"))],
    )
    synced = await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert (synced.as_of, synced.missed) == (NOW, (execution().executed_at,))
    assert world.said() == [
        "broker.clock",
        # What ends a position is read before the fills that made it, and booked after them.
        "stream_position",
        "broker.activities",
        "stream_position",
        "broker.fills",
        "unrecorded_fills",
        "record_fill",
        "working_orders",
        "broker.open_orders",
        "record_broker_update",
        "record_stream_position",
        "apply_activity",
        "broker.account",
        "record_account_snapshot",
        "broker.rules",
        "record_account_rules",
        "broker.positions",
        "record_broker_positions",
        "record_stream_position",
    ]
    assert {each["p_position"] for each in world.asked("record_stream_position")} == {NOW.isoformat()}
    (positions,) = world.asked("record_broker_positions")
    assert [(each["symbol"], each["quantity"]) for each in positions["p_positions"]] == [("SPY", "1")]
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
        ("open_orders", BadResponse("not a list", {})),
        ("order", NotConnected("ALPACA_UNAVAILABLE", "down")),
        ("fills", ZeroDivisionError("a bug")),
    ],
)
async def test_compare_when_one_account_cannot_be_read_then_its_position_stays_and_the_others_are_compared(
    step: str, error: Exception
) -> None:
    world = world_of(trading_accounts=[account_row(BOB), account_row(ALICE)], working_orders=[working(1)])
    bobs = ScriptedBroker(world.journal, "bobs", **{step: error})
    desk = desk_of(world, {ALICE: ScriptedBroker(world.journal, "alices"), BOB: bobs})
    await compare_accounts(desk)
    assert [each["p_stream"] for each in world.asked("record_stream_position")] == [
        f"activities:{ALICE}",
        f"account:{ALICE}",
    ]
    codes = [alert["p_code"] for alert in world.asked("raise_alert") if alert["p_code"] != "ORDER_NOT_AT_BROKER"]
    assert len(codes) == (not isinstance(error, NotConnected))


async def test_compare_when_the_ledger_goes_then_it_is_said() -> None:
    world = world_of(working_orders=LedgerUnavailable("LEDGER_UNAVAILABLE", "down"))
    broker = ScriptedBroker(world.journal)
    with pytest.raises(LedgerUnavailable):
        await compare_accounts(desk_of(world, {ALICE: broker}))
    assert world.asked("record_stream_position") == []


async def test_sync_when_rows_cannot_be_read_then_each_is_told_and_the_others_are_recorded() -> None:
    world = world_of(unrecorded_fills=[{"index": 0, "order_known": True}])
    bad = Quarantined("price must be a number", "{'price': 'x'}")
    broker = ScriptedBroker(
        world.journal,
        fills=[bad, execution()],
        open_orders=[bad, at_broker()],
        activities=[bad, DIVIDEND],
    )
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == [
        "FILL_REJECTED",
        "ORDER_REJECTED",
        "ACTIVITY_REJECTED",
    ]
    recorded = ("record_fill", "record_broker_update", "apply_activity", "record_broker_positions")
    assert [len(world.asked(name)) for name in recorded] == [1, 1, 1, 1]


async def test_sync_when_the_ledger_refuses_a_row_then_it_is_told_and_the_others_are_recorded() -> None:
    """Else one row that cannot be booked would keep every later fill of the account off the books, for ever."""
    no = LedgerRefused("BAD_FILL", "The order has no such leg.", 422)
    world = world_of(
        unrecorded_fills=[{"index": 0, "order_known": True}, {"index": 1, "order_known": True}],
        record_fill=Turns(no, {"counted": True}),
        record_broker_update=Turns(no, {"trade_id": str(trade(1)), "status": "submitted"}),
    )
    broker = ScriptedBroker(
        world.journal, fills=[execution(1), execution(2)], open_orders=[at_broker("odd"), at_broker()]
    )
    synced = await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert synced.missed == (NOW,)
    assert [len(world.asked(name)) for name in ("record_fill", "record_broker_update")] == [2, 2]
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["FILL_REJECTED", "ORDER_REJECTED"]
    # The list of executions is read from the same moment again: what was refused may be taken then.
    assert [each["p_stream"] for each in world.asked("record_stream_position")] == [f"account:{ALICE}"]
    assert len(world.asked("record_broker_positions")) == 1


async def test_sync_when_an_order_cannot_be_read_then_it_is_told_and_the_others_are_recorded() -> None:
    """Its execution is not booked meanwhile: the order may be ours, and must not be taken for one placed outside."""

    def order(number: str) -> BrokerOrder:
        if number == "b-outside":
            return at_broker("outside")
        raise BadResponse("unknown order status 'pending_settlement'", {"id": number})

    world = world_of(
        unrecorded_fills=[{"index": 0, "order_known": False}, {"index": 1, "order_known": False}],
        working_orders=[working(1)],
    )
    fills = [execution(1), execution(2, "b-outside")]
    broker = ScriptedBroker(world.journal, fills=fills, order=order)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert [each["p_fill"]["broker_order_id"] for each in world.asked("record_fill")] == ["b-outside"]
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["ORDER_REJECTED", "ORDER_REJECTED"]
    assert [each["p_stream"] for each in world.asked("record_stream_position")] == [f"account:{ALICE}"]
    assert len(world.asked("record_broker_positions")) == 1


async def test_sync_when_an_order_is_listed_with_children_then_each_is_adopted_where_nobody_knows_it() -> None:
    child = at_broker("child", parent_order_id="b-outside")
    world = world_of()
    broker = ScriptedBroker(world.journal, open_orders=[at_broker("outside", children=(child,))])
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    updates = [each["p_update"] for each in world.asked("record_broker_update")]
    assert [(each["broker_order_id"], each["adopt"]) for each in updates] == [("b-outside", True), ("b-child", True)]
    assert updates[1]["parent_order_id"] == "b-outside"
    assert world.asked("broker.order") == []


async def test_sync_when_an_order_is_not_listed_then_it_is_asked_for_and_what_replaced_it_too() -> None:
    world = world_of(working_orders=[working(1)])
    orders = {
        "b-at-1": at_broker("at-1", state="replaced", replaced_by="b-by-hand"),
        "b-by-hand": at_broker("by-hand", replaces="b-at-1"),
    }
    broker = ScriptedBroker(world.journal, order=orders.get)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    updates = [each["p_update"] for each in world.asked("record_broker_update")]
    assert [(each["broker_order_id"], each["status"]) for each in updates] == [
        ("b-at-1", "replaced"),
        ("b-by-hand", "submitted"),
    ]
    assert (updates[1]["replaces"], updates[1]["adopt"]) == ("b-at-1", True)


async def test_sync_when_the_broker_does_not_know_an_order_then_it_is_told_and_nothing_is_assumed() -> None:
    world = world_of(working_orders=[working(1)])
    broker = ScriptedBroker(world.journal, order=None)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker)
    assert [alert["p_code"] for alert in world.asked("raise_alert")] == ["ORDER_NOT_AT_BROKER"]
    assert world.asked("record_broker_update") == []


@pytest.mark.parametrize("step", ["activities", "account", "rules", "positions"])
@pytest.mark.parametrize("error", [NotConnected("DOWN", "down"), BadResponse("equity must be a number", {})])
async def test_sync_when_the_account_as_a_whole_cannot_be_read_then_fills_and_orders_stand_and_the_run_failed(
    step: str, error: AgentTraderError
) -> None:
    world = world_of(unrecorded_fills=[{"index": 0, "order_known": True}])
    answers: dict[str, Any] = {"fills": [execution()], step: error}
    broker = ScriptedBroker(world.journal, **answers)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker, run="startup")
    assert [each["p_stream"] for each in world.asked("record_stream_position")] == [f"activities:{ALICE}"]
    assert [each["p_status"] for each in world.asked("finish_reconciliation")] == ["failed"]
    # Positions are compared only where all is on record that moves them.
    assert world.asked("record_broker_positions") == []
    assert len(world.asked("raise_alert")) == isinstance(error, BadResponse)


@pytest.mark.parametrize(("differs", "status"), [(True, "broken"), (False, "clean")])
async def test_sync_when_it_is_a_run_then_it_ends_with_what_was_found(differs: bool, status: str) -> None:
    difference = {"symbol": "SPY", "broker": "1", "ledger": "0", "looks": 1, "break": None}
    found = {"differences": [difference] if differs else [], "opened": 0, "closed": 0}
    world = world_of(record_broker_positions=found)
    broker = ScriptedBroker(world.journal)
    await sync_account(desk_of(world, {ALICE: broker}), ACCOUNT, broker, run="startup")
    (started,), (finished,) = world.asked("start_reconciliation"), world.asked("finish_reconciliation")
    assert (started["p_kind"], finished["p_status"]) == ("startup", status)
    assert world.asked("record_broker_positions")[0]["p_run_id"] == str(RUN)


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
