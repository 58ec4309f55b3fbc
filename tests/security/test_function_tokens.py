"""The functions' own tokens at the real gateway: each role is let in as itself, and a bad token as nobody."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from functions.core.ledger.transport import RestTransport
from functions.core.settings import Settings
from local.stack import Stack
from tests.security.conftest import Gateway
from tests.security.expectations import CALLERS, FUNCTION_ROLES

ASKED = "verify_audit_chain"
"""A function without parameters that changes nothing, granted to one role."""


def minted(stack: Stack, role: str) -> str:
    """A token as the functions make it."""
    settings = Settings.model_validate(
        {"supabase_url": "http://unused", "publishable_key": "unused", "jwt_secret": stack.secrets.jwt_secret}
    )
    return RestTransport(settings, role)._token(int(time.time()))


def ask(gateway: Gateway, token: str | None) -> int:
    return gateway.ask("POST", f"/rest/v1/rpc/{ASKED}", token, json={}).status_code


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_role_when_its_function_asks_then_it_is_that_role_and_no_other(
    gateway: Gateway, stack: Stack, role: str
) -> None:
    """403 is the answer to somebody who is known and may not; 401 would be nobody."""
    assert ask(gateway, minted(stack, role)) == (200 if role in CALLERS[ASKED] else 403)
    rows = gateway.ask("GET", "/rest/v1/trades", minted(stack, role))
    assert rows.status_code == 403, "a role touches no table"


def _unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_token_when_it_is_not_ours_or_its_time_is_over_then_nobody_is_let_in(
    gateway: Gateway, stack: Stack, role: str
) -> None:
    secret, now = stack.secrets.jwt_secret, int(time.time())
    claims = {"role": role, "aud": "authenticated", "iat": now - 700, "exp": now + 600}
    bad = {
        "expired": jwt.encode(claims | {"exp": now - 31}, secret, "HS256"),
        "not valid yet": jwt.encode(claims | {"nbf": now + 120}, secret, "HS256"),
        "issued in the future": jwt.encode(claims | {"iat": now + 120}, secret, "HS256"),
        "wrongly signed": jwt.encode(claims, "another-secret-that-is-more-than-32-bytes-long", "HS256"),
        "signed with the publishable key": jwt.encode(claims, stack.publishable_key, "HS256"),
        "another algorithm": jwt.encode(claims, secret * 2, "HS512"),
        "alg none": _unsigned(claims, "none"),
        "alg none in capitals": _unsigned(claims, "NONE"),
        "unsigned under the right algorithm": _unsigned(claims, "HS256"),
    }
    assert {name: ask(gateway, token) for name, token in bad.items()} == dict.fromkeys(bad, 401)


@pytest.mark.parametrize("role", ["fn_unknown", "FN_REPORT", "fn_report ", "", ["fn_report"], {"r": "fn_report"}, None])
def test_token_when_its_role_is_none_of_ours_then_the_function_is_not_run(
    gateway: Gateway, stack: Stack, role: object
) -> None:
    now = int(time.time())
    token = jwt.encode({"role": role, "iat": now, "exp": now + 60}, stack.secrets.jwt_secret, "HS256")
    assert ask(gateway, token) in (400, 401, 403)
