"""Events that were given up: kept once, told once, decided on by an administrator; alerts that somebody has seen."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.core.identity import named_uuid
from tests.integration.ledger.desk import Desk, calling, dead_letter_of
from tests.integration.ledger.ledger import Ledger, refused
from tests.integration.ledger.people import CLAIM, as_administrator, ask, new_administrator, new_viewer, signed_in

DIED = "select state, deaths, attempts, error from public.dead_letters where id = %s"


def _event(desk: Desk, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "type": "trade.approved",
        "key": str(desk.account),
        "occurred_at": "2013-10-07T16:00:00+00:00",
        "trace": None,
        "data": {"user_id": str(desk.user)},
    } | more


def _bury(desk: Desk, event: dict[str, Any], message: str | None = None, error: str = "HTTP 500") -> UUID:
    return UUID(str(desk.ledger.call("record_dead_letter", "fn_relay", **dead_letter_of(event, message, error))))


@pytest.fixture(scope="module")
def maria(ledger: Ledger) -> UUID:
    return new_administrator(ledger)


def test_message_when_given_up_then_kept_with_its_owner_and_told_once(fresh_desk: Desk) -> None:
    ledger = fresh_desk.ledger
    letter = _bury(fresh_desk, _event(fresh_desk))
    _bury(fresh_desk, _event(fresh_desk))
    assert ledger.rows("select user_id, topic, consumer, stage from public.dead_letters where id = %s", letter) == [
        (fresh_desk.user, "trade-events", "submit_order", "deliver")
    ]
    alerts = ledger.rows("select id, severity, numbers ->> 'consumer' from public.alerts where code = 'DEAD_LETTER'")
    assert [alert[1:] for alert in alerts] == [("warning", "submit_order")]
    ledger.run("select public.acknowledge_alert(%s)", alerts[0][0])
    _bury(fresh_desk, _event(fresh_desk))
    assert ledger.one("select count(*) from public.alerts where code = 'DEAD_LETTER'") == 2, "it goes on: told again"


def test_message_when_forwarded_twice_at_once_then_kept_once(desk: Desk) -> None:
    event = _event(desk)
    said = dead_letter_of(event, message="one message")
    letters = set(desk.ledger.at_once(*[calling("record_dead_letter", "fn_relay", **said)] * 8))
    assert len(letters) == 1
    assert desk.ledger.rows(DIED, letters.pop()) == [("open", 1, 20, "HTTP 500")]


@pytest.mark.parametrize(
    "event",
    [
        {"unreadable": "eA=="},
        {"id": "no uuid", "data": {"user_id": "no uuid"}},
        {"id": str(uuid4()), "data": {"user_id": str(uuid4())}},
        {"data": [1]},
    ],
    ids=["unreadable", "no ids", "unknown user", "a list"],
)
def test_message_when_it_is_nonsense_then_kept_all_the_same_and_not_sent_again(
    desk: Desk, maria: UUID, event: dict[str, Any]
) -> None:
    letter = _bury(desk, event)
    assert desk.ledger.rows("select event, user_id from public.dead_letters where id = %s", letter) == [(event, None)]
    with refused("NO_EVENT", 422):
        as_administrator(desk.ledger, maria, "redrive_dead_letter", p_id=letter)
    as_administrator(desk.ledger, maria, "dismiss_dead_letter", p_id=letter, p_reason="nonsense")


def test_redrive_when_an_administrator_asks_then_the_same_event_is_published_again(desk: Desk, maria: UUID) -> None:
    ledger, event = desk.ledger, _event(desk)
    letter = _bury(desk, event)
    as_administrator(ledger, maria, "redrive_dead_letter", p_id=letter, p_reason="mended")
    assert ledger.rows(
        "select topic, type, key, data, published_at from private.outbox where event_id = %s", event["id"]
    ) == [("trade-events", "trade.approved", str(desk.account), event["data"], None)]
    assert ledger.rows("select state, decided_by, reason from public.dead_letters where id = %s", letter) == [
        ("redriven", f"user:{maria}", "mended")
    ]
    with refused("DEAD_LETTER_IS_CLOSED", 409):
        as_administrator(ledger, maria, "redrive_dead_letter", p_id=letter)
    assert _bury(desk, event, error="again") == letter
    assert ledger.rows(DIED, letter) == [("open", 2, 20, "again")]


def test_redrive_when_the_relay_had_given_it_up_then_it_is_claimed_again(fresh_desk: Desk) -> None:
    ledger = fresh_desk.ledger
    ledger.run("update private.outbox set published_at = now()")
    ledger.run("select private.emit('alerts', 'alert.raised', 'key', now(), '{}', 'poison')")
    claim = {"p_owner": "a test", "p_limit": 10, "p_lease_seconds": 30}
    (item,) = ledger.call("claim_outbox", "fn_relay", **claim)
    said = [{"outbox_id": item["outbox_id"], "attempt": 1, "error": "BAD_EVENT: x", "final": True}]
    ledger.call("record_publish_failure", "fn_relay", p_failures=said)
    letter = ledger.one("select id from public.dead_letters where event_id = %s", named_uuid("poison"))
    assert item["outbox_id"] not in [each["outbox_id"] for each in ledger.call("claim_outbox", "fn_relay", **claim)]
    # The owner of the database may: the Studio, where no token is.
    ledger.run("select public.redrive_dead_letter(%s)", letter)
    claimed = ledger.call("claim_outbox", "fn_relay", **claim)
    assert [each["outbox_id"] for each in claimed] == [item["outbox_id"]]


def test_letter_when_two_administrators_decide_at_once_then_one_of_them_has(desk: Desk) -> None:
    letter = _bury(desk, _event(desk))

    def decide(number: int) -> Any:
        def work(connection: Any) -> str:
            call = "redrive_dead_letter(%s)" if number % 2 else "dismiss_dead_letter(%s, 'no')"
            try:
                connection.execute(f"select public.{call}", [letter])
                connection.commit()
            except Exception as error:  # noqa: BLE001 - which one is asserted
                connection.rollback()
                return str(error).split(":")[0]
            return "done"

        return work

    answers = desk.ledger.at_once(*[decide(number) for number in range(6)])
    assert sorted(answers) == ["DEAD_LETTER_IS_CLOSED"] * 5 + ["done"]


@pytest.mark.parametrize("call", ["redrive_dead_letter", "dismiss_dead_letter"])
def test_letter_when_a_trader_decides_then_administrators_only(desk: Desk, maria: UUID, call: str) -> None:
    letter = _bury(desk, _event(desk))
    with refused("ADMINISTRATOR_NEEDED", 403), signed_in(desk.ledger, desk.user, aal="aal2") as connection:
        ask(connection, call, p_id=letter, p_reason="mine")
    with refused("SECOND_FACTOR_NEEDED", 403), signed_in(desk.ledger, maria, **CLAIM) as connection:
        ask(connection, call, p_id=letter, p_reason="lazy")
    assert desk.ledger.rows(DIED, letter)[0][0] == "open"


def test_dismissal_when_no_reason_is_given_then_refused(desk: Desk, maria: UUID) -> None:
    letter = _bury(desk, _event(desk))
    with refused("REASON_NEEDED", 422):
        as_administrator(desk.ledger, maria, "dismiss_dead_letter", p_id=letter, p_reason=" ")


def test_letters_when_read_then_by_administrators_and_whom_they_are_about(desk: Desk, maria: UUID) -> None:
    letter, nobodys = _bury(desk, _event(desk)), _bury(desk, _event(desk, data={}))
    stranger = Desk.open(desk.ledger)
    query = "select id from public.dead_letters where id = any (%s)"
    for person, claims, seen in (
        (desk.user, {}, {letter}),
        (stranger.user, {}, set()),
        (maria, CLAIM, {letter, nobodys}),
        (maria, {}, set()),
    ):
        with signed_in(desk.ledger, person, **claims) as connection:
            assert {row[0] for row in connection.execute(query, [[letter, nobodys]]).fetchall()} == seen


# --- alerts ---------------------------------------------------------------------------------------------------------


def _alert(ledger: Ledger, user: UUID | None, name: str) -> UUID:
    ledger.run("select private.alert(%s, null, 'A_TEST', 'info', 'text', '{}', %s)", user, name)
    return named_uuid(f"alert|{name}")


def test_alert_when_nobodys_then_administrators_read_it_and_nobody_else(desk: Desk, maria: UUID) -> None:
    alert = _alert(desk.ledger, None, f"nobody {desk.user}")
    for person, claims, seen in ((desk.user, {}, 0), (maria, CLAIM, 1), (maria, {}, 0)):
        with signed_in(desk.ledger, person, **claims) as connection:
            row = connection.execute("select count(*) from public.alerts where id = %s", [alert]).fetchone()
            assert row == (seen,)


def test_alert_when_acknowledged_then_once_by_the_first_who_saw_it(desk: Desk, maria: UUID) -> None:
    alert = _alert(desk.ledger, desk.user, f"own {desk.user}")
    first = desk.ledger.call("acknowledge_alert", "authenticated", desk.user, p_alert_id=alert)
    with signed_in(desk.ledger, maria, **CLAIM) as connection:
        assert ask(connection, "acknowledge_alert", p_alert_id=alert) == first
    query = "select acknowledged_at, acknowledged_by from public.alerts where id = %s"
    assert desk.ledger.rows(query, alert) == [(first, f"user:{desk.user}")]


def test_alert_when_it_is_not_ones_own_then_not_found(desk: Desk) -> None:
    stranger = Desk.open(desk.ledger)
    viewer = new_viewer(desk.ledger, f"desk {uuid4()}", desk.user)
    alerts = [_alert(desk.ledger, desk.user, f"own2 {desk.user}"), _alert(desk.ledger, None, f"nobody2 {desk.user}")]
    for alert in alerts:
        with refused("NO_SUCH_ALERT", 404):
            desk.ledger.call("acknowledge_alert", "authenticated", stranger.user, p_alert_id=alert)
        with refused("NO_SUCH_ALERT", 404):
            desk.ledger.call("acknowledge_alert", "authenticated", viewer, p_alert_id=alert)
    with refused("NO_SUCH_ALERT", 404):
        desk.ledger.call("acknowledge_alert", "authenticated", desk.user, p_alert_id=uuid4())


def test_alert_when_a_function_takes_the_name_of_anothers_then_that_one_is_raised_all_the_same(desk: Desk) -> None:
    """A stolen token of the least of the functions must not silence what the ledger will say."""
    name = f"exit-not-placed|{uuid4()}"
    said = {"p_code": "NOTHING", "p_severity": "info", "p_text": "hush", "p_numbers": {}, "p_name": name}
    for role in ("fn_relay", "fn_execute"):
        desk.ledger.call("raise_alert", role, **said)
    _alert(desk.ledger, desk.user, name)
    ids = [named_uuid(f"alert|{prefix}{name}") for prefix in ("", "fn_relay|", "fn_execute|")]
    assert desk.ledger.one("select count(*) from public.alerts where id = any (%s)", ids) == len(ids)
