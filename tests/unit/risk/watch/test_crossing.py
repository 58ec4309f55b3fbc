"""When an exit is reached: a touch is enough, by the side that it can be closed on, and never by what is no price."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.core.identity import named_uuid
from functions.core.ledger.exits import LiveExit
from functions.risk.watch.crossing import FRESH, Crossing, Seen, best_after, crossed, delta_of, position_price
from tests.unit.core.doubles import NOW

CALL = "SPY260116C00100000"
WING = "SPY260116C00105000"
SHARES = {"symbol": "SPY", "sign": 1, "ratio": 1, "kind": "equity"}


def option(symbol: str = CALL, sign: int = 1, strike: str = "100", **more: Any) -> dict[str, Any]:
    said = {"symbol": symbol, "sign": sign, "ratio": 1, "kind": "option", "underlying": "SPY"}
    return said | {"option_right": "call", "strike": strike, "expires_on": date(2026, 1, 16).isoformat()} | more


def exit_of(*legs: dict[str, Any], direction: str = "long", **terms: Any) -> LiveExit:
    """Armed, of a hundred shares where nothing else is said."""
    said: dict[str, Any] = {
        "exit_id": named_uuid("exit"),
        "broker_account_id": named_uuid("account"),
        "is_paper": False,
        "symbol": (legs or (SHARES,))[0]["symbol"],
        "direction": direction,
        "status": "armed",
        "open_since": NOW - timedelta(hours=1),
        "legs": list(legs) or [SHARES | {"sign": 1 if direction == "long" else -1}],
    }
    return LiveExit.model_validate(said | terms)


def seen(bid: str, ask: str, **more: Any) -> Seen:
    return Seen(Decimal(bid), Decimal(ask), more.pop("quoted_at", NOW), **more)


def by(exit_: LiveExit, **quotes: Seen) -> str | None:
    found = crossed(exit_, quotes, NOW)
    return None if found is None else found.by


@pytest.mark.parametrize(
    ("direction", "terms", "inside", "touched"),
    [
        ("long", {"stop_price": "95"}, ("95.01", "95.02"), ("95", "95.50")),
        ("short", {"stop_price": "95"}, ("94.97", "94.99"), ("94.50", "95")),
        ("long", {"target_price": "110"}, ("109.99", "110.50"), ("110", "110.01")),
        ("short", {"target_price": "90"}, ("89.50", "90.01"), ("89.99", "90")),
        ("long", {"trail_amount": "5", "best_price": "104"}, ("99.01", "99.02"), ("99", "99.90")),
        ("short", {"trail_amount": "5", "best_price": "96"}, ("100.98", "100.99"), ("100.10", "101")),
        ("long", {"trail_percent": "5", "best_price": "104"}, ("98.81", "98.82"), ("98.8", "98.9")),
    ],
)
def test_exit_when_its_side_of_the_market_touches_then_it_is_reached_and_not_before(
    direction: str, terms: dict[str, str], inside: tuple[str, str], touched: tuple[str, str]
) -> None:
    exit_ = exit_of(direction=direction, **terms)
    assert by(exit_, SPY=seen(*inside)) is None
    assert by(exit_, SPY=seen(*touched)) == next(iter(terms)).split("_", maxsplit=1)[0]


def test_exit_when_the_price_gaps_through_the_stop_then_it_is_reached_at_that_price() -> None:
    found = crossed(exit_of(stop_price="95", target_price="120"), {"SPY": seen("60", "61")}, NOW)
    assert found == Crossing("stop", Decimal(60), NOW)


def test_exit_when_a_quote_is_of_before_the_fill_then_it_is_not_reached() -> None:
    exit_ = exit_of(stop_price="95", armed_from=NOW)
    assert by(exit_, SPY=seen("90", "91", quoted_at=NOW - timedelta(microseconds=1))) is None
    assert by(exit_, SPY=seen("90", "91")) == "stop"


def test_exit_when_its_time_has_come_then_it_is_reached_without_a_quote_and_not_before() -> None:
    assert crossed(exit_of(exit_at=NOW), {}, NOW - timedelta(microseconds=1)) is None
    assert crossed(exit_of(exit_at=NOW), {}, NOW) == Crossing("time", None, NOW)


@pytest.mark.parametrize(
    ("age", "delay", "is_paper", "counts"),
    [
        (FRESH, 0, False, True),
        (FRESH + timedelta(microseconds=1), 0, False, False),
        (timedelta(0), 900, False, False),
        (FRESH + timedelta(seconds=900), 900, True, True),
        (FRESH + timedelta(seconds=901), 900, True, False),
    ],
)
def test_quote_when_it_is_old_or_late_then_it_counts_only_where_it_may(
    age: timedelta, delay: int, is_paper: bool, counts: bool
) -> None:
    quote = seen("1", "2", quoted_at=NOW - age, delay_seconds=delay)
    assert quote.counts(is_paper=is_paper, now=NOW) is counts


@pytest.mark.parametrize(
    ("sign", "quote", "price"),
    [
        (1, ("0", "0.05"), None),
        (-1, ("0", "0.05"), "0.05"),
        (1, ("0.50", "0.50"), None),
        (-1, ("0.50", "0.50"), None),
        (1, ("0.51", "0.50"), None),
        (1, ("0.50", "0.60"), "0.50"),
    ],
)
def test_option_when_nobody_bids_or_its_market_is_locked_then_there_is_no_price(
    sign: int, quote: tuple[str, str], price: str | None
) -> None:
    direction = "long" if sign > 0 else "short"
    found = position_price(exit_of(option(sign=sign), direction=direction, stop_price="1"), {CALL: seen(*quote)})
    assert found == (None if price is None else (Decimal(price), NOW))


def test_shares_when_their_market_is_locked_then_that_is_the_price() -> None:
    assert by(exit_of(stop_price="95"), SPY=seen("95", "95")) == "stop"


def test_package_when_it_was_sold_then_its_price_is_what_buying_it_back_costs() -> None:
    legs = option(sign=-1), option(WING, sign=1, strike="105")
    exit_ = exit_of(*legs, direction="short", stop_price="2.40", target_price="0.60")
    market = {CALL: seen("2.80", "3.00"), WING: seen("0.61", "0.70")}
    assert position_price(exit_, market) == (Decimal("2.39"), NOW)
    assert crossed(exit_, market, NOW) is None
    assert crossed(exit_, market | {CALL: seen("2.80", "3.01")}, NOW) == Crossing("stop", Decimal("2.40"), NOW)
    assert crossed(exit_, {CALL: market[CALL]}, NOW) is None


@pytest.mark.parametrize(
    ("terms", "quote", "reached"),
    [
        ({"underlying_below": "95"}, ("95.01", "95.02"), None),
        ({"underlying_below": "95"}, ("95", "95.01"), "underlying"),
        ({"underlying_above": "99"}, ("98.50", "98.99"), None),
        ({"underlying_above": "99"}, ("98.50", "99"), "underlying"),
        ({"short_strike": True}, ("99.50", "99.99"), None),
        ({"short_strike": True}, ("99.50", "100"), "strike"),
    ],
)
def test_option_exit_when_its_underlying_touches_then_it_is_reached_and_not_before(
    terms: dict[str, Any], quote: tuple[str, str], reached: str | None
) -> None:
    exit_ = exit_of(option(sign=-1), direction="short", **terms)
    assert by(exit_, SPY=seen(*quote)) == reached


def test_short_strike_when_it_is_of_a_put_then_the_underlying_falls_to_it() -> None:
    exit_ = exit_of(option(sign=-1, option_right="put"), direction="short", short_strike=True)
    assert by(exit_, SPY=seen("100.01", "100.02")) is None
    assert by(exit_, SPY=seen("100", "100.02")) == "strike"


@pytest.mark.parametrize(("delta", "reached"), [("-0.3999", None), ("-0.40", "delta"), ("0.95", "delta")])
def test_delta_when_the_feed_says_it_then_its_size_counts_without_the_sign(delta: str, reached: str | None) -> None:
    leg = option(sign=-1, delta=delta, delta_at=NOW.isoformat())
    assert by(exit_of(leg, direction="short", delta_limit="0.40")) == reached


def test_delta_when_the_feed_says_none_or_an_old_one_then_it_is_made_of_the_quotes() -> None:
    old = option(sign=-1, delta="0.01", delta_at=(NOW - FRESH * 2).isoformat())
    exit_ = exit_of(old, direction="short", delta_limit="0.40")
    market = {CALL: seen("1.90", "2.10"), "SPY": seen("99.99", "100.01")}
    found = delta_of(exit_.legs[0], market, is_paper=False, now=NOW)
    assert found is not None
    assert Decimal("0.45") < found[0] < Decimal("0.60")
    assert crossed(exit_, market, NOW) == Crossing("delta", *found)
    assert crossed(exit_, {CALL: market[CALL]}, NOW) is None


def test_delta_when_it_is_of_what_was_bought_then_it_does_not_count() -> None:
    legs = option(sign=-1, delta="0.10", delta_at=NOW.isoformat()), option(WING, delta="0.90", delta_at=NOW.isoformat())
    assert by(exit_of(*legs, direction="short", delta_limit="0.40")) is None


PRICES = st.decimals(min_value="0.01", max_value="500", places=2)


@given(st.lists(PRICES, min_size=1, max_size=30), st.sampled_from(["long", "short"]))
def test_trail_when_any_prices_come_then_its_stop_only_follows_and_fires_where_a_record_of_them_says(
    prices: list[Decimal], direction: str
) -> None:
    """Beside the plain way to say it: the best of all prices so far, less the distance."""
    distance, best = Decimal(7), None
    for number, price in enumerate(prices, start=1):
        exit_ = exit_of(direction=direction, trail_amount="7", best_price=best)
        quote = Seen(price, price + 1, NOW) if direction == "long" else Seen(max(price - 1, Decimal(0)), price, NOW)
        found = crossed(exit_, {"SPY": quote}, NOW)
        record = max(prices[:number]) if direction == "long" else min(prices[:number])
        best = best_after(exit_, price)
        assert best == record
        far = record - price if direction == "long" else price - record
        assert (found is not None) is (far >= distance)
        if found is not None:
            return
