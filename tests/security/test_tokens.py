"""Forged, stripped and worn-out tokens open no door: REST, Auth, Storage and functions alike."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from local.stack import Stack
from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway, Person

ANOTHER_SECRET = "somebody-elses-secret-that-is-long-enough-for-hs256"

CLOCK_SKEW = 30
"""Seconds by which clocks may differ, as PostgREST allows."""


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(claims: dict[str, Any], algorithm: str, signature: str = "") -> str:
    return f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(claims)}.{signature}"


def _claims(owner: Person, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "sub": owner.id,
        "role": "authenticated",
        "aud": "authenticated",
        "iss": "supabase",
        "iat": now - 60,
        "exp": now + 3600,
    } | more


def _swapped(stack: Stack, owner: Person, thief: Person) -> str:
    header, _, signature = thief.token.split(".")
    return f"{header}.{_part(_claims(owner))}.{signature}"


FORGERIES: dict[str, Callable[[Stack, Person, Person], str]] = {
    "alg none": lambda stack, owner, thief: _unsigned(_claims(owner), "none"),
    "alg None in capitals": lambda stack, owner, thief: _unsigned(_claims(owner), "NONE"),
    "alg none with a signature": lambda stack, owner, thief: _unsigned(
        _claims(owner), "none", thief.token.split(".")[2]
    ),
    "no signature": lambda stack, owner, thief: _unsigned(_claims(owner), "HS256"),
    "another secret": lambda stack, owner, thief: jwt.encode(_claims(owner), ANOTHER_SECRET, "HS256"),
    "another algorithm": lambda stack, owner, thief: jwt.encode(_claims(owner), stack.secrets.jwt_secret * 2, "HS512"),
    "the publishable key as secret": lambda stack, owner, thief: jwt.encode(
        _claims(owner), stack.publishable_key, "HS256"
    ),
    "claims swapped under a signature": _swapped,
    "expired": lambda stack, owner, thief: jwt.encode(
        _claims(owner, exp=int(time.time()) - CLOCK_SKEW - 1), stack.secrets.jwt_secret, "HS256"
    ),
    "not valid yet": lambda stack, owner, thief: jwt.encode(
        _claims(owner, nbf=int(time.time()) + CLOCK_SKEW + 60), stack.secrets.jwt_secret, "HS256"
    ),
    "cut": lambda stack, owner, thief: owner.token[:-8],
    "not a token": lambda stack, owner, thief: "sesame",
}
STRONG_ROLES = (
    "postgres",
    "supabase_admin",
    "authenticator",
    "bus",
    "pg_read_all_data",
    "nobody-such",
    "anon; set role postgres",
)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_token_when_forged_then_no_door_opens(
    gateway: Gateway, stack: Stack, owner: Person, thief: Person, forgery: str
) -> None:
    token = FORGERIES[forgery](stack, owner, thief)
    doors: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/rest/v1/trades", None),
        ("GET", "/rest/v1/instruments", None),
        ("POST", "/rest/v1/rpc/place_trade", {"p_order": {}}),
        ("POST", "/rest/v1/rpc/record_fill", {"p_account_id": str(owner.desk.account), "p_fill": {}}),
        ("GET", "/auth/v1/user", None),
    )
    for method, path, body in doors:
        answer = gateway.ask(method, path, token, json=body)
        assert answer.status_code in (401, 403), (path, answer.status_code, answer.text)
        assert owner.id not in answer.text
    admin = gateway.ask("GET", "/auth/v1/admin/users", token)
    assert admin.status_code in (401, 403)


@pytest.mark.parametrize("role", STRONG_ROLES)
def test_token_when_well_signed_for_a_role_outside_the_api_then_refused(
    gateway: Gateway, stack: Stack, owner: Person, role: str
) -> None:
    """Even the signing key does not reach a role that `authenticator` may not become."""
    answer = gateway.ask("GET", "/rest/v1/trades", stack.token(role, sub=owner.id))
    assert answer.status_code in (400, 401, 403), answer.text
    assert owner.id not in answer.text


def test_token_when_of_a_user_without_role_then_nobody(gateway: Gateway, stack: Stack, owner: Person) -> None:
    claims = _claims(owner)
    del claims["role"]
    answer = gateway.ask("GET", "/rest/v1/trades", jwt.encode(claims, stack.secrets.jwt_secret, "HS256"))
    assert answer.status_code in (401, 403)


def test_user_when_signed_in_then_is_no_administrator_of_auth(gateway: Gateway, thief: Person) -> None:
    for method, path in (("GET", "/auth/v1/admin/users"), ("POST", "/auth/v1/admin/users")):
        answer = gateway.ask(method, path, thief.token, json={} if method == "POST" else None)
        assert answer.status_code in (401, 403), answer.text


def test_user_when_they_change_their_metadata_then_roles_do_not_follow(
    gateway: Gateway, ledger: Ledger, thief: Person, owner: Person
) -> None:
    """What a user may write of themselves is never what a policy or a function believes."""
    said = {"data": {"role": "service_role", "sub": owner.id, "desk_role": "administrator", "user_id": owner.id}}
    answer = gateway.ask("PUT", "/auth/v1/user", thief.token, json=said)
    assert answer.status_code == 200, answer.text
    rows = gateway.ask("GET", "/rest/v1/trades", thief.token).json()
    assert {row["user_id"] for row in rows} == {thief.id}
    assert ledger.one("select desk_role from public.profiles where user_id = %s", thief.id) == "trader"


def test_request_when_without_any_key_then_refused(gateway: Gateway) -> None:
    answer = gateway.ask("GET", "/rest/v1/trades", headers={"apikey": ""})
    assert answer.status_code in (401, 403)


def test_request_when_it_names_its_claims_in_headers_then_they_are_ignored(
    gateway: Gateway, owner: Person, thief: Person
) -> None:
    for name in ("request.jwt.claims", "x-user-id", "role", "x-role", "prefer"):
        headers = {name: json.dumps({"role": "authenticated", "sub": owner.id})}
        answer = gateway.ask("GET", "/rest/v1/trades", thief.token, headers=headers)
        assert owner.id not in answer.text


def test_token_of_a_program_when_brought_to_auth_then_it_is_nobodys_and_the_password_stays(
    gateway: Gateway, stack: Stack, ledger: Ledger
) -> None:
    """A key that only reads would else become the whole person."""
    email = f"{uuid4()}@example.com"
    password = {"email": email, "password": "correct horse battery"}
    person = gateway.ask("POST", "/auth/v1/signup", json=password).json()["access_token"]
    wanted = {"p_name": "robot", "p_scopes": ["read"], "p_expires_at": str(datetime.now(UTC) + timedelta(days=9))}
    made = gateway.ask("POST", "/rest/v1/rpc/create_api_key", person, json=wanted).json()
    used = ledger.call("use_api_key", "fn_api", p_key=made["key"])
    now = int(time.time())
    token = jwt.encode(used["claims"] | {"iat": now, "exp": now + 600}, stack.secrets.jwt_secret, "HS256")
    assert len(gateway.ask("GET", "/rest/v1/profiles", token).json()) == 1
    for method, path, body in (
        ("GET", "user", None),
        ("PUT", "user", {"password": "stolen horse battery"}),
        ("PUT", "user", {"email": "thief2@example.com"}),
        ("POST", "logout?scope=global", {}),
    ):
        answer = gateway.ask(method, f"/auth/v1/{path}", token, json=body)
        assert answer.status_code in (401, 403), (path, answer.text)
    assert gateway.ask("POST", "/auth/v1/token?grant_type=password", json=password).status_code == 200
    worse = {name: value for name, value in used["claims"].items() if name != "session_id"}
    token = jwt.encode(worse | {"iat": now, "exp": now + 600}, stack.secrets.jwt_secret, "HS256")
    assert gateway.ask("GET", "/rest/v1/profiles", token).status_code == 401  # worth nothing where Auth would take it
