"""The simulated Alpaca as a whole: the neutral venue, and what its wire says of it. One event loop, no locks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.backtest.market import Print, Quote
from local.simulators.alpaca import data_wire, refusals
from local.simulators.alpaca.data_hub import DataHub
from local.simulators.alpaca.faults import DEFAULT_PATH, STRANGE_STATUS, TABLE
from local.simulators.alpaca.order_view import order_json
from local.simulators.alpaca.trade_view import message, trade_update
from local.simulators.venue.account_settings import AccountSettings
from local.simulators.venue.desk import OrderDesk
from local.simulators.venue.desk_events import DeskEvent
from local.simulators.venue.desk_order import DeskOrder
from local.simulators.venue.desk_rules import DeskRules
from local.simulators.venue.faults import Fault, Faults
from local.simulators.venue.playback import Closes, Completes
from local.simulators.venue.stream_hub import StreamHub
from local.simulators.venue.venue import Venue
from local.tape.model import Tape
from local.tape.sessions import MarketCalendar


class Simulator(Venue):
    """Everything behind the sockets."""

    def __init__(self, tape: Tape, calendar: MarketCalendar, accounts: Sequence[AccountSettings]) -> None:
        faults = Faults(TABLE, default_path=DEFAULT_PATH)
        self.trades = StreamHub(faults)
        self.data = DataHub(faults)
        self.corporate_actions: dict[str, list[dict[str, Any]]] = {}
        super().__init__(tape, calendar, accounts, faults=faults, rules=DeskRules(name="alpaca"))

    def may_read_data(self, key: object, secret: object) -> bool:
        return self.settings_of(key, secret) is not None

    def trading_desk(self, key: object, secret: object) -> OrderDesk:
        """The desk that a key opens. Raises Refusal 401, or 403 for a key that reads market data only."""
        desk = self.desk_of(key, secret)
        if desk is not None:
            return desk
        raise refusals.no_trading() if self.may_read_data(key, secret) else refusals.unauthorized()

    def shown(self, desk: OrderDesk, order: DeskOrder, *, nested: bool = False) -> dict[str, Any]:
        """The order as it is answered, faults included."""
        return self.distorted(desk.account_id, order_json(desk, order, nested=nested))

    def distorted(self, account_id: str, row: dict[str, Any]) -> dict[str, Any]:
        """An order's row, with a status that nobody knows where that fault strikes."""
        if self.faults.take("new_enum_value", account_id):
            return row | {"status": STRANGE_STATUS}
        return row

    # --- the venue --------------------------------------------------------------------------------------------------

    def on_event(self, event: DeskEvent) -> None:
        desk = self.desk(event.account_id)
        data = trade_update(desk, event)
        if data is None:
            return
        data["order"] = self.distorted(event.account_id, data["order"])
        order = event.order
        is_child = order.parent is not None or (order.group_kind == "oco" and order.group is not None)
        self.trades.emit(event.account_id, message(data), event.at, is_child=is_child)

    def on_load(self) -> None:
        super().on_load()
        self.corporate_actions = {}
        self.trades.reset()
        self.data.reset()

    def on_tick(self, tick: Quote | Print) -> None:
        self.data.tick(tick)
        if isinstance(tick, Quote):
            for symbol in self.data.options_wanted():
                option = self.options.listed(symbol)
                view = self.options.view(symbol) if option is not None and option.root == tick.symbol else None
                if view is not None:
                    self.data.option(view)
        super().on_tick(tick)

    def on_minute(self, beat: Completes) -> None:
        super().on_minute(beat)
        self.data.bars(beat.bars)

    def on_close(self, beat: Closes) -> None:
        super().on_close(beat)
        for symbol in self.prices.symbols:
            today = self.prices.today(symbol, beat.session)
            if today is not None:
                self.data.day(symbol, beat.session, data_wire.bar(today))

    def switched_on(self, fault: Fault) -> None:
        super().switched_on(fault)
        if fault.switch == "drop_stream":
            self.trades.drop(fault.account_id)
        if fault.switch == "drop_data_stream":
            self.data.drop()

    def release(self) -> None:
        self.trades.release()

    def stream_positions(self) -> dict[str, Any]:
        return {"market-data": self.data.positions(), "trade-updates": self.trades.positions()}
