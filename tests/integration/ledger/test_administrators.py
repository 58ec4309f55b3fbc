"""Who administrates: the claim and the row, both; granted and revoked, and never nobody left."""

# ruff: noqa: S608 - the names in the queries are the tests' own

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest

from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Connection, Ledger, answers, refused
from tests.integration.ledger.people import (
    CLAIM,
    SECOND_FACTOR,
    as_administrator,
    ask,
    claims_for,
    new_administrator,
    signed_in,
)


def _is_administrator(ledger: Ledger, user: UUID, **claims: object) -> bool:
    with signed_in(ledger, user, **claims) as connection:
        connection.execute(
            "reset session authorization"
        )  # private is closed to people; the policies ask in their stead
        row = connection.execute("select private.is_administrator()").fetchone()
        assert row is not None
        return bool(row[0])


def test_administrator_when_granted_then_claim_and_row_make_one(ledger: Ledger) -> None:
    user = new_user(ledger)
    assert not _is_administrator(ledger, user, **CLAIM)
    ledger.run("select public.grant_administrator(%s, 'first of the desk')", f"{user}@example.com")
    assert claims_for(ledger, user)["app_metadata"]["administrator"] is True
    assert _is_administrator(ledger, user, **CLAIM)
    assert not _is_administrator(ledger, user), "a token from before the grant does not have the claim"


@pytest.mark.parametrize(
    "claims",
    [
        {"user_metadata": {"administrator": True}},
        {"administrator": True},
        {"app_metadata": {"administrator": "true"}},
        {"app_metadata": ["administrator"]},
        {"app_metadata": {"administrator": False}, "user_metadata": {"app_metadata": {"administrator": True}}},
    ],
)
def test_administrator_when_the_claim_is_forged_then_none(ledger: Ledger, claims: dict[str, object]) -> None:
    """Even with the row: what a user writes of themselves is not read."""
    assert not _is_administrator(ledger, new_administrator(ledger), **claims)
    with signed_in(ledger, new_user(ledger), **SECOND_FACTOR, **claims) as connection:
        with refused("ADMINISTRATOR_NEEDED", 403):
            ask(connection, "set_sign_up", p_mode="open")
        connection.rollback()


def test_administrator_when_revoked_then_out_at_once_although_the_token_lives(ledger: Ledger) -> None:
    first, second = new_administrator(ledger), new_administrator(ledger)
    as_administrator(ledger, second, "revoke_administrator", p_user=str(first), p_reason="left the firm")
    assert not _is_administrator(ledger, first, **CLAIM)
    with refused("ADMINISTRATOR_NEEDED", 403):
        as_administrator(ledger, first, "grant_administrator", p_user=str(first), p_reason="I want it back")
    assert "administrator" not in claims_for(ledger, first)["app_metadata"]
    by, why = ledger.rows("select revoked_by, revoked_reason from private.administrators where user_id = %s", first)[0]
    assert (by, why) == (f"user:{second}", "left the firm")


def test_administrator_when_without_second_factor_then_refused(ledger: Ledger) -> None:
    with signed_in(ledger, new_administrator(ledger), **CLAIM) as connection:
        with refused("SECOND_FACTOR_NEEDED", 403):
            ask(connection, "invite_user", p_email="someone@example.com")
        connection.rollback()


@pytest.mark.parametrize("role", ["anon", "service_role", "fn_api", "authenticator"])
def test_grant_when_by_another_role_then_not_allowed(ledger: Ledger, role: str) -> None:
    user = new_user(ledger)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ledger.call("grant_administrator", role, p_user=str(user), p_reason="mine")


def test_grant_when_edited_or_deleted_by_the_owner_then_refused(ledger: Ledger) -> None:
    user = new_administrator(ledger)
    new_administrator(ledger)
    where = f"where user_id = '{user}' and revoked_at is null"
    with refused("GRANT_IS_FIXED", 409):
        ledger.run(f"update private.administrators set user_id = '{new_user(ledger)}' {where}")
    with refused("REASON_NEEDED", 422):
        ledger.run(f"update private.administrators set revoked_at = now() {where}")
    with refused("APPEND_ONLY", 409):
        ledger.run("delete from private.administrators")
    ledger.run(f"update private.administrators set revoked_at = now(), revoked_reason = 'by hand' {where}")
    assert not _is_administrator(ledger, user, **CLAIM), "an edit in the Studio is a revocation like any other"
    with refused("GRANT_IS_FIXED", 409):
        ledger.run(f"update private.administrators set revoked_at = null where user_id = '{user}'")


def test_last_administrator_when_two_revoke_each_other_at_once_then_one_is_left(fresh_ledger: Ledger) -> None:
    def revoke(who: UUID, whom: UUID) -> Callable[[Connection], None]:
        def work(connection: Connection) -> None:
            connection.execute("select public.revoke_administrator(%s, 'rivals')", [str(whom)])

        del who
        return work

    people = [new_administrator(fresh_ledger) for _ in range(2)]
    for _ in range(5):
        first, second = people
        done = fresh_ledger.at_once(*answers([revoke(first, second), revoke(second, first)]))
        assert sorted(done) == ["LAST_ADMINISTRATOR", "done"]
        current = fresh_ledger.rows("select user_id from private.administrators where revoked_at is null")
        assert len(current) == 1
        (lost,) = {first, second} - {current[0][0]}
        fresh_ledger.run("select public.grant_administrator(%s, 'again')", str(lost))
    with refused("IS_ADMINISTRATOR", 409):
        fresh_ledger.run("select public.disable_user(%s, 'in one step')", str(people[0]))


def test_alert_for_administrators_when_read_then_by_administrators_only(ledger: Ledger) -> None:
    ledger.call(
        "raise_alert",
        "fn_risk",
        p_code="A_TEST",
        p_severity="info",
        p_text="t",
        p_numbers={},
        p_name="for administrators",
    )
    administrator, trader = new_administrator(ledger), new_user(ledger)
    for user, claims, expected in ((administrator, CLAIM, True), (administrator, {}, False), (trader, CLAIM, False)):
        with signed_in(ledger, user, **claims) as connection:
            found = connection.execute("select count(*) > 0 from public.alerts where code = 'A_TEST'").fetchone()
            assert found == (expected,)


# --- how an edit names its actor --------------------------------------------------------------------------------------


def _edit(connection: Connection, user: UUID, desk: str) -> None:
    connection.execute("select public.set_desk(%s, %s)", [str(user), desk])


def _last_actor(ledger: Ledger, user: UUID) -> str:
    return str(
        ledger.one(
            "select actor from public.audit_log where table_name = 'profiles' and user_id = %s "
            "order by sequence desc limit 1",
            user,
        )
    )


def test_actor_when_the_studio_declares_a_name_then_the_audit_shows_it_until_it_ends(fresh_ledger: Ledger) -> None:
    user = new_user(fresh_ledger)
    with psycopg.connect(fresh_ledger.dsn, autocommit=True) as studio:
        _edit(studio, user, "one")
        assert _last_actor(fresh_ledger, user) == "database:postgres (undeclared)"
        alerts = (
            "select count(*) from public.alerts where code = 'UNDECLARED_EDIT' and numbers ->> 'table' = 'profiles'"
        )
        assert fresh_ledger.one(alerts) == 1, "the edit is done, and the administrators are told"
        studio.execute("select admin.i_am('alice@desk', 30)")
    # Another connection of the same role, as the Studio's pool gives.
    with psycopg.connect(fresh_ledger.dsn, autocommit=True) as studio:
        _edit(studio, user, "two")
        assert _last_actor(fresh_ledger, user) == "database:postgres (alice@desk)"
        studio.execute("select admin.i_am('bob@desk')")
        _edit(studio, user, "three")
        assert _last_actor(fresh_ledger, user) == "database:postgres (alice@desk, bob@desk)"
        studio.execute("select admin.i_leave('bob@desk')")
        studio.execute(
            "update private.actor_declarations set valid_until = clock_timestamp() where name = 'alice@desk'"
        )
        _edit(studio, user, "four")
        assert _last_actor(fresh_ledger, user) == "database:postgres (undeclared)"
    assert fresh_ledger.one(alerts) == 1, "once an hour and table"


def test_actor_when_a_caller_with_a_token_declares_another_then_is_who_the_token_says(ledger: Ledger) -> None:
    administrator, user = new_administrator(ledger), new_user(ledger)
    with signed_in(ledger, administrator, **SECOND_FACTOR, **CLAIM) as connection:
        connection.execute("select set_config('app.actor', 'somebody else', true)")
        ask(connection, "set_desk", p_user=str(user), p_desk="one")
    assert _last_actor(ledger, user) == f"user:{administrator}"
    with signed_in(ledger, administrator, **SECOND_FACTOR, **CLAIM) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select admin.i_am('alice@desk')")
        connection.rollback()


@pytest.mark.parametrize(
    ("name", "minutes", "code"), [("", 5, "BAD_NAME"), ("a (b)", 5, "BAD_NAME"), ("a", 0, "BAD_MINUTES")]
)
def test_actor_when_declared_badly_then_refused(ledger: Ledger, name: str, minutes: int, code: str) -> None:
    with refused(code, 422):
        ledger.run("select admin.i_am(%s, %s)", name, minutes)
