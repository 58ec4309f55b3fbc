"""What the demo's trader does by hand: when, with which contracts, and nothing twice."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import psycopg
import pytest
from psycopg.types.json import Jsonb

from functions.core.identity import named_uuid
from local.cli.demo_hand import HandTrader, _friday_after

OPENS = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
USER, ACCOUNT = named_uuid("user"), named_uuid("account")
CALL, FAR = "SPY180209C00276000", "SPY180209C00281000"


class Connection:
    """Knows one price, and for how much something was bought; keeps the orders that are placed."""

    def __init__(self, bought: tuple[Decimal, list[dict[str, str]]] | None = None) -> None:
        self.placed: list[dict[str, Any]] = []
        self._bought = bought
        self._row: Any = None

    def execute(self, query: str, values: list[Any] | None = None) -> Connection:
        if "private.place(" in query:
            order, _ = values or (None, None)
            assert isinstance(order, Jsonb)
            self.placed.append(order.obj)
        self._row = (Decimal("275.60"),) if "public.bars" in query else self._bought
        return self

    def fetchone(self) -> Any:
        return self._row

    def transaction(self) -> Any:
        return nullcontext()


def act(trader: HandTrader, minutes: int, connection: Connection) -> bool:
    return trader(cast("psycopg.Connection[Any]", connection), OPENS + timedelta(minutes=minutes))


def test_trader_when_its_minutes_come_then_a_call_and_a_spread_are_bought_once() -> None:
    trader, connection = HandTrader(USER, [ACCOUNT], "SPY", OPENS), Connection()
    assert [act(trader, minute, connection) for minute in (29, 30, 30, 31, 32)] == [False, True, False, True, False]
    call, spread = connection.placed
    assert (call["symbol"], call["side"], call["price"], call["quantity"]) == (CALL, "buy", "5.51", "1")
    assert [(leg["symbol"], leg["position_intent"]) for leg in spread["legs"]] == [
        (CALL, "buy_to_open"),
        (FAR, "sell_to_open"),
    ]
    assert (spread["price"], spread["event_at"]) == ("3.00", (OPENS + timedelta(minutes=31)).isoformat())


def test_trader_when_ten_minutes_have_passed_then_what_was_filled_is_sold_for_half_at_least() -> None:
    trader = HandTrader(USER, [ACCOUNT], "SPY", OPENS)
    act(trader, 31, Connection())
    legs = [{"symbol": CALL, "side": "buy"}, {"symbol": FAR, "side": "sell"}]
    unfilled, bought = Connection(), Connection((Decimal("2.35"), legs))
    act(trader, 40, unfilled)
    assert unfilled.placed == []
    act(trader, 41, bought)
    (closing,) = bought.placed
    assert closing["price"] == "-1.18"
    assert [leg["position_intent"] for leg in closing["legs"]] == ["sell_to_close", "buy_to_close"]


@pytest.mark.parametrize(
    ("day", "friday"),
    [
        (date(2018, 2, 5), date(2018, 2, 9)),
        (date(2018, 2, 7), date(2018, 2, 9)),
        (date(2018, 2, 8), date(2018, 2, 16)),
        (date(2018, 2, 9), date(2018, 2, 16)),
    ],
)
def test_expiry_when_chosen_then_the_first_friday_that_is_two_days_away(day: date, friday: date) -> None:
    assert _friday_after(day) == friday


class _Refusal(psycopg.Error):
    sqlstate = "PT409"


class _Halted(Connection):
    def execute(self, query: str, values: list[Any] | None = None) -> Connection:
        if "private.place(" in query:
            raise self.error
        return super().execute(query, values)

    error: psycopg.Error = _Refusal("GATE_CLOSED: gate=global")


def test_trader_when_trading_is_halted_meanwhile_then_it_is_told_and_the_demo_goes_on() -> None:
    told: list[str] = []
    trader = HandTrader(USER, [ACCOUNT], "SPY", OPENS, refused=told.append)
    assert act(trader, 30, _Halted())
    assert [said.split(":")[0] for said in told] == ["Not placed by hand, a call at the money"]


def test_trader_when_the_ledger_fails_otherwise_then_it_is_not_hidden() -> None:
    halted = _Halted()
    halted.error = psycopg.OperationalError("gone")
    with pytest.raises(psycopg.OperationalError):
        act(HandTrader(USER, [ACCOUNT], "SPY", OPENS), 30, halted)
