"""Ours beside real chains: what a vendor says of SPY at the close, and minute quotes of SPXW. docs/options.md explains.

The files lie in the folder that AGENTTRADER_DATA names, under `options` and `rates`; nothing of them is in the project.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from functions.core.instruments import OptionRight, OptionSymbol
from functions.core.market_calendar import Calendar, Session
from functions.core.options import binomial, black_scholes, implied
from functions.core.options.expiry import expiry_of
from functions.core.options.time_left import years_between
from tests.printed import tell_table

REAL = os.environ.get("AGENTTRADER_DATA")
pytestmark = pytest.mark.skipif(REAL is None, reason="AGENTTRADER_DATA does not name the folder with the real chains")

SPY_DAYS = ["2023-12-28", "2023-12-29", "2024-01-02", "2024-01-03"]
SPY_YIELD = 0.014  # 6.63 dollars were paid in 2023, at a price of 475
PLACEHOLDER = 1e-7
CENT = 0.01

SPXW_DAYS = ["2021-01-04", "2021-01-05", "2021-01-06"]
CALENDAR = Calendar(Session.in_new_york(date(2021, 1, day)) for day in (4, 5, 6, 7, 8, 11, 12, 13, 14))
LOW, HIGH = 3700.0, 3800.0
RIGHTS: tuple[OptionRight, OptionRight] = ("call", "put")


def folder(name: str) -> Path:
    found = Path(str(REAL)) / name
    if not found.is_dir():
        pytest.skip(f"the folder that AGENTTRADER_DATA names has no {name}")
    return found


def rate_on(day: str) -> float:
    """The newest rate of the file, percent, as a fraction."""
    with (folder("rates") / "us-interest-rate.csv").open() as file:
        return max((row["DATE"], float(row["PCREDIT8"]) / 100) for row in csv.DictReader(file) if row["DATE"] <= day)[1]


@dataclass(frozen=True, slots=True)
class Row:
    """A call of the vendor's file. `nights` between the day of the file and the expiry."""

    expiry: str
    strike: float
    nights: int
    close: float
    volatility: float
    delta: float
    gamma: float
    vega: float
    theta: float


def chain_of(day: str) -> tuple[float, list[Row]]:
    with (folder("options") / f"SPY-chain-eod-{day}.csv").open() as file:
        _, underlying, *lines = csv.reader(file)
    rows = []
    for line in lines:
        assert line[2] == "C"
        expiry = datetime.strptime(line[0], "%Y%m%d").date()  # noqa: DTZ007 - an exchange date
        numbers = [float(line[at]) for at in (6, 9, 10, 11, 12, 13)]
        rows.append(Row(line[0], float(line[1]), (expiry - date.fromisoformat(day)).days, *numbers))
    return float(underlying[6]), rows


@pytest.mark.parametrize("day", SPY_DAYS)
def test_volatility_and_greeks_when_beside_a_vendors_chain_then_they_differ_by_what_its_conventions_explain(
    day: str, request: pytest.FixtureRequest
) -> None:
    spot, rows = chain_of(day)
    rate = rate_on(day)
    lines = []
    for (expiry, nights), group in groupby(rows, lambda row: (row.expiry, row.nights)):
        told = list(group)
        said = np.array([row.volatility for row in told])
        strikes = np.array([row.strike for row in told])
        closes = np.array([row.close for row in told])
        ours = implied.american(
            closes, "call", spot=spot, strike=strikes, years=nights / 365, rate=rate, dividend_yield=SPY_YIELD
        )
        head = f"{expiry}  {len(told):4d}  {nights:6d}"
        if (said == PLACEHOLDER).all():
            # No time is left by the vendor's count; the close is the spot less the strike, a few cents more or less.
            assert nights == 1
            near = np.abs(closes - (spot - strikes)).max()
            lines.append(f"{head}  none told: no time left by its count; closes within {near:.2f} of exercise")
            continue
        years = (nights - 1) / 365
        cent = implied.american(
            CENT, "put", spot=spot, strike=strikes, years=years, rate=rate, dividend_yield=SPY_YIELD
        )
        model = binomial.values(
            "put", spot=spot, strike=strikes, years=years, volatility=said, rate=rate, dividend_yield=SPY_YIELD
        )
        delta = np.abs(1 + model.delta - [row.delta for row in told])
        gamma = np.abs(model.gamma - [row.gamma for row in told])
        theta = np.abs(model.theta - [row.theta for row in told])
        from_close = np.nanmedian(np.abs(ours - said)) if np.isfinite(ours).any() else np.nan
        from_cent = np.median(np.abs(cent - said))
        lines.append(
            f"{head}  {np.median(said):9.4f}  {from_close:12.4f}  {np.isnan(ours).sum():5d}  {from_cent:8.4f}"
            f"  {delta.max():8.5f}  {gamma.max():8.5f}  {theta.max():8.4f}"
        )
        if nights < 30:
            assert from_cent < 0.005
            assert delta.max() < 1e-3
            assert gamma.max() < 1e-4
    title = "volatility and greeks beside the vendor's SPY chains (docs/options.md explains them)"
    columns = "expiry    rows  nights  IV told  |from close|  no IV  |a cent|  max delta  max gamma  max theta"
    tell_table(request, title, [f"{day}, SPY {spot:.2f}, rate {rate:.2%}, yield {SPY_YIELD:.1%}", columns, *lines])


Quotes = dict[tuple[OptionRight, float], tuple[float, float]]


def quotes_of(day: str) -> dict[str, dict[datetime, Quotes]]:
    """Bid and ask by expiry and minute; what lacks one side is left out."""
    found: dict[str, dict[datetime, Quotes]] = defaultdict(lambda: defaultdict(dict))
    with gzip.open(folder("options") / f"SPXW-quotes-{day}.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["bid_close"] and row["ask_close"]:
                sides = float(row["bid_close"]), float(row["ask_close"])
                minute = datetime.fromisoformat(row["ts"])
                found[row["expiry"]][minute][RIGHTS[row["right"] == "put"], float(row["strike"])] = sides
    return found


def middle(quote: tuple[float, float]) -> float:
    return sum(quote) / 2


@pytest.mark.parametrize("day", SPXW_DAYS)
def test_european_values_when_beside_quotes_of_an_index_then_puts_follow_from_calls_of_other_strikes(
    day: str, request: pytest.FixtureRequest
) -> None:
    rate = rate_on(day)
    lines = []
    for expiry, minutes in quotes_of(day).items():
        ends = expiry_of(OptionSymbol.parse(f"SPXW{expiry[2:].replace('-', '')}C03700000"), CALENDAR)
        # A minute is named by its beginning: what expires today is quoted for the last time in the minute before.
        if expiry == day:
            assert max(minutes).isoformat() == f"{day}T20:59:00+00:00"
            assert ends.trades_until.isoformat() == f"{day}T21:00:00+00:00"
        whole = [(at, quotes) for at, quotes in sorted(minutes.items()) if len(quotes) == 4]
        years = np.array([years_between(at, ends.fixed_at) for at, _ in whole])
        # The forward as the higher strike's pair has it, and from it the put of the lower strike by the call's price.
        forward = np.array([middle(q["call", HIGH]) - middle(q["put", HIGH]) + HIGH for _, q in whole])
        spot = forward * np.exp(-rate * years)
        calls, puts = (
            implied.european(
                [middle(q[right, LOW]) for _, q in whole], right, spot=spot, strike=LOW, years=years, rate=rate
            )
            for right in RIGHTS
        )
        model = black_scholes.values("put", spot=spot, strike=LOW, years=years, volatility=calls, rate=rate).price
        bid, ask = np.array([q["put", LOW] for _, q in whole]).T
        known = np.isfinite(model)
        off = np.abs(model - (bid + ask) / 2)[known]
        # What the middles of four quotes may be off together, beside the put's own.
        slack = np.array([sum(ask - bid for bid, ask in q.values()) / 2 for _, q in whole])[known]
        within = np.mean((model >= bid)[known] & (model <= ask)[known])
        points = 100 * np.nanmedian(np.abs(calls - puts))
        lines.append(
            f"{expiry}  {len(whole):7d}  {known.sum():7d}  {100 * np.nanmedian(puts):6.2f}  {points:11.2f}"
            f"  {np.median(off):9.3f}  {np.median((ask - bid)[known]) / 2:11.3f}  {within:8.0%}"
        )
        assert known.mean() > 0.95
        assert (off <= slack).all()
        assert np.median(off) < np.median((ask - bid)[known])
    title = "puts of SPXW from calls and the forward of another strike (docs/options.md explains them)"
    columns = "expiry      minutes  with IV  IV put  |call - put|  off, USD  half spread  between bid and ask"
    tell_table(request, title, [f"{day}, strike {LOW:.0f}, forward from {HIGH:.0f}, rate {rate:.2%}", columns, *lines])
