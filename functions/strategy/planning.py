"""From what a strategy wants to orders: quantities that never turn a position around, prices on the tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import reduce
from math import gcd

from functions.core.errors import BadInput
from functions.core.instruments import OPTION_TICKS, OptionSymbol, Terms, instrument, is_option
from functions.core.money import text, to_tick
from functions.strategy.bars import TIMEFRAME_LENGTHS
from functions.strategy.decision import Action, Decision, PlannedExits, PlannedLeg, PlannedOrder, stay
from functions.strategy.intents import Adjust, Close, CloseLegs, Intent, Leg, Open, OpenLegs, Side, Stay
from functions.strategy.interface import Strategy
from functions.strategy.moment import Moment

MOST_LEGS = 4
_OPTIONS = "options"


def plan(strategy: Strategy, now: Moment, intents: Iterable[Intent], terms: Terms | None = None) -> Decision:
    """Turns a strategy's intents into a decision: at most one order for each symbol in shares, one in options.

    Leaving comes before entering; where both are wanted in one symbol, the new side is for a later bar. `terms` are
    those of the decision's symbol. Raises BadInput BAD_INTENT.
    """
    wanted = tuple(intents)
    trading = [intent for intent in wanted if not isinstance(intent, Stay)]
    if not trading:
        reason = "; ".join(intent.reason for intent in wanted) or "the strategy gave no reason"
        return stay(now.symbol, now.event_time, reason, wanted)
    planner = _Planner(strategy, now, terms)
    chosen = planner.chosen(trading)
    planned = [(intent, order) for intent in chosen if (order := planner.order(intent)) is not None]
    if not planned:
        reason = "; ".join(intent.reason for intent in chosen)
        return stay(now.symbol, now.event_time, f"nothing to do: {reason}", wanted)
    # What leaves is sent before what enters: it frees the money.
    planned.sort(key=lambda each: not each[1].reduce_only)
    first, order = planned[0]
    action: Action = "adjust" if isinstance(first, Adjust) else "close" if order.reduce_only else "open"
    reason = "; ".join(order.reason for _, order in planned)
    return Decision(now.symbol, now.event_time, action, reason, wanted, tuple(order for _, order in planned))


class _Planner:
    """Makes the order of one intent, given what is held."""

    def __init__(self, strategy: Strategy, now: Moment, terms: Terms | None) -> None:
        self._strategy = strategy
        self._now = now
        # A decision about a symbol whose steps nobody knows is none, whatever order it makes.
        self._ticks = instrument(now.symbol, terms).ticks
        # What is held and works of another symbol is seen only where all are decided on together.
        self._subjects = strategy.symbols if strategy.inputs().together else (now.symbol,)

    def chosen(self, trading: Iterable[Intent]) -> list[Intent]:
        """One intent for each symbol, and one in options. Raises BadInput BAD_INTENT where they contradict."""
        by_subject: dict[str, list[Intent]] = {}
        for intent in trading:
            by_subject.setdefault(self._subject(intent), []).append(intent)
        found: list[Intent] = []
        for wanted in by_subject.values():
            leaving = [intent for intent in wanted if isinstance(intent, Close | CloseLegs)]
            if len(leaving) > 1 or len(wanted) - len(leaving) > 1:
                names = ", ".join(type(intent).__name__ for intent in wanted)
                raise self._bad(f"expected at most one intent that trades, was {names}")
            found.append(leaving[0] if leaving else wanted[0])
        return found

    def order(self, intent: Intent) -> PlannedOrder | None:
        if isinstance(intent, Open):
            return self._open(intent)
        if isinstance(intent, Close):
            return self._close(intent)
        if isinstance(intent, Adjust):
            return self._adjust(intent)
        if isinstance(intent, OpenLegs):
            return self._open_legs(intent)
        if isinstance(intent, CloseLegs):
            return self._close_legs(intent)
        return None

    def _subject(self, intent: Intent) -> str:
        if isinstance(intent, Open | Close | Adjust):
            symbol = intent.symbol or self._now.symbol
            if symbol not in self._subjects or is_option(symbol):
                expected = f"one of {', '.join(self._subjects)}; options go by legs"
                raise self._bad(f"expected {expected}, was {symbol}")
            return symbol
        return _OPTIONS

    def _held(self, intent: Open | Close | Adjust) -> Decimal:
        return self._now.standing.of(intent.symbol or self._now.symbol).quantity

    def _open(self, intent: Open) -> PlannedOrder:
        self._require_quantity(intent.quantity)
        held = self._held(intent)
        turns = held < 0 if intent.side == "buy" else held > 0
        if turns:
            first = f"closing {text(held)} first, the new side opens on a later bar: {intent.reason}"
            return self._reducing(held, abs(held), Close(reason=first, symbol=intent.symbol))
        return self._shares(intent, intent.side, intent.quantity, reduce_only=False, stop=intent.stop)

    def _exits(self, intent: Open, symbol: str, stop: Decimal | None) -> PlannedExits | None:
        target = self._on_tick(symbol, intent.target, up=intent.side == "sell")
        if stop is None and target is None and intent.time_exit is None:
            return None
        return PlannedExits(stop=stop, target=target, at=intent.time_exit)

    def _close(self, intent: Close) -> PlannedOrder | None:
        held = self._held(intent)
        if held == 0:
            return None
        if intent.quantity is not None:
            self._require_quantity(intent.quantity)
        size = abs(held) if intent.quantity is None else min(intent.quantity, abs(held))
        return self._reducing(held, size, intent)

    def _adjust(self, intent: Adjust) -> PlannedOrder | None:
        if not intent.to.is_finite():
            raise self._bad(f"quantity must be finite, was {intent.to}")
        held = self._held(intent)
        change = intent.to - held
        if change == 0:
            return None
        if held * change < 0:
            close = Close(reason=intent.reason, symbol=intent.symbol)
            return self._reducing(held, min(abs(change), abs(held)), close)
        side: Side = "buy" if change > 0 else "sell"
        return self._open(
            Open(side=side, quantity=abs(change), stop=intent.stop, reason=intent.reason, symbol=intent.symbol)
        )

    def _reducing(self, held: Decimal, quantity: Decimal, intent: Close) -> PlannedOrder:
        return self._shares(intent, "sell" if held > 0 else "buy", quantity, reduce_only=True, stop=None)

    def _shares(
        self, intent: Open | Close, side: Side, quantity: Decimal, *, reduce_only: bool, stop: Decimal | None
    ) -> PlannedOrder:
        if (intent.order_type == "limit") != (intent.limit is not None):
            raise self._bad(f"a limit order has a limit and a market order has none, was {intent.limit}")
        symbol = intent.symbol or self._now.symbol
        # The stop rounds toward the entry: the planned loss is never larger than was asked for.
        stop = self._on_tick(symbol, stop, up=side == "buy")
        return PlannedOrder(
            legs=(_leg(symbol, side, 1, closing=reduce_only),),
            quantity=quantity,
            order_type=intent.order_type,
            reduce_only=reduce_only,
            good_until=self._good_until(),
            reason=intent.reason,
            # A buy limit rounds down and a sell limit up: rounding never pays more than was asked for.
            limit_price=self._on_tick(symbol, intent.limit, up=side == "sell"),
            stop_loss_price=stop,
            exits=self._exits(intent, symbol, stop) if isinstance(intent, Open) else None,
        )

    def _open_legs(self, intent: OpenLegs) -> PlannedOrder:
        self._require_quantity(intent.quantity)
        if intent.quantity % 1 != 0:
            raise self._bad(f"options are opened in whole packages, was {text(intent.quantity)}")
        if not 1 <= len(intent.legs) <= MOST_LEGS or any(leg.ratio < 1 for leg in intent.legs):
            raise self._bad(f"expected one to {MOST_LEGS} legs with ratios above zero, was {intent.legs}")
        held = self._now.held
        self._require_own(intent.legs)
        for leg in intent.legs:
            quantity = held[leg.symbol].quantity if leg.symbol in held else Decimal(0)
            if quantity < 0 if leg.side == "buy" else quantity > 0:
                raise self._bad(f"{leg.symbol}: {text(quantity)} is held; close it before the other side is opened")
        order = self._options(intent.legs, intent.quantity, intent.limit, intent.reason, closing=False)
        return replace(order, exits=self._package_exits(intent))

    def _package_exits(self, intent: OpenLegs) -> PlannedExits | None:
        if intent.stop is None and intent.target is None and intent.time_exit is None:
            return None
        stop, target = (None if price is None else _net_price(price) for price in (intent.stop, intent.target))
        if len(intent.legs) == 1 and intent.legs[0].side == "sell":
            # The price of a single option is above zero, whichever side it is on.
            stop, target = (None if price is None else -price for price in (stop, target))
        # At a price of nothing nobody closes: it runs until it expires.
        return PlannedExits(stop=stop or None, target=target or None, at=intent.time_exit)

    def _require_own(self, legs: Iterable[Leg]) -> None:
        """On what the decision is about: of another underlying it does not see what is open already."""
        roots = {symbol.replace(".", "") for symbol in self._subjects}
        # An index has contracts under other roots too; its chain names them.
        chain = () if self._now.chain_seen is None else self._now.chain_seen.quotes
        for leg in legs:
            own = not is_option(leg.symbol) or OptionSymbol.parse(leg.symbol).root in roots
            if not own and all(quote.symbol != leg.symbol for quote in chain):
                raise self._bad(f"expected legs on {', '.join(self._subjects)}, was {leg.symbol}")

    def _close_legs(self, intent: CloseLegs) -> PlannedOrder | None:
        held = self._now.options
        symbols = sorted(held) if intent.symbols is None else [each for each in intent.symbols if each in held]
        if not symbols:
            return None
        if len(symbols) > MOST_LEGS:
            raise self._bad(f"expected one to {MOST_LEGS} contracts to close in one order, was {', '.join(symbols)}")
        sizes = {symbol: held[symbol].quantity for symbol in symbols}
        packages = reduce(gcd, (int(abs(size)) for size in sizes.values()))
        legs = tuple(
            Leg(symbol, "sell" if size > 0 else "buy", int(abs(size)) // packages) for symbol, size in sizes.items()
        )
        return self._options(legs, Decimal(packages), intent.limit, intent.reason, closing=True)

    def _options(
        self, legs: tuple[Leg, ...], quantity: Decimal, limit: Decimal | None, reason: str, *, closing: bool
    ) -> PlannedOrder:
        for leg in legs:
            if not is_option(leg.symbol):
                raise self._bad(f"expected a leg in an option, was {leg.symbol}")
        if limit is not None:
            limit = self._one_price(legs[0], limit) if len(legs) == 1 else _net_price(limit)
        return PlannedOrder(
            legs=tuple(_leg(leg.symbol, leg.side, leg.ratio, closing=closing) for leg in legs),
            quantity=quantity,
            order_type="market" if limit is None else "limit",
            reduce_only=closing,
            good_until=self._good_until(),
            reason=reason,
            limit_price=limit,
        )

    def _one_price(self, leg: Leg, net: Decimal) -> Decimal | None:
        """The price of a single option is above zero, whichever side it is on."""
        price = net if leg.side == "buy" else -net
        return self._on_tick(leg.symbol, max(price, OPTION_TICKS.at(Decimal(0))), up=leg.side == "sell")

    def _good_until(self) -> datetime:
        config = self._strategy.config
        return self._now.event_time + TIMEFRAME_LENGTHS[config.timeframe] * config.good_for_bars

    def _on_tick(self, symbol: str, price: Decimal | None, *, up: bool) -> Decimal | None:
        if price is None:
            return None
        ticks = self._ticks if symbol == self._now.symbol else instrument(symbol).ticks
        return ticks.rounded(price, up=up)

    def _require_quantity(self, quantity: Decimal) -> None:
        if not quantity.is_finite() or quantity <= 0:
            raise self._bad(f"quantity must be above zero, was {quantity}")

    def _bad(self, text: str) -> BadInput:
        return BadInput("BAD_INTENT", f"{self._strategy.kind}: {text}", symbol=self._now.symbol)


def _leg(symbol: str, side: Side, ratio: int, *, closing: bool) -> PlannedLeg:
    if side == "buy":
        return PlannedLeg(symbol, side, "buy_to_close" if closing else "buy_to_open", ratio)
    return PlannedLeg(symbol, side, "sell_to_close" if closing else "sell_to_open", ratio)


def _net_price(net: Decimal) -> Decimal:
    """On the step of a package, down: what is paid is never more, what is received never less, than was asked for."""
    return to_tick(net, OPTION_TICKS.at(Decimal(0)), up=False)
