"""Iron condor on its last day: one entry a session, profit, stop, and out before the close, on half days too."""

from __future__ import annotations

from decimal import Decimal

import pytest

from functions.core.errors import BadInput
from functions.core.market_calendar import Session
from functions.strategy.catalogue import build
from tests.unit.strategy.option_market import FULL, HALF, MARKET, NEAR, Quoted, decide, traded

D = Decimal
KIND = "iron_condor"
CONFIG = {"delta": "0.3", "least_credit_share": "0.1"}
HELD = {"P95": ("-1", "1.00"), "P90": ("1", "0.40"), "C105": ("-1", "1.00"), "C110": ("1", "0.40")}
CLOSED = {"P95": "buy_to_close", "C105": "buy_to_close", "P90": "sell_to_close", "C110": "sell_to_close"}
Held = dict[str, tuple[str, str]]


def market(**changed: Quoted) -> dict[str, Quoted]:
    return {**MARKET, **changed}


def test_condor_when_nothing_is_held_then_four_legs_are_sold_as_one_order() -> None:
    decision = decide(KIND, CONFIG, expiry=FULL.date)
    (order,) = decision.orders
    assert traded(order) == {
        "P95": "sell_to_open",
        "P90": "buy_to_open",
        "C105": "sell_to_open",
        "C110": "buy_to_open",
    }
    assert (order.limit_price, order.quantity) == (D("-1.16"), D(1))


@pytest.mark.parametrize(("session", "bars"), [(FULL, 390), (HALF, 210)])
def test_condor_when_a_whole_session_passes_flat_then_exactly_one_bar_enters(session: Session, bars: int) -> None:
    entered = [
        at for at in range(1, bars + 1) if decide(KIND, CONFIG, at=at, session=session, expiry=session.date).orders
    ]
    assert entered == [30]


def test_condor_when_the_window_has_more_bars_then_it_may_enter_again_within_them() -> None:
    config = {**CONFIG, "entry_bars": 10}
    assert decide(KIND, config, at=39, expiry=FULL.date).orders
    assert not decide(KIND, config, at=40, expiry=FULL.date).orders


@pytest.mark.parametrize(("at", "enters"), [(194, True), (195, False)])
def test_condor_when_the_half_day_is_nearly_over_then_it_does_not_enter(at: int, enters: bool) -> None:
    config = {**CONFIG, "enter_minutes_after_open": 100, "entry_bars": 200}
    decision = decide(KIND, config, at=at, session=HALF, expiry=HALF.date)
    assert bool(decision.orders) is enters
    assert enters or decision.reason.startswith("no entry: the close is 15 minutes away")


@pytest.mark.parametrize(
    ("config", "quoted", "reason"),
    [
        ({**CONFIG, "least_credit_share": "0.3"}, MARKET, "a credit of 1.16 is below 0.3 of the width 5"),
        ({**CONFIG, "width": 8}, MARKET, "with a strike of 87 within 0 dollars"),
        ({"delta": "0.22"}, MARKET, "with a delta of 0.22 within 0.05"),
        (CONFIG, market(C105=("0", "0.1", "0.30")), "nobody bids for SPY261125C00105000"),
        (CONFIG, {"P95": MARKET["P95"], "P90": MARKET["P90"]}, "expected a call of SPY expiring 2026-11-25"),
        (CONFIG, market(P95=("3", "3.1", "-0.3"), C105=("3", "3.1", "0.3")), "cannot be: the chain is not consistent"),
    ],
    ids=["small credit", "no wing", "no delta", "no bid", "no calls", "more than the width"],
)
def test_condor_when_it_cannot_be_sold_well_then_it_stays_and_says_why(
    config: dict[str, object], quoted: dict[str, Quoted], reason: str
) -> None:
    decision = decide(KIND, config, quoted=quoted, expiry=FULL.date)
    assert decision.orders == ()
    assert reason in decision.reason


@pytest.mark.parametrize("at", [30, 31, 200])
def test_condor_when_one_is_open_then_no_second_one_is(at: int) -> None:
    decision = decide(KIND, CONFIG, HELD, at=at, expiry=FULL.date)
    assert (decision.action, decision.reason[:8]) == ("stay", "holding ")


def test_condor_when_the_profit_can_be_had_at_once_then_all_four_legs_are_closed_there() -> None:
    cheap = market(P95=("0.30", "0.38", "-0.1"), C105=("0.30", "0.38", "0.1"), P90=("0.08", "0.1", "-0.05"))
    cheap["C110"] = ("0.08", "0.1", "0.05")
    (order,) = decide(KIND, CONFIG, HELD, at=100, quoted=cheap, expiry=FULL.date).orders
    assert (traded(order), order.limit_price, order.reduce_only) == (CLOSED, D("0.60"), True)


@pytest.mark.parametrize(("bid", "leaves"), [("2.20", False), ("2.26", True)])
def test_condor_when_the_middle_is_twice_the_credit_then_it_stops(bid: str, leaves: bool) -> None:
    # Received 1.20; the calls are worth 0.62 in the middle.
    quoted = market(P95=(bid, "2.30", "-0.5"), P90=("0.40", "0.60", "-0.3"))
    decision = decide(KIND, CONFIG, HELD, at=100, quoted=quoted, expiry=FULL.date)
    assert [order.limit_price for order in decision.orders] == ([D("2.60")] if leaves else [])
    assert decision.reason.startswith("stop at 2 times the credit" if leaves else "holding")


@pytest.mark.parametrize(
    ("session", "at", "leaves"), [(FULL, 374, False), (FULL, 375, True), (HALF, 194, False), (HALF, 195, True)]
)
def test_condor_when_the_close_of_its_last_day_is_near_then_it_leaves_on_half_days_too(
    session: Session, at: int, leaves: bool
) -> None:
    decision = decide(KIND, CONFIG, HELD, at=at, session=session, expiry=session.date)
    assert [traded(order) for order in decision.orders] == ([CLOSED] if leaves else [])
    assert decision.reason.startswith("it expires today and the close is 15 minutes away" if leaves else "holding")


def test_condor_when_it_is_not_its_last_day_then_it_is_held_over_the_close() -> None:
    assert decide(KIND, CONFIG, HELD, at=385, expiry=NEAR).action == "stay"


def test_condor_when_it_stopped_then_the_session_has_no_second_entry() -> None:
    assert decide(KIND, CONFIG, at=120, expiry=FULL.date).reason.startswith("nothing is open, and entries are made on")


def test_condor_when_nobody_bids_for_a_wing_then_the_rest_is_closed_and_the_wing_is_kept() -> None:
    decision = decide(KIND, CONFIG, HELD, at=380, quoted=market(C110=("0", "0.01", "0.01")), expiry=FULL.date)
    assert traded(decision.orders[0]) == {leg: intent for leg, intent in CLOSED.items() if leg != "C110"}
    assert decision.reason.endswith("nobody bids for SPY261125C00110000: kept until it expires")


def test_condor_when_only_wings_without_a_bid_are_left_then_nothing_is_open() -> None:
    quoted = market(C110=("0", "0.01", "0.01"))
    assert decide(KIND, CONFIG, {"C110": ("1", "0.40")}, at=381, quoted=quoted, expiry=FULL.date).orders == ()
    tomorrow = decide(KIND, CONFIG, {"C110": ("1", "0.40")}, session=HALF, expiry=FULL.date, quoted=quoted)
    assert "no expiry in 0 to 0 days" in tomorrow.reason


@pytest.mark.parametrize(
    ("held", "trades"),
    [
        ({"SPY": ("100", "95"), **{leg: HELD[leg] for leg in ("P90", "C105", "C110")}}, {"SPY": "sell_to_close"}),
        (
            {leg: HELD[leg] for leg in ("P90", "C105", "C110")},
            {"P90": "sell_to_close", "C105": "buy_to_close", "C110": "sell_to_close"},
        ),
        ({leg: HELD[leg] for leg in ("C105", "C110")}, {"C105": "buy_to_close", "C110": "sell_to_close"}),
        ({**HELD, "P95": ("-2", "1.00")}, CLOSED),
        ({leg: HELD[leg] for leg in ("P90", "C110")}, {"P90": "sell_to_close", "C110": "sell_to_close"}),
    ],
    ids=["assigned: shares first", "then the rest", "one side alone", "more sold than bought", "wings alone"],
)
def test_condor_when_it_is_not_whole_any_more_then_what_is_left_is_closed(held: Held, trades: dict[str, str]) -> None:
    (order,) = decide(KIND, CONFIG, held, at=100, expiry=FULL.date).orders
    assert (traded(order), order.reduce_only) == (trades, True)


@pytest.mark.parametrize(
    ("kind", "config", "field"),
    [
        (KIND, {"timeframe": "15Min", "exit_minutes_before_close": 14}, "exit_minutes_before_close"),
        (KIND, {"width": 5, "width_within": 5}, "width_within"),
        (KIND, {"delta": "0.5"}, "delta"),
        (KIND, {"days": 1}, "days_to"),
        ("credit_spread", {"days": 29}, "days"),
        ("credit_spread", {"exit_days": 30}, "exit_days"),
        ("credit_spread", {"right": "both"}, "right"),
        ("credit_spread", {"stop_multiple": 1}, "stop_multiple"),
        ("cash_secured_put", {"yielding": "1.01"}, "yielding"),
        ("cash_secured_put", {"entry_bars": 0}, "entry_bars"),
        ("covered_call", {"near_expiry": "roll"}, "near_expiry"),
        ("covered_call", {"exit_days": 30}, "exit_days"),
        ("wheel", {"contracts": 0}, "contracts"),
        ("wheel", {"profit_share": 0}, "profit_share"),
    ],
)
def test_config_when_it_is_out_of_bounds_then_the_field_is_named(
    kind: str, config: dict[str, object], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        build(kind, config, ["SPY"])
    assert (refused.value.code, refused.value.numbers["field"]) == ("BAD_CONFIG", field)
