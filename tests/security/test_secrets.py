"""No secret is anywhere it could be read: not in any table, whoever asks, not in a dump, not in a log."""

from __future__ import annotations

import base64
import re
import secrets as randomness
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from functions.brokers.credentials import alpaca_keys
from functions.brokers.sealing import Binding, Credential, Purpose, seal
from functions.core.errors import Refused
from functions.core.ledger.credentials import CredentialLedger
from functions.core.ledger.transport import RestTransport
from functions.core.settings import Settings
from local.cli.app import run
from local.postgres import binaries
from local.stack import Stack
from local.supervisor.broker_keys import PURPOSES, keyring_file, stack_keyring
from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway, Person
from tests.security.expectations import ROLES

OPENERS: dict[Purpose, str] = {"trading": "fn_execute", "data": "fn_ingest"}
HELD_BY_THE_PLATFORM = {"webhook secret": {"vault.secrets", "net.http_request_queue"}}
"""Vault keeps it (encrypted on the platform), and the request queue while a wake-up waits; the API reads neither."""


@dataclass
class Needles:
    """Secrets by name, and every form that one could hide in."""

    secrets: dict[str, bytes] = field(default_factory=dict)

    def add(self, name: str, secret: str | bytes) -> None:
        self.secrets[name] = secret.encode() if isinstance(secret, str) else secret

    def forms(self, secret: bytes) -> set[bytes]:
        plain = {secret, secret[::-1]}
        found = plain | {each.hex().encode() for each in plain} | {each.hex().upper().encode() for each in plain}
        for before in range(3):
            # In base64 the same bytes look different by where they begin; the ends mix with what is beside them.
            text = base64.b64encode(bytes(before) + secret)
            inner = text[4 if before else 0 : -4]
            found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_")), base64.b64encode(secret[::-1])[:-4]}
        return {form for form in found if len(form) >= 8}

    def found_in(self, text: bytes) -> set[str]:
        return {name for name, secret in self.secrets.items() if any(form in text for form in self.forms(secret))}


def settings_of(stack: Stack) -> Settings:
    return Settings.model_validate(
        {
            "supabase_url": stack.url("gateway"),
            "publishable_key": stack.publishable_key,
            "jwt_secret": stack.secrets.jwt_secret,
        }
    )


def enter(gateway: Gateway, stack: Stack, owner: Person, purpose: Purpose, fields: dict[str, str]) -> None:
    """As the dashboard does: reads the public key, seals, stores."""
    keys = gateway.ask(
        "GET",
        f"/rest/v1/sealing_keys?purpose=eq.{purpose}&status=eq.active&order=registered_at.desc&limit=1",
        owner.token,
    ).json()
    binding = Binding(UUID(owner.id), owner.desk.account, "alpaca", "paper", purpose)
    sealed = seal(Credential(binding, fields, datetime.now(UTC)), base64.b64decode(keys[0]["public_key"]))
    body = {
        "p_account_id": str(owner.desk.account),
        "p_purpose": purpose,
        "p_key_id": keys[0]["id"],
        "p_sealed": sealed,
    }
    answer = gateway.ask("POST", "/rest/v1/rpc/store_credentials", owner.token, json=body)
    assert answer.status_code == 200, answer.text


def opened(stack: Stack, owner: Person, purpose: Purpose, needles: Needles) -> str:
    """The secret, as the one function that may gets it; its token becomes a needle too."""
    transport = RestTransport(settings_of(stack), OPENERS[purpose])
    row = CredentialLedger(transport).broker_credentials(owner.desk.account, purpose)
    sent = transport._client.postgrest.headers["Authorization"] if transport._client else ""
    needles.add(f"token of {OPENERS[purpose]}", sent.removeprefix("Bearer "))
    keys = alpaca_keys(
        row,
        keyring_file(stack, purpose),
        purpose,
        user=UUID(owner.id),
        account=owner.desk.account,
        is_paper=True,
    )
    return keys.secret.get_secret_value()


@pytest.fixture(scope="module")
def needles(gateway: Gateway, stack: Stack, owner: Person, ledger: Ledger) -> Needles:
    """Canaries through the whole path: entered, opened, rotated, entered again, and once sent in plain by mistake."""
    found = Needles()
    for purpose in PURPOSES:
        for turn in ("first", "second"):
            fields = {"key": "PK" + randomness.token_hex(9).upper(), "secret": randomness.token_urlsafe(30)}
            found.add(f"{turn} {purpose} key", fields["key"])
            found.add(f"{turn} {purpose} secret", fields["secret"])
            enter(gateway, stack, owner, purpose, fields)
            assert opened(stack, owner, purpose, found) == fields["secret"]
            found.add(f"{turn} private key for {purpose}", stack_keyring(stack, purpose).newest.private_key)
            if turn == "first":
                before = stack_keyring(stack, purpose)
                assert run(["keys", "rotate", "--purpose", purpose, "--state", str(stack.state), "--json"]) == 0
                after = stack_keyring(stack, purpose)
                assert len(after.pairs) == 1
                assert after.newest != before.newest
                assert opened(stack, owner, purpose, found) == fields["secret"], "re-sealed, and still the same"
    plain = randomness.token_urlsafe(30)
    found.add("secret sent in plain by mistake", plain)
    key = ledger.one("select id from public.sealing_keys where purpose = 'trading' and status = 'active'")
    for sealed in (plain, base64.b64encode(plain.encode()).decode()):
        body = {"p_account_id": str(owner.desk.account), "p_purpose": "trading", "p_key_id": key, "p_sealed": sealed}
        answer = gateway.ask("POST", "/rest/v1/rpc/store_credentials", owner.token, json=body)
        assert answer.status_code == 422
        assert plain not in answer.text
    own = stack.secrets
    found.add("webhook secret", own.webhook_secret)
    found.add("JWT secret", own.jwt_secret)
    found.add("token of the owner", owner.token)
    for name in ("postgres_password", "bus_password", "dispatcher_password", "broker_secret", "data_secret"):
        found.add(name, getattr(own, name))
    return found


def relations(ledger: Ledger) -> list[tuple[str, str]]:
    return cast(
        "list[tuple[str, str]]",
        ledger.rows(
            "select n.nspname::text, c.relname::text from pg_class as c "
            "join pg_namespace as n on n.oid = c.relnamespace "
            "where c.relkind in ('r', 'p', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema') "
            "and n.nspname not like 'pg\\_toast%%' and n.nspname not like 'pg\\_temp%%'"
        ),
    )


def read_as(ledger: Ledger, role: str, user: str) -> Iterator[tuple[str, bytes]]:
    """What every relation shows to a role, as text; relations that it may not read show nothing."""
    claims = f'{{"role": "{role}", "sub": "{user}"}}'
    with psycopg.connect(ledger.dsn, autocommit=True) as connection:
        connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        for schema, name in relations(ledger):
            query = sql.SQL("select t::text from {} as t").format(sql.Identifier(schema, name))
            try:
                rows = connection.execute(query).fetchall()
            except psycopg.errors.InsufficientPrivilege:
                continue
            yield f"{schema}.{name}", "\n".join(str(row[0]) for row in rows).encode()


def test_needle_when_it_is_there_then_it_is_found_in_every_form() -> None:
    """The scan itself, so that finding nothing means something."""
    needles = Needles({"it": b"a-secret-of-some-length"})
    secret = needles.secrets["it"]
    for around in (b"", b"x", b"xy", b"xyz"):
        text = around + secret + b"tail"
        for hidden in (text, text[::-1], text.hex().encode(), base64.b64encode(text), base64.urlsafe_b64encode(text)):
            assert needles.found_in(b"before " + hidden + b" after") == {"it"}, hidden
    assert needles.found_in(b"nothing to see") == set()


@pytest.mark.parametrize("role", [*ROLES, "authenticator", "postgres"])
def test_tables_when_read_by_any_role_then_there_is_no_secret(
    needles: Needles, ledger: Ledger, owner: Person, thief: Person, role: str
) -> None:
    read = 0
    for user in {owner.id, thief.id} if role == "authenticated" else {owner.id}:
        for relation, text in read_as(ledger, role, user):
            read += 1
            allowed = {name for name, where in HELD_BY_THE_PLATFORM.items() if relation in where}
            if relation == "vault.decrypted_secrets":
                allowed = {"webhook secret"}
            assert needles.found_in(text) - (allowed if role == "postgres" else set()) == set(), (role, relation)
            if role not in ("postgres", "authenticator", "service_role"):
                assert relation != "private.broker_credentials", "not even a ciphertext"
    assert read > 60 or role != "postgres"


def test_dump_when_taken_of_the_whole_database_then_there_is_no_secret(
    needles: Needles, stack: Stack, ledger: Ledger
) -> None:
    done = subprocess.run(
        [str(binaries() / "pg_dump"), "--dbname", stack.database_url], capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    place = ""
    held: dict[str, set[str]] = {}
    for block in re.split(rb"^(?=COPY |\\\.$)", done.stdout, flags=re.M):
        copied = re.match(rb"COPY ([\w.\"]+) ", block)
        place = copied[1].decode().replace('"', "") if copied else "definitions"
        for name in needles.found_in(block):
            held.setdefault(name, set()).add(place)
    assert {name: where for name, where in held.items() if not where <= HELD_BY_THE_PLATFORM.get(name, set())} == {}
    assert "vault.secrets" in held["webhook secret"], "what is there is found"
    assert b"COPY private.broker_credentials " in done.stdout
    assert ledger.one("select count(*) from private.broker_credentials") == len(PURPOSES)


def test_logs_when_scanned_then_there_is_no_secret(needles: Needles, stack: Stack) -> None:
    logs = [file for file in stack.state.rglob("*.log") if file.is_file()]
    assert {file.stem for file in logs} >= {"gateway", "postgres", "realtime"}
    assert {file.name: needles.found_in(file.read_bytes()) for file in logs} == {file.name: set() for file in logs}


def test_files_when_listed_then_what_holds_a_secret_is_its_owners_alone(needles: Needles, stack: Stack) -> None:
    """Private keys and passwords are in files of mode 0600, and a broker's secret in none but the simulator's own."""
    holding: dict[Path, set[str]] = {}
    for file in stack.state.iterdir():
        if file.is_file() and (found := needles.found_in(file.read_bytes())):
            holding[file] = found
    assert holding
    for file, found in holding.items():
        assert file.stat().st_mode & 0o077 == 0, file
        assert not any("trading secret" in name or "data secret" in name for name in found), file


def test_role_when_it_guesses_another_purpose_then_refused(stack: Stack, owner: Person, needles: Needles) -> None:
    del needles
    for purpose, role in OPENERS.items():
        (stranger,) = set(OPENERS.values()) - {role}
        other = CredentialLedger(RestTransport(settings_of(stack), stranger))
        with pytest.raises(Refused) as refused:
            other.broker_credentials(owner.desk.account, purpose)
        assert cast("Any", refused.value).http_status == 403
