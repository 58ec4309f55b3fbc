"""docs/brokers.md has the table that the adapters make."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_brokers_page_when_made_from_the_adapters_then_it_is_the_one_in_docs() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "generate_brokers_docs.py"))["page"]
    written = (ROOT / "docs" / "brokers.md").read_text(encoding="utf-8")
    assert page(written) == written, "docs/brokers.md is stale: run `python -m scripts.generate_brokers_docs`"
    with pytest.raises(ValueError, match="no place"):
        page("a page without a place for it")
