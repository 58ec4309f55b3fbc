"""The same contracts valued by QuantLib, in the units of Valuation."""

from __future__ import annotations

from dataclasses import dataclass

import QuantLib as ql  # noqa: N813 - as its manual does

from functions.core.instruments import OptionRight
from functions.core.options.valuation import Valuation

TODAY = ql.Date(2, 1, 2024)


@dataclass(frozen=True, slots=True)
class Case:
    """A contract and its market. `days` until expiry, of 365 a year; the rest as fractions per year."""

    right: OptionRight
    strike: float
    days: int
    volatility: float
    rate: float
    dividend_yield: float
    spot: float = 100.0

    @property
    def years(self) -> float:
        return self.days / 365


def european(case: Case) -> Valuation:
    option, process = _option(case, ql.EuropeanExercise(TODAY + case.days))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return Valuation(
        price=option.NPV(),
        delta=option.delta(),
        gamma=option.gamma(),
        theta=option.theta() / 365,
        vega=option.vega() / 100,
        rho=option.rho() / 100,
    )


def american(case: Case, steps: int) -> tuple[float, float, float, float]:
    """Price, delta, gamma and theta: the tree gives no more."""
    option, process = _option(case, ql.AmericanExercise(TODAY, TODAY + case.days))
    option.setPricingEngine(ql.BinomialVanillaEngine(process, "crr", steps))
    return option.NPV(), option.delta(), option.gamma(), option.theta() / 365


def implied_volatility(case: Case, price: float, steps: int | None) -> float:
    """European without `steps`. American by its solver on its tree: it offers no American one with a tree."""
    if steps is None:
        option, process = _option(case, ql.EuropeanExercise(TODAY + case.days))
        found: float = option.impliedVolatility(price, process, 1e-12, 1000, 1e-4, 8.0)
        return found

    def gap(volatility: float) -> float:
        other = Case(case.right, case.strike, case.days, volatility, case.rate, case.dividend_yield, case.spot)
        return american(other, steps)[0] - price

    searched: float = ql.Brent().solve(gap, 1e-10, 0.3, 0.05, 3.0)
    return searched


def _option(case: Case, exercise: ql.Exercise) -> tuple[ql.VanillaOption, ql.BlackScholesMertonProcess]:
    ql.Settings.instance().evaluationDate = TODAY
    kind = ql.Option.Call if case.right == "call" else ql.Option.Put
    in_years = ql.Actual365Fixed()

    def flat(rate: float) -> ql.YieldTermStructureHandle:
        return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, rate, in_years))

    volatility = ql.BlackConstantVol(TODAY, ql.NullCalendar(), case.volatility, in_years)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(case.spot)),
        flat(case.dividend_yield),
        flat(case.rate),
        ql.BlackVolTermStructureHandle(volatility),
    )
    return ql.VanillaOption(ql.PlainVanillaPayoff(kind, case.strike), exercise), process
