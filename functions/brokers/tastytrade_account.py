"""tastytrade's balances, positions, trading status and transactions as our shapes, read tolerantly row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from functions.brokers.errors import BadResponse
from functions.brokers.holdings import AccountRules, AccountSnapshot, BrokerActivity, BrokerPosition
from functions.brokers.orders import OrderPreview
from functions.brokers.protocol import Quarantined
from functions.brokers.reading import mapping, moment, number, optional, optional_words, rows, words
from functions.brokers.row_by_row import quarantined
from functions.brokers.tastytrade_symbols import inside
from functions.brokers.tastytrade_wire import identity, optional_identity, signed
from functions.core.errors import BadInput
from functions.core.instruments import OptionSymbol

SOURCE: Final = "activities"
_NO_OPTIONS, _COVERED, _LONG, _SPREADS, _UNCOVERED = range(5)
_LEVELS: Final = {
    "no restrictions": _UNCOVERED,
    "defined risk spreads": _SPREADS,
    "limited": _SPREADS,
    "long options": _LONG,
    "the basics": _LONG,
    "covered and cash secured": _COVERED,
    "no options": _NO_OPTIONS,
}
_FEES: Final = ("commission", "clearing-fees", "regulatory-fees", "proprietary-index-option-fees")
_MONEY: Final = {
    "Dividend": "dividend",
    "Credit Interest": "interest",
    "Debit Interest": "interest",
    "Interest": "interest",
    "Fee": "fee",
    "Balance Adjustment": "fee",
}
_CASH: Final = ("Deposit", "Withdrawal", "Transfer")
_OPTION_EVENTS: Final = {
    "Expiration": "expiry",
    "Assignment": "assignment",
    "Exercise": "exercise",
    "Cash Settled Assignment": "assignment",
    "Cash Settled Exercise": "exercise",
}
_DELIVERIES: Final = ("Assignment", "Exercise", "Buy to Open", "Buy to Close", "Sell to Open", "Sell to Close")
_SHARES_PER_CONTRACT: Final = Decimal(100)


def account(answer: object) -> AccountSnapshot:
    """Cash and net liquidating value are required. Raises BadResponse."""
    row = mapping(answer)
    cash, equity = signed(row, "cash-balance"), signed(row, "net-liquidating-value")
    if cash is None or equity is None:
        raise BadResponse("expected cash-balance and net-liquidating-value", row)
    return AccountSnapshot(
        cash=cash,
        equity=equity,
        buying_power=optional(row, "equity-buying-power"),
        options_buying_power=optional(row, "derivative-buying-power"),
        settled_cash=optional(row, "available-trading-funds"),
        margin_requirement=optional(row, "maintenance-requirement"),
    )


def position(answer: object) -> BrokerPosition | None:
    """A position; None for one that was closed today, which stays listed at zero. Raises BadResponse."""
    row = mapping(answer)
    quantity, direction = number(row, "quantity"), words(row, "quantity-direction")
    if direction == "Zero" or not quantity:
        return None
    if direction not in ("Long", "Short"):
        raise BadResponse(f"quantity-direction must be Long, Short or Zero, was {direction!r}", row)
    return BrokerPosition(
        symbol=inside(row.get("symbol")),
        quantity=abs(quantity) if direction == "Long" else -abs(quantity),
        average_entry_price=number(row, "average-open-price"),
        mark=optional(row, "mark-price"),
    )


def rules(status: object, listed: object, *, is_paper: bool, reads_only: bool = False) -> AccountRules:
    """Who the account is, of its trading status and its row in the customer's list. Raises BadResponse.

    An options level that this version does not know is none at all: too little is asked for rather than too much.
    """
    row, who = mapping(status), mapping(listed)
    kind = optional_words(who, "margin-or-cash")
    blocked = next((text for flag, text in _BLOCKS.items() if _flag(row, flag)), None)
    level = optional_words(row, "options-level") or ""
    is_margin = None if kind is None else kind == "Margin"
    return AccountRules(
        account_number=words(row, "account-number"),
        is_paper=is_paper,
        is_margin=is_margin,
        options_level=_LEVELS.get(level.lower(), _NO_OPTIONS),
        may_short=bool(is_margin),
        closing_only=any(_flag(row, flag) for flag in _CLOSING_ONLY),
        blocked=blocked,
        reads_only=reads_only,
    )


_BLOCKS: Final = {"is-closed": "the account is closed", "is-frozen": "the account is frozen"}
_CLOSING_ONLY: Final = (
    "is-closing-only",
    "is-risk-reducing-only",
    "is-in-margin-call",
    "is-in-day-trade-equity-maintenance-call",
)


def preview(answer: object) -> OrderPreview:
    """What a dry run says. Raises BadResponse."""
    row = mapping(answer)
    effect, fees = row.get("buying-power-effect"), row.get("fee-calculation")
    power = mapping(effect) if effect is not None else {}
    total = signed(mapping(fees), "total-fees") if fees is not None else None
    warnings = [mapping(warning) for warning in rows(row.get("warnings") or [])]
    return OrderPreview(
        buying_power_change=signed(power, "change-in-buying-power"),
        margin_change=signed(power, "change-in-margin-requirement"),
        fees=None if total is None else -total,
        warnings=tuple(str(warning.get("message") or warning.get("code")) for warning in warnings),
    )


def activities(answers: Sequence[object]) -> list[BrokerActivity | Quarantined]:
    """What the transactions say besides fills, in their order.

    The shares that an exercise or assignment moved are booked with the option's own row: a row of theirs that it
    explains is left out, and one that nothing explains is told as it is.
    """
    explained = _explained(answers)
    found: list[BrokerActivity | Quarantined] = []
    for index, answer in enumerate(answers):
        if index in explained:
            continue
        try:
            found.extend(_activities(mapping(answer)))
        except BadResponse as error:
            found.append(quarantined(error, answer))
    return found


def traded_order(answer: object) -> str | None:
    """The order that a Trade row is of. Raises BadResponse."""
    return optional_identity(mapping(answer), "order-id")


def _activities(row: Mapping[str, Any]) -> list[BrokerActivity]:
    found = []
    fees = sum((signed(row, name) or Decimal(0) for name in _FEES), Decimal(0))
    # An estimate is made final within a day or two; a row of the ledger is never changed.
    if fees and row.get("is-estimated-fee") is not True:
        found.append(_activity(row, "fee", suffix=":fees", amount=fees))
    kind = words(row, "transaction-type")
    if kind == "Trade":
        return found
    sub_type = optional_words(row, "transaction-sub-type") or ""
    if kind == "Money Movement":
        return [*found, _money(row, sub_type)]
    if kind == "Receive Deliver":
        return [*found, _delivery(row, sub_type)]
    return [*found, _activity(row, f"{kind}/{sub_type}", amount=signed(row, "net-value"))]


def _money(row: Mapping[str, Any], sub_type: str) -> BrokerActivity:
    amount = signed(row, "value")
    if amount is None:
        raise BadResponse("expected a value of a money movement", row)
    kind = _MONEY.get(sub_type, f"Money Movement/{sub_type}")
    if sub_type in _CASH:
        kind = "deposit" if amount >= 0 else "withdrawal"
    return _activity(row, kind, amount=amount)


def _delivery(row: Mapping[str, Any], sub_type: str) -> BrokerActivity:
    quantity, change = optional(row, "quantity"), _change(row)
    if sub_type in _OPTION_EVENTS and row.get("instrument-type") == "Equity Option":
        kind = _OPTION_EVENTS[sub_type]
        if kind == "expiry":
            return _activity(row, kind, quantity=change)
        amount = signed(row, "value") if sub_type.startswith("Cash Settled") else None
        return _activity(row, kind, quantity=None if quantity is None else abs(quantity), amount=amount)
    if sub_type.startswith("ACAT") and change is not None:
        kind = "transfer_in" if change > 0 else "transfer_out"
        return _activity(row, kind, quantity=change, price=optional(row, "price"))
    return _activity(row, f"Receive Deliver/{sub_type}", quantity=change, amount=signed(row, "net-value"))


def _activity(
    row: Mapping[str, Any],
    kind: str,
    *,
    suffix: str = "",
    quantity: Decimal | None = None,
    amount: Decimal | None = None,
    price: Decimal | None = None,
) -> BrokerActivity:
    symbol = optional_words(row, "symbol")
    underlying = optional_words(row, "underlying-symbol")
    return BrokerActivity(
        source=SOURCE,
        external_id=identity(row, "id") + suffix,
        kind=kind,
        occurred_at=moment(row.get("executed-at"), "executed-at"),
        symbol=None if symbol is None else inside(symbol),
        quantity=quantity,
        amount=amount,
        price=price,
        underlying=None if underlying is None else inside(underlying),
        raw=dict(row),
    )


def _change(row: Mapping[str, Any]) -> Decimal | None:
    """What the row did to the position; None where it names no action."""
    quantity, action = optional(row, "quantity"), optional_words(row, "action")
    if quantity is None or action is None:
        return None
    return abs(quantity) if action.startswith("Buy") else -abs(quantity)


def _flag(row: Mapping[str, Any], name: str) -> bool:
    value = row.get(name)
    if value not in (True, False, None):
        raise BadResponse(f"{name} must be true or false, was {value!r}", row)
    return value is True


def _explained(answers: Sequence[object]) -> set[int]:
    waiting = [expected for answer in answers if (expected := _delivery_of(answer)) is not None]
    explained: set[int] = set()
    for index, answer in enumerate(answers):
        delivered = _delivered(answer)
        if delivered is not None and delivered in waiting:
            waiting.remove(delivered)
            explained.add(index)
    return explained


def _delivery_of(answer: object) -> tuple[str, Decimal, Decimal] | None:
    """What an exercise or assignment moves: the underlying, how many shares, and for how much in all, without signs."""
    if not isinstance(answer, Mapping) or answer.get("transaction-sub-type") not in ("Assignment", "Exercise"):
        return None
    try:
        option = OptionSymbol.parse(inside(answer.get("symbol")))
        shares = abs(number(answer, "quantity")) * _SHARES_PER_CONTRACT
    except BadInput:
        return None  # the shares' own row, or one that is quarantined by itself
    return option.root, shares, shares * option.strike


def _delivered(answer: object) -> tuple[str, Decimal, Decimal] | None:
    if not isinstance(answer, Mapping) or answer.get("instrument-type") != "Equity":
        return None
    is_delivery = answer.get("transaction-type") == "Receive Deliver"
    if not is_delivery or answer.get("transaction-sub-type") not in _DELIVERIES:
        return None
    try:
        return inside(answer.get("symbol")), abs(number(answer, "quantity")), abs(number(answer, "value"))
    except BadInput:
        return None  # quarantined or told with its own row
