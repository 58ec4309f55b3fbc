"""A program acts for a trader by a key: what it may do, and that it ends with the key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from functions.core.identity import named_uuid
from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import become, refused
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, ask, signed_in

_IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).isoformat()


def _new_key(desk: Desk, *scopes: str, **more: Any) -> dict[str, Any]:
    wanted = {"p_name": "robot", "p_scopes": list(scopes) or ["read"], "p_expires_at": _IN_A_YEAR} | more
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user)
        row = connection.execute(
            "select public.create_api_key(%(p_name)s, %(p_scopes)s, %(p_expires_at)s)", wanted
        ).fetchone()
    assert row is not None
    made: dict[str, Any] = row[0]
    return made


def _token_of(made: dict[str, Any], *scopes: str) -> dict[str, Any]:
    """What a token made for the key says beside its user."""
    return {"api_key_id": made["api_key_id"], "session_id": made["api_key_id"], "scopes": list(scopes)}


def _use(desk: Desk, key: str) -> dict[str, Any]:
    used: dict[str, Any] = desk.ledger.call("use_api_key", "fn_api", p_key=key)
    return used


def _need(desk: Desk, scope: str, **claims: Any) -> None:
    """Asks for a scope as the token with these claims."""
    with desk.ledger.session() as connection:
        become(connection, "authenticated", desk.user, **claims)
        connection.execute("reset session authorization")
        connection.execute("select private.require_scope(%s)", [scope])


def test_key_when_made_then_it_is_shown_once_and_only_its_hash_is_kept(desk: Desk) -> None:
    made = _new_key(desk, "read", "trade")

    assert _use(desk, made["key"]) | {"expires_at": None} == {
        "api_key_id": made["api_key_id"],
        "user_id": str(desk.user),
        "scopes": ["read", "trade"],
        "expires_at": None,
        "claims": _token_of(made, "read", "trade") | {"sub": str(desk.user), "role": "authenticated", "aal": "aal1"},
    }
    kept = desk.ledger.one("select hash from private.api_key_hashes where api_key_id = %s", made["api_key_id"])
    assert kept == sha256(made["key"].encode()).digest()
    secret = made["key"].rsplit("_", 1)[1]
    row = desk.ledger.one("select to_jsonb(k)::text from public.api_keys as k where id = %s", made["api_key_id"])
    audit = desk.ledger.one(
        "select string_agg(after::text, '') from public.audit_log where row_id = %s", made["api_key_id"]
    )
    assert secret not in row
    assert secret not in (audit or "")


@pytest.mark.parametrize(
    "change",
    ["scopes = '{read,trade}'", "expires_at = expires_at + interval '1 day'", "prefix = 'at_other'"],
)
def test_key_when_given_more_than_it_had_then_refused(desk: Desk, change: str) -> None:
    made = _new_key(desk, "read")
    with refused("KEY_IS_FIXED", 409):
        desk.ledger.run(f"update public.api_keys set {change} where id = %s", made["api_key_id"])  # noqa: S608


def test_key_when_revoked_then_neither_it_nor_a_token_made_from_it_acts(desk: Desk) -> None:
    made = _new_key(desk, "trade")
    token = _token_of(made, "trade")
    _need(desk, "trade", **token)

    assert desk.ledger.call("revoke_api_key", "authenticated", desk.user, p_api_key_id=made["api_key_id"]) is True
    assert desk.ledger.call("revoke_api_key", "authenticated", desk.user, p_api_key_id=made["api_key_id"]) is False

    with refused("BAD_KEY", 401):
        _use(desk, made["key"])
    with refused("BAD_KEY", 401):
        _need(desk, "trade", **token)
    with refused("KEY_IS_REVOKED", 409):
        desk.ledger.run("update public.api_keys set revoked_at = null where id = %s", made["api_key_id"])


def test_key_when_expired_or_unknown_then_refused(desk: Desk) -> None:
    made = _new_key(desk)
    desk.ledger.tamper(
        "update public.api_keys set created_at = now() - interval '2 days', expires_at = now() - "
        "interval '1 day' where id = %s",
        made["api_key_id"],
    )
    for key in (made["key"], "at_00000000_0000", ""):
        with refused("BAD_KEY", 401):
            _use(desk, key)


@pytest.mark.parametrize(
    "claims",
    [
        {"scopes": ["read"]},
        {"scopes": []},
        {"scopes": "trade, read"},
        {"scopes": {"read": True}},
        {"scopes": None},
    ],
)
def test_token_when_it_lacks_the_scope_then_refused_whatever_shape_its_scopes_have(desk: Desk, claims: Any) -> None:
    made = _new_key(desk, "trade")
    with refused("SCOPE_NEEDED", 403):
        _need(desk, "trade", api_key_id=made["api_key_id"], **claims)


def test_token_when_its_scopes_are_more_than_the_keys_or_the_key_is_anothers_then_refused(desk: Desk) -> None:
    own = _new_key(desk, "read")
    theirs = _new_key(Desk.open(desk.ledger), "trade")
    for key in (own["api_key_id"], theirs["api_key_id"], str(uuid4())):
        with refused("BAD_KEY", 401):
            _need(desk, "trade", scopes=["trade"], api_key_id=key, session_id=key)
    with refused("BAD_KEY", 401):
        _need(desk, "trade", scopes=["trade"])


@pytest.mark.parametrize("session", [{}, {"session_id": str(uuid4())}, {"session_id": None}])
def test_token_when_auth_could_take_it_for_a_persons_then_refused(desk: Desk, session: dict[str, Any]) -> None:
    """Auth refuses a session that it does not know; a token that names none would set the person's password."""
    made = _new_key(desk, "trade")
    with refused("BAD_KEY", 401):
        _need(desk, "trade", scopes=["trade"], api_key_id=made["api_key_id"], **session)


def _alert(desk: Desk) -> UUID:
    name = str(uuid4())
    desk.ledger.run("select private.alert(%s, null, 'A_TEST', 'critical', 'text', '{}', %s)", desk.user, name)
    return named_uuid(f"alert|{name}")


@pytest.mark.parametrize("function", ["begin_request", "finish_request", "acknowledge_alert"])
def test_token_of_a_key_when_the_key_is_revoked_then_nothing_is_written(desk: Desk, function: str) -> None:
    request = {"p_operation": "orders.create", "p_key": str(uuid4())}
    says: dict[str, dict[str, Any]] = {
        "begin_request": request | {"p_request_hash": "hash"},
        "finish_request": request | {"p_response": Jsonb({"forged": True})},
        "acknowledge_alert": {"p_alert_id": _alert(desk)},
    }
    said = says[function]
    made = _new_key(desk, "risk")
    token = _token_of(made, "risk")
    with signed_in(desk.ledger, desk.user, **token) as connection:
        ask(connection, function, **said)
        connection.rollback()
    desk.ledger.call("revoke_api_key", "authenticated", desk.user, p_api_key_id=made["api_key_id"])
    with signed_in(desk.ledger, desk.user, **token) as connection, refused("BAD_KEY", 401):
        ask(connection, function, **said)


def test_token_of_a_key_when_it_only_reads_then_no_alert_is_put_away(desk: Desk) -> None:
    made = _new_key(desk, "read")
    with signed_in(desk.ledger, desk.user, **_token_of(made, "read")) as connection, refused("SCOPE_NEEDED", 403):
        ask(connection, "acknowledge_alert", p_alert_id=_alert(desk))


@pytest.mark.parametrize("scopes", [["trade"], ["read"]])
def test_token_of_a_key_when_it_does_not_read_or_is_revoked_then_realtime_is_silent(
    desk: Desk, scopes: list[str]
) -> None:
    made = _new_key(desk, *scopes)
    if "read" in scopes:
        desk.ledger.call("revoke_api_key", "authenticated", desk.user, p_api_key_id=made["api_key_id"])
    topic = f"user:{desk.user}"
    hears = "select count(*) from realtime.messages where extension = 'broadcast'"
    with desk.ledger.session() as connection:
        connection.execute("select set_config('realtime.topic', %s, true)", [topic])
        connection.execute("insert into realtime.messages (topic, extension) values (%s, 'broadcast')", [topic])
        become(connection, "authenticated", desk.user)
        assert connection.execute(hears).fetchone() != (0,), "the person hears"
        become(connection, "authenticated", desk.user, **_token_of(made, *scopes))
        with refused(*(("BAD_KEY", 401) if "read" in scopes else ("SCOPE_NEEDED", 403))):
            connection.execute(hears)
        connection.rollback()


def test_token_of_a_key_when_its_user_is_administrator_then_the_program_is_none(desk: Desk) -> None:
    desk.ledger.run("select public.grant_administrator(%s, 'a test')", str(desk.user))
    token = _token_of(_new_key(desk, *_SCOPES), *_SCOPES) | CLAIM | SECOND_FACTOR
    with signed_in(desk.ledger, desk.user, **token) as connection, refused("ADMINISTRATOR_NEEDED", 403):
        ask(connection, "set_sign_up", p_mode="open")


def test_token_when_it_is_a_persons_then_no_scope_is_asked(desk: Desk) -> None:
    _need(desk, "trade")


def test_key_when_made_with_a_key_or_without_a_user_then_refused(desk: Desk) -> None:
    for claims in ({"scopes": ["trade"]}, {}):
        with desk.ledger.session() as connection, refused("SIGN_IN", 403):
            become(connection, "authenticated", desk.user if claims else None, **claims)
            connection.execute("select public.create_api_key('robot', '{trade}', %s)", [_IN_A_YEAR])


@pytest.mark.parametrize(
    "wrong",
    [
        {"p_scopes": ["everything"]},
        {"p_scopes": ["read", None]},
        {"p_name": ""},
        {"p_expires_at": "infinity"},
        {"p_expires_at": "2000-01-01"},
    ],
)
def test_key_when_malformed_then_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with refused("BAD_KEY", 422):
        _new_key(desk, **wrong)


def test_key_when_another_user_revokes_it_then_it_is_not_found(desk: Desk) -> None:
    made = _new_key(desk)
    with refused("NO_SUCH_KEY", 404):
        desk.ledger.call(
            "revoke_api_key", "authenticated", Desk.open(desk.ledger).user, p_api_key_id=made["api_key_id"]
        )


_ORDER = {"symbol": "SPY", "side": "buy", "position_intent": "buy_to_open", "quantity": "1"}
_SCOPES = ("read", "trade", "strategies", "risk", "reports")


def _attempts(desk: Desk) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """What a program may try: the scope that allows it, and the statement; "person" where none does."""
    gate = f"account:{desk.account}"
    return {
        "reads strategies": ("read", "select count(*) from public.strategies", {}),
        "reads gates": ("read", "select count(*) from public.trading_gates", {}),
        "places": (
            "trade",
            "select public.place_trade(%(order)s)",
            {"order": Jsonb(_ORDER | {"broker_account_id": str(desk.account), "idempotency_key": str(uuid4())})},
        ),
        "halts": ("risk", "select public.close_gate(%(gate)s, 'a test')", {"gate": gate}),
        "deactivates": ("strategies", "select public.deactivate_strategy(%(id)s)", {"id": desk.strategy}),
        "renames a strategy": (
            "strategies",
            "update public.strategies set description = 'x' where id = %(id)s",
            {"id": desk.strategy},
        ),
        "renames an account": (
            "person",
            "update public.broker_accounts set label = 'x' where id = %(id)s",
            {"id": desk.account},
        ),
        "renames itself": ("person", "update public.profiles set display_name = 'x'", {}),
    }


@pytest.mark.parametrize("attempt", _attempts(Desk(None, UUID(int=0), UUID(int=0), UUID(int=0))))  # type: ignore[arg-type]
def test_token_of_a_key_when_it_tries_then_only_its_scope_lets_it(desk: Desk, attempt: str) -> None:
    allowed, statement, values = _attempts(desk)[attempt]
    for scope in _SCOPES:
        scopes = [scope] if attempt.startswith("reads") else sorted({"read", scope})
        made = _new_key(desk, *scopes)
        claims = _token_of(made, *scopes)
        # A halt may change strategies: both scopes do.
        passes = scope == allowed or (attempt.endswith("a strategy") and scope == "risk")
        passes = passes or (attempt == "deactivates" and scope == "risk")
        with desk.ledger.session() as connection:
            become(connection, "authenticated", desk.user, **claims)
            if passes:
                connection.execute(statement.encode(), values)
            else:
                with refused("SCOPE_NEEDED", 403):
                    connection.execute(statement.encode(), values)
            connection.rollback()
