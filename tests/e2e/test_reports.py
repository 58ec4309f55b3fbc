"""Stories of the reports: a session's, by strategy and symbol, corrected and saved."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from local.stack import Stack
from tests.e2e.browser import Watched
from tests.e2e.conftest import sign_in
from tests.e2e.market import DAY, Market
from tests.e2e.people import Person


def _report(connection: psycopg.Connection[Any], person: Person) -> None:
    """The session's report of the account, as the schedule has it written after the close."""
    connection.execute("select public.write_daily_report(%s, %s)", [person.account, DAY])


def test_report_when_it_was_corrected_then_its_versions_say_what_changed_and_the_file_has_the_ledgers_rows(
    opened: Callable[..., Watched], stack: Stack, trader: Person, newcomer: Person, market: Market
) -> None:
    device = opened()
    page: Page = device.page()
    sign_in(page, trader, "/reports")
    expect(page.get_by_text("No session was reported yet.")).to_be_visible()
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for quantity in ("4", "3"):
            bought = trader.api.place(trader.account, quantity, None)
            market.step_until(lambda bought=bought: trader.api.status(bought) == "filled", 5)  # type: ignore[misc]
            _report(connection, trader)
        lines = connection.execute(
            "select d.symbol, d.quantity, d.realised_pnl from public.daily_pnl_report_details as d"
            " join public.daily_pnl_reports as r on r.id = d.report_id and r.report_version = d.report_version"
            " where r.broker_account_id = %s",
            [trader.account],
        ).fetchall()
        written = connection.execute(
            "select written_at from public.daily_pnl_report_versions where user_id = %s", [trader.id]
        ).fetchall()
    assert len(written) == 2
    assert all(at < datetime.now(UTC) for (at,) in written)
    # The rows come by themselves, the corrected one too.
    row = page.get_by_role("row").filter(has_text=DAY)
    expect(row).to_be_visible()
    page.get_by_role("button", name=f"Open the report of {DAY}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row").filter(has_text="SPY")).to_contain_text("7")
    versions = dialog.get_by_role("region", name="Versions")
    expect(versions.get_by_text("Version 2")).to_be_visible()
    expect(versions.get_by_text("as first written")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="CSV").click()
    with open(download.value.path(), encoding="utf-8", newline="") as file:
        saved = list(csv.DictReader(file))
    assert [(one["symbol"], Decimal(one["quantity"]), Decimal(one["realised_pnl"])) for one in saved] == lines

    another = opened().page()
    sign_in(another, newcomer, "/reports")
    expect(another.get_by_text("No session was reported yet.")).to_be_visible()
