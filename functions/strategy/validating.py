"""Whether a version of a strategy can decide at all: it is built as the engine builds it, and the verdict is kept.

A version that is found valid takes effect; until then the one before it goes on deciding.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from functions.core.errors import AgentTraderError, BadInput
from functions.core.ledger.lifecycle import LifecycleLedger, ProblemToRecord, VersionToValidate
from functions.core.log import logger
from functions.strategy.catalogue import Problem, examine
from functions.strategy.interface import Strategy

_log = logger("strategy")
_MOST_TEXT: Final = 500
"""Characters of a problem's text: what was found may be as long as a config is."""


def validate_due(ledger: LifecycleLedger, strategy: UUID | None = None) -> int:
    """Gives every version that waits for a verdict one, of a strategy or of all; returns how many.

    A version whose verdict cannot be kept does not hold up the others; the first error is raised when all had their
    turn.
    """
    failed: list[AgentTraderError] = []
    versions = ledger.versions_to_validate(strategy)
    for version in versions:
        try:
            _validate(ledger, version)
        except AgentTraderError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return len(versions)


def _validate(ledger: LifecycleLedger, version: VersionToValidate) -> None:
    problems, inputs = _verdict(version)
    known_bad = {problem.text for problem in problems if problem.field == "symbols"}
    wanted = [*version.symbols, *(_named(inputs) if inputs else ())]
    for symbol in ledger.untradable_symbols(wanted):
        if not any(repr(symbol) in text for text in known_bad):
            said = f"symbols: expected symbols that a linked broker lists as tradable, was {symbol!r}"
            problems.append(Problem("symbols", "UNKNOWN_SYMBOL", said))
    effective = ledger.record_validation(
        version,
        [ProblemToRecord(field=one.field, code=one.code, text=one.text[:_MOST_TEXT]) for one in problems],
        None if problems else inputs,
    )
    _log.info(
        "validated",
        strategy=str(version.strategy_id),
        version=version.strategy_version,
        problems=[problem.code for problem in problems],
        effective=effective,
    )


def _verdict(version: VersionToValidate) -> tuple[list[Problem], dict[str, Any] | None]:
    """Everything that is wrong with the version, or what it needs."""
    try:
        found = examine(version.kind, {**version.config, "timeframe": version.timeframe}, version.symbols)
        if not isinstance(found, Strategy):
            return found, None
        return [], found.inputs().data()
    except BadInput as error:
        return [Problem(str(error.numbers.get("field", "config")), error.code, error.text)], None
    except AgentTraderError:
        raise
    except Exception as error:  # noqa: BLE001 - a plug-in is somebody else's code: what it raises is its verdict
        said = f"kind: {version.kind!r} cannot be built with this config ({error!r}); tell who wrote it"
        return [Problem("kind", "STRATEGY_BROKEN", said)], None


def _named(inputs: dict[str, Any]) -> list[str]:
    return [*inputs["symbols"], *(chain["underlying"] for chain in inputs["chains"])]
