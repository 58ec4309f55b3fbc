"""Cancels that were asked for and that the broker has not confirmed."""

from __future__ import annotations

from functions.brokers.errors import NotConnected, NotSent, OutcomeUnknown, Rejected
from functions.core.errors import Final, Temporary
from functions.core.log import logger
from functions.execute.submitting import Desk
from functions.execute.verifying import verified_broker

_log = logger("execute")


async def cancel_due(desk: Desk) -> int:
    """Asks for each cancel that is due; asking twice is safe. The order's end comes by the stream or by sync.

    A broker that does not answer is asked again by the next sweep: the trade stays `cancel_pending`, and nothing is
    assumed.
    """
    due = await desk.ask(desk.ledger.cancel_orders_due)
    for cancel in due:
        try:
            broker = await verified_broker(desk, cancel.broker_account_id)
            await desk.at_broker("broker.cancel", lambda: broker.cancel(cancel.broker_order_id))  # noqa: B023 - awaited at once
        except (NotConnected, NotSent, OutcomeUnknown, Final) as error:
            _log.warning("cancel not confirmed", trade=str(cancel.trade_id), reason=str(error))
            # One account that does not work must not keep the others' cancels from their brokers.
            if isinstance(error, Final) and not isinstance(error, Rejected):
                await desk.tell(cancel.broker_account_id, error)
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            await desk.tell_mistake(cancel.broker_account_id, error, "a cancel")
    return len(due)
