"""Stories of a connection that breaks: nothing shown is passed off as new, and no row is missed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import psycopg
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.browser import Watched
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def _raise_alert(stack: Stack, person: Person, text: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "select private.alert(%s, null, 'A_TEST', 'warning', %s, '{}', %s)", [person.id, text, str(uuid4())]
        )


def test_connection_when_lost_and_found_again_then_stale_is_said_and_no_row_is_missed(
    page: Page, stack: Stack, trader: Person
) -> None:
    sign_in(page, trader, "/alerts")
    _raise_alert(stack, trader, "Before the line broke.")
    expect(page.get_by_text("Before the line broke.").first).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("Stale")).to_be_visible()
    for number in range(3):
        _raise_alert(stack, trader, f"Missed number {number}.")
    expect(page.get_by_text("Missed number 0.")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=30_000)
    for number in range(3):
        expect(page.get_by_role("main").get_by_text(f"Missed number {number}.")).to_be_visible()


def test_tab_when_there_is_a_second_one_and_a_second_device_then_all_agree(
    opened: Callable[..., Watched], stack: Stack, trader: Person
) -> None:
    device, another = opened(), opened()
    first = device.page()
    sign_in(first, trader, "/alerts")
    second = device.page()
    second.goto("/alerts")
    third = another.page()
    sign_in(third, trader, "/alerts")
    for page in (first, second, third):
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
    _raise_alert(stack, trader, "All three see this.")
    for page in (first, second, third):
        expect(page.get_by_role("main").get_by_text("All three see this.")).to_be_visible()
