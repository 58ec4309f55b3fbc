"""Webhooks: what they hear, written with the event and for its owner only, and what their owner does with them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.ledger.desk import Desk, calling, dead_letter_of, fill_every_table
from tests.integration.ledger.ledger import Ledger, answers, become, call, refused
from tests.integration.ledger.people import as_administrator, ask, new_administrator, new_viewer, signed_in
from tests.integration.ledger.webhooks import URL, Webhook, change, new_webhook


@pytest.fixture
def webhook(desk: Desk) -> Webhook:
    return new_webhook(desk)


# --- queued -------------------------------------------------------------------------------------------------------


def test_delivery_when_the_event_is_rolled_back_then_gone_with_it_and_else_written_once(webhook: Webhook) -> None:
    order = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open", "quantity": "1", "number": 1}
    asked = {"p_order": order | {"idempotency_key": "1", "broker_account_id": str(webhook.desk.account)}}
    with webhook.desk.ledger.session() as connection:
        call(connection, "place_trade", "authenticated", webhook.desk.user, **asked)
        connection.rollback()
    assert webhook.rows("id") == []
    placed = [webhook.desk.place_by_hand("1", quantity="1") for _ in range(2)]
    (body,) = webhook.row("body")
    assert json.loads(body)["data"]["trade_id"] == str(placed[0])
    assert len(set(placed)) == 1


def test_body_when_a_trade_moves_then_it_is_the_events_and_says_nobodys_name(webhook: Webhook) -> None:
    trade = webhook.desk.place()
    event, type_, body = webhook.row("event_id, type, body")
    said = json.loads(body)
    assert set(said) == {"id", "type", "occurred_at", "data"}
    assert (said["id"], said["type"], type_) == (str(event), "trade.placed", "trade.placed")
    assert said["data"] == {
        "trade_id": str(trade),
        "broker_account_id": str(webhook.desk.account),
        "strategy_id": str(webhook.desk.strategy),
        "symbol": "SPY",
        "status": "pending",
        "version": 1,
    }
    assert str(webhook.desk.user) not in body


def test_webhook_when_the_event_is_anothers_or_not_chosen_or_it_is_off_then_it_hears_nothing(
    webhook: Webhook, ledger: Ledger
) -> None:
    stranger = new_webhook(Desk.open(ledger), "trade.placed", "trade.approved")
    off = new_webhook(webhook.desk)
    change(off, p_enabled=False)
    trade = webhook.desk.place()
    webhook.desk.approve(trade)
    assert [len(each.rows("id")) for each in (webhook, stranger, off)] == [1, 0, 0]


def test_webhook_when_a_report_is_written_or_an_alert_raised_then_it_hears(fresh_desk: Desk) -> None:
    hearing = new_webhook(fresh_desk, "report.written", "alert.raised")
    fill_every_table(fresh_desk)
    said = {(body := json.loads(text))["type"]: body["data"] for (text,) in hearing.rows("body")}
    assert said["report.written"].keys() == {"report_id", "broker_account_id", "report_date", "report_version"}
    assert said["report.written"]["report_date"] == "2013-10-07"
    assert said["alert.raised"].keys() == {"alert_id", "code", "text"}


def test_webhook_when_everybody_is_halted_then_everybody_hears_and_not_by_whom(fresh_desk: Desk) -> None:
    webhooks = [new_webhook(desk, "halt.engaged") for desk in (fresh_desk, Desk.open(fresh_desk.ledger))]
    administrator = new_administrator(fresh_desk.ledger)
    as_administrator(
        fresh_desk.ledger, administrator, "close_gate", p_gate_key="global", p_reason="enough", p_mode="flatten"
    )
    for each in webhooks:
        (body,) = each.row("body")
        assert json.loads(body)["data"] == {"scope": "global", "mode": "flatten", "reason": "enough"}
    # One of a single user goes to that user alone.
    fresh_desk.close("user")
    assert [len(each.rows("id")) for each in webhooks] == [2, 1]


def test_webhook_when_a_dead_letter_brings_an_old_event_back_then_it_is_not_told_again(fresh_desk: Desk) -> None:
    ledger = fresh_desk.ledger
    webhook = new_webhook(fresh_desk)
    fresh_desk.place()
    (event,) = webhook.row("event_id")
    found = ledger.one("select to_jsonb(o) from private.outbox as o where event_id = %s", event)
    said = {name: found[name] for name in ("type", "key", "occurred_at", "data")} | {"id": str(event)}
    letter = ledger.call("record_dead_letter", "fn_relay", **dead_letter_of(said))
    # As after a month: the event and its delivery were kept long enough.
    ledger.run("delete from private.outbox where event_id = %s", event)
    ledger.run("delete from public.webhook_deliveries where event_id = %s", event)
    as_administrator(ledger, new_administrator(ledger), "redrive_dead_letter", p_id=letter)
    assert ledger.one("select count(*) from private.outbox where event_id = %s", event) == 1
    assert webhook.rows("id") == []


def test_webhook_when_its_owner_is_shut_out_then_it_hears_nothing_and_nothing_is_sent(fresh_desk: Desk) -> None:
    webhook = new_webhook(fresh_desk, "trade.placed", "strategy.halted", "alert.raised")
    fresh_desk.place()
    fresh_desk.ledger.run(
        "update public.profiles set disabled = true, disabled_reason = 'a test' where user_id = %s", fresh_desk.user
    )
    assert webhook.take() == []
    assert len(webhook.rows("id")) == 1


def test_sender_when_something_is_queued_then_it_is_woken_once_and_where_nothing_is_never(
    webhook: Webhook, ledger: Ledger
) -> None:
    woken = "select count(*) from private.outbox where type = 'webhook.queued' and data ->> 'user_id' = %s"
    new_webhook(webhook.desk)
    webhook.desk.place()
    other = Desk.open(ledger)
    other.place()
    assert [ledger.one(woken, str(each)) for each in (webhook.desk.user, other.user)] == [1, 0]


# --- kept ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "http://127.0.0.1/",
        "ftp://example.com",
        "https://",
        "https://user:word@example.com/",
        "https://example.com@evil.example/",
        "https://example.com/#part",
        "https://example.com:123456/",
        "https://exa mple.com/",
        "https://example.com/\nHost: x",
        "https://example.com/" + "x" * 2000,
        "//example.com",
        "",
        None,
    ],
)
def test_webhook_when_its_address_is_none_then_refused(desk: Desk, url: str | None) -> None:
    with refused("BAD_WEBHOOK_URL", 422):
        desk.ledger.call("create_webhook", "authenticated", desk.user, p_name="x", p_url=url, p_events="{trade.filled}")


@pytest.mark.parametrize("events", ["{}", "{trade.filled,webhook.test}", "{strategy.edited}", "{null}", None])
def test_webhook_when_it_would_hear_nothing_or_the_unknown_then_refused(desk: Desk, events: str | None) -> None:
    with refused("BAD_WEBHOOK", 422):
        desk.ledger.call("create_webhook", "authenticated", desk.user, p_name="x", p_url=URL, p_events=events)


def test_webhooks_when_there_are_twenty_then_no_more_not_even_at_once(desk: Desk) -> None:
    for _ in range(19):
        new_webhook(desk)
    said = {"p_name": "x", "p_url": URL, "p_events": "{trade.filled}"}
    asked = [calling("create_webhook", "authenticated", desk.user, **said) for _ in range(4)]
    assert sorted(desk.ledger.at_once(*answers(asked))) == ["TOO_MANY_WEBHOOKS"] * 3 + ["done"]


def test_webhook_when_entered_again_under_its_id_then_the_same_with_a_new_secret(webhook: Webhook) -> None:
    said = {"p_name": "mine", "p_url": URL, "p_events": "{trade.placed}", "p_id": webhook.id}
    again = webhook.desk.ledger.call("create_webhook", "authenticated", webhook.desk.user, **said)
    assert again["secret"] != webhook.secret
    assert webhook.desk.count("webhook_endpoints") == 1


def test_secret_when_rotated_then_what_is_sent_next_is_signed_with_the_new_one(webhook: Webhook) -> None:
    webhook.desk.place()
    rotated = webhook.desk.ledger.call("rotate_webhook", "authenticated", webhook.desk.user, p_webhook_id=webhook.id)
    (taken,) = webhook.take()
    signed = f"{taken['timestamp']}.{taken['body']}".encode()
    assert taken["signature"] == hmac.new(rotated["secret"].encode(), signed, hashlib.sha256).hexdigest()


def test_webhook_when_it_is_anothers_then_there_is_none_for_any_call(webhook: Webhook, ledger: Ledger) -> None:
    webhook.desk.place()
    (delivery,) = webhook.row("id")
    thief = Desk.open(ledger).user
    new = {"p_name": "x", "p_url": URL, "p_events": "{trade.filled}"}
    tries: list[tuple[str, dict[str, Any]]] = [
        ("set_webhook", {"p_webhook_id": webhook.id, "p_enabled": False} | new),
        ("rotate_webhook", {"p_webhook_id": webhook.id}),
        ("remove_webhook", {"p_webhook_id": webhook.id}),
        ("test_webhook", {"p_webhook_id": webhook.id}),
        ("redeliver_webhook", {"p_webhook_id": webhook.id, "p_delivery_id": delivery}),
        ("create_webhook", new | {"p_id": webhook.id}),
    ]
    for function, said in tries:
        with refused("NO_SUCH_WEBHOOK", 404):
            ledger.call(function, "authenticated", thief, **said)
    own = new_webhook(Desk.open(ledger))
    with refused("NO_SUCH_DELIVERY", 404):
        ledger.call("redeliver_webhook", "authenticated", own.desk.user, p_webhook_id=own.id, p_delivery_id=delivery)


def test_webhook_when_a_viewer_of_the_desk_looks_then_not_even_its_address_is_shown(webhook: Webhook) -> None:
    viewer = new_viewer(webhook.desk.ledger, "a desk", webhook.desk.user)
    with signed_in(webhook.desk.ledger, viewer) as connection:
        assert connection.execute("select count(*) from public.webhook_endpoints").fetchone() == (0,)
    with (
        refused("READ_ONLY_ROLE", 403),
        signed_in(webhook.desk.ledger, viewer) as connection,
    ):
        ask(connection, "create_webhook", p_name="x", p_url=URL, p_events="{trade.filled}")


def test_webhook_when_a_program_would_change_it_then_only_a_person_may(webhook: Webhook) -> None:
    ledger, user = webhook.desk.ledger, webhook.desk.user
    key = str(uuid4())
    claims = {"scopes": ["read", "trade", "strategies", "risk", "reports"], "api_key_id": key, "session_id": key}
    for function in ("rotate_webhook", "remove_webhook", "test_webhook"):
        with refused("SCOPE_NEEDED", 403), ledger.session() as connection:
            become(connection, "authenticated", user, **claims)
            ask(connection, function, p_webhook_id=webhook.id)


def test_webhook_when_removed_then_what_waits_is_dead_and_it_is_gone_for_its_owner(webhook: Webhook) -> None:
    webhook.desk.place()
    (taken,) = webhook.take()
    ledger, user = webhook.desk.ledger, webhook.desk.user
    assert ledger.call("remove_webhook", "authenticated", user, p_webhook_id=webhook.id) is True
    assert webhook.tell(taken) == "dead"
    with refused("NO_SUCH_WEBHOOK", 404):
        ledger.call("remove_webhook", "authenticated", user, p_webhook_id=webhook.id)
    assert ledger.one("select count(*) from private.webhook_secrets where endpoint_id = %s", webhook.id) == 0
    webhook.desk.place()
    assert len(webhook.rows("id")) == 1


def test_webhook_when_it_was_changed_meanwhile_then_the_second_change_is_refused(webhook: Webhook) -> None:
    assert change(webhook, p_version=1) == 2
    with refused("CHANGED_MEANWHILE", 412):
        change(webhook, p_version=1)


def test_test_when_asked_twice_with_one_id_then_sent_once_and_a_failure_is_told_at_once(webhook: Webhook) -> None:
    ledger, user, event = webhook.desk.ledger, webhook.desk.user, uuid4()
    asked = {"p_webhook_id": webhook.id, "p_event_id": event}
    assert ledger.call("test_webhook", "authenticated", user, **asked) == ledger.call(
        "test_webhook", "authenticated", user, **asked
    )
    (taken,) = webhook.take()
    assert json.loads(taken["body"])["data"] == {"webhook_id": str(webhook.id)}
    assert webhook.tell(taken, 404) == "dead"
    assert webhook.alerts("WEBHOOK_DEAD") == 0
    ledger.run("update private.settings set value = '1' where name = 'webhook_tests_per_hour'")
    with refused("TOO_MANY_TESTS", 429):
        ledger.call("test_webhook", "authenticated", user, p_webhook_id=webhook.id)
    ledger.run("update private.settings set value = '20' where name = 'webhook_tests_per_hour'")
