"""What a desk says no with, before an order exists: a reason that each broker words in its own way."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

Reason = Literal[
    "bad_order",
    "unknown_symbol",
    "duplicate_client_order_id",
    "market_closed",
    "off_tick",
    "trading_blocked",
    "closing_only",
    "shorting_not_allowed",
    "fractional_short",
    "options_level",
    "uncovered",
    "intent_mismatch",
    "no_position",
    "insufficient_quantity",
    "insufficient_buying_power",
    "unsettled_cash",
    "wash_trade",
    "expiring_contract",
    "no_price",
    "not_found",
    "not_cancelable",
    "not_replaceable",
    "cannot_exercise",
]


class DeskRefusal(Exception):
    """`numbers` are what the reason is about, by name; `related` are the orders that stand in the way.

    insufficient_quantity has requested, existing and held; insufficient_buying_power has available and cost;
    options_level has level and needed; not_found, intent_mismatch and no_position name the `symbol` where there is
    one.
    """

    def __init__(
        self,
        reason: Reason,
        text: str,
        *,
        symbol: str | None = None,
        related: tuple[str, ...] = (),
        **numbers: Decimal,
    ) -> None:
        super().__init__(reason, text)
        self.reason: Reason = reason
        self.text = text
        self.symbol = symbol
        self.related = related
        self.numbers = numbers
