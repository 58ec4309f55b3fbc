"""Closed sign-up: with an invitation to this very address, once, in time; and it alone says desk and role."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Connection, Ledger, answers, refused
from tests.integration.ledger.people import as_administrator, ask, new_administrator

CLIENTS = 16


@pytest.fixture(autouse=True)
def closed(ledger: Ledger) -> Iterator[None]:
    ledger.run("select public.set_sign_up('closed')")
    yield
    ledger.run("select public.set_sign_up('open')")


def _address() -> str:
    return f"{uuid4()}@example.com"


def _invite(ledger: Ledger, email: str, **more: Any) -> str:
    ledger.run("select public.set_sign_up('open')")
    administrator = new_administrator(ledger)
    ledger.run("select public.set_sign_up('closed')")
    answer = as_administrator(ledger, administrator, "invite_user", p_email=email, **more)
    assert answer["email"] == email.lower()
    return str(answer["token"])


def _sign_up(connection: Connection, email: str, token: str | None, **said: Any) -> UUID:
    """As Auth does: one insert, with what the person says of themselves."""
    user = uuid4()
    metadata = said | ({} if token is None else {"invitation": token})
    connection.execute(
        "insert into auth.users (id, email, raw_user_meta_data) values (%s, %s, %s)",
        [user, email, json.dumps(metadata)],
    )
    return user


def _is_there(ledger: Ledger, email: str) -> bool:
    return bool(ledger.one("select count(*) from auth.users where lower(email) = lower(%s)", email))


def test_sign_up_when_closed_and_not_invited_then_refused_and_nothing_is_left(ledger: Ledger) -> None:
    email = _address()
    for token in (None, ""):
        with refused("SIGN_UP_CLOSED", 403):
            _sign_up(ledger.connection, email, token)
    with refused("INVITATION_UNKNOWN", 403):
        _sign_up(ledger.connection, email, "0" * 64)
    assert not _is_there(ledger, email)


def test_sign_up_when_invited_then_in_once_with_the_invitations_desk_and_role(ledger: Ledger) -> None:
    email = _address()
    token = _invite(ledger, email.upper(), p_desk="options", p_role="viewer")
    user = _sign_up(ledger.connection, email, token, desk_role="trader", desk_id=str(uuid4()), display_name="Vera")
    profile = ledger.rows(
        "select p.display_name, p.desk_role, d.name from public.profiles as p "
        "left join private.desks as d on d.id = p.desk_id where p.user_id = %s",
        user,
    )
    assert profile == [("Vera", "viewer", "options")]
    assert "invitation" not in ledger.one("select raw_user_meta_data from auth.users where id = %s", user)
    assert ledger.one("select state from admin.invitations where email = %s", email) == "used"
    with refused("INVITATION_USED", 403):
        _sign_up(ledger.connection, email, token)


def test_sign_up_when_the_insert_fails_later_then_the_invitation_is_not_used_up(ledger: Ledger) -> None:
    email = _address()
    token = _invite(ledger, email)
    with ledger.session() as connection:
        _sign_up(connection, email, token)
        connection.rollback()
    assert ledger.one("select state from admin.invitations where email = %s", email) == "open"
    _sign_up(ledger.connection, email, token)


def test_sign_up_when_the_invitation_is_anothers_expired_or_revoked_then_refused(ledger: Ledger) -> None:
    mine, thief = _address(), _address()
    token = _invite(ledger, mine)
    with refused("INVITATION_UNKNOWN", 403):
        _sign_up(ledger.connection, thief, token)
    ledger.run("update private.invitations set expires_at = now() where email = %s", mine)
    with refused("INVITATION_EXPIRED", 403):
        _sign_up(ledger.connection, mine, token)
    again = _invite(ledger, mine)
    with refused("INVITATION_REVOKED", 403):
        _sign_up(ledger.connection, mine, token)
    ledger.run("select public.revoke_invitation(%s)", mine)
    with refused("INVITATION_REVOKED", 403):
        _sign_up(ledger.connection, mine, again)
    ledger.run("select public.set_sign_up('open')")
    with refused("INVITATION_REVOKED", 403):
        _sign_up(ledger.connection, mine, again)
    assert not _is_there(ledger, mine)


def test_sign_up_when_sixteen_come_with_one_invitation_then_one_is_let_in(ledger: Ledger) -> None:
    for _ in range(2):
        email = _address()
        token = _invite(ledger, email)

        def sign_up(connection: Connection, email: str = email, token: str = token) -> UUID:
            return _sign_up(connection, email, token)

        works: list[Callable[[Connection], Any]] = [sign_up] * CLIENTS
        done = ledger.at_once(*answers(works))
        assert sorted(done) == ["INVITATION_USED"] * (CLIENTS - 1) + ["done"]
        assert ledger.one("select count(*) from auth.users where email = %s", email) == 1


def test_token_when_looked_for_in_the_database_then_not_found(ledger: Ledger) -> None:
    email = _address()
    token = _invite(ledger, email)
    _sign_up(ledger.connection, email, token)
    for table in ("private.invitations", "public.audit_log", "private.outbox", "auth.users", "public.profiles"):
        found = psycopg.sql.SQL("select count(*) from {} as t where t::text like %s").format(
            psycopg.sql.Identifier(*table.split("."))
        )
        assert ledger.connection.execute(found, [f"%{token}%"]).fetchone() == (0,), table


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"p_email": "nobody"}, "BAD_INVITATION"),
        ({"p_email": None}, "BAD_INVITATION"),
        ({"p_email": "a@example.com", "p_role": "administrator"}, "BAD_INVITATION"),
        ({"p_email": "a@example.com", "p_days": 0}, "BAD_DAYS"),
        ({"p_email": "a@example.com", "p_desk": " "}, "BAD_DESK"),
    ],
)
def test_invitation_when_bad_then_refused(ledger: Ledger, said: dict[str, Any], code: str) -> None:
    with refused(code, 422):
        ask(ledger.connection, "invite_user", **said)


def test_invitation_when_the_person_is_there_already_then_refused(ledger: Ledger) -> None:
    ledger.run("select public.set_sign_up('open')")
    user = new_user(ledger)
    with refused("USER_EXISTS", 409):
        ledger.run("select public.invite_user(%s)", f"{user}@EXAMPLE.com")


def test_hook_when_auth_asks_then_says_why_in_words(ledger: Ledger) -> None:
    email = _address()

    def asked(**metadata: str) -> dict[str, Any]:
        event = {"user": {"email": email, "user_metadata": metadata}}
        with ledger.session() as connection:
            connection.execute("set local role supabase_auth_admin")
            row = connection.execute("select private.before_user_created(%s)", [json.dumps(event)]).fetchone()
        assert row is not None
        return dict(row[0])

    refusal = asked()["error"]
    assert (refusal["http_code"], refusal["message"].split(":")[0]) == (403, "SIGN_UP_CLOSED")
    assert asked(invitation=_invite(ledger, email)) == {}
