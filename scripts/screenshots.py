"""Every page of the dashboard in both themes and on a phone, as pictures: `make screenshots`.

A cloud of its own trades a morning of history with every kind of strategy; what is drawn is what it made. The
pictures go to `screenshots/`, which is not kept. Exit code 3 where there is no Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from local.cli import demo_trader
from local.cli.demo_strategies import demo_plan
from local.conductor.pace import Pace
from local.conductor.replay import Progressed, replay
from local.stack import PORT_OFFSETS, PROJECT, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from tests.e2e.browser import PHONE, WIDE, chromium, launched
from tests.e2e.pages import BEFORE_SIGN_IN, PAGES, THEMES
from tests.machine import free_ports

_DAY = "2018-02-05"
_OPENS_AT = datetime(2018, 2, 5, 14, 30, tzinfo=UTC)
_DRAWN = 1500
"""Milliseconds in which charts have drawn themselves: a picture needs no condition, a person looks at it."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.screenshots", description="Pictures of every page.")
    parser.add_argument("--minutes", type=int, default=90, help="minutes of the market before they are taken")
    parser.add_argument("--only", help="only the pages whose path begins so")
    options = parser.parse_args()
    folder = PROJECT / "screenshots"
    with sync_playwright() as playwright:
        program = chromium(playwright)
        if program is None:
            sys.stderr.write(
                "There is no Chromium: install Debian's package chromium, or run `playwright install chromium`.\n"
            )
            return 3
        state = Path(tempfile.mkdtemp(prefix="agenttrader-screenshots-"))
        try:
            stack = Stack.create(state, free_ports(max(PORT_OFFSETS.values()) + 1))
            with Cloud(stack, setup=Setup(tape=f"sp500:SPY:{_DAY}:{_DAY}", throw_away=True)):
                trader = demo_trader.create(stack, ["SPY"], _OPENS_AT, plan=demo_plan("all"))
                _trade(stack, options.minutes)
                with launched(playwright, program) as browser:
                    shutil.rmtree(folder, ignore_errors=True)
                    folder.mkdir()
                    _take(browser, stack, trader, folder, options.only or "")
        finally:
            shutil.rmtree(state, ignore_errors=True)
    sys.stdout.write(f"{len(list(folder.iterdir()))} pictures in {folder}\n")
    return 0


def _trade(stack: Stack, minutes: int) -> None:
    passed = 0

    def progress(at: Progressed) -> None:
        nonlocal passed
        passed = at.step
        sys.stderr.write(f"\r{at.step} of {minutes} minutes traded ")

    replay(stack, Pace(None), progress=progress, wanted=lambda: passed < minutes)
    sys.stderr.write("\n")


def _take(browser: Browser, stack: Stack, trader: demo_trader.DemoTrader, folder: Path, only: str) -> None:
    for theme in THEMES:
        for device, size in (("", WIDE), ("-phone", PHONE)):
            context = browser.new_context(
                base_url=stack.url("dashboard"), viewport=size, color_scheme=theme, reduced_motion="reduce"
            )
            page = context.new_page()
            for path in BEFORE_SIGN_IN:
                _picture(page, path, folder / f"{path.strip('/')}-{theme}{device}.png", only)
            page.goto("/sign-in")
            page.get_by_label("E-mail").fill(trader.email)
            page.get_by_label("Password").fill(trader.password)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("Live", exact=True).wait_for()
            for path, name in (*PAGES.items(), ("/options/SPY", "Options")):
                _picture(page, path, folder / f"{name.lower()}-{theme}{device}.png", only)
            # What one row leads to.
            _picture(page, "/orders", folder / f"order-{theme}{device}.png", only, opening="tbody tr")
            _picture(
                page, "/strategies", folder / f"strategy-{theme}{device}.png", only, opening="main article a, main li a"
            )
            context.close()


def _picture(page: Page, path: str, file: Path, only: str, opening: str | None = None) -> None:
    if not path.startswith(only):
        return
    page.goto(path)
    page.wait_for_load_state("networkidle")
    if opening is not None:
        page.locator(opening).first.click()
        page.wait_for_load_state("networkidle")
    page.wait_for_timeout(_DRAWN)
    page.screenshot(path=file)
    sys.stderr.write(f"\r{file.name:<40}")


if __name__ == "__main__":
    raise SystemExit(main())
