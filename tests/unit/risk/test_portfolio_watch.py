"""The watch over concentration and greeks: at the limit, near it, by numbers that are missing or old."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.core.identity import named_uuid
from functions.core.ledger.errors import LedgerUnavailable
from functions.risk.watch.portfolio import PortfolioWatch
from tests.unit.core.doubles import NOW, Turns, World

LIMIT, ACCOUNT, STRATEGY = (str(named_uuid(name)) for name in ("limit", "account", "strategy"))
BROKEN = {"status": "breached", "breach_id": 1, "act": "reduce", "placed": []}
CALL = "SPY260116C00100000"
NAMES = ("breach_limit", "warn_of_limit", "rearm_limit", "tell_blind")


def limit(name: str = "symbol_concentration", value: str = "50", **more: Any) -> dict[str, Any]:
    return {
        "limit_id": LIMIT, "name": name, "scope": "account", "strategy_id": None, "symbol": None, "value": value,
        "parameters": {}, "state": None, "today": True,
    } | more  # fmt: skip


def holding(symbol: str, quantity: str, strategy: str | None = None) -> dict[str, Any]:
    size = "100" if symbol == CALL else "1"
    return {"strategy_id": strategy, "symbol": symbol, "quantity": quantity, "multiplier": size}


def mark(price: str, seconds: float = 0) -> dict[str, str]:
    return {"mark": price, "marked_at": (NOW - timedelta(seconds=seconds)).isoformat()}


def greeks(seconds: float = 0) -> dict[str, Any]:
    at = (NOW - timedelta(seconds=seconds)).isoformat()
    return {
        "right": "call", "strike": "100", "expires_on": "2026-01-16", "price": "2", "priced_at": at,
        "delta": "0.5", "gamma": "0.02", "vega": "0.1", "spot": "100", "spot_at": at,
    }  # fmt: skip


def portfolio(*held: dict[str, Any], limits: list[dict[str, Any]], hours: float = 0, **more: Any) -> dict[str, Any]:
    equity = {"equity": "10000", "margin_requirement": None, "as_of": (NOW - timedelta(hours=hours)).isoformat()}
    return {
        "broker_account_id": ACCOUNT, "limits": limits, "held": list(held), "equity": equity, "in_session": True,
        "since": (NOW - timedelta(minutes=5)).isoformat(), "sectors": {},
        "marks": {"SPY": mark("100"), "IWM": mark("50"), CALL: mark("2")}, "greeks": {CALL: greeks()},
    } | more  # fmt: skip


def kept(found: dict[str, Any]) -> dict[str, Any]:
    """Marks of what is held alone, as the ledger answers."""
    symbols = {row["symbol"] for row in found["held"]}
    return found | {"marks": {name: said for name, said in found["marks"].items() if name in symbols}}


def world(*found: dict[str, Any], **answers: Any) -> World:
    said = {"breach_limit": BROKEN, "warn_of_limit": True, "rearm_limit": True, "tell_blind": True}
    return World({"watch_portfolio": [kept(one) for one in found]} | said | answers)


def asked(reached: World) -> list[str]:
    return [name for name in NAMES if reached.asked(name)]


@pytest.mark.parametrize(
    ("shares", "more", "call", "measured"),
    [
        ("50.01", {}, "breach_limit", "50.01"),
        ("-50.01", {}, "breach_limit", "50.01"),
        ("50", {}, "warn_of_limit", "50"),
        ("40", {}, "warn_of_limit", "40"),
        ("39.99", {}, None, None),
        ("39.99", {"state": "breached"}, "rearm_limit", "39.99"),
        ("45", {"state": "warned"}, None, None),
        ("45", {"state": "warned", "today": False}, "warn_of_limit", "45"),
        ("60", {"symbol": "IWM"}, None, None),
        ("60", {"symbol": "SPY"}, "breach_limit", "60"),
        ("60", {"strategy_id": STRATEGY}, None, None),
        ("60", {"parameters": {"warn_at": "10"}, "value": "500"}, "warn_of_limit", "60"),
    ],
)
def test_symbol_concentration_when_it_is_measured_then_only_what_is_due_is_asked(
    shares: str, more: dict[str, Any], call: str | None, measured: str | None
) -> None:
    reached = world(portfolio(holding("SPY", shares), holding("IWM", "1"), limits=[limit(**more)]))
    assert PortfolioWatch(reached.ports).sweep() == (call == "breach_limit")
    assert asked(reached) == ([call] if call else [])
    if call:
        ((said,),) = (reached.asked(call),)
        assert (said["p_account_id"], said["p_measured"]) == (ACCOUNT, measured)


def test_symbol_concentration_when_it_breaks_then_the_underlying_and_the_part_that_is_too_much_go_along() -> None:
    # Shares for 6 000 dollars, and a call that is worth 200.
    reached = world(portfolio(holding("SPY", "60"), holding(CALL, "1"), holding("IWM", "9"), limits=[limit()]))
    PortfolioWatch(reached.ports).sweep()
    (said,) = reached.asked("breach_limit")
    assert said["p_measured"] == "62"
    assert said["p_detail"] == {
        "underlying": "SPY", "underlyings": "SPY", "dollars": "6200", "equity": "10000", "part": "0.1936",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sectors", "call", "names"),
    [
        ({"SPY": "funds", "IWM": "funds"}, "breach_limit", "IWM SPY"),
        ({"SPY": "funds", "IWM": "tech"}, None, None),
        ({"SPY": "funds", "IWM": None}, "breach_limit", "IWM SPY"),
        ({"SPY": None, "IWM": None}, "breach_limit", "IWM SPY"),
    ],
)
def test_sector_concentration_when_it_is_measured_then_what_has_no_sector_is_in_every_one(
    sectors: dict[str, str | None], call: str | None, names: str | None
) -> None:
    held = (holding("SPY", "30"), holding("IWM", "50"))
    reached = world(portfolio(*held, limits=[limit("sector_concentration")], sectors=sectors))
    PortfolioWatch(reached.ports).sweep()
    assert asked(reached) == ([call] if call else [])
    assert [said["p_detail"]["underlyings"] for said in reached.asked("breach_limit")] == ([names] if names else [])


@pytest.mark.parametrize(("hours", "calls"), [(120, ["breach_limit"]), (120.01, [])])
def test_concentration_when_the_equity_is_old_then_nothing_is_measured(hours: float, calls: list[str]) -> None:
    reached = world(portfolio(holding("SPY", "60"), limits=[limit(), limit("sector_concentration")], hours=hours))
    PortfolioWatch(reached.ports).sweep()
    assert asked(reached) == calls
    unknown = world(portfolio(holding("SPY", "60"), limits=[limit()], equity=None))
    assert (PortfolioWatch(unknown.ports).sweep(), asked(unknown)) == (0, [])


@pytest.mark.parametrize(
    ("name", "value", "call"),
    [
        # A hundred shares, and two calls sold: 10 000 - 2 x 0.5 x 100 x 100 dollars for a rise by all of it.
        ("net_delta_limit", "0", None),
        # 2 x 0.02 x 100 x 100 x 100 / 100, whatever the sign.
        ("net_gamma_limit", "399", "breach_limit"),
        ("net_gamma_limit", "400", "warn_of_limit"),
        ("net_gamma_limit", "501", None),
        ("net_vega_limit", "19.9", "breach_limit"),
        ("net_vega_limit", "20", "warn_of_limit"),
        ("net_vega_limit", "26", None),
    ],
)
def test_greeks_when_they_are_measured_then_the_net_is_held_to_the_limit_without_its_sign(
    name: str, value: str, call: str | None
) -> None:
    reached = world(portfolio(holding("SPY", "100"), holding(CALL, "-2"), limits=[limit(name, value)]))
    PortfolioWatch(reached.ports).sweep()
    assert asked(reached) == ([call] if call else [])


def test_greeks_when_the_limit_is_a_strategy_s_then_only_what_it_holds_counts() -> None:
    held = (holding("SPY", "100"), holding("SPY", "30", STRATEGY))
    mine = limit("net_delta_limit", "2000", scope="strategy", strategy_id=STRATEGY)
    reached = world(portfolio(*held, limits=[mine]))
    PortfolioWatch(reached.ports).on_fill(named_uuid("account"), NOW)
    (said,) = reached.asked("breach_limit")
    assert (said["p_measured"], said["p_detail"]) == ("3000", {"delta": "3000", "part": "0.3334"})
    assert reached.asked("watch_portfolio") == [{"p_at": NOW.isoformat(), "p_account_id": ACCOUNT}]


@pytest.mark.parametrize(
    ("more", "calls"),
    [
        ({"greeks": {CALL: greeks(900)}}, ["breach_limit"]),
        ({"greeks": {CALL: greeks(901)}}, ["tell_blind"]),
        ({"greeks": {}}, ["tell_blind"]),
        ({"greeks": {}, "in_session": False}, []),
        ({"greeks": {}, "since": (NOW - timedelta(minutes=4.9)).isoformat()}, []),
    ],
)
def test_greeks_when_they_are_missing_or_old_then_nothing_is_broken_and_somebody_is_told(
    more: dict[str, Any], calls: list[str]
) -> None:
    reached = world(portfolio(holding(CALL, "2"), limits=[limit("net_vega_limit", "1", state="warned")], **more))
    PortfolioWatch(reached.ports).sweep()
    assert asked(reached) == calls


@pytest.mark.parametrize(("shares", "calls"), [("60", ["breach_limit"]), ("40", ["tell_blind"])])
def test_concentration_when_something_has_no_mark_then_the_rest_may_break_it_and_does_not_recover(
    shares: str, calls: list[str]
) -> None:
    marks = {"SPY": mark("100")}
    held = (holding("SPY", shares), holding("IWM", "1"))
    reached = world(portfolio(*held, limits=[limit(state="breached")], marks=marks))
    PortfolioWatch(reached.ports).sweep()
    assert asked(reached) == calls


def test_portfolio_watch_when_nothing_is_held_any_more_then_all_of_it_recovers() -> None:
    names = ("symbol_concentration", "sector_concentration", "net_delta_limit", "net_gamma_limit", "net_vega_limit")
    limits = [limit(name, "1", state="breached") for name in names]
    reached = world(portfolio(limits=limits, equity=None, since=None))
    PortfolioWatch(reached.ports).sweep()
    assert [said["p_measured"] for said in reached.asked("rearm_limit")] == ["0"] * 5


def test_portfolio_watch_when_one_fails_then_the_others_have_their_turn_and_the_failure_is_raised() -> None:
    down = LedgerUnavailable("LEDGER_UNAVAILABLE", "a test")
    one = portfolio(holding("SPY", "60"), limits=[limit(), limit("net_delta_limit", "1")])
    reached = world(one, breach_limit=Turns(down, BROKEN))
    with pytest.raises(LedgerUnavailable):
        PortfolioWatch(reached.ports).sweep()
    assert len(reached.asked("breach_limit")) == 2
    assert Decimal(reached.asked("breach_limit")[1]["p_measured"]) == 6000
