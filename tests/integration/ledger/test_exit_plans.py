"""An entry carries the plan of its exit: the fill arms it, the watch fires it, and no more is sold than is held."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.events import QuoteData
from functions.core.ports import Ports
from functions.risk.watch import exits as watching
from functions.risk.watch.exits import ExitWatch
from tests.integration.ledger.desk import NOON, Desk, calling, fill_of, found_valid, open_session
from tests.integration.ledger.ledger import Direct, become, call, refused
from tests.unit.core.doubles import World

PLAN = {"stop_price": "95", "target_price": "120"}


@pytest.fixture(autouse=True)
def _nothing_is_quiet() -> Iterator[None]:
    watching._quiet.forget()
    yield
    watching._quiet.forget()


@pytest.fixture
def trader(desk: Desk) -> Desk:
    """Nobody else's exits are live: the watch looks at all of a symbol."""
    open_session(desk)
    desk.ledger.run(
        "update public.position_exits set status = 'canceled', ended_at = now() where status in ('armed', 'triggered')"
    )
    desk.ledger.run("update private.exit_plans set settled_at = now() where settled_at is null")
    return desk


class Watching:
    """The real watch on the real ledger, at a time that a test says: minutes after noon."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        world = World()
        world.ledger = Direct(desk.ledger, "fn_risk")  # type: ignore[assignment]
        self.world = world

    def ports(self, minutes: float) -> Ports:
        self.world.clock.at = NOON + timedelta(minutes=minutes)
        return replace(self.world.ports, ledger=self.world.ledger)

    def _watch(self, minutes: float) -> ExitWatch:
        return ExitWatch(self.ports(minutes))

    def quote(self, bid: str, minutes: float = 5, ask: str | None = None) -> int:
        watching._quiet.forget()
        said = {"symbol": "SPY", "bid": bid, "ask": ask or str(Decimal(bid) + Decimal("0.02")), "bid_size": "1"}
        at = NOON + timedelta(minutes=minutes)
        quote = QuoteData.model_validate(said | {"ask_size": "1", "quoted_at": at, "feed": "a test"})
        return self._watch(minutes).on_quote(quote)

    def settle(self, minutes: float = 5) -> int:
        return self._watch(minutes).settle(self.desk.account)

    def sweep(self, minutes: float = 5) -> int:
        return self._watch(minutes).sweep()


def enter(desk: Desk, quantity: str = "100", plan: dict[str, Any] | None = None, **more: Any) -> tuple[UUID, str]:
    """An entry of the trader's own that works at the broker."""
    trade = desk.place_by_hand(f"entry {random.random()}", quantity=quantity, exit_plan=plan or PLAN, **more)
    assert desk.approve(trade) == "approved"
    assert desk.claim(trade)["claimed"]
    return trade, desk.submit(trade)


def exits(desk: Desk, *columns: str) -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        f"select {', '.join(columns)} from public.position_exits where broker_account_id = %s order by created_at, id",  # noqa: S608
        desk.account,
    )


def closing(desk: Desk) -> list[tuple[Any, ...]]:
    """The orders that exits have placed: symbol, side, quantity, status."""
    return desk.ledger.rows(
        "select symbol, side, quantity::int, status from public.trades "
        "where broker_account_id = %s and source = 'risk' order by placed_number",
        desk.account,
    )


def last_closing(desk: Desk) -> UUID:
    return UUID(
        str(
            desk.ledger.one(
                "select id from public.trades where broker_account_id = %s and source = 'risk' "
                "order by placed_number desc limit 1",
                desk.account,
            )
        )
    )


def close(desk: Desk, price: str = "95", quantity: str | None = None) -> None:
    """The last order of an exit goes its way and is filled."""
    trade = last_closing(desk)
    ((side, ordered),) = desk.ledger.rows("select side, quantity from public.trades where id = %s", trade)
    if desk.status(trade) == "pending":
        assert desk.approve(trade, price) == "approved"
        assert desk.claim(trade)["claimed"]
        desk.submit(trade)
    many = quantity or str(ordered)
    desk.fill(f"order-{trade}", many, price, side=side)


# --- armed by the fill ------------------------------------------------------------------------------------------------


def test_plan_when_its_entry_is_first_filled_then_the_same_transaction_has_armed_it(trader: Desk) -> None:
    _, order = enter(trader)
    fill = {"p_account_id": trader.account, "p_fill": fill_of(order, "40", "100", "40")}
    with trader.ledger.session() as recording:
        call(recording, "record_fill", "fn_execute", **fill)
        recording.rollback()
    assert exits(trader, "id") == []
    trader.ledger.call("record_fill", "fn_execute", **fill)
    found = exits(trader, "direction", "stop_price::int", "target_price::int", "status", "armed_from", "watches")
    assert found == [("long", 95, 120, "armed", NOON + timedelta(minutes=1), ["SPY"])]


def test_exit_when_its_entry_is_filled_in_parts_and_added_to_then_it_fires_for_all_that_is_held(trader: Desk) -> None:
    _, order = enter(trader)
    trader.fill(order, "40", "100", "40")
    trader.fill(order, "60", "100", "100")
    _, more = enter(trader, "50", {"stop_price": "97"})
    trader.fill(more, "50", "101")
    assert exits(trader, "stop_price::int", "target_price", "status") == [(97, None, "armed")]
    assert Watching(trader).quote("97.01") == 0
    assert Watching(trader).quote("97") == 1
    assert closing(trader) == [("SPY", "sell", 150, "pending")]


def test_exit_when_it_fires_while_its_entry_works_then_the_rest_of_the_entry_is_not_wanted(trader: Desk) -> None:
    trade, order = enter(trader)
    trader.fill(order, "40", "100", "40")
    watch = Watching(trader)
    assert watch.quote("95") == 1
    assert trader.status(trade) == "cancel_pending"
    close(trader)
    assert trader.position() == 0
    assert watch.settle() == 0
    assert exits(trader, "status") == [("armed",)]  # More of the entry may still come.
    trader.fill(order, "10", "94", "50")
    assert watch.quote("130") == 1  # It has fired: what comes late is closed too, whatever the price.
    close(trader)
    trader.update(order, "canceled", filled_quantity="50")
    watch.settle()
    assert (exits(trader, "status"), trader.position()) == ([("done",)], 0)


def test_exit_when_a_person_took_it_away_then_a_later_fill_does_not_arm_it_again(trader: Desk) -> None:
    _, order = enter(trader)
    trader.fill(order, "40", "100", "40")
    ((armed,),) = exits(trader, "id")
    assert trader.ledger.call("cancel_position_exit", "authenticated", trader.user, p_exit_id=armed)
    trader.fill(order, "60", "100", "100")
    assert exits(trader, "status") == [("canceled",)]


def test_plan_when_an_exit_is_under_way_then_it_waits_and_is_armed_after_it(trader: Desk) -> None:
    _, order = enter(trader)
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    assert watch.quote("95") == 1
    _, more = enter(trader, "50", {"stop_price": "80"})
    trader.fill(more, "50", "96")
    assert exits(trader, "stop_price::int", "status") == [(95, "triggered")]
    close(trader)
    watch.settle()
    assert exits(trader, "stop_price::int", "status", "fired") == [(80, "armed", False)]
    assert trader.position() == 50


def test_plan_when_the_entry_works_off_the_other_side_first_then_it_is_armed_when_it_has_turned(trader: Desk) -> None:
    short = trader.place_by_hand("short", "sell", "30")
    trader.approve(short)
    trader.claim(short)
    trader.fill(trader.submit(short), "30", "100", side="sell")
    _, order = enter(trader)
    trader.fill(order, "30", "100", "30")
    assert exits(trader, "id") == []
    trader.fill(order, "70", "100", "100")
    assert exits(trader, "direction", "status") == [("long", "armed")]


def test_plan_of_a_replaced_order_when_it_has_armed_then_its_replacement_does_not_arm_it_again(trader: Desk) -> None:
    trade, order = enter(trader, order_type="limit", price="100")
    trader.fill(order, "40", "100", "40")
    ((armed,),) = exits(trader, "id")
    trader.ledger.call("cancel_position_exit", "authenticated", trader.user, p_exit_id=armed)
    change = {"idempotency_key": f"replace {trade}", "price": "101"}
    answer = trader.ledger.call("request_replace", "authenticated", trader.user, p_trade_id=trade, p_change=change)
    anew = UUID(answer["trade_id"])
    assert trader.ledger.one("select exit_plan from public.trades where id = %s", anew) == PLAN
    trader.approve(anew)
    trader.claim(anew)
    trader.fill(trader.submit(anew, f"anew {trade}"), "60", "101", "60")
    assert exits(trader, "status") == [("canceled",)]


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"mood": "good"},
        {"stop_price": "120", "target_price": "95"},
        {"stop_price": "0"},
        {"stop_price": "cheap"},
        {"stop_price": "NaN"},
        {"trail_amount": "1", "trail_percent": "1"},
        {"trail_percent": "100"},
        {"exit_at": "infinity"},
        {"exit_at": "soon"},
        {"delta_limit": "0.4"},
        {"underlying_below": "90"},
        {"short_strike": True},
    ],
)
def test_plan_when_it_could_not_be_armed_then_the_order_is_refused(trader: Desk, plan: dict[str, Any]) -> None:
    with refused("BAD_EXIT_PLAN", 422):
        trader.place_by_hand("wrong", exit_plan=plan)


def test_plan_when_the_order_closes_or_its_key_had_another_then_refused(trader: Desk) -> None:
    with refused("BAD_EXIT_PLAN", 422):
        trader.place_by_hand("closes", "sell", position_intent="sell_to_close", exit_plan={"target_price": "1"})
    trader.place_by_hand("once", exit_plan=PLAN)
    trader.place_by_hand("once", exit_plan=PLAN)
    with refused("SIGNAL_REUSED", 409):
        trader.place_by_hand("once", exit_plan={"stop_price": "90"})


def test_plan_when_its_stop_is_known_then_it_is_what_the_loss_is_measured_by(trader: Desk) -> None:
    trader.set_limit("max_loss_per_trade", "500")
    assert trader.approve(trader.place_by_hand("fits", exit_plan={"stop_price": "95"})) == "approved"
    assert trader.approve(trader.place_by_hand("too much", exit_plan={"stop_price": "94.99"})) == "rejected"


# --- fired ------------------------------------------------------------------------------------------------------------


def test_exit_when_it_is_out_of_session_then_it_waits_for_the_first_price_of_the_next_one(trader: Desk) -> None:
    _, order = enter(trader, plan={"stop_price": "95", "exit_at": (NOON + timedelta(hours=5)).isoformat()})
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    assert watch.quote("60", minutes=4 * 60) == 0  # The closing moment: 20:00.
    assert watch.sweep(minutes=6 * 60) == 0
    session = {"date": "2013-10-08", "opens_at": "2013-10-08T13:30Z", "closes_at": "2013-10-08T20:00Z"}
    trader.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")
    assert watch.sweep(minutes=21.5 * 60) == 1
    assert exits(trader, "triggered_by") == [("time",)]


def test_exit_when_two_watch_and_both_start_anew_then_there_is_one_order(trader: Desk) -> None:
    _, order = enter(trader)
    trader.fill(order, "100", "100")
    ((armed,),) = exits(trader, "id")
    at = (NOON + timedelta(minutes=5)).isoformat()
    fire = calling("trigger_exit", "fn_risk", p_exit_id=armed, p_by="stop", p_price="90", p_at=at)
    trader.ledger.at_once(fire, fire)
    assert (Watching(trader).quote("90"), Watching(trader).sweep()) == (0, 0)
    assert closing(trader) == [("SPY", "sell", 100, "pending")]


def test_exit_when_a_limit_order_rests_in_the_way_then_it_is_cancelled_and_then_all_is_closed(trader: Desk) -> None:
    _, order = enter(trader, plan={"stop_price": "95"})
    trader.fill(order, "100", "100")
    target = trader.place_by_hand(
        "target", "sell", "60", position_intent="sell_to_close", order_type="limit", price="120"
    )
    trader.approve(target)
    trader.claim(target)
    resting = trader.submit(target)
    watch = Watching(trader)
    assert watch.quote("94") == 1
    assert (trader.status(target), closing(trader)) == ("cancel_pending", [("SPY", "sell", 40, "pending")])
    close(trader)
    trader.update(resting, "canceled")
    assert watch.settle(6) == 1
    assert closing(trader)[1:] == [("SPY", "sell", 60, "pending")]
    close(trader)
    watch.settle(7)
    assert (trader.position(), exits(trader, "status", "round")) == (0, [("done", 2)])


def test_exit_when_its_orders_are_refused_then_it_tries_ever_less_often_and_somebody_is_told(trader: Desk) -> None:
    _, order = enter(trader, plan={"stop_price": "95"})
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    fired = []
    for second in (0, 1, 2, 5, 6, 13, 14, 29, 30, 61, 62):
        watch.settle(5 + second / 60)
        if watch.quote("90", 5 + second / 60):
            fired.append(second)
        trader.ledger.run(
            "update public.trades set status = 'rejected', refusal = 'A_TEST' where id = %s", last_closing(trader)
        )
    assert fired == [0, 2, 6, 14, 30, 62]
    codes = "select code from public.alerts where user_id = %s"
    assert trader.ledger.rows(codes, trader.user) == [("EXIT_NOT_FLAT",)]


def test_exit_when_a_person_cancels_its_order_then_only_the_next_price_that_reaches_it_fires_it(trader: Desk) -> None:
    _, order = enter(trader, plan={"stop_price": "95"})
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    watch.quote("95")
    cancel = {"p_trade_id": last_closing(trader), "p_reason": "not now"}
    trader.ledger.call("request_cancel", "authenticated", trader.user, **cancel)
    assert watch.settle(6) == 0
    assert watch.quote("96", 7) == 0
    assert watch.quote("95", 8) == 1


def test_exit_when_nothing_is_heard_then_its_owner_is_told_once_with_what_rests_at_the_broker(trader: Desk) -> None:
    _, order = enter(trader, plan={"stop_price": "95"})
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    for minute in (2, 3, 4, 5):
        watch.sweep(minute)
    alerts = "select code, numbers ->> 'stop_at_broker' from public.alerts where user_id = %s"
    assert trader.ledger.rows(alerts, trader.user) == [("EXIT_BLIND", "false")]


# --- a split ----------------------------------------------------------------------------------------------------------


def test_exit_when_its_shares_are_split_then_its_prices_are_in_new_shares_in_the_same_transaction(trader: Desk) -> None:
    _, order = enter(trader, plan=PLAN | {"trail_amount": "30"})
    trader.fill(order, "100", "100")
    Watching(trader).quote("104")
    other = Desk.open(trader.ledger)
    _, elsewhere = enter(other)
    other.fill(elsewhere, "100", "100")
    trader.activity("split", "four for one", symbol="SPY", numerator="4", denominator="1")
    trader.activity("split", "four for one", symbol="SPY", numerator="4", denominator="1")
    prices = "stop_price", "target_price", "trail_amount", "best_price"
    assert exits(trader, *prices) == [(Decimal("23.75"), Decimal(30), Decimal("7.5"), Decimal(26))]
    assert exits(other, "stop_price::int") == [(95,)]
    Watching(trader).quote("23.76", 11)
    assert closing(trader) == []
    Watching(trader).quote("23.75", 11)
    assert closing(trader) == [("SPY", "sell", 400, "pending")]


def test_exit_when_a_split_is_not_booked_yet_then_a_price_in_new_shares_neither_fires_nor_moves_it(
    trader: Desk,
) -> None:
    plan = {"stop_price": "95", "trail_amount": "30", "exit_at": (NOON + timedelta(days=1)).isoformat()}
    _, order = enter(trader, plan=plan)
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    session = {"date": "2013-10-08", "opens_at": "2013-10-08T13:30Z", "closes_at": "2013-10-08T20:00Z"}
    trader.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")
    split = {"kind": "split", "ex_date": "2013-10-08", "ratio": "4"}
    said = {"p_symbol": "SPY", "p_source": "a test", "p_from": "2013-10-01", "p_to": "2013-10-31"}
    trader.ledger.call("record_corporate_actions", "fn_ingest", p_actions=[split], **said)
    assert watch.quote("25", 22 * 60) == 0
    assert (closing(trader), exits(trader, "best_price")) == ([], [(None,)])
    assert watch.quote("25", 24 * 60) == 1
    assert exits(trader, "triggered_by") == [("time",)]
    trader.ledger.call("record_corporate_actions", "fn_ingest", p_actions=[], **said)


# --- strategies -------------------------------------------------------------------------------------------------------


def test_exits_by_when_it_is_edited_then_it_is_a_version_and_what_decides_says_it(trader: Desk) -> None:
    with trader.ledger.session() as connection:
        become(connection, "authenticated", trader.user)
        connection.execute("update public.strategies set exits_by = 'watched' where id = %s", [trader.strategy])
        connection.commit()
    found_valid(trader.ledger, trader.strategy)
    versions = "select strategy_version, exits_by from public.strategy_versions where strategy_id = %s order by 1"
    assert trader.ledger.rows(versions, trader.strategy) == [(1, "strategy"), (2, "watched")]
    until = NOON + timedelta(minutes=1)
    due = trader.ledger.call(
        "strategies_due", "fn_strategy", p_symbol="SPY", p_timeframe="1Min", p_until=until, p_now=until
    )
    assert [row["exits_by"] for row in due if row["strategy_id"] == str(trader.strategy)] == ["watched"]


@pytest.mark.parametrize("first", ["watch", "strategy"])
def test_watched_strategy_when_it_closes_on_its_bar_too_then_what_is_held_is_sold_once(
    trader: Desk, first: str
) -> None:
    """Its own check of the bar sees the same stop: whoever is first closes, the other finds nothing left to close."""
    _, order = trader.working(exit_plan={"stop_price": "95"})
    trader.fill(order, "100", "100")
    watch = Watching(trader)
    if first == "watch":
        assert watch.quote("95") == 1
        own = trader.place_exit("sell", "100")
        assert trader.approve(own, "95") == "approved" or trader.status(own) == "rejected"
        exit_order = last_closing(trader)
        verdicts = [trader.status(own), trader.approve(exit_order, "95")]
    else:
        own = trader.place_exit("sell", "100")
        assert watch.quote("95") == 0
        assert closing(trader) == []
        verdicts = [trader.approve(own, "95")]
    assert verdicts.count("approved") == 1


# --- any order of things ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))])
def test_exit_when_anything_happens_in_any_order_then_never_more_is_sold_than_is_held_and_it_ends_flat(
    trader: Desk, seed: int
) -> None:
    """One state machine: entries, parts, stops, refusals, cancels and settling in an order that chance gives."""
    dice = random.Random(seed)
    watch = Watching(trader)
    entries: list[tuple[str, int, int]] = []
    minutes = 2.0
    for _ in range(30):
        minutes += 1
        match dice.choice(["enter", "fill", "fill", "quote", "quote", "close", "refuse", "cancel", "settle", "set"]):
            case "enter" if len(entries) < 3:
                _, order = enter(trader, "10", {"stop_price": str(dice.randint(90, 96))})
                entries.append((order, 10, 0))
            case "fill" if entries:
                at = dice.randrange(len(entries))
                order, ordered, done = entries[at]
                if done < ordered:
                    part = dice.randint(1, ordered - done)
                    entries[at] = (order, ordered, done + part)
                    when = (NOON + timedelta(minutes=minutes - 0.5)).isoformat()
                    trader.fill(order, str(part), "100", str(done + part), executed_at=when)
            case "quote":
                watch.quote(str(dice.randint(88, 104)), minutes)
            case "close" if working(trader):
                close(trader, "95")
            case "refuse" if working(trader, "pending"):
                trader.ledger.run(
                    "update public.trades set status = 'rejected', refusal = 'A_TEST' where id = %s",
                    last_closing(trader),
                )
            case "cancel" if working(trader, "pending"):
                said = {"p_trade_id": last_closing(trader), "p_reason": "a test"}
                trader.ledger.call("request_cancel", "authenticated", trader.user, **said)
            case "settle":
                watch.settle(minutes)
        check(trader)
    for order, _ordered, done in entries:
        trader.update(order, "canceled", filled_quantity=str(done))
    for _ in range(8):
        minutes += 2
        watch.settle(minutes)
        watch.quote("50", minutes)
        if working(trader):
            close(trader, "50")
        check(trader)
    watch.settle(minutes + 1)
    assert trader.position() == 0
    assert {status for (status,) in exits(trader, "status")} <= {"done"}


def working(desk: Desk, *statuses: str) -> bool:
    wanted = statuses or ("pending", "submitted")
    orders = closing(desk)
    return bool(orders) and orders[-1][3] in wanted


def check(desk: Desk) -> None:
    """What closes, judged or not, is never more than what is held; one exit is live."""
    held = desk.position()
    assert held >= 0
    (wanted,) = desk.ledger.rows(
        "select coalesce(sum(quantity - filled_quantity), 0) from public.trades where broker_account_id = %s "
        "and source = 'risk' and not private.is_final(status)",
        desk.account,
    )
    assert wanted[0] <= held
    assert sum(status in ("armed", "triggered") for (status,) in exits(desk, "status")) <= 1
