"""Deliveries of webhooks: sent at least once, signed, tried again later and later, and dead with an alert."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import psycopg
import pytest

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.webhooks import LEASE, Webhook, change, new_webhook


@pytest.fixture
def webhook(desk: Desk) -> Webhook:
    return new_webhook(desk)


def test_delivery_when_taken_then_signed_with_the_secret_over_timestamp_and_body(webhook: Webhook) -> None:
    webhook.desk.place()
    (taken,) = webhook.take()
    signed = f"{taken['timestamp']}.{taken['body']}".encode()
    assert taken["signature"] == hmac.new(webhook.secret.encode(), signed, hashlib.sha256).hexdigest()
    assert taken["timestamp"] == str(int(webhook.now.timestamp()))
    assert webhook.take() == []
    assert webhook.tell(taken) == "delivered"
    assert webhook.row("state, attempts, last_status, last_response, next_attempt_at") == (
        "delivered",
        1,
        200,
        "said",
        None,
    )


def test_delivery_when_its_sender_died_then_sent_again_after_the_lease_and_its_late_word_changes_nothing(
    webhook: Webhook,
) -> None:
    webhook.desk.place()
    (first,) = webhook.take()
    webhook.now += timedelta(seconds=LEASE - 1)
    assert webhook.take() == []
    webhook.now += timedelta(seconds=2)
    (second,) = webhook.take()
    assert (second["delivery_id"], second["event_id"], second["attempt"]) == (
        first["delivery_id"],
        first["event_id"],
        2,
    )
    assert webhook.tell(first, 500) == "sending"
    assert webhook.tell(second) == "delivered"
    assert webhook.tell(second, 500) == "delivered"


def test_delivery_when_it_fails_then_later_and_later_for_three_days_and_dead_with_one_alert(webhook: Webhook) -> None:
    webhook.desk.place()
    began = webhook.now
    waits = webhook.fail_until(began + timedelta(days=9))
    for place, wait in enumerate(waits):
        plain = 10 * 2**place
        assert min(0.8 * plain, 6 * 3600) - 1 <= wait <= min(1.2 * plain, 6 * 3600) + 1
    assert waits[-1] == 6 * 3600
    assert timedelta(days=3) - timedelta(hours=6) < webhook.now - began <= timedelta(days=3)
    assert webhook.row("state, last_status, next_attempt_at") == ("dead", 500, None)
    assert webhook.alerts("WEBHOOK_DEAD") == 1
    # A second one that dies is told with the first, until somebody has seen it.
    webhook.desk.place()
    webhook.fail_until(webhook.now + timedelta(days=9))
    assert webhook.alerts("WEBHOOK_DEAD") == 1


def test_webhook_when_nothing_arrives_for_days_then_switched_off_with_an_alert(webhook: Webhook) -> None:
    began = webhook.now
    while webhook.own("enabled"):
        webhook.desk.place()
        webhook.fail_until(began + timedelta(days=12))
        webhook.now += timedelta(hours=1)
    assert webhook.own("disabled_reason") == "FAILING"
    assert timedelta(days=5) <= webhook.now - began < timedelta(days=6)
    assert webhook.alerts("WEBHOOK_DISABLED") == 1
    heard = len(webhook.rows("id"))
    webhook.desk.place()
    assert len(webhook.rows("id")) == heard
    change(webhook)
    assert webhook.desk.ledger.rows(
        "select enabled, disabled_reason, failing_since from public.webhook_endpoints where id = %s", webhook.id
    ) == [(True, None, None)]


def test_webhook_when_something_arrives_then_the_days_of_failing_begin_anew(webhook: Webhook) -> None:
    webhook.desk.place()
    (taken,) = webhook.take()
    assert webhook.tell(taken, None, "TOO_SLOW: nothing came.") == "retrying"
    assert webhook.own("failing_since") == webhook.now
    webhook.now += timedelta(days=2)
    (taken,) = webhook.take()
    assert (taken["failing"], webhook.tell(taken)) == (True, "delivered")
    assert webhook.own("failing_since") is None


@pytest.mark.parametrize("status", [199, 301, 404, 500, None])
def test_delivery_when_the_answer_is_not_of_the_200s_then_it_has_not_arrived(
    webhook: Webhook, status: int | None
) -> None:
    webhook.desk.place()
    (taken,) = webhook.take()
    assert webhook.tell(taken, status) == "retrying"


def test_alert_when_it_is_of_a_webhook_then_no_webhook_hears_it(desk: Desk) -> None:
    hearing = new_webhook(desk, "alert.raised")
    failing = new_webhook(desk)
    desk.place()
    failing.fail_until(failing.now + timedelta(days=9))
    assert failing.alerts("WEBHOOK_DEAD") == 1
    assert hearing.rows("id") == []


def test_sender_when_many_wait_then_each_webhook_has_few_on_their_way_and_failing_ones_one_within_their_share(
    fresh_desk: Desk,
) -> None:
    well, bad, worse = (new_webhook(fresh_desk) for _ in range(3))
    for _ in range(6):
        fresh_desk.place()
    for each in (bad, worse):
        each.desk.ledger.run(
            "update public.webhook_endpoints set failing_since = now() - interval '1 hour' where id = %s", each.id
        )
    taken = well.taken(limit=16, failing=1)["deliveries"]
    assert [each["failing"] for each in taken].count(False) == 4
    assert [each["failing"] for each in taken].count(True) == 1
    assert well.taken(limit=16, failing=0)["deliveries"] == []
    # Of a single free place the one that answers has it.
    assert well.tell(next(each for each in taken if not each["failing"])) == "delivered"
    assert [each["failing"] for each in well.taken(limit=1)["deliveries"]] == [False]


def test_sender_when_a_retry_is_due_later_then_told_how_long_to_wait(fresh_desk: Desk) -> None:
    webhook = new_webhook(fresh_desk)
    assert webhook.taken()["next_in"] is None
    fresh_desk.place()
    webhook.tell(webhook.take()[0], 500)
    assert 8 <= webhook.taken()["next_in"] <= 12


def test_deliveries_when_over_for_a_month_then_pruned_and_never_what_is_open(fresh_desk: Desk) -> None:
    webhook = new_webhook(fresh_desk)
    fresh_desk.place()
    webhook.tell(webhook.take()[0])
    fresh_desk.place()
    fresh_desk.ledger.run(
        "update public.webhook_deliveries set finished_at = now() - interval '31 days' where finished_at is not null"
    )
    assert fresh_desk.ledger.call("prune_webhooks", "fn_report") == 1
    assert webhook.row("state") == ("queued",)


def test_delivery_when_sent_again_by_its_owner_then_the_same_event_with_all_its_attempts(webhook: Webhook) -> None:
    webhook.desk.place()
    (first,) = webhook.take()
    webhook.tell(first)
    (delivery,) = webhook.row("id")
    said = {"p_webhook_id": webhook.id, "p_delivery_id": delivery}
    webhook.desk.ledger.call("redeliver_webhook", "authenticated", webhook.desk.user, **said)
    (again,) = webhook.take()
    assert (again["event_id"], again["body"], again["attempt"]) == (first["event_id"], first["body"], 2)
    assert webhook.tell(again, 500) == "retrying"
    (wait,) = webhook.row("extract(epoch from next_attempt_at - last_attempt_at)::integer")
    assert 8 <= wait <= 12


@pytest.mark.parametrize(
    "edit",
    [
        "state = 'delivered', last_status = 200, finished_at = now(), next_attempt_at = null",
        "body = 'x'",
        "state = 'sending'",
    ],
)
def test_delivery_when_edited_against_its_arrows_then_refused(webhook: Webhook, edit: str) -> None:
    webhook.desk.place()
    with pytest.raises(psycopg.Error, match=r"BAD_TRANSITION|DELIVERY_IS_FIXED|violates check"):
        webhook.desk.ledger.run(f"update public.webhook_deliveries set {edit} where endpoint_id = %s", webhook.id)
