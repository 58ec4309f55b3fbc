"""Nothing stale is sent, and no exit is lost: what would have closed a position is placed anew at a price of now."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.integration.ledger.desk import NOON, Desk, calling, claim_of, open_session
from tests.integration.ledger.ledger import THREADS, Ledger, refused
from tests.integration.ledger.test_live_consent import confirm, live_desk

LATE = NOON + timedelta(hours=1)


@pytest.fixture
def desk(fresh_desk: Desk) -> Desk:
    """Quotes are everybody's, so each test has a ledger of its own."""
    return fresh_desk


def quote(desk: Desk, at: datetime = LATE, delay: int = 0, bid: str = "99.90", ask: str = "100.10") -> None:
    row = {
        "symbol": "SPY",
        "bid": bid,
        "ask": ask,
        "bid_size": "1",
        "ask_size": "1",
        "quoted_at": at.isoformat(),
        "feed": "test",
        "delay_seconds": delay,
    }
    desk.ledger.call("record_market_data", "fn_ingest", p_bars=[], p_quotes=[row])


def leaving(desk: Desk, side: str = "sell", **more: Any) -> UUID:
    """An approved exit of the whole position."""
    desk.hold("100" if side == "sell" else "-100")
    trade = desk.place_exit(side, "100", **more)
    assert desk.approve(trade) == "approved"
    return trade


def not_placed(trade: UUID) -> dict[str, Any]:
    return {"p_trade_id": trade, "p_attempt": 1, "p_outcome": "not_placed", "p_detail": "TOO_LATE", "p_at": LATE}


def successor(desk: Desk, trade: UUID) -> dict[str, Any] | None:
    rows = desk.ledger.rows("select to_jsonb(t) from public.trades as t where reprices_trade_id = %s", trade)
    return rows[0][0] if rows else None


def test_exit_when_too_late_then_placed_anew_through_the_market_of_now(desk: Desk) -> None:
    trade = leaving(desk, order_type="limit", price="120")
    quote(desk)
    answer = desk.claim(trade, LATE)
    assert (answer["claimed"], answer["status"], desk.status(trade)) == (False, "expired", "expired")
    anew = successor(desk, trade)
    assert anew is not None
    assert answer["placed_anew"] == anew["id"]
    assert (anew["status"], anew["order_type"], anew["price"], anew["quantity"]) == ("pending", "limit", 99.8, 100)
    assert (anew["reduce_only"], anew["strategy_id"], anew["source"]) == (True, str(desk.strategy), "strategy")
    assert datetime.fromisoformat(anew["event_at"]) == LATE
    assert datetime.fromisoformat(anew["good_until"]) == LATE + timedelta(minutes=5)
    assert desk.approve(UUID(anew["id"])) == "approved"
    assert desk.claim(UUID(anew["id"]), LATE)["claimed"]


@pytest.mark.parametrize(("side", "price"), [("sell", "99.8"), ("buy", "100.21")])
def test_exit_when_priced_anew_then_on_the_tick_and_through_the_other_side(desk: Desk, side: str, price: str) -> None:
    quote(desk)
    found = desk.ledger.one("select private.price_now('SPY', %s, %s)", side, LATE)
    assert found == Decimal(price)


@pytest.mark.parametrize("what", ["none", "old", "of the future", "delayed"])
def test_exit_when_no_fresh_quote_is_there_then_placed_anew_at_market(desk: Desk, what: str) -> None:
    match what:
        case "old":
            quote(desk, LATE - timedelta(seconds=31))
        case "of the future":
            quote(desk, LATE + timedelta(microseconds=1))
        case "delayed":
            quote(desk, delay=900)
    trade = leaving(desk, order_type="limit", price="120")
    desk.claim(trade, LATE)
    anew = successor(desk, trade)
    assert anew is not None
    assert (anew["order_type"], anew["price"]) == ("market", None)


def test_exit_when_a_stop_then_its_level_stays(desk: Desk) -> None:
    quote(desk)
    trade = leaving(desk, order_type="stop", stop_price="90")
    desk.claim(trade, LATE)
    anew = successor(desk, trade)
    assert anew is not None
    assert (anew["order_type"], anew["stop_price"], anew["price"]) == ("stop", 90, None)


@pytest.mark.parametrize("way", ["claimed", "judged", "not placed"])
def test_exit_when_it_expires_on_any_road_then_placed_anew_once(desk: Desk, way: str) -> None:
    trade = leaving(desk)
    match way:
        case "claimed":
            works = [calling("claim_trade", "fn_execute", **claim_of(trade, LATE))] * THREADS
        case "judged":
            works = [calling("expire_trade", "fn_risk", p_trade_id=trade, p_now=LATE)] * THREADS
        case _:
            desk.claim(trade)
            said = {
                "p_trade_id": trade,
                "p_attempt": 1,
                "p_outcome": "not_placed",
                "p_detail": "TOO_LATE",
                "p_at": LATE,
            }
            works = [calling("record_attempt", "fn_execute", **said)] * THREADS
    desk.ledger.at_once(*works)
    assert desk.status(trade) == "expired"
    assert successor(desk, trade) is not None
    assert desk.count("trades") == 3
    # Closing it twice would open a position on the other side.
    assert desk.ledger.one("select count(*) from public.trades where status = 'pending'") == 1


def test_exit_when_its_successor_is_late_too_then_another_follows(desk: Desk) -> None:
    trade = leaving(desk)
    desk.claim(trade, LATE)
    first = successor(desk, trade)
    assert first is not None
    later = LATE + timedelta(hours=1)
    desk.ledger.call("expire_trade", "fn_risk", p_trade_id=first["id"], p_now=later)
    second = successor(desk, UUID(first["id"]))
    assert second is not None
    assert datetime.fromisoformat(second["event_at"]) == later


@pytest.mark.parametrize("what", ["entry", "by hand", "not wanted"])
def test_order_when_too_late_and_no_exit_of_ours_then_only_expired(desk: Desk, what: str) -> None:
    quote(desk)
    match what:
        case "entry":
            trade = desk.place()
        case "by hand":
            desk.hold("100")
            trade = desk.place_by_hand("key", "sell", position_intent="sell_to_close")
        case _:
            trade = leaving(desk)
            desk.claim(trade)
            desk.ledger.call("request_cancel", "fn_risk", p_trade_id=trade, p_reason="no more")
    if what == "not wanted":
        assert desk.ledger.call("record_attempt", "fn_execute", **not_placed(trade)) == {"status": "canceled"}
    else:
        far = LATE + timedelta(days=36_500)
        desk.ledger.call("expire_trade", "fn_risk", p_trade_id=trade, p_now=far)
        assert desk.status(trade) == "expired"
    assert successor(desk, trade) is None


def test_exit_when_it_cannot_be_placed_anew_then_somebody_is_told_and_it_expires_all_the_same(desk: Desk) -> None:
    trade = leaving(desk)
    desk.ledger.run("update public.instruments set tradable = false where symbol = 'SPY'")
    assert desk.claim(trade, LATE)["status"] == "expired"
    codes = "select code, severity from public.alerts where user_id = %s"
    assert desk.ledger.rows(codes, desk.user) == [("EXIT_NOT_PLACED", "critical")]


def test_exit_when_the_position_is_gone_then_the_new_one_is_denied(desk: Desk) -> None:
    trade = leaving(desk)
    other = desk.place_exit("sell", "100")
    desk.claim(trade, LATE)
    anew = successor(desk, trade)
    assert anew is not None
    assert desk.approve(other) == "approved"
    assert desk.approve(UUID(anew["id"])) == "rejected"


def test_exit_of_a_position_when_its_order_is_placed_anew_then_it_waits_for_the_new_one(desk: Desk) -> None:
    open_session(desk)
    desk.hold("100")
    armed = desk.ledger.call(
        "set_position_exit",
        "fn_risk",
        p_account_id=desk.account,
        p_symbol="SPY",
        p_exit={"stop_price": "90"},
        p_strategy_id=desk.strategy,
    )
    fired = desk.ledger.call("trigger_exit", "fn_risk", p_exit_id=armed, p_by="stop", p_price="89", p_at=NOON)
    trade = UUID(fired["trade_id"])
    desk.approve(trade)
    desk.claim(trade, LATE)
    anew = successor(desk, trade)
    assert anew is not None
    assert desk.ledger.call("settle_exits", "fn_risk") == 0
    rows = desk.ledger.rows("select status, exit_trade_id::text from public.position_exits where id = %s", armed)
    assert rows == [("triggered", anew["id"])]


def test_lineage_when_written_by_hand_for_what_is_no_expired_exit_then_refused(desk: Desk) -> None:
    trade = leaving(desk)
    with refused("NOT_AN_EXPIRED_EXIT", 409):
        desk.ledger.run(
            "insert into public.trades overriding system value select (jsonb_populate_record(t, jsonb_build_object("
            "'id', gen_random_uuid(), 'status', 'pending', 'signal', 'x', 'client_order_id', 'x', 'placed_number', 0, "
            "'reprices_trade_id', id))).* from public.trades as t where id = %s",
            trade,
        )


def test_exit_on_a_live_account_when_nothing_is_left_to_reduce_then_it_expires_without_consent(ledger: Ledger) -> None:
    live = live_desk(ledger)
    confirm(live)
    live.hold("100")
    trade = live.place_exit("sell", "100")
    assert live.approve(trade) == "approved"
    live.fill("closed by hand", "100", "90", side="sell")
    ledger.call("withdraw_live", "authenticated", live.user, p_account_id=live.account)

    # Its successor would not reduce, and so would need a consent: that must not keep the order from its end.
    assert live.claim(trade, LATE)["status"] == "expired"
    assert (
        ledger.one("select count(*) from public.alerts where code = 'EXIT_NOT_PLACED' and user_id = %s", live.user) == 1
    )
