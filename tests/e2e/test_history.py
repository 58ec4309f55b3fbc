"""The story of what was traded: found again, noted, saved."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser import Watched
from tests.e2e.conftest import sign_in
from tests.e2e.market import Market
from tests.e2e.people import Person

NOTE = 'Bought the dip, "again", too early'


def test_trade_when_noted_then_found_by_its_note_on_another_device_and_saved(
    opened: Callable[..., Watched], trader: Person, market: Market, tmp_path: Path
) -> None:
    bought = trader.api.place(trader.account, "2", None)
    market.step_until(lambda: trader.api.status(bought) == "filled", 5)
    trader.api.cancel(trader.api.place(trader.account, "1", "250.00"))
    page = opened().page()
    sign_in(page, trader, "/history")
    row = page.get_by_role("row").filter(has_text="2 / 2")
    expect(page.get_by_role("row")).to_have_count(3)
    row.get_by_role("button", name="Write a note: buy SPY").click()
    page.get_by_role("dialog").get_by_label("Note").fill(NOTE)
    page.get_by_role("dialog").get_by_role("button", name="Keep the note").click()
    expect(row).to_contain_text(NOTE)

    another = opened().page()
    sign_in(another, trader, "/history")
    another.get_by_label("With a note").check()
    expect(another.get_by_role("row")).to_have_count(2)
    expect(another.get_by_role("row").last).to_contain_text(NOTE)
    another.get_by_label("With a note").uncheck()
    another.get_by_label("Status").select_option("filled")
    expect(another.get_by_role("row")).to_have_count(2)
    another.get_by_label("Status").select_option("")
    another.get_by_label("From (").fill("2018-02-06")
    expect(another.get_by_text("No trade fits.")).to_be_visible()
    another.get_by_label("From (").fill("2018-02-05")
    another.get_by_label("Until, included").fill("2018-02-05")
    expect(another.get_by_role("row")).to_have_count(3)

    with another.expect_download() as saved:
        another.get_by_role("button", name="Save all as CSV").click()
    file = tmp_path / "trades.csv"
    saved.value.save_as(file)
    with file.open(newline="", encoding="utf-8") as text:
        found = {line["Trade"]: line for line in csv.DictReader(text)}
    assert len(found) == 2
    assert (found[bought]["Status"], found[bought]["Filled"], found[bought]["Note"]) == ("filled", "2", NOTE)


def test_note_when_changed_on_two_devices_then_the_later_one_is_told_and_nothing_is_lost(
    opened: Callable[..., Watched], trader: Person
) -> None:
    trade = trader.api.place(trader.account, "1", "251.00")
    first, second = opened().page(), opened().page()
    for page in (first, second):
        sign_in(page, trader, f"/orders/{trade}")
        page.get_by_role("button", name="Write a note").click()
    for page, text in ((first, "The first word."), (second, "The second word.")):
        page.get_by_label("Note", exact=True).fill(text)
        page.get_by_role("button", name="Keep the note").click()
    expect(second.get_by_role("alert").filter(has_text="Read")).to_be_visible()
    expect(second.get_by_label("Note", exact=True)).to_have_value("The second word.")
    expect(first.get_by_text("The first word.")).to_be_visible()
    # What can be taken back offers it.
    first.get_by_role("button", name="Undo").click()
    expect(first.get_by_text("No note yet.")).to_be_visible()
