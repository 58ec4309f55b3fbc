"""A trader who is signed in, in a real browser, on a running local cloud."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright

from benchmarks.dashboard.rows import Positions
from functions.core.errors import Unavailable
from local.cli.people import sign_up
from local.stack import Stack
from tests.e2e.browser import ARGUMENTS, WIDE, chromium

PARTS: Final = ("gateway", "realtime", "edge", "dashboard")
WATCHING: Final = Path(__file__).with_name("watching.js")
_PATIENCE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Trader:
    """Who looks at the dashboard."""

    id: UUID
    email: str
    password: str


@contextmanager
def positions(stack: Stack, name: str, many: int) -> Iterator[tuple[Trader, Positions]]:
    """A new trader with so many positions, and a connection of the database owner's that moves them."""
    email, password = f"{name}@example.com", secrets.token_urlsafe(12)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("select set_config('app.actor', 'benchmark', false)")
        connection.execute("update private.settings set value = 'open' where name = 'sign_up'")
        trader = Trader(sign_up(stack, email, password), email, password)
        yield trader, Positions(connection, trader.id, many, number=name.upper())


@contextmanager
def browsing(stack: Stack, profile: Path, *, port: int = 0) -> Iterator[BrowserContext]:
    """A Chromium with a profile of its own, which a debugger may join at `port`. Raises Unavailable."""
    with sync_playwright() as playwright:
        context = _launched(playwright, stack, profile, port)
        context.set_default_timeout(_PATIENCE_MS)
        try:
            yield context
        finally:
            context.close()


def _launched(playwright: Playwright, stack: Stack, profile: Path, port: int) -> BrowserContext:
    program = chromium(playwright)
    if program is None:
        raise Unavailable(
            "NO_CHROMIUM", "the dashboard is measured in Chromium: install Debian's package chromium, "
            "or run `playwright install chromium`"
        )  # fmt: skip
    return playwright.chromium.launch_persistent_context(
        profile,
        executable_path=program,
        args=[*ARGUMENTS, *([f"--remote-debugging-port={port}"] if port else [])],
        base_url=stack.url("dashboard"),
        viewport=WIDE,
    )


def signed_in(context: BrowserContext, trader: Trader, to: str) -> Page:
    """The page `to`, live."""
    page = context.new_page()
    page.goto(to)
    page.get_by_label("E-mail").fill(trader.email)
    page.get_by_label("Password").fill(trader.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Live", exact=True).wait_for()
    return page
