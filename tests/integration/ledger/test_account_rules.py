"""What the ledger tells of an account to the rules, and what it re-checks itself when it approves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.judging import BookAccount, RiskLedger
from functions.risk.judging import Judge
from tests.integration.ledger.desk import NOON, Desk, rules_of
from tests.integration.ledger.ledger import Direct
from tests.integration.ledger.sealed import register, store
from tests.unit.core.doubles import World

OPENS, CLOSES = "2013-10-07T13:30Z", "2013-10-07T20:00Z"
BEFORE, WITHIN = NOON - timedelta(hours=4), NOON - timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _session(desk: Desk) -> None:
    session = {"date": "2013-10-07", "opens_at": OPENS, "closes_at": CLOSES}
    desk.ledger.call("upsert_calendar", "fn_ingest", p_sessions=[session], p_source="test")


def told(desk: Desk, as_of: datetime, power: str = "1000", **more: str) -> None:
    said = {"p_as_of": as_of, "p_cash": power, "p_equity": power, "p_buying_power": power}
    desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=desk.account, **(said | more))


def ruled(desk: Desk, as_of: datetime = BEFORE, **more: Any) -> None:
    desk.ledger.call(
        "record_account_rules", "fn_execute", p_account_id=desk.account, p_as_of=as_of, p_rules=rules_of(**more)
    )


def account_of(desk: Desk, trade: UUID) -> BookAccount | None:
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    return found.account


def power(desk: Desk, trade: UUID) -> Decimal | None:
    found = account_of(desk, trade)
    assert found is not None
    assert found.money is not None
    return found.money.buying_power


def test_account_when_nothing_was_entered_and_no_broker_spoke_then_there_is_nothing_to_hold_an_order_to(
    desk: Desk,
) -> None:
    trade = desk.place()
    assert account_of(desk, trade) is None
    store(desk, register(desk.ledger))
    assert account_of(desk, trade) == BookAccount(rules=None, money=None)


def test_money_when_told_again_within_the_session_then_the_word_of_before_the_open_counts(desk: Desk) -> None:
    """Who looks when within a session depends on machines; before the open the broker says one thing to everybody."""
    told(desk, BEFORE - timedelta(hours=1), "900")
    told(desk, BEFORE, "1000")
    trade = desk.place()
    assert power(desk, trade) == 1000
    told(desk, WITHIN, "5")
    assert power(desk, trade) == 1000


def test_money_when_linked_within_the_session_then_its_first_word_counts(desk: Desk) -> None:
    told(desk, WITHIN, "700")
    told(desk, NOON + timedelta(minutes=1), "5")
    assert power(desk, desk.place()) == 700


def test_rules_when_they_change_then_the_newest_word_counts_at_once(desk: Desk) -> None:
    ruled(desk)
    trade = desk.place()
    ruled(desk, WITHIN, may_short=False)
    found = account_of(desk, trade)
    assert found is not None
    assert found.rules is not None
    assert (found.rules.may_short, found.rules.options_level, found.money) == (False, 3, None)


def test_money_when_orders_came_since_then_what_was_open_then_is_told_without_them(desk: Desk) -> None:
    old = desk.place("buy", "30")
    desk.approve(old)
    desk.claim(old)
    desk.fill(desk.submit(old), "10", "100")
    told(desk, NOON + timedelta(minutes=2))
    for _ in range(3):
        desk.place()  # Each order of a desk has a minute of its own: the next ones come after the broker spoke.
    new = desk.place("buy", "50")
    desk.approve(new)
    desk.claim(new)
    desk.fill(desk.submit(new), "20", "101")
    desk.activity("deposit", "in", amount="500", occurred_at=(NOON + timedelta(minutes=3)).isoformat())
    found = account_of(desk, desk.place())
    assert found is not None
    assert found.money is not None
    (spy,) = found.money.then
    # Of the first order 10 are held and 20 still work; of the second nothing was there yet.
    assert (spy.position, spy.to_buy, spy.to_sell) == (Decimal(10), Decimal(20), Decimal(0))
    assert (found.money.spent, found.money.moved) == (Decimal(2020), Decimal(500))


def judged(desk: Desk, *trades: UUID) -> list[str]:
    """The refusals, or statuses, after risk looked at what is pending; SPY at 100."""
    world = World()
    world.clock.at = NOON
    at = (NOON + timedelta(minutes=10)).isoformat()
    quote = {"symbol": "SPY", "bid": "99.99", "ask": "100.01", "bid_size": "1", "ask_size": "1", "feed": "test"}
    world.hot.put("quote:SPY", quote | {"quoted_at": at})
    Judge(replace(world.ports, ledger=Direct(desk.ledger, "fn_risk"))).judge_pending(desk.account)
    found = "select coalesce(refusal, status) from public.trades where id = %s"
    return [str(desk.ledger.one(found, trade)).split(" as_of")[0] for trade in trades]


def test_judging_when_orders_come_one_after_the_other_then_each_leaves_less_whatever_was_told_meanwhile(
    desk: Desk,
) -> None:
    ruled(desk, may_short=False)
    told(desk, BEFORE, "1000")
    first, short = desk.place(quantity="6"), desk.place("sell", "7")
    assert judged(desk, first, short) == [
        "approved",
        "NOT_SHORTABLE: symbol=SPY short=7 account=may not sell short",
    ]
    told(desk, WITHIN, "400")  # Somebody looked after the first was sent: it is not taken off twice.
    second, third = desk.place(quantity="4"), desk.place(quantity="1")
    assert judged(desk, second, third) == ["approved", "BUYING_POWER: takes=100 left=0 told=1000"]
    desk.claim(first)
    desk.fill(desk.submit(first), "6", "100")
    leaving = desk.place_exit("sell", "6")
    assert judged(desk, leaving) == ["approved"]


@pytest.mark.parametrize(
    ("said", "code"), [({"blocked": "a court order"}, "ACCOUNT_BLOCKED"), ({"closing_only": True}, "CLOSING_ONLY")]
)
def test_approval_when_the_broker_restricts_the_account_then_entries_are_refused_and_exits_pass(
    said: dict[str, Any], code: str, desk: Desk
) -> None:
    desk.hold("100")
    entry, leaving = desk.place(), desk.place_exit("sell", "100")
    ruled(desk, **said)  # After the rules were asked, before the ledger approves.
    answer = desk.approval(entry)
    assert (answer["status"], answer["refusal"]["code"]) == ("rejected", code)
    assert desk.approve(leaving) == "approved"
    ruled(desk, WITHIN)
    assert desk.approve(desk.place()) == "approved"
