"""Entry points of `relay`: thin; each proves or decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.handling import answered, delivered
from functions.core.ledger.relaying import OutboxLedger
from functions.core.ports import ports
from functions.core.runtime import require_webhook_secret
from functions.relay import dead_letters
from functions.relay.publishing import publish_outbox

# A night's worth of events goes in a few rounds; what is left goes an hour later.
_PRUNING_ROUNDS = 50


@answered
def relay_outbox(request: Any) -> dict[str, Any]:
    """Webhook of the outbox: publishes what is there. The body says nothing; the rows do."""
    reach = ports("relay")
    require_webhook_secret(request.headers, reach.settings)
    return {"published": publish_outbox(reach)}


@delivered
def relay_unpublished(_message: Any) -> None:
    """Schedule: publishes what no webhook brought out."""
    publish_outbox(ports("relay"))


@delivered
def prune_outbox(_message: Any) -> None:
    """Schedule: removes published events and handled ids that were kept long enough, some at a time."""
    ledger = OutboxLedger(ports("relay").ledger)
    for _ in range(_PRUNING_ROUNDS):
        if not ledger.prune_outbox():
            return


@delivered
def keep_dead_letter(message: Any) -> None:
    """Dead letters of every subscription: keeps what the bus gave up, for an administrator to decide."""
    dead_letters.keep(ports("relay"), message)
