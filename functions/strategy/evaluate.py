"""One completed bar in, one decision out. Pure: the same bars, position and working orders give the same decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from functions.core.errors import BadInput
from functions.core.instruments import Terms, TickTable, instrument
from functions.core.money import text
from functions.strategy.bars import Bars, Timeframe
from functions.strategy.indicators import MISSING
from functions.strategy.interface import (
    FLAT,
    NO_ORDERS,
    Action,
    Adjust,
    Close,
    Decision,
    Intent,
    Moment,
    Open,
    PlannedOrder,
    Position,
    Side,
    Stay,
    Strategy,
    WorkingOrders,
)

_LENGTHS: dict[Timeframe, timedelta] = {
    "1Min": timedelta(minutes=1),
    "5Min": timedelta(minutes=5),
    "15Min": timedelta(minutes=15),
    "1Hour": timedelta(hours=1),
}


def evaluate(
    strategy: Strategy,
    bars: Bars,
    position: Position = FLAT,
    working: WorkingOrders = NO_ORDERS,
    terms: Terms | None = None,
) -> Decision:
    """Decides on the newest of `bars`, which are completed and oldest first.

    `position` and `working` are this strategy's own in the symbol. Of the bars only the newest `warm_up` are looked
    at, so that a decision never depends on how much history was loaded. `terms` (ticks) are needed for crypto and
    futures. Raises BadInput: WRONG_BARS where the bars are none or not the strategy's own, BAD_INDICATORS and
    BAD_INTENT where the strategy breaks the interface.
    """
    inputs = strategy.inputs()
    if len(bars) == 0 or bars.symbol not in inputs.symbols or bars.timeframe != inputs.timeframe:
        expected = f"{inputs.timeframe} bars of {', '.join(inputs.symbols)}"
        raise BadInput("WRONG_BARS", f"expected {expected}, was {len(bars)} {bars.timeframe} bars of {bars.symbol}")
    window = bars.last(inputs.warm_up)
    bar = window.bar(-1)
    if len(window) < inputs.warm_up:
        return _stay(bars.symbol, bar.ends_at, f"warming up: {len(window)} of {inputs.warm_up} bars")
    if working.count:
        reason = f"waiting for working order: {working.count} with {text(working.quantity)} remaining"
        return _stay(bars.symbol, bar.ends_at, reason)
    now = Moment(bar.ends_at, bars.symbol, bar, _values(strategy, window), position, working)
    return plan(strategy, now, strategy.on_bar(now), terms)


def plan(strategy: Strategy, now: Moment, intents: Iterable[Intent], terms: Terms | None = None) -> Decision:
    """Turns a strategy's intents into a decision with at most one order. Raises BadInput BAD_INTENT."""
    wanted = tuple(intents)
    trading = [intent for intent in wanted if not isinstance(intent, Stay)]
    if not trading:
        reason = "; ".join(intent.reason for intent in wanted) or "the strategy gave no reason"
        return _stay(now.symbol, now.event_time, reason, wanted)
    closing = [intent for intent in trading if isinstance(intent, Close)]
    # Leaving comes before entering; a new position is for a later bar, when the broker has confirmed the exit.
    chosen = closing[0] if len(closing) == 1 else trading[0]
    if len(trading) - len(closing) > 1 or len(closing) > 1:
        names = ", ".join(type(intent).__name__ for intent in trading)
        raise BadInput("BAD_INTENT", f"{strategy.kind}: expected at most one intent that trades, was {names}")
    order = _Planner(strategy, now, instrument(now.symbol, terms).ticks).order(chosen)
    if order is None:
        return _stay(now.symbol, now.event_time, f"nothing to do: {chosen.reason}", wanted)
    action: Action = "adjust" if isinstance(chosen, Adjust) else "close" if order.reduce_only else "open"
    return Decision(now.symbol, now.event_time, action, order.reason, wanted, (order,))


class _Planner:
    """Makes the order of one intent, given what is held."""

    def __init__(self, strategy: Strategy, now: Moment, ticks: TickTable) -> None:
        self._strategy = strategy
        self._now = now
        self._ticks = ticks
        self._held = now.position.quantity

    def order(self, intent: Open | Close | Adjust) -> PlannedOrder | None:
        if isinstance(intent, Open):
            return self._open(intent)
        if isinstance(intent, Close):
            return self._close(intent)
        return self._adjust(intent)

    def _open(self, intent: Open) -> PlannedOrder:
        self._require_quantity(intent.quantity)
        turns = self._held < 0 if intent.side == "buy" else self._held > 0
        if turns:
            first = f"closing {text(self._held)} first, the new side opens on a later bar: {intent.reason}"
            return self._reducing(abs(self._held), Close(reason=first))
        return self._order(intent, intent.side, intent.quantity, reduce_only=False, stop=intent.stop)

    def _close(self, intent: Close) -> PlannedOrder | None:
        if self._held == 0:
            return None
        if intent.quantity is not None:
            self._require_quantity(intent.quantity)
        held = abs(self._held)
        return self._reducing(held if intent.quantity is None else min(intent.quantity, held), intent)

    def _adjust(self, intent: Adjust) -> PlannedOrder | None:
        if not intent.to.is_finite():
            raise self._bad(f"quantity must be finite, was {intent.to}")
        change = intent.to - self._held
        if change == 0:
            return None
        if self._held * change < 0:
            return self._reducing(min(abs(change), abs(self._held)), Close(reason=intent.reason))
        side: Side = "buy" if change > 0 else "sell"
        return self._open(Open(side=side, quantity=abs(change), stop=intent.stop, reason=intent.reason))

    def _reducing(self, quantity: Decimal, intent: Close) -> PlannedOrder:
        return self._order(intent, "sell" if self._held > 0 else "buy", quantity, reduce_only=True, stop=None)

    def _order(
        self, intent: Open | Close, side: Side, quantity: Decimal, *, reduce_only: bool, stop: Decimal | None
    ) -> PlannedOrder:
        if (intent.order_type == "limit") != (intent.limit is not None):
            raise self._bad(f"a limit order has a limit and a market order has none, was {intent.limit}")
        config = self._strategy.config
        return PlannedOrder(
            symbol=self._now.symbol,
            side=side,
            quantity=quantity,
            order_type=intent.order_type,
            position_intent=(
                ("buy_to_close" if reduce_only else "buy_to_open")
                if side == "buy"
                else ("sell_to_close" if reduce_only else "sell_to_open")
            ),
            reduce_only=reduce_only,
            good_until=self._now.event_time + _LENGTHS[config.timeframe] * config.good_for_bars,
            reason=intent.reason,
            # A buy limit rounds down and a sell limit up: rounding never pays more than was asked for.
            limit_price=self._on_tick(intent.limit, up=side == "sell"),
            # The stop rounds toward the entry: the planned loss is never larger than was asked for.
            stop_loss_price=self._on_tick(stop, up=side == "buy"),
        )

    def _on_tick(self, price: Decimal | None, *, up: bool) -> Decimal | None:
        return None if price is None else self._ticks.rounded(price, up=up)

    def _require_quantity(self, quantity: Decimal) -> None:
        if not quantity.is_finite() or quantity <= 0:
            raise self._bad(f"quantity must be above zero, was {quantity}")

    def _bad(self, text: str) -> BadInput:
        return BadInput("BAD_INTENT", f"{self._strategy.kind}: {text}", symbol=self._now.symbol)


def _values(strategy: Strategy, window: Bars) -> dict[str, int]:
    values: dict[str, int] = {}
    for name, column in strategy.indicators(window).items():
        if column.dtype.kind != "i" or column.shape != (len(window),):
            found = f"{column.dtype} of shape {column.shape}"
            raise BadInput("BAD_INDICATORS", f"{strategy.kind}: {name} must be int64, one a bar, was {found}")
        values[name] = int(column[-1])
        if values[name] == MISSING:
            text = f"{name} is still missing after the declared warm-up of {len(window)} bars"
            raise BadInput("BAD_INDICATORS", f"{strategy.kind}: {text}")
    return values


def _stay(symbol: str, at: datetime, reason: str, intents: tuple[Intent, ...] = ()) -> Decision:
    return Decision(symbol, at, "stay", reason, intents)
