"""An account that trades while its lists are read: one list knows what another did not yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.holdings import BrokerActivity
from functions.brokers.orders import BrokerFill
from functions.brokers.protocol import Quarantined
from functions.core.ledger.executing import TradingAccount
from functions.execute.syncing import sync_account
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.test_sending_legs import UPPER, OneBroker, trading_desk
from tests.unit.execute.desk_made import ScriptedBroker, at_broker, execution


@pytest.fixture(scope="module", autouse=True)
def _options(ledger: Ledger) -> None:
    ledger.run(
        "insert into public.instruments (symbol, kind, multiplier, source) values (%s, 'option', 100, 'test') "
        "on conflict do nothing",
        UPPER,
    )


class Hasty(ScriptedBroker):
    """Sells a put and is assigned on it between the first list that is read and the second."""

    lists = 0

    def _happened(self) -> bool:
        self.lists += 1
        return self.lists > 1

    async def fills(self, since: datetime) -> list[BrokerFill | Quarantined]:
        sold = execution(
            1, "hasty", symbol=UPPER, side="sell", quantity=Decimal(1), cumulative_quantity=Decimal(1), price=Decimal(2)
        )
        return [sold] if self._happened() else []

    async def activities(self, since: datetime) -> list[BrokerActivity | Quarantined]:
        assigned = BrokerActivity(
            source="activities",
            external_id="assigned",
            kind="assignment",
            occurred_at=NOON + timedelta(hours=4),
            symbol=UPPER,
            quantity=Decimal(1),
        )
        return [assigned] if self._happened() else []

    async def order(self, broker_order_id: str) -> Any:
        return at_broker("hasty", broker_order_id=broker_order_id, symbol=UPPER, side="sell", state="filled")


async def test_sync_when_a_contract_is_sold_and_assigned_while_lists_are_read_then_no_break_and_both_are_booked(
    desk: Desk,
) -> None:
    trading, scripted = trading_desk(desk)
    broker = Hasty(scripted.journal)
    assert isinstance(trading.accounts, OneBroker)
    account = TradingAccount(
        broker_account_id=desk.account,
        user_id=desk.user,
        broker="alpaca",
        account_id="any",
        is_paper=True,
        working=True,
    )
    await sync_account(trading, account, broker)
    assert not desk.halted()
    await sync_account(trading, account, broker)
    assert not desk.halted()
    assert (desk.position(UPPER), desk.position("SPY")) == (0, 100)
