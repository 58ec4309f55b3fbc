"""Orders whose outcome is unknown: the broker is asked by client order id before anything is sent again."""

from __future__ import annotations

from functions.brokers.errors import NotConnected
from functions.brokers.orders import BrokerOrder
from functions.brokers.protocol import Broker
from functions.core.errors import Final
from functions.core.ledger.executing import ClaimedOrder
from functions.core.log import logger
from functions.core.runtime import owner
from functions.execute.submitting import Desk

_log = logger("execute")


async def resolve_unknown(desk: Desk) -> int:
    """Asks the broker for every order that nobody has an answer for; returns how many were looked at.

    Found: it is adopted. Not found, and still in time: the same order is sent again under the same client order id,
    which the broker takes at most once. Not found, and too late, or a gate was closed meanwhile: it is not sent. No
    answer, or one that cannot be read: it stays unknown.
    """
    claimed = await desk.ask(desk.ledger.claim_unresolved, owner(), desk.reach.settings.order_lease)
    failure: Final | None = None
    for order in claimed:
        try:
            broker = await desk.ask(desk.accounts.broker, order.broker_account_id)
            found = await desk.at_broker("broker.find_order", lambda: broker.find_order(order.client_order_id))  # noqa: B023 - awaited at once
        except (NotConnected, Final) as error:
            _log.warning("still unknown", trade=str(order.trade_id), reason=str(error))
            if isinstance(error, Final):
                await desk.tell(order.broker_account_id, error)
            continue
        try:
            await _decide(desk, broker, order, found)
        except Final as error:
            # Its attempt stays open or the trade unknown: it is asked for again, and the others have their turn.
            _log.error("not resolved", trade=str(order.trade_id), code=error.code, reason=error.text)
            failure = error
    if failure is not None:
        raise failure
    return len(claimed)


async def _decide(desk: Desk, broker: Broker, order: ClaimedOrder, found: BrokerOrder | None) -> None:
    if found is not None:
        await desk.adopt(order, found)
        return
    refusal = await desk.ask(desk.ledger.claim_resend, order.trade_id, order.attempt, desk.reach.clock.now())
    if refusal is not None:
        await desk.not_placed(order, refusal)
    else:
        await desk.send(broker, order)
