"""nautilus_trader's RiskEngine on one order, with 20 positions and 20 working orders: run by a Python that has it.

Each line on standard input is a number of orders; the answer is one JSON line, the seconds that each of them took. The
execution engine behind it is a function that does nothing, and nothing is recorded: the engine's checks alone.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.common.factories import OrderFactory
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import SubmitOrder
from nautilus_trader.model.enums import OmsType, OrderSide
from nautilus_trader.model.identifiers import AccountId, PositionId, StrategyId, TradeId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.model.position import Position
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.risk.config import RiskEngineConfig
from nautilus_trader.risk.engine import RiskEngine
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.data import TestDataStubs
from nautilus_trader.test_kit.stubs.events import TestEventStubs

_SYMBOLS = 20
_TRADER = TraderId("TRADER-001")
_STRATEGY = StrategyId("S-001")
_ACCOUNT = AccountId("XNAS-001")
# So many that the throttler of its engine never holds an order back.
_RATE = "1000000/00:00:01"


class Desk:
    """An engine with a book, and the orders that it is asked about."""

    def __init__(self) -> None:
        clock = TestClock()
        bus = MessageBus(trader_id=_TRADER, clock=clock)
        cache = Cache(database=None)
        portfolio = Portfolio(msgbus=bus, cache=cache, clock=clock)
        self.passed = 0
        self._instruments = [
            TestInstrumentProvider.equity(symbol=f"S{number:02d}", venue="XNAS") for number in range(_SYMBOLS)
        ]
        config = RiskEngineConfig(
            max_order_submit_rate=_RATE,
            max_order_modify_rate=_RATE,
            max_notional_per_order={str(each.id): 1_000_000 for each in self._instruments},
        )
        self.engine = RiskEngine(portfolio=portfolio, msgbus=bus, cache=cache, clock=clock, config=config)
        self._factory = OrderFactory(trader_id=_TRADER, strategy_id=_STRATEGY, clock=clock)
        bus.register("ExecEngine.execute", self._pass)
        bus.register("ExecEngine.process", self._refuse)
        cache.add_account(AccountFactory.create(TestEventStubs.margin_account_state(account_id=_ACCOUNT)))
        for instrument in self._instruments:
            self._open(cache, instrument)

    def _pass(self, _command: Any) -> None:
        self.passed += 1

    def _refuse(self, event: Any) -> None:
        raise AssertionError(f"the engine refused an order: {event}")

    def _open(self, cache: Any, instrument: Any) -> None:
        cache.add_instrument(instrument)
        cache.add_quote_tick(
            TestDataStubs.quote_tick(
                instrument=instrument, bid_price=50.24, ask_price=50.26, bid_size=1000, ask_size=1000
            )
        )
        bought = self._accepted(self._factory.market(instrument.id, OrderSide.BUY, Quantity.from_int(100)))
        position = PositionId(f"P-{instrument.id}")
        fill = TestEventStubs.order_filled(
            bought,
            instrument,
            position_id=position,
            account_id=_ACCOUNT,
            last_px=Price.from_str("50.00"),
            trade_id=TradeId(str(UUID4())),
        )
        bought.apply(fill)
        cache.add_order(bought, position)
        cache.add_position(Position(instrument=instrument, fill=fill), OmsType.NETTING)
        resting = self._factory.limit(instrument.id, OrderSide.BUY, Quantity.from_int(10), Price.from_str("49.00"))
        cache.add_order(resting)
        cache.update_order(self._accepted(resting))

    @staticmethod
    def _accepted(order: Any) -> Any:
        order.apply(TestEventStubs.order_submitted(order, account_id=_ACCOUNT))
        order.apply(TestEventStubs.order_accepted(order, account_id=_ACCOUNT))
        return order

    def command(self, number: int) -> SubmitOrder:
        """A new buy limit near the market."""
        order = self._factory.limit(
            self._instruments[number % _SYMBOLS].id, OrderSide.BUY, Quantity.from_int(10), Price.from_str("50.30")
        )
        return SubmitOrder(
            trader_id=_TRADER, strategy_id=_STRATEGY, order=order, command_id=UUID4(), ts_init=0, position_id=None
        )


def main() -> None:
    desk = Desk()
    gc.disable()
    for line in sys.stdin:
        commands = [desk.command(number) for number in range(int(line))]
        gc.collect()
        taken, before = [], desk.passed
        for command in commands:
            began = time.perf_counter()
            desk.engine.execute(command)
            taken.append(time.perf_counter() - began)
        if desk.passed - before != len(commands):
            raise AssertionError(f"expected {len(commands)} orders to pass, was {desk.passed - before}")
        sys.stdout.write(json.dumps(taken) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
