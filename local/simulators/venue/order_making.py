"""Making an order's record from what was asked: the amount, what each leg opens or closes, ids, expiry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace as copy
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from functions.backtest.orders import Change, OrderType, Side, TimeInForce
from functions.core.errors import BadInput
from functions.core.identity import named_uuid
from functions.core.money import text
from local.simulators.venue.account_ledger import AccountLedger
from local.simulators.venue.clock import TapeClock
from local.simulators.venue.desk_order import DeskLeg, DeskOrder, State
from local.simulators.venue.desk_request import DeskRequest, Effect, GroupRequest, RequestLeg
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.quotes import Quotes
from local.simulators.venue.refusal import DeskRefusal

NO_OPENING_BEFORE_EXPIRY = timedelta(minutes=30)
CLOSING_WITH_NO_POSITION = "closing_with_no_position"
_FRACTION = Decimal("0.000000001")
_AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class OrderMaker:
    """Raises DeskRefusal for what no account could send; the account itself is checked in `order_checks`."""

    def __init__(
        self,
        ledger: AccountLedger,
        rules: DeskRules,
        clock: TapeClock,
        quotes: Quotes,
        *,
        session_close: Callable[[], datetime],
        numbers: Iterator[int],
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._clock = clock
        self._quotes = quotes
        self._session_close = session_close
        self._numbers = numbers
        self._made_ids = 0

    def make(
        self,
        request: DeskRequest,
        state: State,
        *,
        quantity: Decimal | None = None,
        effects: Sequence[Effect] | None = None,
        dry: bool = False,
        by_broker: bool = False,
    ) -> DeskOrder:
        """`quantity` and `effects` are given where they are known already; `dry` uses up no number, `by_broker` may
        trade what has just expired."""
        for leg in request.legs:
            if not by_broker and not self._quotes.is_tradable(leg.symbol):
                raise DeskRefusal("unknown_symbol", f'asset "{leg.symbol}" not found', symbol=leg.symbol)
        self._check_shape(request)
        amount = quantity if quantity is not None else self._amount(request)
        account_id = self._ledger.settings.account_id
        client_order_id = request.client_order_id
        if client_order_id is None and self._rules.unique_client_ids:
            self._made_ids += 1
            client_order_id = str(named_uuid(f"{self._rules.name}-client-order", account_id, self._made_ids))
        number = 0 if dry else next(self._numbers)
        named_by = client_order_id if self._rules.unique_client_ids else number
        warnings: list[str] = []
        legs = [
            DeskLeg(
                symbol=leg.symbol,
                side=leg.side,
                effect=effects[index] if effects is not None else self._effect(leg, warnings),
                ratio=leg.ratio,
                quantity=amount * leg.ratio,
            )
            for index, leg in enumerate(request.legs)
        ]
        at = self._clock.now() if dry else self._clock.stamp()
        return DeskOrder(
            id=str(named_uuid(f"{self._rules.name}-order", account_id, named_by)),
            number=number,
            client_order_id=client_order_id,
            request=request,
            quantity=amount,
            legs=legs,
            created_at=at,
            updated_at=at,
            state=state,
            expires_at=self.expiry(request),
            warnings=tuple(warnings),
        )

    def make_group(self, request: GroupRequest, state: State) -> list[DeskOrder]:
        """The records of a group, parent first; children of a parent are held."""
        _check_group(request)
        orders: list[DeskOrder] = []
        parent: DeskOrder | None = None
        if request.parent is not None:
            parent = self.make(request.parent, state)
            orders.append(parent)
        for child in request.children:
            effects: list[Effect] | None = None if parent is None else ["close"]
            order = self.make(child, state if parent is None else "held", effects=effects)
            order.parent = None if parent is None else parent.id
            orders.append(order)
        group = str(named_uuid(f"{self._rules.name}-group", orders[0].id))
        for order in orders:
            order.group, order.group_kind = group, request.kind
            if len(request.children) > 1 and order is not parent:
                order.oco = group
        if parent is not None:
            parent.children = tuple(order.id for order in orders[1:])
        return orders

    def expiry(self, request: DeskRequest) -> datetime | None:
        """When a day order ends, UTC; None where it works on."""
        return None if request.time_in_force is TimeInForce.GTC else self._session_close()

    def check_session(self, order: DeskOrder, *, is_open: bool) -> None:
        """Raises DeskRefusal market_closed or expiring_contract."""
        time_in_force = order.request.time_in_force
        if not is_open and time_in_force in _AT_ONCE:
            raise DeskRefusal("market_closed", f"{time_in_force} orders are accepted during market hours only")
        if is_open and time_in_force is TimeInForce.OPG:
            raise DeskRefusal("market_closed", "opg orders are accepted before the market opens only")
        for leg in order.legs:
            option = self._quotes.option(leg.symbol)
            if option is None:
                continue
            if not is_open and order.request.type is OrderType.MARKET:
                raise DeskRefusal("market_closed", "options market orders are only allowed during market hours")
            last = self._quotes.options.expires_at(option.expiry) - NO_OPENING_BEFORE_EXPIRY
            if leg.effect == "open" and self._clock.now() >= last:
                raise DeskRefusal(
                    "expiring_contract", f"{leg.symbol} expires today, no new position is opened", symbol=leg.symbol
                )

    def _effect(self, leg: RequestLeg, warnings: list[str]) -> Effect:
        quantity = self._ledger.position(leg.symbol).quantity
        against = bool(quantity) and (quantity > 0) != (leg.side is Side.BUY)
        if leg.effect is None:
            return "close" if against else "open"
        if leg.effect == "open" and against:
            raise DeskRefusal(
                "intent_mismatch",
                f"position intent mismatch, inferred: {leg.side}_to_close, specified: {leg.side}_to_open",
                symbol=leg.symbol,
            )
        if leg.effect == "close" and not against and self._rules.close_without_position == "open":
            warnings.append(CLOSING_WITH_NO_POSITION)
            return "open"
        return leg.effect

    def _amount(self, request: DeskRequest) -> Decimal:
        if request.quantity is not None:
            return request.quantity
        if request.notional is None:
            raise DeskRefusal("bad_order", "an order needs a quantity or a notional")
        # The shares that a dollar amount buys at the present price.
        quote, mark = self._quotes.quote(request.symbol), self._quotes.mark(request.symbol)
        price = quote.ask if quote is not None and request.side is Side.BUY else mark
        if price is None:
            raise DeskRefusal(
                "no_price", f"no price is known for {request.symbol}, so a notional cannot be turned into shares"
            )
        quantity = (request.notional / price).quantize(_FRACTION, rounding=ROUND_DOWN)
        if not quantity:
            raise DeskRefusal("bad_order", f"notional {text(request.notional)} buys less than the smallest fraction")
        return quantity

    def _check_shape(self, request: DeskRequest) -> None:
        options = [self._quotes.option(leg.symbol) is not None for leg in request.legs]
        if any(options) and request.quantity is not None and request.quantity % 1:
            raise DeskRefusal("bad_order", f"option orders take whole contracts, was {text(request.quantity)}")
        if len(request.legs) > 1:
            if not all(options):
                raise DeskRefusal("bad_order", "an order of several legs takes options only")
            if len({leg.symbol for leg in request.legs}) != len(request.legs):
                raise DeskRefusal("bad_order", "each leg must be another contract")
            if len({option.root for leg in request.legs if (option := self._quotes.option(leg.symbol))}) > 1:
                raise DeskRefusal("bad_order", "the legs must have one underlying")
            if request.type not in (OrderType.MARKET, OrderType.LIMIT):
                raise DeskRefusal("bad_order", "an order of several legs is a market or a limit order")
        for name, price in (("limit", request.limit), ("stop", request.stop)):
            self._check_tick(request, name, price)

    def _check_tick(self, request: DeskRequest, name: str, price: Decimal | None) -> None:
        if price is None:
            return
        try:
            # A net price may be on any leg's smallest step.
            fits = (
                price % self._quotes.ticks(request.symbol).at(Decimal(0)) == 0
                if len(request.legs) > 1
                else self._quotes.ticks(request.symbol).fits(price)
            )
        except BadInput as error:
            raise DeskRefusal("off_tick", error.text, symbol=request.symbol) from None
        if not fits:
            raise DeskRefusal("off_tick", f"invalid {name} price {text(price)}", symbol=request.symbol)


def changed_request(old: DeskOrder, change: Change, client_order_id: str | None) -> tuple[DeskRequest, Decimal]:
    """What a replace asks for in the whole, and its total quantity. Raises DeskRefusal."""
    request = old.request
    total = change.quantity if change.quantity is not None else old.quantity
    if total <= old.filled:
        raise DeskRefusal(
            "not_replaceable",
            f"qty must exceed filled_qty {text(old.filled)}, was {text(total)}",
            symbol=old.symbol,
        )
    for field, value, has in (("limit_price", change.limit, request.limit), ("stop_price", change.stop, request.stop)):
        if value is not None and has is None:
            raise DeskRefusal("bad_order", f"a {request.type} order has no {field} to replace")
    trails = change.trail_price is not None or change.trail_percent is not None
    if trails and request.type is not OrderType.TRAILING_STOP:
        raise DeskRefusal("bad_order", f"a {request.type} order has no trail to replace")
    if change.time_in_force not in (None, TimeInForce.DAY, TimeInForce.GTC):
        raise DeskRefusal("bad_order", "time_in_force can be replaced by day or gtc")
    changed = copy(
        request,
        client_order_id=client_order_id,
        quantity=total - old.filled,
        limit=request.limit if change.limit is None else change.limit,
        stop=request.stop if change.stop is None else change.stop,
        trail_price=change.trail_price if trails else request.trail_price,
        trail_percent=change.trail_percent if trails else request.trail_percent,
        time_in_force=change.time_in_force or request.time_in_force,
    )
    return changed, total


def _check_group(request: GroupRequest) -> None:
    counts = {"bracket": (True, 2), "oco": (False, 2), "oto": (True, 1)}
    needs_parent, children = counts[request.kind]
    if (request.parent is not None) != needs_parent or len(request.children) != children:
        raise DeskRefusal("bad_order", f"a {request.kind} order takes {children} children")
    every = [one for one in (request.parent, *request.children) if one is not None]
    if any(len(one.legs) != 1 for one in every):
        raise DeskRefusal("bad_order", f"the orders of a {request.kind} have one leg each")
    if len({one.quantity for one in every}) != 1 or every[0].quantity is None:
        raise DeskRefusal("bad_order", f"the orders of a {request.kind} have the same quantity")
