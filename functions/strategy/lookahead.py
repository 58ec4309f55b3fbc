"""The proof that a strategy does not see the future: what it says of a bar is the same when nothing later is there.

At each checked bar the indicator columns are computed again from the bars up to it, and from its warm-up only, and the
decision is made again by a fresh instance that never saw more. Whatever differs from the pass over all bars is found: a
column that looks ahead, one that looks back beyond the warm-up, or state kept aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

import numpy as np

from functions.core.errors import BadInput
from functions.core.money import text
from functions.strategy.bars import MISSING, Bars, Timeframe, to_datetime, to_price
from functions.strategy.decision import Action, Decision
from functions.strategy.evaluate import Market, evaluate
from functions.strategy.holding import NOTHING, Position, Standing
from functions.strategy.interface import Columns, Strategy
from functions.strategy.rolling import rolled_up
from functions.strategy.whole_pass import WholePass

DependsOn = Literal["later bars", "bars before its warm-up", "bars it sleeps through", "nothing: it fails"]
Progress = Callable[[int, int], None]
MOST_CHECKED: Final = 500
_HELD: Final = Decimal(100)


@dataclass(frozen=True, slots=True)
class Finding:
    """A column or a decision that is not the same: with all bars, and with those it may see.

    `first_at` is the end of the first bar where it was seen, `times` at how many of the checked bars.
    """

    symbol: str
    what: Literal["column", "decision"]
    name: str
    depends_on: DependsOn
    first_at: datetime
    with_all: str
    without: str
    times: int = 1


@dataclass(slots=True)
class Report:
    """What was checked, and what was found. `decisions` counts the actions decided on the checked bars."""

    bars: int = 0
    checked: int = 0
    columns: set[str] = field(default_factory=set)
    decisions: dict[Action, int] = field(default_factory=dict)
    findings: dict[tuple[str, str, str, str], Finding] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.findings

    def add(self, finding: Finding) -> None:
        key = (finding.symbol, finding.what, finding.name, finding.depends_on)
        known = self.findings.get(key)
        self.findings[key] = finding if known is None else replace(known, times=known.times + 1)


def prove(
    make: Callable[[], Strategy],
    minutes: Mapping[str, Bars],
    most: int = MOST_CHECKED,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Checks a strategy on minute bars of its symbols, at most `most` bars of each, spread evenly.

    `make` gives a fresh instance each time. A strategy on option chains is asked without one. Raises BadInput
    WRONG_BARS where bars of a symbol are none, or fewer than it can begin with; BAD_INDICATORS where they fail at once.
    """
    strategy, report = make(), Report()
    timeframe = strategy.inputs().timeframe
    bars = {symbol: rolled_up(of, timeframe) for symbol, of in minutes.items()}
    subjects = strategy.symbols[:1] if strategy.together else strategy.symbols
    for symbol in subjects:
        if symbol not in bars or len(bars[symbol]) < max(strategy.least_bars(), 1):
            found = len(bars.get(symbol, ()))
            expected = f"at least {strategy.least_bars()} {timeframe} bars of {symbol}"
            raise BadInput("WRONG_BARS", f"expected {expected}, was {found}; bring more sessions")
    samples = {symbol: sampled(len(bars[symbol]), most) for symbol in subjects}
    total, done = sum(len(sample) for sample in samples.values()), 0
    for symbol in subjects:
        context = {name: rolled_up(minutes[symbol], name) for name in strategy.context()}
        proof = _Proof(make, report, symbol, bars, context)
        report.bars += len(bars[symbol])
        for index in samples[symbol]:
            proof.check(index)
            done += 1
            report.checked = done
            progress(done, total)
    return report


def sampled(count: int, most: int) -> Sequence[int]:
    """At most `most` of `count` places, evenly spread, the first and the last included."""
    if count <= most:
        return range(count)
    return sorted({round(each) for each in np.linspace(0, count - 1, most)})


class _Proof:
    """One symbol: the pass over everything, against what was there at each bar."""

    def __init__(
        self,
        make: Callable[[], Strategy],
        report: Report,
        symbol: str,
        bars: Mapping[str, Bars],
        context: Mapping[Timeframe, Bars],
    ) -> None:
        self._make, self._report, self._symbol = make, report, symbol
        self._all, self._context = bars, context
        self._bars = bars[symbol]
        strategy = make()
        self._warm_up, self._least, self._optional = strategy.warm_up(), strategy.least_bars(), strategy.optional
        try:
            self._columns = strategy.indicators(self._bars)
        except Exception as error:
            # A plug-in is somebody else's code: whatever it raises is told with its name.
            raise BadInput("BAD_INDICATORS", f"{strategy.kind}: its indicators fail: {error!r}") from error
        report.columns |= set(self._columns)
        self._whole = WholePass(make(), self._bars, Market(others=bars, context=context))

    def check(self, index: int) -> None:
        until = self._bars.window(0, index + 1)
        self._compare_columns(until, "later bars", self._prefix(index + 1))
        if index + 1 >= self._warm_up:
            newest = {name: column[index : index + 1] for name, column in self._columns.items()}
            self._compare_columns(until.last(self._warm_up), "bars before its warm-up", newest)
        ended = int(until.ends_at[-1])
        market = Market(
            others={symbol: bars.until(ended) for symbol, bars in self._all.items()},
            context={name: bars.until(ended) for name, bars in self._context.items()},
        )
        for name, standing in self._standings(index):
            self._compare_decisions(index, until, market, name, standing)

    def _prefix(self, count: int) -> Columns:
        return {name: column[:count] for name, column in self._columns.items()}

    def _compare_columns(self, bars: Bars, depends_on: DependsOn, expected: Columns) -> None:
        """Against the last values of the columns of these bars, as many as are expected."""
        try:
            found = self._make().indicators(bars)
        except Exception as error:  # noqa: BLE001 - a plug-in is somebody else's code: that it fails is the finding
            self._found("column", "all", "nothing: it fails", bars, -1, "computed", repr(error))
            return
        for name in sorted(expected.keys() | found.keys()):
            if name not in expected or name not in found:
                self._found("column", name, depends_on, bars, -1, _there(name in expected), _there(name in found))
                continue
            count = len(expected[name])
            with_all, without = expected[name], found[name][-count:]
            if with_all.shape != without.shape:
                self._found("column", name, depends_on, bars, -1, f"{count} values", f"{len(without)} values")
                continue
            differs = np.flatnonzero(with_all != without)
            if len(differs):
                place = int(differs[0])
                at = place - count
                self._found("column", name, depends_on, bars, at, _shown(with_all[place]), _shown(without[place]))

    def _compare_decisions(self, index: int, until: Bars, market: Market, name: str, standing: Standing) -> None:
        with_all = _outcome(lambda: self._whole.decide(index, standing))
        without = _outcome(lambda: evaluate(self._make(), until, standing, market))
        if isinstance(with_all, Decision):
            self._report.decisions[with_all.action] = self._report.decisions.get(with_all.action, 0) + 1
        if with_all != without:
            self._found("decision", name, "later bars", until, -1, _said(with_all), _said(without))
        elif isinstance(with_all, str):
            self._found("decision", name, "nothing: it fails", until, -1, with_all, with_all)
        elif standing is NOTHING and self._whole.asleep(index) and with_all.action != "stay":
            self._found("decision", name, "bars it sleeps through", until, -1, "asleep", _said(with_all))

    def _standings(self, index: int) -> Iterator[tuple[str, Standing]]:
        price = to_price(int(self._bars.close[index]))
        yield "flat", NOTHING
        yield "long", Standing(held={self._symbol: Position(_HELD, price)})
        yield "short", Standing(held={self._symbol: Position(-_HELD, price)})

    def _found(
        self,
        what: Literal["column", "decision"],
        name: str,
        depends_on: DependsOn,
        bars: Bars,
        at: int,
        with_all: str,
        without: str,
    ) -> None:
        first_at = to_datetime(int(bars.ends_at[at]))
        self._report.add(Finding(self._symbol, what, name, depends_on, first_at, with_all, without))


def _outcome(decide: Callable[[], Decision]) -> Decision | str:
    try:
        return decide()
    except BadInput as error:
        return f"{error.code}: {error.text}"
    except Exception as error:  # noqa: BLE001 - a plug-in is somebody else's code: that it fails is the finding
        return repr(error)


def _said(outcome: Decision | str) -> str:
    if isinstance(outcome, str):
        return outcome
    orders = ", ".join(f"{order.side} {text(order.quantity)} {order.symbol}" for order in outcome.orders)
    return f"{orders or outcome.action}: {outcome.reason}"


def _shown(value: object) -> str:
    return "missing" if value == MISSING else str(value)


def _there(there: bool) -> str:
    return "there" if there else "not there"
