"""What can go wrong at a broker, told apart by what it means for the order.

Rejected        final: the broker said no, nothing is working
NotSent         temporary: nothing was sent or nothing was accepted; the same call may be made again
OutcomeUnknown  it may be live: ask by client order id before anything else is sent
Unsupported     final: this broker cannot do that; nothing was sent
BadResponse     final for this row: the broker's answer could not be read
"""

from __future__ import annotations

from functions.core.errors import AgentTraderError, BadInput, NotAuthorised, Refused, Temporary


class Rejected(Refused):
    """The broker refused the order; `code` is the broker's own."""


class NotSent(Temporary):
    """Nothing was sent, or nothing was accepted. `retry_after` is seconds, None where the broker did not say."""

    def __init__(self, code: str, text: str, retry_after: float | None = None) -> None:
        super().__init__(code, text)
        self.retry_after = retry_after


class OutcomeUnknown(AgentTraderError):
    """The call ended without an answer: the order may be live."""


class Unsupported(BadInput):
    """The broker cannot do what was asked; nothing was sent."""


class NotConnected(Temporary):
    """A read could not be made; nothing was changed."""


class NoBars(NotConnected):
    """The feed answers, and tells no bars at present."""


class BadCredentials(NotAuthorised):
    """The broker does not accept the account's keys."""


class BadResponse(BadInput):
    """A row of the broker's answer could not be read; `row` is what it was, shortened.

    `symbol` where it is known; `no_market` where it is a quote with a side of zero or crossed sides.
    """

    def __init__(self, text: str, row: object, *, symbol: str = "", no_market: bool = False) -> None:
        super().__init__("BAD_BROKER_ROW", text, row=repr(row)[:500])
        self.symbol = symbol
        self.no_market = no_market
