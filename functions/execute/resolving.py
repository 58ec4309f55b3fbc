"""Orders whose outcome is unknown: the broker is asked by client order id before anything is sent again."""

from __future__ import annotations

from functions.brokers.errors import NotConnected
from functions.core.errors import Final
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
    for order in claimed:
        try:
            broker = await desk.ask(desk.accounts.broker, order.broker_account_id)
            found = await desk.at_broker("broker.find_order", lambda: broker.find_order(order.client_order_id))  # noqa: B023 - awaited at once
        except (NotConnected, Final) as error:
            _log.warning("still unknown", trade=str(order.trade_id), reason=str(error))
            if isinstance(error, Final):
                await desk.tell(order.broker_account_id, error)
            continue
        if found is not None:
            await desk.adopt(order, found)
            continue
        refusal = await desk.ask(desk.ledger.claim_resend, order.trade_id, order.attempt, desk.reach.clock.now())
        if refusal is not None:
            await desk.not_placed(order, refusal)
        else:
            await desk.send(broker, order)
    return len(claimed)
