"""Entry points of `relay`: thin; each proves or decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.handling import answered, delivered
from functions.core.ports import ports
from functions.core.runtime import require_webhook_secret
from functions.relay.publishing import publish_outbox


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
