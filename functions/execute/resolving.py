"""Orders whose outcome is unknown: the broker is asked by client order id before anything is sent again.

The waiting is rows: each look is an attempt in the ledger, which says when the next one is due and when an order that
was never seen is believed not to be there. Whoever calls here does what is due by then.
"""

from __future__ import annotations

import time
from uuid import UUID

from functions.brokers.errors import NotConnected
from functions.brokers.orders import FINAL_STATES, BrokerOrder
from functions.brokers.protocol import Broker
from functions.core.errors import Final, Temporary
from functions.core.ledger.executing import ClaimedOrder, Doubt
from functions.core.log import logger
from functions.core.runtime import owner
from functions.core.settings import Settings
from functions.execute.submitting import Desk
from functions.execute.verifying import verified_broker
from functions.execute.witnessing import record_order

_log = logger("execute")


async def resolve_unknown(desk: Desk, account: UUID | None = None) -> int:
    """Asks the broker for every order that nobody has an answer for and that is due; returns how many were asked for.

    Found: it is adopted; more than one, where the broker takes an id twice: the others are cancelled and told. Not
    found: doubted for a while, looked for again. Believed not to be there, and still in time: sent again, under the
    same client order id where the broker takes one once, else under one of its own. Believed, and too late, or a gate
    was closed meanwhile: not sent. No answer, or one that cannot be read: it stays unknown.
    """
    settings = desk.reach.settings
    claimed = await desk.ask(
        desk.ledger.claim_unresolved,
        owner(),
        settings.order_lease,
        account,
        first_seconds=settings.lookup_first,
        longest_seconds=settings.lookup_longest,
    )
    failure: Final | None = None
    for order in claimed:
        try:
            broker = await verified_broker(desk, order.broker_account_id)
            found = await _look(desk, broker, order)
        except (NotConnected, Final) as error:
            _log.warning("still unknown", trade=str(order.trade_id), reason=str(error))
            await desk.attempted(order, "unknown", str(error))
            if isinstance(error, Final):
                await desk.tell(order.broker_account_id, error)
            continue
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake that one order meets keeps no other from being found
            await desk.tell_mistake(order.broker_account_id, error, "the look for an order")
            await desk.attempted(order, "unknown", type(error).__name__)
            continue
        try:
            await _decide(desk, broker, order, found)
        except Final as error:
            # Its attempt stays open or the trade unknown: it is asked for again, and the others have their turn.
            _log.error("not resolved", trade=str(order.trade_id), code=error.code, reason=error.text)
            failure = error
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            failure = await desk.tell_mistake(order.broker_account_id, error, "an order whose outcome is unknown")
    if failure is not None:
        raise failure
    return len(claimed)


async def _look(desk: Desk, broker: Broker, order: ClaimedOrder) -> list[BrokerOrder]:
    """Every order at the broker that one of our sendings may have made, the one to keep first."""
    if broker.capabilities.deduplicates:
        one = await desk.at_broker("broker.find_order", lambda: broker.find_order(order.client_order_id))
        return [] if one is None else [one]
    found: dict[str, BrokerOrder] = {}
    for name in order.sent_as or (order.client_order_id,):
        for one in await desk.at_broker("broker.find_orders", lambda: broker.find_orders(name)):  # noqa: B023 - awaited at once
            found[one.broker_order_id] = one
    # What is filled cannot be taken back, so that one is the order; then what works; what is over is only told of.
    return sorted(found.values(), key=lambda one: (-one.filled_quantity, one.state in FINAL_STATES, one.updated_at))


async def _decide(desk: Desk, broker: Broker, order: ClaimedOrder, found: list[BrokerOrder]) -> None:
    if found:
        await desk.adopt(order, found[0])
        for surplus in found[1:]:
            # Under a name of a trade that has its order: the ledger has it cancelled, halts, and tells.
            await desk.ask(record_order, desk.ledger, order.broker_account_id, surplus)
        return
    since = time.monotonic()
    settings = desk.reach.settings
    unseen = await desk.ask(
        desk.ledger.claim_resend,
        order.trade_id,
        order.attempt,
        desk.reach.clock.now(),
        owner(),
        settings.order_lease,
        doubt_of(settings, deduplicates=broker.capabilities.deduplicates),
    )
    if unseen.look_again:
        _log.info("not seen, looked for again", trade=str(order.trade_id), attempt=order.attempt)
    elif unseen.order is not None:
        await desk.send(broker, unseen.order, since)
    else:
        await desk.not_placed(order, unseen.refusal or "")


def doubt_of(settings: Settings, *, deduplicates: bool) -> Doubt:
    """How long a broker that does not show an order is doubted.

    Where it takes an id once, a mistake costs nothing but a refusal: it is asked for long enough that its lists have
    caught up. Where it does not, a mistake is a second order: clean reads with time between them, after the last moment
    at which the request may have taken effect.
    """
    if deduplicates:
        return Doubt(patience=settings.lookup_patience)
    return Doubt(settle=settings.request_lifetime, gap=settings.clean_read_gap)
