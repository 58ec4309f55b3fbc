"""The risk table is made from the rules, and is never stale."""

from __future__ import annotations

import runpy
from pathlib import Path

from functions.risk.assess import RULES

ROOT = Path(__file__).resolve().parents[3]


def test_risk_docs_when_the_rules_change_then_the_page_is_made_again() -> None:
    made = runpy.run_path(str(ROOT / "scripts" / "generate_risk_docs.py"))["page"]()
    written = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
    assert written == made, "docs/risk.md is stale: run `python -m scripts.generate_risk_docs`"


def test_risk_docs_when_read_then_every_denial_code_is_there() -> None:
    written = (ROOT / "docs" / "risk.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in written for rule in RULES for code in rule.denials)
