"""Comparing with the broker's own lists: what no stream brought is found here. The broker is the witness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from functions.brokers.errors import NotConnected
from functions.brokers.orders import BrokerFill
from functions.brokers.protocol import Broker, Quarantined
from functions.core.errors import Final
from functions.core.ledger.executing import TradingAccount
from functions.core.log import logger
from functions.execute.submitting import Desk
from functions.execute.witnessing import fill_to_record, quarantine, record_fill, record_order

_log = logger("execute")
ACTIVITIES_WORKER = "sync_accounts"
# Executions are listed by their time, and two clocks are never quite equal: a little is always read again.
_OVERLAP = timedelta(minutes=5)
_BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


async def compare_accounts(desk: Desk) -> None:
    """Compares every account. One whose broker does not answer, or cannot be read, is left for the next run, and said.

    Raises Unavailable where the ledger does not answer.
    """
    for account in await desk.ask(desk.accounts.active):
        try:
            broker = await desk.ask(desk.accounts.broker, account.broker_account_id)
            await sync_account(desk, account, broker)
        except NotConnected as error:
            _log.warning("not compared", account=str(account.broker_account_id), reason=str(error))
        except Final as error:
            await desk.tell(account.broker_account_id, error)


async def sync_account(desk: Desk, account: TradingAccount, broker: Broker) -> datetime:
    """Records executions since the last comparison, the state of every working order, and the account's cash.

    Returns the broker's time before which everything is now on record.
    """
    ledger, key = desk.ledger, account.broker_account_id
    # The clock is read first: what happens while the lists are read is found by the next comparison.
    as_of = (await broker.clock()).now
    stream = f"activities:{key}"
    since = await desk.ask(ledger.stream_position, ACTIVITIES_WORKER, stream)
    await _record_missing(desk, account, broker, await broker.fills(_BEGINNING if since is None else since - _OVERLAP))
    working = {order.broker_order_id: order for order in await desk.ask(ledger.working_orders, key)}
    for order in working.values():
        seen = await broker.find_order(order.client_order_id)
        if seen is not None:
            await desk.ask(record_order, ledger, key, seen)
    snapshot = await broker.account()
    await desk.ask(ledger.record_account_snapshot, key, as_of, snapshot.cash, snapshot.equity, snapshot.buying_power)
    await desk.ask(ledger.record_stream_position, ACTIVITIES_WORKER, stream, as_of)
    return as_of


async def _record_missing(
    desk: Desk, account: TradingAccount, broker: Broker, listed: list[BrokerFill | Quarantined]
) -> None:
    """Records the executions that are not on record; a row that cannot be read is told of, and the others go on.

    The activity list names no client order id. Where no trade knows the broker's order id, the order itself is read:
    it may be ours, from a call whose answer was lost, and must not be taken for one that was placed outside.
    """
    ledger, key = desk.ledger, account.broker_account_id
    for row in listed:
        if isinstance(row, Quarantined):
            await desk.ask(quarantine, ledger, key, "FILL_REJECTED", row)
    fills = [row for row in listed if not isinstance(row, Quarantined)]
    told = [fill_to_record(fill, "activities") for fill in fills]
    for missing in await desk.ask(ledger.unrecorded_fills, key, told) if told else []:
        fill = fills[missing.index]
        order = None if missing.order_known else await broker.order(fill.broker_order_id)
        await desk.ask(record_fill, ledger, key, fill, "activities", order)
