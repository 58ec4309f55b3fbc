"""Why a strategy did what it did: read from its decisions, made again where none is kept."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from functions.core.errors import BadInput
from local.why import Named, explain, find
from tests.integration.ledger.desk import NOON, Desk, decision, found_valid, order_of

MINUTE = timedelta(minutes=1)


def _named(desk: Desk) -> Named:
    with desk.ledger.session() as session:
        return find(session, str(desk.strategy), None)


def _bar(desk: Desk, minutes: int, price: str = "160") -> None:
    ends_at = NOON + minutes * MINUTE
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    bar = {"symbol": "SPY", "timeframe": "1Min", "volume": "100", "feed": "test", **prices}
    times = {"starts_at": (ends_at - MINUTE).isoformat(), "ends_at": ends_at.isoformat()}
    desk.ledger.call("record_market_data", "fn_ingest", p_bars=[bar | times])


def test_why_when_it_traded_then_the_order_and_what_became_of_it_are_said(desk: Desk) -> None:
    (trade,) = desk.decide(decision(desk.strategy, order_of(quantity="7"), at=NOON))
    desk.ledger.call(
        "reject_trade",
        "fn_risk",
        p_trade_id=UUID(trade),
        p_decisions=[],
        p_refusal="POSITION_LIMIT: limit=5 quantity=7",
    )
    with desk.ledger.session() as session:
        found = explain(session, _named(desk), "SPY", NOON + 30 * MINUTE)
    (made,) = found.decisions
    assert (made["action"], made["reason"], made["bar_at"]) == ("trade", "a test says so", NOON)
    (order,) = made["trades"]
    assert (order["legs"], order["status"], order["refusal"]) == (
        "buy 7 SPY",
        "rejected",
        "POSITION_LIMIT: limit=5 quantity=7",
    )


def test_why_when_the_bar_was_not_decided_on_then_it_is_made_again_from_history(fresh_desk: Desk) -> None:
    desk = fresh_desk
    desk.ledger.run(
        "insert into public.strategy_kinds (kind, title, description, config_schema) "
        "values ('moving_average_cross', 'Cross', 'Test', '{}')"
    )
    desk.ledger.run(
        "update public.strategies set status = 'inactive' where id = %s",
        desk.strategy,
    )
    desk.ledger.run(
        "update public.strategies set kind = 'moving_average_cross', config = %s::jsonb where id = %s",
        '{"fast": 2, "slow": 3}',
        desk.strategy,
    )
    found_valid(desk.ledger, desk.strategy)
    for minutes, price in enumerate(("100", "100", "100", "101")):
        _bar(desk, minutes, price)
    with desk.ledger.session() as session:
        found = explain(session, _named(desk), "SPY", NOON + 3 * MINUTE)
        earlier = explain(session, _named(desk), "SPY", NOON + 2 * MINUTE)
    assert found.undecided == NOON + 3 * MINUTE
    assert found.recomputed is not None
    assert found.recomputed.startswith("open: fast mean crossed above the slow one")
    assert earlier.recomputed == "stay: warming up: 3 of 4 bars", "nothing later is looked at"


def test_why_when_no_bar_is_stored_then_there_was_nothing_to_decide_on(fresh_desk: Desk) -> None:
    with fresh_desk.ledger.session() as session:
        found = explain(session, _named(fresh_desk), "SPY", NOON - timedelta(days=3))
    assert (found.decisions, found.newest_bar, found.undecided) == ((), None, None)


def test_find_when_no_strategy_has_the_name_then_the_known_ones_are_listed(desk: Desk) -> None:
    with desk.ledger.session() as session, pytest.raises(BadInput) as error:
        find(session, "nobody", None)
    assert error.value.code == "NO_SUCH_STRATEGY"
    assert _named(desk).name in error.value.text


def test_find_when_two_users_have_the_name_then_it_is_asked_which(desk: Desk) -> None:
    other = Desk.open(desk.ledger)
    for each in (desk, other):
        desk.ledger.run("update public.strategies set name = 'the same' where id = %s", each.strategy)
    with desk.ledger.session() as session:
        with pytest.raises(BadInput, match="name one by its id") as error:
            find(session, "the same", None)
        assert error.value.code == "AMBIGUOUS_NAME"
        assert find(session, "the same", f"{other.user}@example.com").id == other.strategy
