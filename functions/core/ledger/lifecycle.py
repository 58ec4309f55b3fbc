"""What the life of a strategy asks of the ledger: verdicts on its versions, and whether it still decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from functions.core.ledger.part import LedgerPart, Row


class VersionToValidate(Row):
    """A version of a strategy that waits for a verdict, as it was written."""

    strategy_id: UUID
    strategy_version: int
    kind: str
    config: dict[str, Any]
    symbols: list[str]
    timeframe: str


class Watched(Row):
    """What one look at the active strategies found: how many fell silent, how many were heard again or stopped."""

    silent: int
    heard: int


class ProblemToRecord(Row):
    """One thing that is wrong with a version: the field, a stable code, and a sentence."""

    field: str
    code: str
    text: str


_VERSIONS = TypeAdapter(list[VersionToValidate])
_SYMBOLS = TypeAdapter(list[str])


class LifecycleLedger(LedgerPart):
    """Versions that wait for a verdict, the verdicts, and the watch over those that are active."""

    def versions_to_validate(self, strategy: UUID | None = None) -> list[VersionToValidate]:
        """Versions that wait for a verdict, of one strategy or of all; the oldest first, at most a hundred."""
        said = {"p_strategy_id": str(strategy) if strategy else None}
        return _VERSIONS.validate_python(self._call("versions_to_validate", said))

    def untradable_symbols(self, symbols: Sequence[str]) -> list[str]:
        """Which of the symbols the ledger does not know as tradable, in order."""
        return _SYMBOLS.validate_python(self._call("untradable_symbols", {"p_symbols": list(symbols)}))

    def record_validation(
        self, version: VersionToValidate, problems: Sequence[ProblemToRecord], inputs: dict[str, Any] | None
    ) -> int | None:
        """Keeps the verdict: valid where there is no problem. Returns which version of the strategy is in effect."""
        answer = self._call(
            "record_validation",
            {
                "p_strategy_id": str(version.strategy_id),
                "p_version": version.strategy_version,
                "p_valid": not problems,
                "p_problems": [problem.model_dump(mode="json") for problem in problems],
                "p_inputs": inputs,
            },
        )
        effective: int | None = answer["effective_version"]
        return effective

    def prune_stay_decisions(self, limit: int = 5000) -> int:
        """Removes decisions not to trade that were kept long enough, at most so many; returns how many went."""
        removed: int = self._call("prune_stay_decisions", {"p_limit": limit})
        return removed

    def watch_strategies(self, now: datetime) -> Watched:
        """Tells of active strategies that have not decided for some bars in session by `now`, each time once."""
        return Watched.model_validate(self._call("watch_strategies", {"p_now": now.isoformat()}))
