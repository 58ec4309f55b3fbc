"""Comparing with the broker's own lists: what no stream brought is found here. The broker is the witness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from functions.brokers.errors import BadCredentials, BadResponse, NotConnected
from functions.brokers.holdings import BrokerActivity
from functions.brokers.orders import BrokerFill, BrokerOrder
from functions.brokers.protocol import Broker, Quarantined
from functions.core.errors import Final, Temporary
from functions.core.ledger.activities import Activity
from functions.core.ledger.comparing import SaidAccount, SaidPosition, SaidRules
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.executing import TradingAccount
from functions.core.log import logger
from functions.execute.witnessing import fill_to_record, quarantine, record_fill, record_order

if TYPE_CHECKING:
    from functions.execute.submitting import Desk

_log = logger("execute")
ACTIVITIES_WORKER = "sync_accounts"
# Executions are listed by their time, and two clocks are never quite equal: a little is always read again.
_OVERLAP = timedelta(minutes=5)
# Activities are listed by their day, and some brokers tell of an expiry days after it.
_ACTIVITY_OVERLAP = timedelta(days=7)
_BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Synced:
    """An account compared: everything before `as_of` (the broker's time) is on record.

    `missed` are the times of executions that were not on record until they were listed.
    """

    as_of: datetime
    missed: tuple[datetime, ...] = ()


async def compare_accounts(desk: Desk) -> None:
    """Compares every account. One whose broker does not answer, or cannot be read, is left for the next run, and said.

    Raises Unavailable where the ledger does not answer.
    """
    for account in await desk.ask(desk.accounts.active):
        try:
            broker = await desk.ask(desk.accounts.broker, account.broker_account_id)
            await sync_account(desk, account, broker, run="order_sync")
        except NotConnected as error:
            _log.warning("not compared", account=str(account.broker_account_id), reason=str(error))
        except Final as error:
            await desk.tell(account.broker_account_id, error)
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake that one account meets keeps no other from its broker
            await desk.tell_mistake(account.broker_account_id, error, "the comparison with the broker")


async def sync_account(
    desk: Desk, account: TradingAccount, broker: Broker, *, run: Literal["startup", "order_sync"] | None = None
) -> Synced:
    """Records executions since the last comparison, the state of every order, then what the account has and may do.

    Fills first: the positions that are compared at the end are those that they make. `run` keeps the comparison as one
    of reconciliation. What the broker cannot say of the account as a whole keeps nothing back of fills and orders.
    """
    ledger, key = desk.ledger, account.broker_account_id
    # The clock is read first: what happens while the lists are read is found by the next comparison.
    as_of = (await broker.clock()).now
    # Read before the fills, booked after them: what ends a position is never on record without the fill that made it.
    happened = await _happened(desk, key, broker)
    stream = f"activities:{key}"
    since = await desk.ask(ledger.stream_position, ACTIVITIES_WORKER, stream)
    missed, refused = await _record_missing(
        desk, key, broker, await broker.fills(_BEGINNING if since is None else since - _OVERLAP)
    )
    await _compare_orders(desk, key, broker)
    if not refused:
        # What could not be taken is read again each time, until it is.
        await desk.ask(ledger.record_stream_position, ACTIVITIES_WORKER, stream, as_of)
    await _whole_account(desk, key, broker, as_of, run, happened)
    return Synced(as_of, missed)


async def _record_missing(
    desk: Desk, key: UUID, broker: Broker, listed: list[BrokerFill | Quarantined]
) -> tuple[tuple[datetime, ...], bool]:
    """Records the executions that are not on record; a row that cannot be read is told of, and the others go on.

    Returns the times of those that were new, and whether one is to be read again: the ledger refused it, or its order
    cannot be read. That is told of too, and the others go on.

    The activity list names no client order id. Where no trade knows the broker's order id, the order itself is read:
    it may be ours, from a call whose answer was lost, and must not be taken for one that was placed outside.
    """
    ledger = desk.ledger
    for row in listed:
        if isinstance(row, Quarantined):
            await desk.ask(quarantine, ledger, key, "FILL_REJECTED", row)
    fills = [row for row in listed if not isinstance(row, Quarantined)]
    told = [fill_to_record(fill, "activities") for fill in fills]
    missed: list[datetime] = []
    refused = False
    for missing in await desk.ask(ledger.unrecorded_fills, key, told) if told else []:
        fill = fills[missing.index]
        order = None if missing.order_known else await _order_at(desk, key, broker, fill.broker_order_id)
        if isinstance(order, Quarantined):
            refused = True
            continue
        try:
            if await desk.ask(record_fill, ledger, key, fill, "activities", order):
                missed.append(fill.executed_at)
        except LedgerRefused as error:
            refused = True
            await desk.ask(quarantine, ledger, key, "FILL_REJECTED", Quarantined(str(error), repr(fill)))
    return tuple(missed), refused


async def _compare_orders(desk: Desk, key: UUID, broker: Broker) -> None:
    """Every order that works at the broker, as it is there; one that we did not place is adopted at once.

    One that works here and is not listed there is asked for by its id, and what took its place too. Of one that the
    broker does not know at all nothing is assumed: that is told.
    """
    ledger = desk.ledger
    # Ours first: what is sent after this read may be listed, and is then known all the same.
    working = {order.broker_order_id: order for order in await desk.ask(ledger.working_orders, key)}
    listed: set[str] = set()
    for row in await broker.open_orders():
        if isinstance(row, Quarantined):
            await desk.ask(quarantine, ledger, key, "ORDER_REJECTED", row)
            continue
        for order in _family(row):
            listed.add(order.broker_order_id)
            try:
                await desk.ask(record_order, ledger, key, order, None, adopt=True)
            except LedgerRefused as error:
                refused = Quarantined(str(error), f"order {order.broker_order_id} of {order.symbol}")
                await desk.ask(quarantine, ledger, key, "ORDER_REJECTED", refused)
    for gone in (order for number, order in working.items() if number not in listed):
        seen = await _order_at(desk, key, broker, gone.broker_order_id)
        if isinstance(seen, Quarantined):
            continue
        if seen is None:
            numbers = {"account": str(key), "trade": str(gone.trade_id), "broker_order": gone.broker_order_id}
            said = "The broker does not know an order that works here. Nothing is assumed; compare with the broker."
            name = f"order-not-at-broker|{key}|{gone.broker_order_id}"
            await desk.ask(ledger.raise_alert, "ORDER_NOT_AT_BROKER", "critical", said, numbers, name)
            continue
        await desk.ask(record_order, ledger, key, seen)
        if seen.replaced_by is not None and seen.replaced_by not in listed:
            successor = await _order_at(desk, key, broker, seen.replaced_by)
            if isinstance(successor, BrokerOrder):
                await desk.ask(record_order, ledger, key, successor, None, adopt=True)


async def _order_at(desk: Desk, key: UUID, broker: Broker, broker_order_id: str) -> BrokerOrder | Quarantined | None:
    """The order as the broker has it; one that cannot be read is told of, and keeps nothing else off the books."""
    try:
        return await broker.order(broker_order_id)
    except BadResponse as error:
        unread = Quarantined(error.text, str(error.numbers["row"]))
        await desk.ask(quarantine, desk.ledger, key, "ORDER_REJECTED", unread)
        return unread


def _family(order: BrokerOrder) -> Iterator[BrokerOrder]:
    yield order
    for child in order.children:
        yield from _family(child)


async def _happened(desk: Desk, key: UUID, broker: Broker) -> list[BrokerActivity | Quarantined] | NotConnected | Final:
    """What the broker lists besides fills; what keeps it from saying so keeps nothing back of fills and orders."""
    since = await desk.ask(desk.ledger.stream_position, ACTIVITIES_WORKER, f"account:{key}")
    try:
        return await broker.activities(_BEGINNING if since is None else since - _ACTIVITY_OVERLAP)
    except BadCredentials:
        raise
    except (NotConnected, Final) as error:
        return error


async def _whole_account(
    desk: Desk,
    key: UUID,
    broker: Broker,
    as_of: datetime,
    run: Literal["startup", "order_sync"] | None,
    happened: list[BrokerActivity | Quarantined] | NotConnected | Final,
) -> None:
    """What the broker says of the account as a whole, as rows; where it cannot be read that is told.

    Positions last, when all is on record that moves them: fills, then expiries, exercises and the like.
    """
    comparing, ledger, stream = desk.comparison, desk.ledger, f"account:{key}"
    started = await desk.ask(comparing.start_reconciliation, key, run, as_of) if run else None
    try:
        if isinstance(happened, NotConnected | Final):
            raise happened
        for row in happened:
            if isinstance(row, Quarantined):
                await desk.ask(quarantine, ledger, key, "ACTIVITY_REJECTED", row)
            elif (key, row.source, row.external_id) not in desk.applied:
                await desk.ask(desk.activities.apply_activity, key, Activity.model_validate(asdict(row)))
                # The ledger counts it once whoever asks; this only saves asking for a week's activities each time.
                desk.applied.add((key, row.source, row.external_id))
        money = SaidAccount.model_validate(asdict(await broker.account()))
        await desk.ask(comparing.record_account_snapshot, key, as_of, money)
        rules = SaidRules.model_validate(asdict(await broker.rules()))
        await desk.ask(comparing.record_account_rules, key, as_of, rules)
        held = [SaidPosition.model_validate(asdict(position)) for position in await broker.positions()]
        found = await desk.ask(
            comparing.record_broker_positions, key, as_of, held, desk.reach.settings.reconcile_gap, started
        )
    except BadCredentials:
        raise
    except (NotConnected, Final) as error:
        _log.warning("account not compared", account=str(key), reason=str(error))
        if started is not None:
            await desk.ask(comparing.finish_reconciliation, started, "failed", {"because": str(error)})
        if isinstance(error, Final):
            await desk.tell(key, error)
        return
    await desk.ask(ledger.record_stream_position, ACTIVITIES_WORKER, stream, as_of)
    if started is not None:
        differing = [row.model_dump(mode="json") for row in found.differences]
        summary = {"positions": len(held), "differences": differing, "opened": found.opened, "closed": found.closed}
        await desk.ask(comparing.finish_reconciliation, started, "broken" if differing else "clean", summary)
    for difference in found.differences:
        _log.warning("position differs", account=str(key), **difference.model_dump(mode="json"))
