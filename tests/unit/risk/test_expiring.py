"""What the desk makes of options that end: each threshold just inside and outside, and what is missing or old."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from functions.core.identity import named_uuid
from functions.core.ledger.desk import DeliveredShares, DeskBook, DeskLimit, DeskSession, ExpiringPosition
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk import handlers
from functions.risk.watch.desk_kinds import DESK_KINDS
from functions.risk.watch.expiring import FRESH, Findings, look
from functions.risk.watch.expiry import ExpiryDesk
from tests.unit.core.doubles import NOW, Turns, World

OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
TODAY = DeskSession(date=date(2026, 11, 20), opens_at=OPEN, closes_at=CLOSE)
NEXT = DeskSession(date=date(2026, 11, 23), opens_at=OPEN + timedelta(days=3), closes_at=CLOSE + timedelta(days=3))
BEFORE = OPEN - timedelta(days=1)
MINUTE = timedelta(minutes=1)
TICK = timedelta(microseconds=1)
STRATEGY, OTHER = (UUID(str(named_uuid("strategy", number))) for number in (1, 2))


def position(**said: Any) -> ExpiringPosition:
    """A call at 500 that was sold, out of the money by ten dollars, as of the open."""
    row = {
        "owner_key": str(STRATEGY),
        "strategy_id": STRATEGY,
        "symbol": "SPY261120C00500000",
        "underlying": "SPY",
        "option_right": "call",
        "strike": "500",
        "style": "american",
        "settlement": "physical",
        "quantity": "-1",
        "expires_on": "2026-11-20",
        "trades_from": OPEN,
        "trades_until": CLOSE,
        "warned_from": BEFORE,
        "mark": "1",
        "marked_at": OPEN,
        "underlying_mark": "490",
        "underlying_marked_at": OPEN,
        "in_the_money": "-10",
        "if_left": "expires",
        "shares": "0",
        "cash": "0",
        "shares_held": "0",
        "account_cash": None,
        "account_buying_power": None,
        "time_value": "1",
        "next_ex_date": None,
        "dividend": None,
    }
    return ExpiringPosition.model_validate(row | said)


def later(**said: Any) -> ExpiringPosition:
    """The same with a month to go."""
    month = timedelta(days=30)
    return position(
        **{"trades_from": OPEN + month, "trades_until": CLOSE + month, "warned_from": BEFORE + month} | said
    )


def limit(name: str, value: str, act: str | None = None, strategy: UUID | None = None, **parameters: str) -> DeskLimit:
    return DeskLimit(
        limit_id=named_uuid("limit", f"{name} {value} {strategy}"),
        scope="strategy" if strategy else "account",
        strategy_id=strategy,
        name=name,
        value=Decimal(value),
        act=act,
        parameters={key: Decimal(number) for key, number in parameters.items()},
    )


def book(
    *positions: ExpiringPosition,
    limits: tuple[DeskLimit, ...] = (),
    delivered: tuple[DeliveredShares, ...] = (),
    session: DeskSession | None = TODAY,
    following: DeskSession | None = NEXT,
) -> DeskBook:
    return DeskBook(
        session=session,
        next_session=following,
        limits=list(limits),
        positions=list(positions),
        delivered=list(delivered),
    )


def codes(found: Findings) -> list[str]:
    return [notice.code for notice in found.notices]


def fresh(at: datetime, **said: Any) -> dict[str, Any]:
    return {"marked_at": at, "underlying_marked_at": at} | said


# --- when it is told --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (BEFORE - TICK, []),
        (BEFORE, ["EXPIRY_TOMORROW"]),
        (OPEN - TICK, ["EXPIRY_TOMORROW"]),
        (OPEN, ["EXPIRY_TODAY"]),
        (CLOSE - 60 * MINUTE - TICK, ["EXPIRY_TODAY"]),
        (CLOSE - 60 * MINUTE, ["EXPIRY_TODAY", "EXPIRY_SOON"]),
        (CLOSE - TICK, ["EXPIRY_TODAY", "EXPIRY_SOON"]),
        (CLOSE, []),
    ],
)
def test_desk_when_an_expiry_comes_nearer_then_told_a_day_before_at_the_open_and_an_hour_before(
    at: datetime, told: list[str]
) -> None:
    found = look(book(position(**fresh(at))), at)
    assert (codes(found), found.closings, found.broken) == (told, [], [])
    assert len({notice.name for notice in found.notices}) == len(told)


def test_desk_when_it_looks_again_then_names_are_the_same_so_that_the_ledger_tells_once() -> None:
    first, second = (look(book(position(**fresh(at))), at) for at in (CLOSE - 59 * MINUTE, CLOSE - 3 * MINUTE))
    assert [notice.name for notice in first.notices] == [notice.name for notice in second.notices]


def test_desk_when_the_calendar_does_not_reach_then_said_and_nothing_guessed() -> None:
    found = look(
        book(position(trades_until=None, trades_from=None), limits=(limit("expiry_close", "60", "flatten"),)), OPEN
    )
    assert (codes(found), found.closings) == (["MISSING_CALENDAR"], [])


def test_desk_when_a_mark_is_missing_then_the_alert_says_which_and_gives_no_number() -> None:
    unknown = {"underlying_mark": None, "underlying_marked_at": None, "in_the_money": None, "if_left": None}
    found = look(book(position(**unknown, shares=None, cash=None)), OPEN)
    (notice,) = found.notices
    assert "no mark of SPY" in notice.text
    assert "not known" in notice.text
    assert {"shares", "cash", "underlying_mark"}.isdisjoint(notice.numbers)


def test_desk_when_one_of_two_legs_is_unknown_then_no_sum_is_told() -> None:
    whole = position(symbol="SPY261120P00510000", option_right="put", shares="100", cash="-51000", if_left="assigned")
    found = look(book(whole, position(shares=None, cash=None, in_the_money=None, if_left=None)), OPEN)
    assert "cash" not in found.notices[0].numbers
    assert "What all of it needs is therefore not known." in found.notices[0].text


@pytest.mark.parametrize(
    ("cash", "power", "said"),
    [
        (None, None, "It needs 50000 dollars; what the account has, its broker has not said."),
        ("1000", None, "It needs 50000 dollars; the account has 1000 in cash."),
        ("1000", "4000", "It needs 50000 dollars; the account has 1000 in cash and 4000 of buying power."),
    ],
)
def test_desk_when_shares_would_come_then_what_they_need_stands_beside_what_there_is(
    cash: str | None, power: str | None, said: str
) -> None:
    money = {"account_cash": cash, "account_buying_power": power}
    put = position(option_right="put", if_left="assigned", in_the_money="10", shares="100", cash="-50000", **money)
    assert said in look(book(put), OPEN).notices[0].text


def test_desk_when_legs_of_an_owner_end_together_then_one_alert_with_the_net_of_them() -> None:
    short = position(symbol="SPY261120C00480000", in_the_money="10", if_left="assigned", shares="-100", cash="48000")
    long = position(
        symbol="SPY261120C00485000", quantity="1", in_the_money="5", if_left="exercised", shares="100", cash="-48500"
    )
    (notice,) = look(book(short, long), OPEN).notices
    assert (notice.numbers["shares"], notice.numbers["cash"]) == ("0", "-500")
    assert "sold short" not in notice.text


def test_desk_when_two_owners_hold_the_same_then_each_is_told_of() -> None:
    names = {
        notice.name for notice in look(book(position(), position(owner_key="manual", strategy_id=None)), OPEN).notices
    }
    assert len(names) == 2


# --- closing before the cut-off ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "closes"), [(30 * MINUTE, True), (30 * MINUTE + TICK, False)])
@pytest.mark.parametrize(("act", "how"), [("flatten", "close"), ("roll", "roll")])
def test_expiry_close_when_its_minutes_are_reached_then_closed_or_rolled(
    left: timedelta, closes: bool, act: str, how: str
) -> None:
    at = CLOSE - left
    found = look(book(position(**fresh(at)), limits=(limit("expiry_close", "30", act),)), at)
    assert [closing.how for closing in found.closings] == [how] * closes
    assert len(found.broken) == closes


def test_expiry_close_when_a_mark_is_missing_then_closed_all_the_same() -> None:
    unknown = {"underlying_mark": None, "underlying_marked_at": None, "in_the_money": None, "if_left": None}
    found = look(
        book(position(**unknown, shares=None, cash=None), limits=(limit("expiry_close", "390", "flatten"),)), OPEN
    )
    assert [closing.symbols for closing in found.closings] == [["SPY261120C00500000"]]


def test_expiry_close_when_it_only_warns_then_nothing_is_closed_and_the_breach_is_told() -> None:
    found = look(book(position(), limits=(limit("expiry_close", "390"),)), OPEN)
    assert found.closings == []
    assert [broken.measured for broken in found.broken] == [Decimal(390)]


def test_expiry_close_when_limits_differ_then_each_counts_and_the_stricter_act_is_done() -> None:
    limits = (limit("expiry_close", "400", "roll", STRATEGY), limit("expiry_close", "390", "flatten"))
    early, both = (look(book(position(), limits=limits), at) for at in (OPEN - MINUTE, OPEN))
    assert [closing.how for closing in early.closings] == ["roll"]
    assert [closing.how for closing in both.closings] == ["close"]


def test_expiry_close_when_set_for_another_strategy_then_the_default_warns() -> None:
    found = look(book(position(), limits=(limit("expiry_close", "390", "flatten", OTHER),)), OPEN)
    assert (found.closings, found.broken) == ([], [])


def test_expiry_close_when_the_market_is_closed_then_nothing_is_closed() -> None:
    found = look(book(position(), limits=(limit("expiry_close", "390", "flatten"),), session=None), OPEN)
    assert found.closings == []


# --- pin risk ---------------------------------------------------------------------------------------------------------

PIN_AT = CLOSE - 120 * MINUTE


@pytest.mark.parametrize(
    ("spot", "near"), [("502.5", True), ("497.5", True), ("502.51", False), ("497.49", False), ("500", True)]
)
def test_pin_risk_when_the_underlying_is_near_the_strike_then_told(spot: str, near: bool) -> None:
    found = look(book(position(**fresh(PIN_AT, underlying_mark=spot))), PIN_AT)
    assert ("PIN_RISK" in codes(found)) is near


@pytest.mark.parametrize(
    ("at", "said", "told"),
    [
        (PIN_AT - TICK, {}, False),
        (PIN_AT, {"quantity": "1"}, False),
        (PIN_AT, {"settlement": "cash", "style": "european"}, False),
        (PIN_AT, {}, True),
    ],
)
def test_pin_risk_when_early_or_held_or_settled_in_cash_then_there_is_none(
    at: datetime, said: dict[str, str], told: bool
) -> None:
    found = look(book(position(**fresh(at, underlying_mark="500") | said)), at)
    assert ("PIN_RISK" in codes(found)) is told


def test_pin_risk_when_its_window_is_set_then_it_is_looked_at_so_long() -> None:
    wide = limit("pin_risk", "1", "flatten", within_minutes="390")
    found = look(book(position(underlying_mark="495"), limits=(wide,)), OPEN)
    assert [closing.how for closing in found.closings] == ["close"]


@pytest.mark.parametrize(("age", "code"), [(FRESH, "PIN_RISK"), (FRESH + TICK, "PIN_RISK_UNKNOWN")])
def test_pin_risk_when_the_mark_is_old_then_said_to_be_and_nothing_is_closed(age: timedelta, code: str) -> None:
    stale = position(underlying_mark="500", underlying_marked_at=PIN_AT - age, marked_at=PIN_AT)
    found = look(book(stale, limits=(limit("pin_risk", "0.5", "flatten"),)), PIN_AT)
    assert code in codes(found)
    assert bool(found.closings) is (code == "PIN_RISK")


def test_pin_risk_when_no_mark_is_known_then_said_which() -> None:
    unknown = position(underlying_mark=None, underlying_marked_at=None, in_the_money=None)
    notices = {notice.code: notice.text for notice in look(book(unknown), PIN_AT).notices}
    assert "no mark of SPY" in notices["PIN_RISK_UNKNOWN"]


# --- assigned before it expires ---------------------------------------------------------------------------------------

DEEP = {"in_the_money": "20", "if_left": "assigned", "dividend": "1.80", "next_ex_date": "2026-11-23"}


@pytest.mark.parametrize(
    ("said", "risk"),
    [
        ({"time_value": "1.79"}, True),
        ({"time_value": "1.80"}, False),
        ({"time_value": "-0.10"}, True),
        ({"time_value": "1.79", "in_the_money": "0"}, False),
        ({"time_value": "1.79", "next_ex_date": "2026-11-24"}, False),
        ({"time_value": "1.79", "next_ex_date": "2026-11-20"}, False),
        ({"time_value": "1.79", "next_ex_date": None, "dividend": None}, False),
        ({"time_value": "1.79", "style": "european"}, False),
        ({"time_value": "1.79", "quantity": "1"}, False),
    ],
)
def test_assignment_risk_when_a_sold_call_is_worth_less_than_its_dividend_then_closed_before_the_ex_date(
    said: dict[str, Any], risk: bool
) -> None:
    found = look(book(later(**DEEP | said), limits=(limit("assignment_risk", "0.05", "flatten"),)), OPEN)
    assert codes(found) == ["ASSIGNMENT_RISK"] * risk
    assert len(found.closings) == len(found.broken) == risk


@pytest.mark.parametrize(("time_value", "risk"), [("0.05", True), ("0.0501", False), ("-0.02", True)])
def test_assignment_risk_when_a_sold_put_has_no_time_value_left_then_told(time_value: str, risk: bool) -> None:
    put = later(option_right="put", in_the_money="40", if_left="assigned", time_value=time_value)
    assert codes(look(book(put), OPEN)) == ["ASSIGNMENT_RISK"] * risk


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"mark": None, "marked_at": None, "time_value": None}, "no mark of SPY261120C00500000"),
        ({"marked_at": OPEN - FRESH - TICK, "time_value": "1"}, "of SPY261120C00500000"),
        ({"underlying_mark": None, "underlying_marked_at": None}, "no mark of SPY."),
        ({"dividend": None, "time_value": "1"}, "nobody has said how much"),
    ],
)
def test_assignment_risk_when_something_is_missing_or_old_then_said_and_nothing_is_closed(
    said: dict[str, Any], missing: str
) -> None:
    found = look(book(later(**DEEP | said), limits=(limit("assignment_risk", "0.05", "flatten"),)), OPEN)
    (notice,) = found.notices
    assert (notice.code, found.closings) == ("ASSIGNMENT_RISK_UNKNOWN", [])
    assert missing in notice.text


def test_assignment_risk_when_no_session_follows_on_record_then_no_ex_date_is_taken_for_the_next() -> None:
    assert codes(look(book(later(**DEEP, time_value="1"), following=None), OPEN)) == []


# --- shares that came -------------------------------------------------------------------------------------------------


def shares(**said: Any) -> DeliveredShares:
    row = {
        "adjustment_id": named_uuid("adjustment"),
        "kind": "assignment",
        "option_symbol": "SPY261120P00500000",
        "contracts": "2",
        "symbol": "SPY",
        "owner_key": str(STRATEGY),
        "strategy_id": STRATEGY,
        "shares": "200",
        "cash": "-100000",
        "price": "500",
        "effective_at": CLOSE,
        "held": "200",
        "closed": "0",
        "account_cash": "120000",
    }
    return DeliveredShares.model_validate(row | said)


@pytest.mark.parametrize(
    ("said", "limit_value", "most"),
    [
        ({}, "0", "200"),
        ({}, "199", "1"),
        ({}, "200", None),
        ({"held": "150"}, "0", "150"),
        ({"held": "500"}, "0", "200"),
        ({"held": "200", "closed": "120"}, "0", "80"),
        ({"held": "0"}, "0", None),
        ({"held": "-100"}, "0", None),
        ({"shares": "-200", "held": "-200"}, "0", "200"),
        ({"shares": "-200", "held": "300"}, "0", None),
        ({"closed": "200"}, "0", None),
    ],
)
def test_assigned_shares_when_more_stay_than_may_then_that_is_closed(
    said: dict[str, str], limit_value: str, most: str | None
) -> None:
    found = look(book(delivered=(shares(**said),), limits=(limit("assigned_shares", limit_value, "flatten"),)), OPEN)
    assert [closing.most for closing in found.closings] == ([] if most is None else [Decimal(most)])
    assert len(found.broken) == (most is not None)


def test_assigned_shares_when_the_market_is_closed_then_told_at_once_and_closed_later() -> None:
    rules = (limit("assigned_shares", "0", "flatten"),)
    found = look(book(delivered=(shares(),), limits=rules, session=None), CLOSE)
    assert (codes(found), found.closings) == (["ASSIGNED"], [])
    assert (
        "2 SPY261120P00500000 were assigned: 200 shares of SPY came at 500, for 100000 dollars" in found.notices[0].text
    )
    assert "The account's cash is 120000 dollars" in found.notices[0].text


def test_assigned_shares_when_nobody_set_a_rule_then_told_and_left() -> None:
    found = look(
        book(delivered=(shares(kind="exercise", contracts="1", shares="-100", held="-100", cash="50000"),)), OPEN
    )
    assert (codes(found), found.closings, found.broken) == (["EXERCISED"], [], [])
    assert "short 100 shares" in found.notices[0].text


# --- the look itself --------------------------------------------------------------------------------------------------

HERE, THERE = (str(named_uuid("account", number)) for number in (1, 2))
NOTHING: dict[str, Any] = {"session": None, "next_session": None, "limits": [], "positions": [], "delivered": []}


def test_desk_when_one_account_fails_then_the_others_are_looked_at_and_the_failure_is_raised() -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
    world = World({"desks_to_watch": [HERE, THERE], "desk_book": Turns(down, NOTHING)})
    with pytest.raises(LedgerUnavailable):
        ExpiryDesk(world.ports).watch()
    assert [said["p_account_id"] for said in world.asked("desk_book")] == [HERE, THERE]


def test_desk_when_something_is_to_be_closed_then_that_comes_before_all_words() -> None:
    seen = book(position(**fresh(NOW)), limits=(limit("expiry_close", "1000000", "flatten"),))
    ahead = {"trades_from": NOW, "trades_until": NOW + MINUTE}
    rows = seen.model_copy(update={"positions": [position(**fresh(NOW), **ahead)]}).model_dump(mode="json")
    answers = {
        "desks_to_watch": [HERE],
        "desk_book": rows,
        "desk_close": {"placed": [THERE], "canceled": []},
        "tell_desk": 2,
        "breach_limit": {"status": "breached"},
    }
    world = World(answers)
    assert ExpiryDesk(world.ports).watch() == 1
    assert world.said() == ["desks_to_watch", "desk_book", "desk_close", "tell_desk", "breach_limit"]


def test_handler_when_the_minute_comes_then_the_desk_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({"desks_to_watch": []})
    monkeypatch.setattr(handlers, "ports", lambda _: world.ports)
    handlers.watch_expiry({})
    assert world.said() == ["desks_to_watch"]


def test_kinds_when_listed_then_each_warns_where_nobody_says_and_has_a_default() -> None:
    assert [kind.name for kind in DESK_KINDS if kind.acts[0] != "warn" or kind.default is None] == []
