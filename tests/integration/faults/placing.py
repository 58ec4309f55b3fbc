"""What a fault script orders: shares by a strategy, options by their owner, others on the broker's page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from uuid import UUID

import psycopg

from functions.brokers.orders import OrderRequest, Side, StopLoss, TakeProfit
from tests.integration.faults import market as at
from tests.integration.faults.market import Market
from tests.integration.faults.scripts import Step
from tests.integration.ledger.desk import Desk, approval_of, decision, order_of

_CENT = Decimal("0.01")
_THROUGH = Decimal("0.10")
_FAR = Decimal(5)
Rows = Callable[..., list[tuple[Any, ...]]]


class Placing:
    """Places and approves, as a strategy, a trader and risk do. `rows` reads the ledger, `run` writes it."""

    def __init__(self, desk: Desk, market: Market, rows: Rows, call: Callable[..., Any], run: Callable[..., None]):
        self._desk = desk
        self._market = market
        self._rows = rows
        self._call = call
        self._run = run
        self._placed = 0

    def place(self, more: dict[str, Any]) -> None:
        """An order of the script; what the ledger refuses is not placed."""
        self._placed += 1
        match more["what"]:
            case "share":
                self._share(more)
            case "option":
                self._option(more)
            case _:
                self._vertical(more)

    def close(self, step: Step) -> None:
        """An exit of one of the options that are held; of a vertical one leg at a time, shorts first."""
        held = self._rows(
            "select symbol, quantity from public.position_books where broker_account_id = %s and quantity <> 0 "
            "and symbol <> 'SPY' order by sign(quantity), symbol",
            self._desk.account,
        )
        if not held:
            return
        self._placed += 1
        symbol, quantity = held[step.which % len(held)]
        side = "sell" if quantity > 0 else "buy"
        amount = abs(quantity) if step.more["all"] else Decimal(1)
        self._by_the_owner(
            {"symbol": symbol, "side": side, "position_intent": f"{side}_to_close", "quantity": str(amount)}
        )

    def replace(self, trade: UUID, step: Step) -> None:
        """Another price for a working order, and where the broker has that another quantity."""
        ((symbol, side, ordered, limit),) = self._rows(
            "select symbol, side, quantity, price from public.trades where id = %s", trade
        )
        plain = symbol == "SPY"
        price = self._price(side, step.more["away"]) if plain else limit + _CENT * abs(step.more["away"])
        said = {
            "idempotency_key": f"replace {step.which} {self._placed} {trade}",
            "quantity": str(step.more["quantity"] if self._market.replaces_quantity and plain else ordered),
            "price": str(price),
        }
        with contextlib.suppress(psycopg.Error):  # It may be over, or half filled beyond that.
            answer = self._call("request_replace", "authenticated", self._desk.user, p_trade_id=trade, p_change=said)
            self._approve(UUID(answer["trade_id"]))

    def approve_waiting(self) -> None:
        """What the ledger has placed by itself: an exit that was not sent in time is placed anew."""
        for (trade,) in self._rows(
            "select id from public.trades where broker_account_id = %s and status = 'pending'",
            self._desk.account,
        ):
            self._approve(trade)

    def by_hand(self, more: dict[str, Any]) -> None:
        """Shares, on the broker's page."""
        price = self._price(more["side"], more["away"])
        self._market.by_hand(_request(more, limit_price=price, order_type="market" if price is None else "limit"))

    def bracket_by_hand(self, more: dict[str, Any]) -> None:
        """An entry with a target and a stop, on the broker's page."""
        price = self._price(more["side"], more["away"])
        assert price is not None
        self._market.by_hand(
            _request(
                more,
                order_type="limit",
                limit_price=price,
                order_class="bracket",
                take_profit=TakeProfit(price + _FAR / 10),
                stop_loss=StopLoss(price - _FAR / 10),
            )
        )

    def _share(self, more: dict[str, Any]) -> None:
        moment = self._market.now() + timedelta(minutes=self._placed)
        side, price = more["side"], self._price(more["side"], more["away"])
        ((held,),) = self._rows(
            "select coalesce(sum(quantity), 0) from public.position_books "
            "where broker_account_id = %s and symbol = 'SPY'",
            self._desk.account,
        )
        closes = side == "sell" and held >= more["quantity"]
        order = order_of(side, str(more["quantity"]), position_intent=f"{side}_to_{'close' if closes else 'open'}")
        if price is not None:
            order |= {"order_type": "limit", "price": str(price)}
        # None where the account is halted: an entry is refused then, and the books must be equal all the same.
        for trade in self._call(
            "record_decisions",
            "fn_strategy",
            p_symbol="SPY",
            p_decisions=[decision(self._desk.strategy, order, at=moment)],
        )["placed"]:
            self._approve(UUID(trade))

    def _option(self, more: dict[str, Any]) -> None:
        symbol = at.contract(self._market, more["right"], more["expiry"], more["strike"])
        quoted = at.option_market(self._market, symbol)
        if quoted is None:
            return
        side, (bid, ask) = more["side"], quoted
        through, away = (ask + _THROUGH, _CENT) if side == "buy" else (max(bid - _THROUGH, _CENT), ask + _FAR)
        order = {
            "symbol": symbol,
            "side": side,
            "position_intent": f"{side}_to_open",
            "quantity": str(more["quantity"]),
        }
        self._by_the_owner(order | {"order_type": "limit", "price": str(away if more["rests"] else through)})

    def _vertical(self, more: dict[str, Any]) -> None:
        first: Side = more["side"]
        second: Side = "sell" if first == "buy" else "buy"
        symbols = [
            at.contract(self._market, more["right"], more["expiry"], more["strike"] + wide)
            for wide in ((more["width"], 0) if more["right"] == "put" else (0, more["width"]))
        ]
        quotes = [at.option_market(self._market, symbol) for symbol in symbols]
        if quotes[0] is None or quotes[1] is None:
            return
        (first_bid, first_ask), (second_bid, second_ask) = quotes[0], quotes[1]
        # The first is the dearer one: bought it costs, sold it brings.
        natural = first_ask - second_bid if first == "buy" else second_ask - first_bid
        far = _CENT if first == "buy" else -Decimal(more["width"]) + _CENT
        legs = [
            {"symbol": symbol, "side": side, "position_intent": f"{side}_to_open"}
            for symbol, side in zip(symbols, (first, second), strict=True)
        ]
        price = far if more["rests"] else natural + _THROUGH
        order = {"legs": legs, "quantity": str(more["quantity"]), "order_type": "limit", "price": str(price)}
        self._by_the_owner(order)

    def _by_the_owner(self, order: dict[str, Any]) -> None:
        key = {"idempotency_key": f"script {self._placed}", "broker_account_id": str(self._desk.account)}
        for symbol in {leg["symbol"] for leg in order.get("legs", [order])}:
            # As the chain that is listed is recorded.
            self._run(
                "insert into public.instruments (symbol, kind, multiplier, source) "
                "values (%s, 'option', 100, 'the chain') on conflict (symbol) do update set tradable = true",
                symbol,
            )
        with contextlib.suppress(psycopg.Error):  # The account may be halted.
            answer = self._call("place_trade", "authenticated", self._desk.user, p_order=order | key)
            self._approve(UUID(answer["trade_id"]))

    def _approve(self, trade: UUID) -> None:
        marks: dict[str, str] = {}
        for (symbol,) in self._rows("select symbol from public.trade_legs where trade_id = %s", trade):
            quoted = at.option_market(self._market, symbol)
            if quoted is not None:
                marks[symbol] = str(sum(quoted) / 2)
        self._call("approve_trade", "fn_risk", **approval_of(trade, str(at.price(self._market)), **marks))

    def _price(self, side: str, away: int | None) -> Decimal | None:
        if away is None:
            return None
        near = at.price(self._market).quantize(_CENT, ROUND_FLOOR)
        return near - away * _CENT if side == "buy" else near + away * _CENT


def _request(more: dict[str, Any], **order: Any) -> OrderRequest:
    side: Side = more["side"]
    return OrderRequest(
        client_order_id="",
        symbol="SPY",
        side=side,
        time_in_force="day",
        position_intent=f"{side}_to_open",
        quantity=Decimal(more["quantity"]),
        **order,
    )
