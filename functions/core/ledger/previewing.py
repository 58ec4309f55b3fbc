"""What `risk` asks of the ledger to preview an order, and how it learns who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from functions.core.errors import NotAuthorised
from functions.core.ledger.errors import LedgerUnavailable, from_answer
from functions.core.ledger.judging import Approval, RiskBook, RuleVerdict
from functions.core.ledger.part import LedgerPart, Row
from functions.core.money import text
from functions.core.settings import Settings

_BEARER = "Bearer "


class PlacingRefusal(Row):
    """Why the order would not be placed at all: `hint` says what to do."""

    code: str
    text: str
    hint: str
    numbers: dict[str, Any]


class PreviewApproval(Approval):
    """What `approve_trade` would answer; `refusal` is what its re-check found: code and numbers."""

    refusal: dict[str, Any] | None = None


class PreviewedOrder(Row):
    """The book of an order that is not placed, or why it would not be; `approval` where a verdict was given."""

    book: RiskBook | None = None
    refused: PlacingRefusal | None = None
    approval: PreviewApproval | None = None


class PreviewLedger(LedgerPart):
    """Orders as they would be placed and approved; nothing of them remains."""

    def preview(self, user: UUID, order: Mapping[str, Any], at: datetime) -> PreviewedOrder:
        """The book that the order would be judged by at `at` (event time)."""
        said = {"p_user_id": str(user), "p_order": dict(order), "p_at": at.isoformat()}
        return PreviewedOrder.model_validate(self._call("preview_book", said))

    def recheck(
        self,
        user: UUID,
        order: Mapping[str, Any],
        at: datetime,
        verdicts: Sequence[RuleVerdict],
        marks: Mapping[str, Decimal],
        quantity: Decimal | None,
        seen: str,
    ) -> PreviewedOrder:
        """The same with what the ledger's own re-check under lock would answer to the verdict."""
        said = {
            "p_user_id": str(user),
            "p_order": dict(order),
            "p_at": at.isoformat(),
            "p_verdict": {
                "decisions": [verdict.model_dump(mode="json") for verdict in verdicts],
                "marks": {symbol: text(mark) for symbol, mark in marks.items()},
                "quantity": None if quantity is None else text(quantity),
                "seen": seen,
            },
        }
        return PreviewedOrder.model_validate(self._call("preview_book", said))


def previewing_user(configuration: Settings, authorization: str | None) -> UUID:
    """Whose token this is, by the ledger's own word: it checks the signature, the time and the scopes.

    Raises NotAuthorised, LedgerRefused with what the ledger says, and LedgerUnavailable.
    """
    import httpx
    from postgrest import SyncPostgrestClient
    from postgrest.exceptions import APIError

    if authorization is None or not authorization.startswith(_BEARER):
        raise NotAuthorised("NO_TOKEN", "send your own token as `Authorization: Bearer ...`")
    # One for each call, never shared: a client carries the token of whoever asked.
    headers = {"apikey": configuration.publishable_key, "Authorization": authorization}
    url = f"{configuration.supabase_url}/rest/v1"
    try:
        with SyncPostgrestClient(url, headers=headers, timeout=configuration.ledger_timeout) as client:
            return UUID(str(client.rpc("preview_user", {}).execute().data))
    except APIError as error:
        raise from_answer("preview_user", error.code, error.message, error.details, error.hint) from error
    except httpx.HTTPError as error:
        raise LedgerUnavailable("LEDGER_UNAVAILABLE", f"preview_user: the ledger did not answer: {error!r}") from error
