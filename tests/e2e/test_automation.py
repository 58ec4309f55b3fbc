"""The story of a program that trades from outside."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.api.test_automation import order_event, signed
from tests.e2e.conftest import sign_in
from tests.e2e.people import Person


def test_trader_when_a_program_sends_then_its_order_is_seen_and_what_was_tampered_is_refused_with_its_reason(
    page: Page, trader: Person
) -> None:
    sign_in(page, trader, "/automation")
    page.get_by_role("button", name="New source").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("TradingView", exact=False).first.check()
    expect(dialog.get_by_text("Weaker than a signature.")).to_be_visible()
    dialog.get_by_label("Any program", exact=False).check()
    dialog.get_by_label("Name").fill("My model")
    dialog.get_by_label("Symbols it may trade").fill("SPY")
    dialog.get_by_label("Most in one order").fill("5")
    dialog.get_by_role("button", name="Create the source").click()
    shown = page.get_by_role("dialog", name="Secret of My model")
    made = {
        name.lower(): shown.get_by_role("figure", name=name).locator("pre").inner_text()
        for name in ("Address", "Secret")
    }
    made = {"url": made["address"], "secret": made["secret"]}
    expect(shown.get_by_text("openssl dgst -sha256")).to_be_visible()
    shown.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_text(made["secret"])).to_have_count(0)

    genuine = signed(made, order_event("model-1"))
    with httpx.Client(timeout=60) as client:
        assert genuine.sent(client).status_code == 202
        assert signed(made, order_event("model-2", quantity="6")).sent(client).status_code == 403
        tampered = signed(made, order_event("model-3"))
        assert client.post(tampered.url, content=tampered.body + b" ", headers=tampered.headers).status_code == 401
    log = page.get_by_role("region", name="Deliveries of My model")
    expect(log.get_by_role("row").filter(has_text="model-1").filter(has_text="Accepted")).to_be_visible()
    expect(log.get_by_role("row").filter(has_text="model-2")).to_contain_text("It asks for more than the source may.")
    expect(log.get_by_role("row").filter(has_text="There is no signature that fits")).to_be_visible()
    expect(page.get_by_text("1 event was turned away unread")).to_be_visible()
    page.get_by_role("radio", name="Accepted").click()
    expect(log.get_by_role("row").filter(has_text="model-2")).to_have_count(0)

    page.get_by_role("button", name="Disable").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_role("article", name="My model")).to_contain_text("Disabled")
