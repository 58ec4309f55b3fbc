"""Entry points of `risk`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.errors import BadInput
from functions.core.events import TradePlaced
from functions.core.handling import delivered
from functions.core.ports import ports
from functions.core.runtime import event_of
from functions.risk.judging import Judge


@delivered
def check_trade(message: Any) -> None:
    """Topic trade-signals: judges every pending trade of the account, in the order they were placed.

    All of them, because an earlier one whose message was lost must be judged before a later one takes its room.
    """
    event = event_of(message)
    if not isinstance(event, TradePlaced):
        raise BadInput("WRONG_EVENT", f"expected trade.placed, was {event.type}")
    Judge(ports("risk")).judge_pending(event.data.broker_account_id)


@delivered
def check_pending(_message: Any) -> None:
    """Schedule: pending trades that no message brought here."""
    Judge(ports("risk")).judge_pending(None)
