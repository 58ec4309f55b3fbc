"""The stories of the dashboard: a whole local cloud with a market that goes on when told, and a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from local.cli import demo_trader
from local.cli.demo_trader import DemoTrader
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from tests.e2e.browser import PHONE, WIDE, Watched, chromium, launched
from tests.e2e.market import DAY, OPENS_AT, Market
from tests.e2e.people import Person, linked, signed_up
from tests.machine import free_ports, new_folder
from tests.prepared import calendar_cache


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs the stories marked `smoke`, `make e2e` all of them."""
    for item in items:
        if "tests/e2e/" in item.nodeid and item.get_closest_marker("smoke") is None:
            item.add_marker("e2e")


# A loaded machine draws late; what is expected comes or it does not.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def program() -> str:
    """The browser to start."""
    with sync_playwright() as playwright:
        found = chromium(playwright)
    if found is None:
        pytest.skip("no Chromium: install Debian's package chromium, or run `playwright install chromium`")
    return found


# Of one file: Playwright keeps an event loop running in this thread, which tests of other folders could not bear.
@pytest.fixture(scope="module")
def browser(program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright, program) as started:
        yield started


@pytest.fixture(scope="session")
def stack(program: str) -> Iterator[Stack]:
    del program
    folder = new_folder("e2e")
    shutil.copytree(calendar_cache(), folder / "cache")
    made = Stack.create(folder, free_ports(max(PORT_OFFSETS.values()) + 1))
    try:
        setup = Setup(tape=f"sp500:SPY:{DAY}:{DAY}", throw_away=True, extra={"AGENTTRADER_API_RATE_FACTOR": "1000"})
        with Cloud(made, setup=setup):
            yield made
    finally:
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def unhurried(stack: Stack) -> None:
    """All people of all stories sign in from one address: what was counted of them is forgotten."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("delete from private.rate_limits")


@pytest.fixture(scope="session")
def demo(stack: Stack) -> DemoTrader:
    """Whose strategies trade as in `agenttrader demo`, and whose credential reads the market."""
    return demo_trader.create(stack, ["SPY"], OPENS_AT)


@pytest.fixture(scope="session")
def market(stack: Stack, demo: DemoTrader) -> Iterator[Market]:
    del demo
    made = Market(stack)
    made.step(3)
    yield made
    made.close()


@pytest.fixture
def opened(browser: Browser, stack: Stack) -> Iterator[Callable[..., Watched]]:
    """Opens browser contexts, each a device of its own; at the end none may have complained."""
    contexts: list[Watched] = []
    own = {urlsplit(stack.url(part)).netloc for part in ("dashboard", "gateway")}

    def open_one(**options: Any) -> Watched:
        context = browser.new_context(
            base_url=stack.url("dashboard"), **({"viewport": WIDE, "reduced_motion": "reduce"} | options)
        )
        contexts.append(Watched(context, own))
        return contexts[-1]

    yield open_one
    complaints = [complaint for one in contexts for complaint in one.complaints]
    for one in contexts:
        one.context.close()
    assert complaints == []


@pytest.fixture
def page(opened: Callable[..., Watched]) -> Page:
    return opened().page()


@pytest.fixture
def phone(opened: Callable[..., Watched]) -> Page:
    return opened(viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2).page()


@pytest.fixture
def newcomer(stack: Stack) -> Person:
    return signed_up(stack, "newcomer")


@pytest.fixture
def trader(stack: Stack, market: Market) -> Person:
    """With a paper account that is verified."""
    person = linked(stack, "trader")
    market.step_until(lambda: person.api.link_state(person.account) == "verified", 5)
    return person


def sign_in(page: Page, person: Person | DemoTrader, to: str = "/", code: str | None = None) -> None:
    """As a person does, with the code of a second factor where there is one, and waits until the page is live."""
    page.goto(to)
    page.get_by_label("E-mail").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in").click()
    if code is not None:
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
