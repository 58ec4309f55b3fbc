"""Every page in both themes, as axe sees it, and as wide as a phone: nothing may hang over the edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.cli.demo_trader import DemoTrader
from local.stack import PROJECT
from tests.e2e.browser import PHONE, Watched
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.pages import BEFORE_SIGN_IN, PAGES, THEMES

AXE = PROJECT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def _violations(page: Page) -> list[str]:
    # Playwright's own world of the page: the Content-Security-Policy stays as it is.
    found: dict[str, Any] = page.evaluate(
        "async ([source, tags]) => { const load = new Function(source + '; return axe'); "
        "return await (window.axe ??= load()).run(document, { runOnly: tags }); }",
        [AXE.read_text(), RULES],
    )
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def _settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    expect(page.locator("[aria-label='Loading the page']")).to_have_count(0)


@pytest.mark.parametrize("theme", THEMES)
def test_page_when_seen_by_axe_then_no_violation(
    opened: Callable[..., Watched], demo: DemoTrader, market: Market, theme: str
) -> None:
    market.step(3)
    page = opened(color_scheme=theme, bypass_csp=True).page()
    found = {}
    for path in BEFORE_SIGN_IN:
        page.goto(path)
        _settled(page)
        found[path] = _violations(page)
    sign_in(page, demo)
    for path, name in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        _settled(page)
        found[path] = _violations(page)
    assert {path: broken for path, broken in found.items() if broken} == {}


def test_page_when_the_screen_is_a_phone_then_nothing_hangs_over_its_edge(
    opened: Callable[..., Watched], demo: DemoTrader, market: Market
) -> None:
    del market
    page = opened(viewport=PHONE, is_mobile=True, has_touch=True).page()
    sign_in(page, demo)
    wide = {}
    for path, name in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        _settled(page)
        wide[path] = page.evaluate(TOO_WIDE)
    assert {path: pixels for path, pixels in wide.items() if pixels > 0} == {}
