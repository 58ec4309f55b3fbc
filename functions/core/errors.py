"""The error tree. Every error has a stable code, a sentence that says what to do, and the numbers it saw.

    AgentTraderError
    +-- Temporary            the same call may succeed later; nothing was changed, retry with backoff
    |   +-- Unavailable      a part we depend on did not answer
    +-- Final                the same call will fail again
        +-- BadInput         what came in is not valid; names the field, what was expected and what was found
        +-- Misconfigured    a setting, a file or a tool is missing or wrong
        +-- Refused          a rule said no (state machine, gate, limit, ownership)
        +-- NotAuthorised    the caller may not do this
        +-- Mistake          an error of a kind that nobody expected: ours

The broker's errors (`functions.brokers.errors`) and the ledger's (`functions.core.ledger.errors`) hang on this tree.
"""

from __future__ import annotations

from typing import Any


class AgentTraderError(Exception):
    """Base of every typed error: `code` is stable, `text` is for people, `numbers` is what was seen.

    Printed as ``CODE: text (key=value, key=value)``.
    """

    def __init__(self, code: str, text: str, **numbers: Any) -> None:
        super().__init__(code, text, numbers)
        self.code = code
        self.text = text
        self.numbers = numbers

    def __str__(self) -> str:
        seen = ", ".join(f"{key}={value}" for key, value in self.numbers.items())
        return f"{self.code}: {self.text}" + (f" ({seen})" if seen else "")


class Temporary(AgentTraderError):
    """The same call may succeed later."""


class Unavailable(Temporary):
    """A part we depend on did not answer."""


class Final(AgentTraderError):
    """The same call will fail again."""


class BadInput(Final):
    """What came in is not valid."""


class Misconfigured(Final):
    """A setting, a file or a tool is missing or wrong."""


class Refused(Final):
    """A rule said no."""


class NotAuthorised(Final):
    """The caller may not do this."""


class Mistake(Final):
    """An error of a kind that nobody expected: ours. What it was is in the log, whole."""
