"""Sealed credentials in Postgres: entered by their owner, fetched by one function, moved by nobody."""

from __future__ import annotations

import base64
import json
from typing import Any
from uuid import UUID

import psycopg
import pytest

from functions.brokers.keyring import SealingPair
from functions.brokers.sealing import BadSeal, Binding, open_sealed
from functions.core.ledger.credentials import CredentialLedger
from tests.integration.ledger.desk import Desk, new_account
from tests.integration.ledger.ledger import Connection, Ledger, answers, call, refused
from tests.integration.ledger.sealed import fetch, register, sealed_for, store


@pytest.fixture(scope="module")
def pair(ledger: Ledger) -> SealingPair:
    return register(ledger)


@pytest.fixture(scope="module")
def data_pair(ledger: Ledger) -> SealingPair:
    return register(ledger, "data")


def binding(desk: Desk) -> Binding:
    return Binding(desk.user, desk.account, "alpaca", "paper", "trading")


def test_credential_when_entered_then_execute_opens_it_and_the_account_says_since_when(
    desk: Desk, pair: SealingPair
) -> None:
    entered = store(desk, pair)
    row = fetch(desk)
    assert (row["key_id"], row["version"]) == (pair.id, 1)
    assert open_sealed(row["sealed"], pair.private_key, binding(desk)).fields["secret"] == "hush"
    (account,) = [
        one
        for one in desk.ledger.call("trading_accounts", "fn_execute")
        if one["broker_account_id"] == str(desk.account)
    ]
    assert account["trading_entered_at"] == entered["entered_at"]


def test_credential_when_entered_again_then_the_one_before_is_gone_and_the_audit_says_that_it_changed(
    desk: Desk, pair: SealingPair
) -> None:
    store(desk, pair)
    first = fetch(desk)["sealed"]
    store(desk, pair)
    row = fetch(desk)
    assert row["sealed"] != first
    assert row["version"] == 2
    assert desk.ledger.one("select count(*) from private.broker_credentials where user_id = %s", desk.user) == 1
    trail = desk.ledger.rows(
        "select actor, before ->> 'trading_entered_at', after ->> 'trading_entered_at' from public.audit_log "
        "where table_name = 'broker_accounts' and row_id = %s and action = 'UPDATE' order by sequence",
        str(desk.account),
    )
    assert [actor for actor, *_ in trail] == [f"user:{desk.user}"] * 2
    assert trail[0][1] is None
    assert trail[0][2] == trail[1][1] != trail[1][2]
    written = json.dumps(desk.ledger.rows("select row_to_json(a)::text from public.audit_log as a"))
    assert first not in written
    assert base64.b64decode(first).hex() not in written


@pytest.mark.parametrize(("purpose", "role"), [("trading", "fn_ingest"), ("data", "fn_execute")])
def test_credential_when_the_other_function_asks_then_refused(
    desk: Desk, pair: SealingPair, data_pair: SealingPair, purpose: str, role: str
) -> None:
    store(desk, pair)
    store(desk, data_pair, "data")
    with refused("WRONG_PURPOSE", 403):
        fetch(desk, purpose, role)  # type: ignore[arg-type]
    for function, arguments in (
        ("credentials_to_reseal", {"p_purpose": purpose, "p_key_id": pair.id}),
        ("register_sealing_key", {"p_purpose": purpose, "p_public_key": SealingPair.generate().public_text}),
        ("active_sealing_keys", {"p_purpose": purpose}),
        ("retire_sealing_key", {"p_key_id": (pair if purpose == "trading" else data_pair).id}),
    ):
        with refused("WRONG_PURPOSE", 403):
            desk.ledger.call(function, role, **arguments)


def test_credential_when_nobody_entered_it_then_the_function_is_told_what_to_do(desk: Desk) -> None:
    with refused("NO_CREDENTIALS", 404):
        fetch(desk)


def test_credential_when_entered_for_anothers_account_then_not_found(desk: Desk, pair: SealingPair) -> None:
    thief = Desk.open(desk.ledger)
    with refused("NO_SUCH_ACCOUNT", 404):
        store(desk, pair, by=thief.user)
    with refused("NO_CREDENTIALS", 404):
        fetch(desk)


def test_credentials_when_one_user_enters_them_without_end_then_refused_for_a_while_and_nobody_else(
    desk: Desk, pair: SealingPair
) -> None:
    """The broker is asked each time, from the address that all traders share, and locks out who is wrong too often."""
    for _ in range(20):
        store(desk, pair)
    with refused("TOO_MANY_CREDENTIALS", 409):
        store(desk, pair)
    with refused("TOO_MANY_CREDENTIALS", 409):
        # Not by another account of theirs either.
        store(Desk(desk.ledger, desk.user, new_account(desk.ledger, desk.user), desk.strategy), pair)
    store(Desk.open(desk.ledger), pair)


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        ({"p_purpose": "both"}, "BAD_PURPOSE", 422),
        ({"p_purpose": None}, "BAD_PURPOSE", 422),
        ({"p_purpose": "data"}, "WRONG_PURPOSE", 422),
        ({"p_key_id": "0" * 64}, "NO_SUCH_SEALING_KEY", 404),
        ({"p_key_id": None}, "NO_SUCH_SEALING_KEY", 404),
        ({"p_sealed": None}, "BAD_SEALED_TEXT", 422),
        ({"p_sealed": "my secret, by mistake"}, "BAD_SEALED_TEXT", 422),
        ({"p_sealed": base64.b64encode(bytes(100)).decode()}, "BAD_SEALED_TEXT", 422),
    ],
)
def test_credential_when_malformed_then_refused_and_nothing_is_kept(
    desk: Desk, pair: SealingPair, wrong: dict[str, Any], code: str, status: int
) -> None:
    with refused(code, status) as error:
        store(desk, pair, **wrong)
    assert "my secret" not in str(error.value), "what came in may be a secret in plain text"
    with refused("NO_CREDENTIALS", 404):
        fetch(desk)


def test_ciphertext_when_stored_for_another_account_then_postgres_refuses_the_copy(
    desk: Desk, pair: SealingPair
) -> None:
    thief = Desk.open(desk.ledger)
    store(desk, pair)
    with refused("CIPHERTEXT_REUSED", 409):
        store(thief, pair, p_sealed=fetch(desk)["sealed"])


def test_ciphertext_when_moved_by_the_databases_owner_then_refused_by_postgres_and_at_last_by_python(
    desk: Desk, pair: SealingPair
) -> None:
    other = Desk.open(desk.ledger)
    store(desk, pair)
    with refused("CREDENTIAL_IS_FIXED", 409):
        desk.ledger.run(
            "update private.broker_credentials set broker_account_id = %s, user_id = %s where user_id = %s",
            other.account,
            other.user,
            desk.user,
        )
    # Past every trigger: the row of one account under another's name.
    desk.ledger.tamper(
        "update private.broker_credentials set broker_account_id = %s, user_id = %s where user_id = %s",
        other.account,
        other.user,
        desk.user,
    )
    with pytest.raises(BadSeal) as error:
        open_sealed(fetch(other)["sealed"], pair.private_key, binding(other))
    assert error.value.code == "SEALED_FOR_ANOTHER"


def test_sealing_key_when_shown_under_anothers_id_or_changed_then_refused(ledger: Ledger, pair: SealingPair) -> None:
    swapped = SealingPair.generate().public_text
    with pytest.raises(psycopg.errors.CheckViolation):
        ledger.run(
            "insert into public.sealing_keys (id, purpose, public_key) values (%s, 'data', %s)", "0" * 64, swapped
        )
    for change in ("public_key = 'x'", "purpose = 'data'", "registered_at = now() + interval '1 day'"):
        with refused("SEALING_KEY_IS_FIXED", 409):
            ledger.run(f"update public.sealing_keys set {change} where id = %s", pair.id)  # noqa: S608
    with refused("APPEND_ONLY", 409):
        ledger.run("delete from public.sealing_keys where id = %s", pair.id)


@pytest.mark.parametrize("key", ["", "short", None, "%%%", base64.b64encode(bytes(31)).decode()])
def test_sealing_key_when_malformed_then_refused(ledger: Ledger, key: str | None) -> None:
    with refused("BAD_SEALING_KEY", 422):
        ledger.call("register_sealing_key", "fn_execute", p_purpose="trading", p_public_key=key)


def test_sealing_key_when_registered_twice_then_it_is_one(ledger: Ledger) -> None:
    again = register(ledger, pair=register(ledger))
    assert ledger.one("select count(*) from public.sealing_keys where id = %s", again.id) == 1


# --- rotation ---------------------------------------------------------------------------------------------------------


class AsFunction:
    """A transport that calls as one role, without HTTP."""

    def __init__(self, ledger: Ledger, role: str) -> None:
        self._ledger, self._role = ledger, role

    def call(self, function: str, arguments: dict[str, object]) -> object:
        return self._ledger.call(function, self._role, **arguments)


@pytest.fixture
def fresh(fresh_ledger: Ledger) -> tuple[Desk, SealingPair, SealingPair, CredentialLedger]:
    """A credential under an old key, while the next one is registered."""
    old = register(fresh_ledger)
    desk = Desk.open(fresh_ledger)
    store(desk, old)
    return desk, old, register(fresh_ledger), CredentialLedger(AsFunction(fresh_ledger, "fn_execute"))


Rotating = tuple[Desk, SealingPair, SealingPair, CredentialLedger]


def test_key_when_retired_with_a_credential_under_it_then_refused_until_it_is_sealed_again(fresh: Rotating) -> None:
    desk, old, new, ledger = fresh
    assert ledger.active_sealing_keys("trading") == [old.id, new.id]
    with refused("KEY_IN_USE", 409):
        ledger.retire_sealing_key(old.id)
    (row,) = ledger.credentials_to_reseal("trading", new.id, None)
    assert ledger.credentials_to_reseal("trading", new.id, row.broker_account_id) == []
    entered = row.entered_at
    assert ledger.reseal_credentials(row, new.id, sealed_for(desk, new))
    assert ledger.broker_credentials(desk.account, "trading").entered_at == entered, "re-sealing is not entering"
    ledger.retire_sealing_key(old.id)
    ledger.retire_sealing_key(old.id)
    assert ledger.active_sealing_keys("trading") == [new.id]
    with refused("SEALING_KEY_RETIRED", 409):
        store(desk, old)
    with refused("SEALING_KEY_RETIRED", 409):
        register(desk.ledger, pair=old)
    with refused("SEALING_KEY_IS_FIXED", 409):
        desk.ledger.run("update public.sealing_keys set status = 'active', retired_at = null where id = %s", old.id)
    with refused("LAST_KEY", 409):
        desk.ledger.run("delete from private.broker_credentials")
        ledger.retire_sealing_key(new.id)
    store(desk, new)


def test_resealing_when_the_trader_was_quicker_then_theirs_stays(fresh: Rotating) -> None:
    desk, _, new, ledger = fresh
    (row,) = ledger.credentials_to_reseal("trading", new.id, None)
    store(desk, new)
    kept = fetch(desk)["sealed"]
    assert not ledger.reseal_credentials(row, new.id, sealed_for(desk, new))
    assert fetch(desk)["sealed"] == kept


def test_keys_when_both_are_retired_at_once_then_one_stays(fresh: Rotating) -> None:
    desk, old, new, _ = fresh
    desk.ledger.run("delete from private.broker_credentials")

    def retire(key: str) -> object:
        return lambda connection: call(connection, "retire_sealing_key", "fn_execute", p_key_id=key)

    said = desk.ledger.at_once(*answers([retire(old.id), retire(new.id)]))  # type: ignore[list-item]
    assert sorted(said) == ["LAST_KEY", "done"]


def test_key_when_retired_while_a_trader_enters_under_it_then_nothing_is_left_under_a_retired_key(
    fresh_ledger: Ledger,
) -> None:
    pairs = [register(fresh_ledger)]
    desks = [Desk.open(fresh_ledger) for _ in range(3)]
    for _ in range(6):
        old, new = pairs[-1], register(fresh_ledger)
        pairs.append(new)

        def enter(connection: Connection, desk: Desk, key: SealingPair = old) -> None:
            arguments = {"p_account_id": desk.account, "p_purpose": "trading", "p_key_id": key.id}
            call(
                connection, "store_credentials", "authenticated", desk.user, **arguments, p_sealed=sealed_for(desk, key)
            )

        def retire(connection: Connection, key: SealingPair = old) -> None:
            call(connection, "retire_sealing_key", "fn_execute", p_key_id=key.id)

        said = fresh_ledger.at_once(*answers([*[lambda c, d=desk: enter(c, d) for desk in desks], retire]))
        assert set(said) <= {"done", "SEALING_KEY_RETIRED", "KEY_IN_USE"}
        stranded = fresh_ledger.one(
            "select count(*) from private.broker_credentials as c join public.sealing_keys as k on k.id = c.key_id "
            "where k.status = 'retired'"
        )
        assert stranded == 0
        fresh_ledger.run("delete from private.broker_credentials")


def test_data_accounts_when_asked_then_only_active_ones_with_a_data_credential(
    fresh_ledger: Ledger,
) -> None:
    trading, data = register(fresh_ledger), register(fresh_ledger, "data")
    first, second = Desk.open(fresh_ledger), Desk.open(fresh_ledger)
    store(first, trading)
    store(second, data, "data")
    found = fresh_ledger.call("data_accounts", "fn_ingest")
    assert [UUID(row["broker_account_id"]) for row in found] == [second.account]
