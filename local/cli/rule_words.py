"""A rule's verdict for people: its name as docs/risk.md has it, and its numbers with the unit of its limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from functions.risk.assess import OFF, RULES

_RULES: Final = {rule.code: rule for rule in RULES}


def rule_name(code: str) -> str:
    """Its name, as limits and docs say it; the record keeps the code that it denies with."""
    rule = _RULES.get(code)
    return code.lower() if rule is None else rule.name


def numbers_said(code: str, numbers: Mapping[str, Any]) -> str:
    """`key=value key=value (unit)`; of the rules that are off their names."""
    if code == OFF:
        return " ".join(rule_name(each) for each in str(numbers.get("rules", "")).split())
    said = " ".join(f"{name}={value}" for name, value in numbers.items())
    rule = _RULES.get(code)
    return said if rule is None or "limit" not in numbers else f"{said} ({rule.kind.unit})"
