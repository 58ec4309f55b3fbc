"""Strategies decide: who is due, with what, and that a decision does what it says once - or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.integration.ledger.desk import NOON, Desk, decision, order_of
from tests.integration.ledger.ledger import call

_OPTION = "SPY131018P00160000"
_WING = "SPY131018P00155000"


def _declare(desk: Desk, **inputs: Any) -> None:
    """The strategy's version needs this as well."""
    version = desk.ledger.one("select strategy_version from public.strategies where id = %s", desk.strategy)
    desk.ledger.call(
        "record_validation",
        "fn_strategy",
        p_strategy_id=desk.strategy,
        p_version=version,
        p_valid=True,
        p_problems=[],
        p_inputs={"symbols": ["SPY", "IWM"], "timeframe": "1Min", "warm_up": 1} | inputs,
    )


def _bar(desk: Desk, symbol: str = "SPY", minutes: int = 0) -> None:
    ends_at = NOON + timedelta(minutes=minutes)
    bar = {
        "symbol": symbol,
        "timeframe": "1Min",
        "starts_at": (ends_at - timedelta(minutes=1)).isoformat(),
        "ends_at": ends_at.isoformat(),
        "open": "160",
        "high": "160",
        "low": "160",
        "close": "160",
        "volume": "100",
        "feed": "test",
    }
    desk.ledger.call("record_market_data", "fn_ingest", p_bars=[bar])


def _due(desk: Desk, symbol: str = "SPY", minutes: int = 0, late: float = 0) -> list[dict[str, Any]]:
    until = NOON + timedelta(minutes=minutes)
    rows = desk.ledger.call(
        "strategies_due",
        "fn_strategy",
        p_symbol=symbol,
        p_timeframe="1Min",
        p_until=until,
        p_now=until + timedelta(seconds=late),
    )
    return [row for row in rows if row["strategy_id"] == str(desk.strategy)]


def _record(desk: Desk, *said: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ledger.call("record_decisions", "fn_strategy", p_symbol="SPY", p_decisions=list(said))
    return answer


def _cursor(desk: Desk) -> Any:
    return desk.ledger.one(
        "select last_bar_at from public.strategy_cursors where strategy_id = %s and symbol = 'SPY'", desk.strategy
    )


def _leg(symbol: str, side: str) -> dict[str, Any]:
    return {"symbol": symbol, "side": side, "position_intent": f"{side}_to_open", "ratio": 1}


def _package(quantity: str = "1") -> dict[str, Any]:
    legs = [_leg(_OPTION, "sell"), _leg(_WING, "buy")]
    return {"number": 0, "legs": legs, "quantity": quantity, "order_type": "limit", "price": "-0.55"}


def test_due_when_options_on_the_symbol_are_held_then_they_are_what_the_strategy_has(desk: Desk) -> None:
    sold = decision(desk.strategy, order_of("sell", "1", symbol=_OPTION), at=NOON - timedelta(seconds=30))
    (placed,) = _record(desk, sold)["placed"]
    assert desk.approve(UUID(placed), mark="1") == "approved"
    assert desk.claim(UUID(placed))["claimed"]
    desk.fill(desk.submit(UUID(placed)), "1", "1.05", symbol=_OPTION, side="sell")
    desk.hold("100", price="160")
    (row,) = _due(desk, minutes=30)
    assert row["held"] == {
        _OPTION: {"quantity": "-1", "average_entry": "1.05"},
        "SPY": {"quantity": "100", "average_entry": "160"},
    }
    (other,) = _due(desk, "IWM", minutes=30)
    assert other["held"] == {}


def test_due_when_a_package_works_then_its_legs_are_told_with_their_signs(desk: Desk) -> None:
    placed = _record(desk, decision(desk.strategy, _package("2")))["placed"]
    (row,) = _due(desk, minutes=1)
    (working,) = row["working"]
    assert (working["trade_id"], working["order_type"], working["asked_to_cancel"]) == (placed[0], "limit", False)
    assert working["remaining"] == {_OPTION: "-2", _WING: "2"}


@pytest.mark.parametrize(("late", "due"), [(89, 0), (90, 1)])
def test_due_when_the_chain_is_missing_then_the_strategy_waits_for_a_while(desk: Desk, late: float, due: int) -> None:
    _declare(desk, chains=[{"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.1"}])
    assert len(_due(desk, late=late)) == due


def test_due_when_the_feed_is_late_then_the_strategy_waits_for_the_chain_as_much_longer(fresh_desk: Desk) -> None:
    desk = fresh_desk
    _declare(desk, chains=[{"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.1"}])
    _bar(desk)
    desk.ledger.run("update public.bars set delay_seconds = 900")
    assert (_due(desk, late=989), len(_due(desk, late=990))) == ([], 1)


def test_due_when_the_chain_of_the_bar_is_there_then_the_strategy_decides(desk: Desk) -> None:
    _declare(desk, chains=[{"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.1"}])
    minute = 1_000 + uuid4().int % 100_000
    at = NOON + timedelta(minutes=minute)
    desk.ledger.run(
        "insert into public.option_chain_snapshots (underlying, bar_at, taken_at, feed, spot, quotes, asked) "
        "values ('SPY', %s, %s, 'test', 160, '[{}]', 1)",
        at,
        at,
    )
    assert len(_due(desk, minutes=minute)) == 1
    assert _due(desk, minutes=minute + 1) == []


def test_due_when_it_decides_on_all_symbols_then_once_in_the_name_of_the_first(fresh_desk: Desk) -> None:
    desk = fresh_desk
    _declare(desk, together=True)
    _bar(desk, "IWM")
    assert _due(desk, "IWM") == [], "SPY has no bar yet"
    _bar(desk, "SPY")
    (row,) = _due(desk, "IWM")
    assert row["symbol"] == "SPY"
    _record(desk, decision(desk.strategy))
    assert _due(desk, "SPY") == _due(desk, "IWM") == []


def test_undecided_when_the_chain_is_missing_then_only_after_a_while(fresh_desk: Desk) -> None:
    desk = fresh_desk
    _declare(desk, chains=[{"underlying": "SPY", "days_from": 0, "days_to": 7, "width": "0.1"}])
    _bar(desk, "SPY")

    def undecided(late: float) -> list[str]:
        now = NOON + timedelta(seconds=late)
        return [row["symbol"] for row in desk.ledger.call("bars_undecided", "fn_strategy", p_now=now)]

    assert (undecided(0), undecided(90)) == ([], ["SPY"])


def test_decision_when_it_cancels_then_its_own_working_order_and_no_stranger_s(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    own, others = desk.place(), stranger.place()
    late = decision(desk.strategy, at=NOON + timedelta(hours=1)) | {"cancels": [str(own), str(others)]}
    _record(desk, late)
    assert (desk.status(own), stranger.status(others)) == ("canceled", "pending")
    assert desk.ledger.rows(
        "select action, cancels from public.strategy_decisions where strategy_id = %s and bar_at = %s",
        desk.strategy,
        NOON + timedelta(hours=1),
    ) == [("cancel", [own, others])]


def test_decision_when_it_wants_several_legs_then_one_order_of_them(desk: Desk) -> None:
    (placed,) = _record(desk, decision(desk.strategy, _package()))["placed"]
    assert desk.ledger.rows(
        "select symbol, position_intent, quantity from public.trade_legs where trade_id = %s order by leg", UUID(placed)
    ) == [(_OPTION, "sell_to_open", 1), (_WING, "buy_to_open", 1)]


@pytest.mark.parametrize(
    ("saw", "made"),
    [
        ({"held": {"SPY": "100"}, "working": []}, True),
        ({"held": {}, "working": []}, False),
        ({"held": {"SPY": "100"}, "working": [str(UUID(int=1))]}, False),
    ],
    ids=["as it is", "before the fill", "with an order that is over"],
)
def test_decision_when_the_strategy_has_something_else_by_now_then_it_decides_again(
    desk: Desk, saw: dict[str, Any], made: bool
) -> None:
    desk.hold("100")
    before = _cursor(desk)
    later = NOON + timedelta(hours=1)
    exit_order = order_of("sell", "100", position_intent="sell_to_close", reduce_only=True)
    answer = _record(desk, decision(desk.strategy, exit_order, at=later) | {"saw": saw})
    assert (len(answer["placed"]), answer["superseded"]) == ((1, []) if made else (0, [str(desk.strategy)]))
    assert _cursor(desk) == (later if made else before)


def test_decision_when_superseded_then_what_was_decided_after_it_is_not_made(desk: Desk) -> None:
    saw = {"held": {"SPY": "1"}, "working": []}
    first = decision(desk.strategy, order_of(), at=NOON) | {"saw": saw}
    then = decision(desk.strategy, at=NOON + timedelta(minutes=1))
    assert _record(desk, first, then)["superseded"] == [str(desk.strategy)]
    assert desk.count("strategy_decisions") == 0


def test_decision_when_on_a_fill_then_made_once_and_beside_that_on_the_bar(desk: Desk) -> None:
    on_fill = decision(desk.strategy, order_of()) | {"cause": "fill", "caused_by": "a fill"}
    assert len(_record(desk, on_fill)["placed"]) == 1
    assert _record(desk, on_fill)["placed"] == []
    assert len(_record(desk, decision(desk.strategy, order_of()))["placed"]) == 1
    assert desk.count("trades") == 2


def test_decisions_when_most_ask_for_nothing_then_each_is_kept_and_cursors_move_forward_only(desk: Desk) -> None:
    other = Desk.open(desk.ledger)
    at = [NOON + timedelta(minutes=minute) for minute in (1, 0)]
    _record(desk, *(decision(desk.strategy, at=each) for each in at), decision(other.strategy, order_of(), at=NOON))
    assert (desk.count("strategy_decisions"), other.count("trades")) == (2, 1)
    assert _cursor(desk) == at[0]
    _record(desk, decision(desk.strategy, at=at[1]))
    assert desk.count("strategy_decisions") == 2


def test_decision_when_the_strategy_was_stopped_meanwhile_then_nothing_is_kept(desk: Desk) -> None:
    desk.ledger.call("deactivate_strategy", "authenticated", desk.user, p_strategy_id=desk.strategy)
    on_fill = decision(desk.strategy, order_of()) | {"cause": "fill", "caused_by": "a fill"}
    answer = _record(desk, decision(desk.strategy), on_fill)
    assert answer == {"placed": [], "superseded": []}
    assert desk.count("strategy_decisions") == 0


def test_decision_when_an_edit_waits_for_its_verdict_then_it_is_the_version_before_that_decides(desk: Desk) -> None:
    desk.ledger.run("""update public.strategies set config = '{"fast": 3}' where id = %s""", desk.strategy)
    (row,) = _due(desk, minutes=1)
    assert (row["strategy_version"], row["config"]) == (1, {})
    trade = desk.place()
    assert desk.ledger.one("select strategy_version from public.trades where id = %s", trade) == 1
    _declare(desk)
    (row,) = _due(desk, minutes=10)
    assert (row["strategy_version"], row["config"]) == (2, {"fast": 3})


def test_hearing_when_fills_are_declared_then_those_not_decided_on_are_told(desk: Desk) -> None:
    _declare(desk, fills=True)
    trade, order = desk.working()
    desk.fill(order, "100", "160")

    def heard() -> list[Any]:
        with desk.ledger.session() as session:
            return list(call(session, "fills_to_hear", "fn_strategy", p_trade_id=trade))

    (fill,) = heard()
    assert (fill["strategy_id"], fill["quantity"], fill["underlying"]) == (str(desk.strategy), "100.0000000000", "SPY")
    (row,) = desk.ledger.call(
        "strategies_hearing", "fn_strategy", p_what="fills", p_symbol="SPY", p_strategy_id=desk.strategy
    )
    assert row["held"]["SPY"]["quantity"] == "100"
    _record(desk, decision(desk.strategy) | {"cause": "fill", "caused_by": fill["fill_id"]})
    assert heard() == []


def _split(desk: Desk, ex_date: str) -> None:
    """On record for SPY, as the only one."""
    said = {"p_symbol": "SPY", "p_source": "test", "p_from": "2013-01-01", "p_to": "2013-12-31"}
    actions = [{"kind": "split", "ex_date": ex_date, "ratio": "2"}]
    desk.ledger.call("record_corporate_actions", "fn_ingest", p_actions=actions, **said)


def test_due_when_a_split_of_what_is_held_is_not_booked_then_it_is_told_until_it_is(fresh_desk: Desk) -> None:
    desk = fresh_desk
    _split(desk, "2013-10-08")
    (row,) = _due(desk, minutes=30)
    assert row["splits_to_book"] == [], "nothing is held"
    desk.hold("100", price="160")
    (row,) = _due(desk, minutes=30)
    assert row["splits_to_book"] == [{"symbol": "SPY", "ex_date": "2013-10-08"}]
    _split(desk, "2013-10-07")
    (row,) = _due(desk, minutes=30)
    assert row["splits_to_book"] == [], "bought in new shares, on the ex-date"
    _split(desk, "2013-10-08")
    day_after = (NOON + timedelta(days=1)).isoformat()
    desk.activity("split", "booked", symbol="SPY", numerator="2", denominator="1", occurred_at=day_after)
    (row,) = _due(desk, minutes=30)
    assert row["splits_to_book"] == []
    assert row["held"] == {"SPY": {"quantity": "200", "average_entry": "80"}}


def test_due_when_the_underlying_of_a_held_option_splits_then_it_waits_as_well(fresh_desk: Desk) -> None:
    desk = fresh_desk
    (placed,) = _record(desk, decision(desk.strategy, order_of("buy", "1", symbol=_OPTION)))["placed"]
    assert desk.approve(UUID(placed), mark="1") == "approved"
    assert desk.claim(UUID(placed))["claimed"]
    desk.fill(desk.submit(UUID(placed)), "1", "1.05", symbol=_OPTION)
    _split(desk, "2013-10-08")
    (row,) = _due(desk, minutes=30)
    assert row["splits_to_book"] == [{"symbol": "SPY", "ex_date": "2013-10-08"}]


def test_due_when_its_version_is_found_not_valid_later_then_it_still_decides_on_all_its_symbols_at_once(
    fresh_desk: Desk,
) -> None:
    """Else each symbol decides alone, does not see what the others hold, and buys it again."""
    desk = fresh_desk
    _declare(desk, together=True)
    _bar(desk, "SPY")
    _bar(desk, "IWM")
    (before,) = _due(desk, "IWM")
    desk.ledger.call(
        "record_validation",
        "fn_strategy",
        p_strategy_id=desk.strategy,
        p_version=1,
        p_valid=False,
        p_problems=[{"field": "symbols", "code": "UNKNOWN_SYMBOL", "text": "symbols: IWM is not tradable"}],
    )
    assert _due(desk, "IWM") == [before]


def test_decision_when_on_a_quote_from_before_its_last_bar_then_not_made(desk: Desk) -> None:
    """It comes late, after an outage for one: what it says was true before what the strategy has decided on since."""
    early = decision(desk.strategy, order_of(), at=NOON - timedelta(minutes=2)) | {"cause": "quote"}
    assert _record(desk, early) == {"placed": [], "superseded": []}
    late = decision(desk.strategy, order_of(), at=NOON) | {"cause": "quote"}
    assert len(_record(desk, late)["placed"]) == 1
