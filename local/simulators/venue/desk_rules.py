"""How one broker's desk differs from another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRules:
    """`name` begins the ids made here.

    unique_client_ids: a client order id is taken once, and one is made where none is given.
    close_without_position: what becomes of a closing leg where nothing is held: refused, or turned into an opening
    one with the warning closing_with_no_position.
    fees_at: with each fill, or as one fee per day at the close.
    wash_trades: whether orders of the account that could trade with one another are taken.
    replaces_unrouted: whether an order that waits for a session can be replaced.
    leg_by_leg: legs of one execution are told one by one, a market beat apart.
    """

    name: str
    unique_client_ids: bool = True
    close_without_position: Literal["refuse", "open"] = "refuse"
    fees_at: Literal["fill", "close"] = "close"
    wash_trades: bool = False
    settled_cash_only: bool = False
    replaces_unrouted: bool = False
    leg_by_leg: bool = False
