"""The watch over results on a real ledger: from the quote to the breach, and what is left when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.events import QuoteData
from functions.core.ledger.judging import RiskLedger
from functions.risk.assess import assess
from functions.risk.facts.market import Quote
from functions.risk.halting import Flattener
from functions.risk.reading import book_of, limits_of, order_of
from functions.risk.watch import results
from functions.risk.watch.margin import MarginWatch
from functions.risk.watch.results import ResultWatch
from tests.integration.ledger.desk import NOON, Desk, new_account
from tests.integration.ledger.ledger import Direct, Ledger
from tests.unit.core.doubles import StandingClock, World

SESSION = {"date": "2013-10-07", "opens_at": "2013-10-07T13:30Z", "closes_at": "2013-10-07T20:00Z"}
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _market(ledger: Ledger) -> Iterator[None]:
    """A session; and no mark, before or after, because others count on there being none."""
    results._quiet.forget()
    ledger.call("upsert_calendar", "fn_ingest", p_sessions=[SESSION], p_source="test")
    before = ledger.rows("delete from public.position_marks returning symbol, mark, marked_at, source")
    yield
    ledger.run("delete from public.position_marks")
    for row in before:
        ledger.run("insert into public.position_marks values (%s, %s, %s, %s)", *row)


def watch(desk: Desk, at: datetime = NOON) -> ResultWatch:
    return ResultWatch(replace(World().ports, ledger=Direct(desk.ledger, "fn_risk"), clock=StandingClock(at)))


def quote(price: str, at: datetime = NOON, spread: str = "0.02", **more: Any) -> QuoteData:
    half = Decimal(spread) / 2
    sizes = {"bid_size": "1", "ask_size": "1", "feed": "test", "quoted_at": at}
    return QuoteData(symbol="SPY", bid=Decimal(price) - half, ask=Decimal(price) + half, **(sizes | more))


def limited(desk: Desk, name: str, value: str, act: str = "warn", scope: str = "account", **parameters: str) -> UUID:
    ids = {"user": desk.user, "account": desk.account, "strategy": desk.strategy}
    said = {"p_scope": scope, "p_scope_id": ids[scope], "p_name": name, "p_value": value, "p_unit": "dollars"}
    limit: UUID = desk.ledger.call("set_limit", "authenticated", desk.user, **said, p_act=act, p_parameters=parameters)
    return limit


def happened(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.ledger.rows(
        "select happened, measured from public.limit_breaches where user_id = %s order by id", desk.user
    )


def alerts(desk: Desk) -> list[str]:
    rows = desk.ledger.rows("select code from public.alerts where user_id = %s order by raised_at, code", desk.user)
    return [code for (code,) in rows]


@pytest.mark.parametrize(
    ("scope", "price", "expected"),
    [
        ("account", "96.01", []),
        ("account", "96", [("warned", 400)]),
        ("account", "95", [("warned", 500)]),
        ("account", "94.99", [("breached", 501)]),
        ("user", "94.99", [("breached", 501)]),
        ("strategy", "94.99", [("breached", 501)]),
    ],
)
def test_watch_when_the_loss_is_around_the_limit_then_it_warns_before_and_breaks_beyond(
    desk: Desk, scope: str, price: str, expected: list[tuple[str, int]]
) -> None:
    desk.hold("100", "100")
    limited(desk, "max_daily_loss", "500", "block_entries", scope)
    watch(desk).on_quote(quote(price))
    assert happened(desk) == expected
    assert desk.halted(scope) == (price == "94.99")


def test_watch_when_it_recovers_then_only_well_within_the_limit_and_then_it_may_break_again(desk: Desk) -> None:
    desk.hold("100", "100")
    limited(desk, "drawdown_from_start", "500")
    for second, price in enumerate(("94", "96", "94", "96.01", "94")):
        watch(desk).on_quote(quote(price, NOON + second * SECOND))
    assert happened(desk) == [("breached", 600), ("recovered", 399), ("breached", 600)]


def test_watch_when_it_fell_from_its_peak_then_the_peak_counts_and_not_the_start(desk: Desk) -> None:
    desk.hold("100", "100")
    limited(desk, "drawdown_from_peak", "500")
    limited(desk, "drawdown_from_start", "500")
    for second, price in enumerate(("110", "104.99")):
        watch(desk).on_quote(quote(price, NOON + second * SECOND))
    assert desk.ledger.rows("select name, measured from public.limit_breaches where user_id = %s", desk.user) == [
        ("drawdown_from_peak", 501)
    ]


@pytest.mark.parametrize("bad", [{"delay_seconds": 900}, {"spread": "10"}])
def test_watch_when_a_quote_is_delayed_or_wide_then_it_marks_nothing(desk: Desk, bad: dict[str, Any]) -> None:
    desk.hold("100", "100")
    limited(desk, "max_daily_loss", "1", "flatten")
    watch(desk).on_quote(quote("90", **bad))
    assert desk.ledger.rows("select 1 from public.position_marks") == []
    assert happened(desk) == []


@pytest.mark.parametrize(("minutes", "told"), [(4.9, []), (5, ["WATCH_BLIND"])])
def test_watch_when_a_mark_is_missing_then_nothing_is_broken_and_an_alert_comes_when_it_lasts(
    desk: Desk, minutes: float, told: list[str]
) -> None:
    desk.hold("100", "100")
    limited(desk, "max_daily_loss", "0", "flatten")
    for at in (NOON, NOON + minutes * MINUTE, NOON + minutes * MINUTE):
        watch(desk, at).sweep()
    assert (happened(desk), alerts(desk)) == ([], told)
    assert not desk.halted()


@pytest.mark.parametrize(("seconds", "told"), [(300, []), (301, ["WATCH_BLIND"])])
def test_watch_when_a_mark_is_old_in_session_then_it_says_nothing_of_now(
    desk: Desk, seconds: int, told: list[str]
) -> None:
    desk.hold("100", "100")
    watch(desk).on_quote(quote("90"))
    limited(desk, "max_daily_loss", "5000")
    watch(desk, NOON + seconds * SECOND).sweep()
    assert alerts(desk) == told
    limited(desk, "max_daily_loss", "1")
    watch(desk, NOON + seconds * SECOND).sweep()
    assert [what for what, _ in happened(desk)] == ([] if told else ["breached"])


def test_watch_when_a_limit_is_set_on_what_is_lost_already_then_the_sweep_finds_it(desk: Desk) -> None:
    desk.hold("100", "100")
    watch(desk).on_quote(quote("90"))
    limited(desk, "max_daily_loss", "100", "flatten")
    watch(desk, NOON + MINUTE).sweep()
    assert happened(desk) == [("breached", 1000)]


def test_watch_when_something_is_filled_then_the_realised_loss_counts_at_once(desk: Desk) -> None:
    desk.hold("100", "100")
    limited(desk, "max_daily_loss", "100", "block_entries")
    _, order = desk.working("sell", "100", position_intent="sell_to_close")
    desk.fill(order, "100", "98", side="sell")
    watch(desk).on_fill(desk.account, NOON + MINUTE)
    assert happened(desk) == [("breached", 200)]


def test_drawdown_when_it_breaks_amid_a_partial_fill_then_all_that_fills_is_closed_and_the_books_agree(
    desk: Desk,
) -> None:
    limited(desk, "drawdown_from_peak", "100", "flatten")
    entry, order = desk.working(quantity="100")
    desk.fill(order, "40", "100", "40")
    watch(desk).on_quote(quote("97"))
    assert happened(desk) == [("breached", 120)]
    assert desk.status(entry) == "cancel_pending"
    # The broker fills more of it before it hears of the cancel.
    desk.fill(order, "10", "97", "50")
    closed = Decimal(0)
    for _ in range(4):
        reach = replace(World().ports, ledger=Direct(desk.ledger, "fn_risk"), clock=StandingClock(NOON + MINUTE))
        Flattener(reach).continue_halts()
        for trade, quantity in desk.ledger.rows(
            "select id, quantity from public.trades where user_id = %s and source = 'risk' and status = 'pending'",
            desk.user,
        ):
            assert desk.approve(trade) == "approved"
            assert desk.claim(trade)["claimed"]
            desk.fill(desk.submit(trade), str(quantity), "97", side="sell")
            closed += quantity
        desk.update(order, "canceled", filled_quantity="50")
        watch(desk, NOON + 2 * MINUTE).on_fill(desk.account, NOON + 2 * MINUTE)
    assert (desk.position(), desk.status(entry)) == (0, "canceled")
    assert closed == Decimal(50)
    assert happened(desk) == [("breached", 120)]
    # 40 x -3, and ten bought and sold at 97.
    assert desk.ledger.one("select result from public.live_results where scope_key = %s", desk.gate()) == -120
    assert str(desk.account) not in str(desk.ledger.call("check_positions", "fn_report"))


def test_margin_when_an_account_keeps_too_much_then_it_is_reduced_to_the_limit_and_its_neighbour_is_left(
    desk: Desk,
) -> None:
    desk.hold("100", "100")
    neighbour = Desk(desk.ledger, desk.user, new_account(desk.ledger, desk.user), desk.strategy)
    said = {"p_scope": "user", "p_scope_id": desk.user, "p_name": "margin_utilisation", "p_value": "50"}
    unit = desk.ledger.one("select unit from public.risk_limit_kinds where name = 'margin_utilisation'")
    desk.ledger.call("set_limit", "authenticated", desk.user, **said, p_unit=unit, p_act="reduce")
    for account, requirement in ((desk.account, "800"), (neighbour.account, "500")):
        told = {"p_as_of": NOON, "p_cash": "1", "p_equity": "1000", "p_margin_requirement": requirement}
        desk.ledger.call("record_account_snapshot", "fn_execute", p_account_id=account, **told)
    reach = replace(World().ports, ledger=Direct(desk.ledger, "fn_risk"), clock=StandingClock(NOON + MINUTE))
    for _ in range(2):
        MarginWatch(reach).sweep()
    rows = (
        "select happened, measured, broker_account_id from public.limit_breaches where user_id = %s order by measured"
    )
    assert desk.ledger.rows(rows, desk.user) == [("warned", 50, neighbour.account), ("breached", 80, desk.account)]
    placed = desk.ledger.rows(
        "select side, quantity from public.trades where user_id = %s and source = 'risk'", desk.user
    )
    # 30 of 80 percent is too much: three eighths of a hundred, in whole shares.
    assert placed == [("sell", 38)]


# --- before the trade ----------------------------------------------------------------------------------------------


def judged(desk: Desk, trade: UUID) -> str:
    """What the rules say of a trade by the ledger's own book."""
    found = RiskLedger(Direct(desk.ledger, "fn_risk")).risk_book(trade)
    assert found is not None
    hundred = Decimal(100)
    quotes = {leg.symbol: Quote(hundred, hundred, hundred, hundred, found.trade.event_at) for leg in found.legs}
    verdict = assess(order_of(found), book_of(found, quotes), limits_of(found)).verdict
    return verdict.code or verdict.outcome


@pytest.mark.parametrize(
    ("scope", "name", "limit", "code"),
    [
        ("user", "max_daily_loss", "300", "allow"),
        ("account", "max_daily_loss", "299", "MAX_DAILY_LOSS"),
        ("strategy", "drawdown_from_peak", "700", "allow"),
        ("user", "drawdown_from_peak", "699", "DRAWDOWN_FROM_PEAK"),
        ("account", "drawdown_from_start", "300", "allow"),
        ("strategy", "drawdown_from_start", "299", "DRAWDOWN_FROM_START"),
    ],
)
def test_rules_when_the_ledger_tells_what_was_lost_then_entries_are_held_to_it(
    desk: Desk, scope: str, name: str, limit: str, code: str
) -> None:
    desk.hold("100", "100")
    for second, price in enumerate(("104", "97")):
        watch(desk).on_quote(quote(price, NOON + second * SECOND))
    limited(desk, name, limit, scope=scope)
    assert judged(desk, desk.place(quantity="1")) == code
    assert judged(desk, desk.place_exit("sell", "1")) == "allow"


def test_rules_when_a_mark_is_missing_or_old_then_entries_are_denied(desk: Desk) -> None:
    limited(desk, "max_daily_loss", "1000")
    assert judged(desk, desk.place(quantity="1")) == "allow"
    desk.hold("100", "100")
    assert judged(desk, desk.place(quantity="1")) == "MISSING_RESULT"
    watch(desk).on_quote(quote("100", NOON - 6 * MINUTE))
    assert judged(desk, desk.place(quantity="1")) == "STALE_RESULT"


def test_rules_when_the_session_has_just_opened_then_yesterdays_mark_is_not_old_yet(desk: Desk) -> None:
    desk.hold("100", "100")
    limited(desk, "max_daily_loss", "1000")
    desk.ledger.call("watch_quote", "fn_risk", p_symbol="SPY", p_mark="99", p_at=NOON, p_source="test")
    desk.ledger.run("update public.position_marks set marked_at = %s", NOON - timedelta(days=1))
    opens = datetime.fromisoformat(SESSION["opens_at"])
    found = desk.ledger.rows(
        "select private.mark_age(%s, null, %s), private.mark_age(%s, null, %s), private.mark_age(null, null, %s)",
        NOON - timedelta(days=1), opens + 10 * SECOND, NOON - timedelta(days=1), opens - SECOND, NOON,
    )  # fmt: skip
    assert found == [(10, 0, 0)]
