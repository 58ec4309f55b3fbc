"""One completed bar in, one decision out. Pure: the same bars and the same standing give the same decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from types import MappingProxyType

from functions.core.errors import BadInput
from functions.core.events import QuoteData
from functions.core.instruments import Terms
from functions.core.money import text
from functions.strategy.bars import MISSING, TIMEFRAME_LENGTHS, Bars, Timeframe
from functions.strategy.chain import Chain
from functions.strategy.decision import Decision, stay
from functions.strategy.holding import NOTHING, Standing
from functions.strategy.intents import Intent, NoTrade
from functions.strategy.interface import Columns, Fill, Inputs, Strategy
from functions.strategy.moment import Moment, Seen
from functions.strategy.planning import plan

# One for each symbol is the most that makes sense; a generator may go on for ever.
_MOST_INTENTS = 200
_NO_BARS: Mapping[str, Bars] = MappingProxyType({})
_NO_CONTEXT: Mapping[Timeframe, Bars] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """The rest of the market beside the bars decided on.

    `others` are bars of the strategy's other symbols, `context` bars of further timeframes of the decision's symbol:
    both may reach beyond the decision, of which nothing is shown. `chain` is the chain as of the bar. `terms` (ticks)
    are needed for crypto and futures.
    """

    others: Mapping[str, Bars] = field(default_factory=lambda: _NO_BARS)
    context: Mapping[Timeframe, Bars] = field(default_factory=lambda: _NO_CONTEXT)
    chain: Chain | None = None
    terms: Terms | None = None


BARS_ONLY = Market()


def evaluate(strategy: Strategy, bars: Bars, standing: Standing = NOTHING, market: Market = BARS_ONLY) -> Decision:
    """Decides on the newest of `bars`, which are completed and oldest first.

    `standing` is this strategy's own. Of the bars only the newest `warm_up` are looked at, so that a decision never
    depends on how much history was loaded. Raises BadInput: WRONG_BARS where the bars are none or not the strategy's
    own, BAD_INDICATORS and BAD_INTENT where the strategy breaks the interface.
    """
    return _decided(strategy, bars, standing, market, strategy.on_bar)


def evaluate_quote(
    strategy: Strategy, bars: Bars, quote: QuoteData, standing: Standing = NOTHING, market: Market = BARS_ONLY
) -> Decision:
    """As `evaluate`, for a strategy that hears quotes: the newest completed bar is as it was."""
    return _decided(strategy, bars, standing, market, strategy.on_quote, quote)


def evaluate_fill(
    strategy: Strategy, bars: Bars, fill: Fill, standing: Standing = NOTHING, market: Market = BARS_ONLY
) -> Decision:
    """As `evaluate`, for a strategy that hears of its fills."""
    return _decided(strategy, bars, standing, market, lambda now: strategy.on_fill(now, fill))


def _decided(
    strategy: Strategy,
    bars: Bars,
    standing: Standing,
    market: Market,
    ask: Callable[[Moment], Iterable[Intent]],
    quote: QuoteData | None = None,
) -> Decision:
    inputs = strategy.inputs()
    if len(bars) == 0 or bars.symbol not in inputs.symbols or bars.timeframe != inputs.timeframe:
        expected = f"{inputs.timeframe} bars of {', '.join(inputs.symbols)}"
        raise BadInput("WRONG_BARS", f"expected {expected}, was {len(bars)} {bars.timeframe} bars of {bars.symbol}")
    window = bars.last(inputs.warm_up)
    bar = window.bar(-1)
    if len(window) < strategy.least_bars():
        return stay(bars.symbol, bar.ends_at, f"warming up: {len(window)} of {strategy.least_bars()} bars")
    if standing.working:
        return waiting(strategy, bars.symbol, standing, bar.ends_at if quote is None else quote.quoted_at)
    now = moment(strategy, inputs, window, standing, market, quote)
    return asked(strategy, now, ask, market.terms)


def asked(
    strategy: Strategy, now: Moment, ask: Callable[[Moment], Iterable[Intent]], terms: Terms | None = None
) -> Decision:
    """The decision of a strategy that is asked at this moment. Raises BadInput BAD_INTENT."""
    try:
        intents = tuple(islice(ask(now), _MOST_INTENTS + 1))
    except NoTrade as nothing:
        return stay(now.symbol, now.event_time, str(nothing))
    if len(intents) > _MOST_INTENTS:
        raise BadInput("BAD_INTENT", f"{strategy.kind}: expected at most {_MOST_INTENTS} intents", symbol=now.symbol)
    return plan(strategy, now, intents, terms)


def moment(
    strategy: Strategy, inputs: Inputs, window: Bars, standing: Standing, market: Market, quote: QuoteData | None = None
) -> Moment:
    """What the strategy sees at the newest bar of `window`, its warm-up. Raises BadInput BAD_INDICATORS."""
    bar = window.bar(-1)
    values = values_at(strategy, window, strategy.indicators(window), -1)
    seen: Mapping[str, Seen] = MappingProxyType({})
    ended = int(window.ends_at[-1])
    if inputs.together:
        seen = {window.symbol: Seen(bar, values), **_others(strategy, inputs, market, ended)}
    return Moment(
        event_time=bar.ends_at if quote is None else quote.quoted_at,
        symbol=window.symbol,
        bar=bar,
        values=values,
        standing=standing,
        seen=seen,
        context=context_at(market, inputs, ended),
        chain_seen=market.chain,
        quote=quote,
    )


def values_at(strategy: Strategy, window: Bars, columns: Columns, index: int) -> dict[str, int]:
    """The indicator columns at one bar. Raises BadInput BAD_INDICATORS where one is malformed, or missing."""
    values: dict[str, int] = {}
    for name, column in columns.items():
        if column.dtype.kind != "i" or column.shape != (len(window),):
            found = f"{column.dtype} of shape {column.shape}"
            raise BadInput("BAD_INDICATORS", f"{strategy.kind}: {name} must be int64, one a bar, was {found}")
        value = int(column[index])
        if value != MISSING:
            values[name] = value
        elif name not in strategy.optional:
            reason = f"{name} is still missing after the declared warm-up of {len(window)} bars"
            raise BadInput("BAD_INDICATORS", f"{strategy.kind}: {reason}")
    return values


def _others(strategy: Strategy, inputs: Inputs, market: Market, ended: int) -> dict[str, Seen]:
    """The other symbols that have a bar that ended at the same time, and enough before it."""
    found: dict[str, Seen] = {}
    for symbol in inputs.symbols:
        if symbol not in market.others:
            continue
        window = market.others[symbol].until(ended).last(inputs.warm_up)
        if len(window) >= strategy.least_bars() and int(window.ends_at[-1]) == ended:
            found[symbol] = Seen(window.bar(-1), values_at(strategy, window, strategy.indicators(window), -1))
    return found


def context_at(market: Market, inputs: Inputs, ended: int) -> Mapping[Timeframe, Bars]:
    """The newest bars of further timeframes that had ended by this moment, in nanoseconds UTC.

    Raises BadInput WRONG_BARS where a declared timeframe was not brought.
    """
    if not inputs.context:
        return _NO_CONTEXT
    found: dict[Timeframe, Bars] = {}
    for timeframe, count in inputs.context.items():
        if timeframe not in market.context:
            raise BadInput("WRONG_BARS", f"expected {timeframe} bars as context, was none")
        found[timeframe] = market.context[timeframe].until(ended).last(count)
    return found


def waiting(strategy: Strategy, symbol: str, standing: Standing, at: datetime) -> Decision:
    """Nothing is decided while an order works; one that has had its time is canceled."""
    config = strategy.config
    patience = TIMEFRAME_LENGTHS[config.timeframe] * config.cancel_after_bars
    late = tuple(
        order.trade_id
        for order in standing.working
        if order.order_type == "limit" and not order.asked_to_cancel and at - order.placed_at >= patience
    )
    if late:
        reason = f"{len(late)} limit order(s) not filled in {config.cancel_after_bars} bars: canceled"
        return Decision(symbol, at, "cancel", reason, cancels=late)
    left = "; ".join(
        f"{text(quantity)} {name}" for order in standing.working for name, quantity in sorted(order.remaining.items())
    )
    return stay(symbol, at, f"waiting for working order: {len(standing.working)} with {left} remaining")
