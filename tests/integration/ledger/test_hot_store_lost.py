"""Halts and limits are rows: risk on an empty hot store, on the real ledger, lets nothing through that was held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.core.errors import Mistake
from functions.core.events import QuoteData
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.judging import Approval
from functions.core.ports import Ports
from functions.risk.halting import Flattener
from functions.risk.judging import Judge
from local.hotstore.memory import Memory
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import World

SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}


def _risk(ledger: Ledger) -> tuple[Ports, World]:
    world = World()
    world.clock.at = NOON
    return replace(world.ports, ledger=Direct(ledger, "fn_risk")), world


def _quote(world: World) -> None:
    quote = QuoteData.model_validate(
        {
            "symbol": "SPY",
            "bid": "99.99",
            "ask": "100.01",
            "bid_size": "1",
            "ask_size": "1",
            "quoted_at": (NOON - timedelta(seconds=1)).isoformat(),
            "feed": "test",
        }
    )
    world.hot.put("quote:SPY", quote.model_dump(mode="json"))


def test_halt_and_limit_when_the_hot_store_is_wiped_then_they_hold_and_flattening_goes_on(ledger: Ledger) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    desk = Desk.open(ledger)
    reach, world = _risk(ledger)
    _quote(world)
    desk.hold("10")
    desk.set_limit("position_limit", "50")
    fits, too_much = desk.place(quantity="5"), desk.place(quantity="100")
    Judge(reach).judge_pending(desk.account)
    assert (desk.status(fits), desk.status(too_much)) == ("approved", "rejected")

    pending, too_much = desk.place(quantity="1"), desk.place(quantity="100")
    desk.close(mode="no_new_entries")
    world.hot.memory = Memory()  # Everything quick is lost: quotes, leases, what rules remember.
    Judge(reach).judge_pending(desk.account)
    assert {desk.status(pending), desk.status(too_much)} == {"rejected"}
    refusal = desk.ledger.one("select refusal from public.trades where id = %s", pending)
    assert refusal.startswith("GATE_CLOSED")
    assert not desk.claim(fits)["claimed"]

    desk.close(mode="flatten")
    assert Flattener(reach).continue_halts() == 1
    Judge(reach).judge_pending(desk.account)
    closing = "select status, quantity from public.trades where broker_account_id = %s and source = 'risk'"
    assert desk.ledger.rows(closing, desk.account) == [("approved", 10)]


@pytest.mark.parametrize("error", [LedgerRefused("A_RULE", "that nobody thought of", 422), ZeroDivisionError("a bug")])
def test_judging_when_one_order_cannot_be_judged_then_the_others_are(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    desk = Desk.open(ledger)
    reach, world = _risk(ledger)
    _quote(world)
    poison, fine = desk.place(quantity="5"), desk.place(quantity="6")
    judge = Judge(reach)
    judged = judge._ledger.approve_trade

    def approve(trade: Any, *said: Any) -> Approval:
        if trade == poison:
            raise error
        return judged(trade, *said)

    monkeypatch.setattr(judge._ledger, "approve_trade", approve)
    with pytest.raises(LedgerRefused if isinstance(error, LedgerRefused) else Mistake):
        judge.judge_pending(desk.account)
    assert (desk.status(poison), desk.status(fine)) == ("pending", "approved")


def test_judging_when_one_trader_s_orders_add_up_to_more_than_a_row_holds_then_all_are_judged(
    fresh_ledger: Ledger,
) -> None:
    fresh_ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    # With a limit for everybody, everybody's exposure is in the book of every order.
    fresh_ledger.run("select public.set_limit('global', null, 'stale_quote', '3600', 'seconds')")
    vast, other = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    reach, world = _risk(fresh_ledger)
    _quote(world)
    other.hold("10")
    for _ in range(2):
        assert vast.approve(vast.place(quantity="9" * 18)) == "approved"
    waiting = [vast.place(quantity="1"), other.place_exit("sell", "10")]
    Judge(reach).judge_pending(None)
    assert [vast.status(trade) for trade in waiting] == ["approved", "approved"]
