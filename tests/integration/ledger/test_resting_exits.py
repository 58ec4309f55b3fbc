"""The stop of an exit rests at the broker too: one order, for what is held, which gives way to whatever else closes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.risk.judging import Judge
from functions.risk.watch import exits as watching
from tests.integration.ledger.desk import NOON, Desk, calling
from tests.integration.ledger.ledger import refused
from tests.integration.ledger.test_exit_plans import Watching, enter, exits, trader

__all__ = ["trader"]
HELD = {"stop_price": "95", "target_price": "120", "held": "broker"}


@pytest.fixture(autouse=True)
def _nothing_is_quiet() -> Iterator[None]:
    watching._quiet.forget()
    yield
    watching._quiet.forget()


def protected(desk: Desk, plan: dict[str, Any] | None = None, quantity: str = "100") -> Watching:
    """What was bought is held, and the watch had a turn: its stop is on its way to the broker."""
    _, order = enter(desk, quantity, plan or HELD)
    desk.fill(order, quantity, "100")
    watch = Watching(desk)
    watch.settle(2)
    return watch


def rests(desk: Desk, *columns: str) -> list[tuple[Any, ...]]:
    """The orders that were to rest for exits, the oldest first."""
    return desk.ledger.rows(
        f"select {', '.join(columns)} from public.trades where broker_account_id = %s and signal like 'exit-rest|%%' "  # noqa: S608
        "order by placed_number",
        desk.account,
    )


def at_broker(desk: Desk) -> tuple[UUID, str]:
    """The last of them works at the broker: the trade and the broker's order."""
    trade = UUID(str(rests(desk, "id")[-1][0]))
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    return trade, desk.submit(trade)


def fired(desk: Desk) -> list[tuple[Any, ...]]:
    """The orders by which the watch here closed."""
    return desk.ledger.rows(
        "select side, quantity::int, order_type, status from public.trades "
        "where broker_account_id = %s and signal like 'exit|%%' order by placed_number",
        desk.account,
    )


def alerts(desk: Desk) -> list[str]:
    return [code for (code,) in desk.ledger.rows("select code from public.alerts where user_id = %s", desk.user)]


def canceled(desk: Desk, order: str) -> None:
    """The broker has let go."""
    desk.update(order, "canceled")


# --- placed -----------------------------------------------------------------------------------------------------------


def test_exit_when_the_broker_is_to_hold_it_then_its_stop_rests_there_for_what_is_held(trader: Desk) -> None:
    protected(trader)
    columns = (
        "source",
        "side",
        "order_type",
        "stop_price::int",
        "quantity::int",
        "time_in_force",
        "reduce_only",
        "status",
    )
    assert rests(trader, *columns) == [("risk", "sell", "stop", 95, 100, "gtc", True, "pending")]
    Watching(trader).sweep(3)
    Watching(trader).quote("101", 3)
    assert len(rests(trader, "id")) == 1
    ((armed, rest),) = exits(trader, "id", "rest_trade_id")
    assert rests(trader, "id", "signal") == [(rest, f"exit-rest|{armed}|1")]


@pytest.mark.parametrize(
    ("plan", "quantity", "found"),
    [
        ({"trail_percent": "5"}, "100", ("trailing_stop", None, None, Decimal(5), 100)),
        ({"trail_amount": "2.005"}, "100", ("trailing_stop", None, Decimal("2.01"), None, 100)),
        # The stop is what rests; the trail is watched here.
        ({"stop_price": "95.019", "trail_percent": "5"}, "100", ("stop", Decimal("95.01"), None, None, 100)),
    ],
)
def test_exit_when_it_trails_or_is_off_the_tick_then_the_order_is_the_nearest_that_reaches_it(
    trader: Desk, plan: dict[str, str], quantity: str, found: tuple[Any, ...]
) -> None:
    protected(trader, plan | {"held": "broker"}, quantity)
    assert rests(trader, "order_type", "stop_price", "trail_price", "trail_percent", "quantity::int") == [found]


@pytest.mark.parametrize(
    "wrong",
    [{"held": "elsewhere", "stop_price": "95"}, {"held": "broker", "target_price": "120"}],
)
def test_exit_when_the_broker_cannot_hold_it_then_it_is_refused_as_plan_and_by_hand(
    trader: Desk, wrong: dict[str, str]
) -> None:
    with refused("BAD_EXIT_PLAN", 422):
        trader.place_by_hand("wrong", exit_plan=wrong)
    protected(trader)
    said = {"p_account_id": trader.account, "p_symbol": "SPY", "p_exit": wrong}
    with refused("BAD_EXIT", 422):
        trader.ledger.call("set_position_exit", "authenticated", trader.user, **said)


def test_stop_when_the_entry_still_works_then_it_waits_where_the_broker_takes_no_two_sides(trader: Desk) -> None:
    _, order = enter(trader, plan=HELD)
    trader.fill(order, "40", "100", "40")
    watch = Watching(trader)
    watch.sweep(2)
    assert rests(trader, "id") == []
    trader.fill(order, "60", "100", "100")
    watch.settle(3)
    assert rests(trader, "quantity::int") == [(100,)]


def test_stop_when_it_is_out_of_session_then_it_waits_for_the_session(trader: Desk) -> None:
    _, order = enter(trader, plan=HELD)
    trader.fill(order, "100", "100")
    Watching(trader).sweep(5 * 60)
    assert rests(trader, "id") == []


# --- kept to what is held ---------------------------------------------------------------------------------------------


def test_stop_when_more_is_bought_then_it_is_cancelled_and_placed_anew_for_all(trader: Desk) -> None:
    watch = protected(trader)
    first, order = at_broker(trader)
    _, more = enter(trader, "50", HELD)
    trader.fill(more, "50", "101")
    watch.settle(3)
    assert trader.status(first) == "cancel_pending"
    watch.sweep(3.5)
    canceled(trader, order)
    watch.settle(4)
    assert rests(trader, "quantity::int", "status") == [(100, "canceled"), (150, "pending")]


def test_stop_when_its_owner_closes_a_part_then_it_gives_way_and_rests_for_the_rest(trader: Desk) -> None:
    watch = protected(trader)
    rest, order = at_broker(trader)
    trader.close()  # A halt lets pass what reduces, whatever rests for it.
    sold = trader.place_by_hand("a part", "sell", "40", position_intent="sell_to_close")
    judge = Judge(watch.ports(3))
    judge.judge_pending(trader.account)
    assert (trader.status(rest), trader.status(sold)) == ("cancel_pending", "pending")
    canceled(trader, order)
    watch.settle(4)
    assert rests(trader, "quantity::int", "status") == [(100, "canceled"), (60, "pending")]
    waiting = trader.ledger.call("pending_trades", "fn_risk", p_account_id=trader.account)
    assert [row["waits_for_exit"] for row in waiting] == [None, None]
    assert [trader.approve(sold), trader.approve(UUID(str(rests(trader, "id")[-1][0])))] == ["approved", "approved"]


def test_stop_when_a_limit_reduces_the_position_then_it_does_not_stand_in_the_way(trader: Desk) -> None:
    protected(trader)
    at_broker(trader)
    held = "select private.yielding_quantity(%s, 'SPY', 'sell', %s)::int"
    assert trader.ledger.one(held, trader.account, "manual") == 100
    assert trader.ledger.one(held, trader.account, "account") == 100
    assert trader.ledger.one(held, trader.account, str(trader.strategy)) == 0


def test_strategy_when_its_exit_rests_at_the_broker_then_it_goes_on_deciding(trader: Desk) -> None:
    _, order = trader.working()
    trader.fill(order, "100", "100")
    said = {"p_account_id": trader.account, "p_symbol": "SPY", "p_exit": HELD, "p_strategy_id": trader.strategy}
    trader.ledger.call("set_position_exit", "authenticated", trader.user, **said)
    Watching(trader).sweep(2)
    assert rests(trader, "strategy_id", "status") == [(trader.strategy, "pending")]
    until = NOON + timedelta(minutes=1)
    due = trader.ledger.call(
        "strategies_due", "fn_strategy", p_symbol="SPY", p_timeframe="1Min", p_until=until, p_now=until
    )
    assert [row["working"] for row in due if row["strategy_id"] == str(trader.strategy)] == [[]]


def test_stop_when_its_owner_moves_it_then_it_is_cancelled_and_placed_anew(trader: Desk) -> None:
    watch = protected(trader)
    _, order = at_broker(trader)
    said = {"p_account_id": trader.account, "p_symbol": "SPY", "p_exit": HELD | {"stop_price": "97"}}
    trader.ledger.call("set_position_exit", "authenticated", trader.user, **said)
    watch.quote("101", 3)
    canceled(trader, order)
    watch.quote("101", 4)
    assert rests(trader, "stop_price::int", "status") == [(95, "canceled"), (97, "pending")]
    trader.ledger.call("set_position_exit", "authenticated", trader.user, **said | {"p_exit": {"stop_price": "97"}})
    watch.sweep(5)
    assert rests(trader, "status") == [("canceled",), ("canceled",)]


def test_stop_when_its_exit_is_taken_away_then_it_is_cancelled_in_the_same_transaction(trader: Desk) -> None:
    protected(trader)
    rest, _ = at_broker(trader)
    ((armed,),) = exits(trader, "id")
    assert trader.ledger.call("cancel_position_exit", "authenticated", trader.user, p_exit_id=armed)
    assert trader.status(rest) == "cancel_pending"


def test_stop_when_the_position_is_closed_otherwise_then_it_goes_with_it(trader: Desk) -> None:
    watch = protected(trader)
    rest, _ = at_broker(trader)
    # On the broker's own page.
    trader.fill("by hand", "100", "105", side="sell", client_order_id="theirs", source="stream")
    watch.settle(3)
    assert (exits(trader, "status"), trader.status(rest)) == ([("done",)], "cancel_pending")


def test_stop_when_a_halt_takes_exits_away_then_it_is_not_placed_again_before_the_halt_is_lifted(trader: Desk) -> None:
    watch = protected(trader)
    _, order = at_broker(trader)
    trader.close(mode="cancel_working", p_spare_exits=False)
    canceled(trader, order)
    watch.sweep(5)
    assert rests(trader, "status") == [("canceled",)]
    trader.lift()
    watch.sweep(7)
    assert rests(trader, "status") == [("canceled",), ("pending",)]


def test_stop_when_the_shares_are_split_then_it_is_placed_anew_in_new_shares(trader: Desk) -> None:
    watch = protected(trader)
    first, order = at_broker(trader)
    trader.activity("split", "two for one", symbol="SPY", numerator="2", denominator="1")
    watch.sweep(11)
    assert trader.status(first) == "cancel_pending"
    canceled(trader, order)
    watch.settle(12)
    assert rests(trader, "stop_price", "quantity::int")[1:] == [(Decimal("47.5"), 200)]


def test_stop_when_the_broker_cancels_it_by_itself_then_it_is_placed_again_after_a_minute(trader: Desk) -> None:
    watch = protected(trader)
    _, order = at_broker(trader)
    trader.update(order, "canceled", at=(NOON + timedelta(minutes=3)).isoformat())
    watch.settle(3)
    watch.quote("101", 3.9)
    assert len(rests(trader, "id")) == 1
    watch.quote("101", 4)
    assert rests(trader, "status") == [("canceled",), ("pending",)]


# --- refused, or taken back -------------------------------------------------------------------------------------------


def test_stop_when_the_broker_refuses_it_then_that_is_told_once_and_the_exit_is_watched_here(trader: Desk) -> None:
    watch = protected(trader)
    for _ in range(2):
        trade = UUID(str(rests(trader, "id")[-1][0]))
        trader.approve(trade)
        trader.claim(trade)
        trader.attempted(trade, "rejected")
        watch.settle(3)
        watch.sweep(5)
        assert exits(trader, "held", "status", "rest_trade_id") == [("here", "armed", None)]
        said = {"p_account_id": trader.account, "p_symbol": "SPY", "p_exit": HELD}
        trader.ledger.call("set_position_exit", "authenticated", trader.user, **said)
        watch.sweep(5.5)
    assert len(rests(trader, "id")) == 3
    assert alerts(trader).count("EXIT_NOT_HELD") == 1


def test_stop_when_a_person_cancels_it_then_the_exit_is_watched_here(trader: Desk) -> None:
    watch = protected(trader)
    rest, order = at_broker(trader)
    trader.ledger.call("request_cancel", "authenticated", trader.user, p_trade_id=rest, p_reason="not there")
    canceled(trader, order)
    watch.settle(3)
    watch.sweep(8)
    assert (exits(trader, "held", "status"), len(rests(trader, "id"))) == ([("here", "armed")], 1)
    assert watch.quote("95", 9) == 1


def test_stop_when_it_was_not_sent_in_time_then_its_exit_places_another_and_nobody_else_does(trader: Desk) -> None:
    watch = protected(trader)
    trade = rests(trader, "id")[0][0]
    trader.ledger.call("expire_trade", "fn_risk", p_trade_id=trade, p_now=NOON + timedelta(minutes=8))
    assert trader.ledger.one("select count(*) from public.trades where reprices_trade_id = %s", trade) == 0
    watch.sweep(9)
    assert rests(trader, "status") == [("expired",), ("pending",)]


# --- crossed ----------------------------------------------------------------------------------------------------------


def test_stop_when_it_is_crossed_while_the_broker_has_it_then_the_broker_is_left_five_seconds(trader: Desk) -> None:
    watch = protected(trader)
    rest, order = at_broker(trader)
    for second in (0, 1, 4.9):
        assert watch.quote("94", 5 + second / 60) == 0
    assert (trader.status(rest), fired(trader)) == ("submitted", [])
    assert watch.quote("94", 5 + 5 / 60) == 0
    assert trader.status(rest) == "cancel_pending"
    canceled(trader, order)
    # It has fired: it goes on whatever the price does.
    assert watch.settle(6) == 1
    assert fired(trader) == [("sell", 100, "market", "pending")]
    assert exits(trader, "triggered_by", "round", "trigger_price::int") == [("stop", 1, 94)]


def test_stop_when_the_price_comes_back_then_the_broker_is_left_as_long_again(trader: Desk) -> None:
    watch = protected(trader)
    rest, _ = at_broker(trader)
    for seconds, bid in ((0, "94"), (3, "96"), (6, "94"), (10.9, "94")):
        watch.quote(bid, 5 + seconds / 60)
    assert trader.status(rest) == "submitted"
    watch.quote("94", 5 + 11 / 60)
    assert trader.status(rest) == "cancel_pending"


def test_stop_when_it_never_reached_the_broker_then_the_watch_fires_at_once(trader: Desk) -> None:
    watch = protected(trader)
    assert watch.quote("94") == 1
    assert (rests(trader, "status"), fired(trader)) == ([("canceled",)], [("sell", 100, "market", "pending")])


def test_target_when_it_is_reached_then_the_stop_is_cancelled_first_and_all_is_closed_once(trader: Desk) -> None:
    watch = protected(trader)
    rest, order = at_broker(trader)
    assert watch.quote("120") == 0
    assert (trader.status(rest), fired(trader)) == ("cancel_pending", [])
    assert watch.quote("119", 5.5) == 0
    canceled(trader, order)
    assert watch.settle(6) == 1
    assert (fired(trader), len(rests(trader, "id"))) == ([("sell", 100, "market", "pending")], 1)
    assert exits(trader, "triggered_by") == [("target",)]


# --- filled at the broker ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["settle", "quote", "sweep"])
def test_exit_when_the_broker_fills_its_stop_then_it_is_done_by_the_broker(trader: Desk, first: str) -> None:
    watch = protected(trader)
    rest, order = at_broker(trader)
    trader.fill(order, "100", "93", side="sell")
    if first == "quote":
        watch.quote("93")
    elif first == "sweep":
        watch.sweep()
    watch.settle(6)
    found = exits(trader, "status", "triggered_by", "trigger_price::int", "held", "exit_trade_id", "rest_trade_id")
    assert found == [("done", "stop", 95, "broker", rest, rest)]
    assert (trader.position(), fired(trader)) == (0, [])


def test_exit_when_the_broker_fills_a_part_and_gives_up_then_the_rest_is_closed_here(trader: Desk) -> None:
    watch = protected(trader)
    _, order = at_broker(trader)
    trader.fill(order, "30", "94", "30", side="sell")
    watch.quote("94")
    watch.quote("130", 6)  # It is the exit's order now: nothing else is placed beside it.
    assert (exits(trader, "status"), fired(trader)) == ([("triggered",)], [])
    ((armed,),) = exits(trader, "id")
    with refused("EXIT_UNDER_WAY", 409):
        trader.ledger.call("cancel_position_exit", "authenticated", trader.user, p_exit_id=armed)
    trader.update(order, "canceled", filled_quantity="30")
    assert watch.settle(7) == 1
    assert fired(trader) == [("sell", 70, "market", "pending")]


def test_exit_when_it_is_changed_while_the_broker_fills_it_then_it_is_under_way(trader: Desk) -> None:
    protected(trader)
    _, order = at_broker(trader)
    trader.fill(order, "30", "94", "30", side="sell")
    said = {"p_account_id": trader.account, "p_symbol": "SPY", "p_exit": {"stop_price": "80"}}
    with refused("EXIT_UNDER_WAY", 409):
        trader.ledger.call("set_position_exit", "authenticated", trader.user, **said)


def test_blind_when_the_broker_holds_the_stop_then_the_alert_says_so(trader: Desk) -> None:
    watch = protected(trader)
    at_broker(trader)
    watch.sweep(4)
    told = "select numbers ->> 'stop_at_broker', text from public.alerts where user_id = %s and code = 'EXIT_BLIND'"
    ((said, text),) = trader.ledger.rows(told, trader.user)
    assert said == "true"
    assert "holds its stop" in text


def test_step_when_sixteen_take_it_at_once_then_there_is_one_order(trader: Desk) -> None:
    _, order = enter(trader, plan=HELD)
    trader.fill(order, "100", "100")
    ((armed,),) = exits(trader, "id")
    at = (NOON + timedelta(minutes=5)).isoformat()
    step = calling("rest_exit", "fn_risk", p_exit_id=armed, p_at=at)
    trader.ledger.at_once(*[step] * 16)
    assert rests(trader, "quantity::int") == [(100,)]
