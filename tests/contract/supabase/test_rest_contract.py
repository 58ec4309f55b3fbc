"""REST without a client library: status codes, exact digits, tokens, keys, and what is closed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import httpx
import jwt
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.supabase.small_cloud import Cloud, sign


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("P0001", 400), ("AT001", 400), ("PT403", 403), ("PT404", 404), ("PT409", 409), ("PT422", 422), ("PT503", 503),
        ("42501", 403), ("23505", 409), ("23503", 409), ("23514", 400), ("23P01", 400), ("22023", 400), ("42703", 400),
        ("40001", 503), ("40P01", 503), ("55P03", 503), ("53300", 503), ("57014", 504), ("P0002", 500), ("XX000", 500),
    ],
)  # fmt: skip
def test_error_when_a_function_raises_a_state_then_the_status_is_the_documented_one(
    cloud: Cloud, state: str, status: int
) -> None:
    arguments = {"state": state, "told": "CODE: seen=7, most=5", "about": "why", "advice": "what to do"}
    answer = cloud.rpc("refuse", arguments, sign({"role": "authenticated"}))
    body = {"code": state, "message": "CODE: seen=7, most=5", "details": "why", "hint": "what to do"}
    assert (answer.status_code, answer.json()) == (status, body)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_error_when_an_anonymous_caller_lacks_a_right_then_the_status_is_401(cloud: Cloud) -> None:
    answer = cloud.rpc("refuse", {"state": "42501", "told": "no"})
    assert (answer.status_code, answer.json()["code"]) == (401, "42501")


def test_error_when_a_statement_runs_past_its_roles_limit_then_the_status_is_504(cloud: Cloud) -> None:
    with psycopg.connect(cloud.dsn, autocommit=True) as connection:
        connection.execute("alter role fn_risk set statement_timeout = '50ms'; notify pgrst, 'reload schema'")
        try:
            # The notice travels to the gateway on its own; the first call after it may still see the old limit.
            assert _until(lambda: cloud.rpc("slow", {"seconds": 0.3}, sign({"role": "fn_risk"})).status_code == 504)
        finally:
            connection.execute("alter role fn_risk reset statement_timeout; notify pgrst, 'reload schema'")


@pytest.mark.parametrize("text", ['"', 'id,"', "id->>", "id:", "id(*"])
def test_query_when_it_cannot_be_parsed_then_the_caller_is_told(cloud: Cloud, text: str) -> None:
    answer = httpx.get(f"{cloud.url}/rest/v1/notes", params={"select": text}, headers=cloud.headers())
    assert answer.status_code == 400, answer.text


@settings(max_examples=20, deadline=None)
@given(amount=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**17), max_value=10**17, places=10))
def test_numeric_when_it_crosses_both_ways_then_no_digit_is_lost(cloud: Cloud, amount: object) -> None:
    answer = cloud.rpc("only_for_risk", {"amount": str(amount)}, sign({"role": "fn_risk"}))
    with psycopg.connect(cloud.dsn) as connection:
        row = connection.execute("select %s::numeric::text", (str(amount),)).fetchone()
    assert row is not None
    assert answer.text == row[0]


def test_numbers_when_they_are_long_then_every_digit_is_in_the_answer(cloud: Cloud) -> None:
    assert cloud.rpc("many_numbers").text == "[1.10,12345678901234567890.0123456789,0]"
    assert cloud.rpc("returns_json").text == '{"n":12345678901234567890.0123456789,"t":"1.10"}'


@pytest.mark.parametrize(("key", "message"), [(None, "No API key found in request"), ("x", "Invalid API key")])
def test_key_when_it_is_missing_or_wrong_then_the_answer_says_so(cloud: Cloud, key: str | None, message: str) -> None:
    answer = httpx.get(f"{cloud.url}/rest/v1/notes", headers={"apikey": key} if key else {})
    assert (answer.status_code, answer.json()["message"]) == (401, message)


def test_key_when_it_is_a_users_token_then_it_is_no_key(cloud: Cloud) -> None:
    answer = httpx.get(f"{cloud.url}/rest/v1/notes", headers={"apikey": sign({"role": "authenticated"})})
    assert answer.status_code == 401


FORGED = jwt.encode({"role": "service_role"}, "another-secret-that-is-also-longer-than-32-bytes", algorithm="HS256")
UNSIGNED = jwt.encode({"role": "service_role"}, "", algorithm="none")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("not-a-token", "PGRST301"),
        ("a.b.c", "PGRST301"),
        (FORGED, "PGRST301"),
        (UNSIGNED, "PGRST301"),
        (sign({"role": "service_role", "exp": int(time.time()) - 120}), "PGRST303"),
        (sign({"role": "service_role", "nbf": int(time.time()) + 86_400}), "PGRST303"),
    ],
)
def test_token_when_it_is_not_valid_then_it_is_refused_with_postgrests_code(
    cloud: Cloud, token: str, code: str
) -> None:
    answer = cloud.rpc("whoami", token=token)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    ("role", "status"),
    [("no_such_role", 400), ("fn_ungranted", 403), ("postgres", 403), ("authenticator'; select 1; --", 400)],
)
def test_role_when_it_was_not_granted_then_the_call_does_not_run(cloud: Cloud, role: str, status: int) -> None:
    assert cloud.rpc("whoami", token=sign({"role": role})).status_code == status


def test_role_when_many_callers_share_the_pool_then_nobody_gets_anothers_claims(cloud: Cloud) -> None:
    with httpx.Client() as http:
        for at in range(40):
            subject = str(uuid.uuid4())
            claims = {"role": "authenticated", "sub": subject} if at % 2 else {"role": "fn_risk"}
            headers = cloud.headers(sign(claims))
            who = http.post(f"{cloud.url}/rest/v1/rpc/whoami", json={}, headers=headers).json()
            assert (who["role"], who["uid"]) == (claims["role"], claims.get("sub"))


def test_grants_when_lite_serves_requests_then_no_table_was_opened_to_the_api_roles(cloud: Cloud) -> None:
    with psycopg.connect(cloud.dsn, autocommit=True) as connection:
        connection.execute(
            "create table public.made_later (id int); alter table public.made_later enable row level security"
        )
        try:
            rows = connection.execute(
                "select table_name, grantee from information_schema.role_table_grants where table_schema = 'public' "
                "and table_name in ('made_later', 'closed') and grantee <> 'postgres'"
            ).fetchall()
            defaults = connection.execute("select count(*) from pg_default_acl").fetchone()
        finally:
            connection.execute("drop table public.made_later")
    assert rows == []
    assert defaults == (0,)


def test_answer_when_it_is_an_error_then_the_write_before_it_is_undone(cloud: Cloud) -> None:
    """Two rows were inserted, one was asked for: the answer is an error, so nothing may be left."""
    user, token = _new_user(cloud)
    rows = [{"user_id": user, "title": "one"}, {"user_id": user, "title": "two"}]
    headers = cloud.headers(token) | {"Prefer": "return=representation", "Accept": "application/vnd.pgrst.object+json"}
    inserted = httpx.post(f"{cloud.url}/rest/v1/notes?select=title,price::text", json=rows, headers=headers)
    none = httpx.patch(
        f"{cloud.url}/rest/v1/notes?title=eq.none&select=id,price::text", json={"price": "1"}, headers=headers
    )
    left = httpx.get(f"{cloud.url}/rest/v1/notes?select=title", headers=cloud.headers(token))
    assert (inserted.status_code, inserted.json()["code"]) == (406, "PGRST116")
    assert (none.status_code, none.json()["code"]) == (406, "PGRST116")
    assert left.json() == []


def test_schema_when_it_changes_then_the_next_requests_see_it_without_a_restart(cloud: Cloud) -> None:
    name = f"made_{uuid.uuid4().hex}"
    assert cloud.rpc(name).status_code == 404
    with psycopg.connect(cloud.dsn, autocommit=True) as connection:
        connection.execute(f"create function public.{name}() returns int language sql as 'select 7'")
        assert _until(lambda: cloud.rpc(name).text == "7")
        connection.execute(f"drop function public.{name}()")
        assert _until(lambda: cloud.rpc(name).status_code == 404)


@pytest.mark.parametrize("path", ["/_system/config", "/_system/info", "/_system/introspect", "/editor/public.notes"])
def test_gateway_when_a_path_is_the_studios_then_a_key_opens_nothing(cloud: Cloud, path: str) -> None:
    answer = httpx.get(f"{cloud.url}{path}", headers={"apikey": cloud.service_key})
    assert (answer.status_code, answer.json()["code"]) == (403, "ADMINISTRATOR_NEEDED")


@pytest.mark.parametrize("path", ["/", "/_systems", "/rest/v2/notes"])
def test_gateway_when_a_path_is_nobodys_then_nothing_is_served(cloud: Cloud, path: str) -> None:
    answer = httpx.get(f"{cloud.url}{path}", headers={"apikey": cloud.service_key})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("schema", ["auth", "storage", "vault", "private"])
def test_schema_when_it_is_not_exposed_then_it_is_refused_even_to_the_service(cloud: Cloud, schema: str) -> None:
    headers = {"apikey": cloud.service_key, "Accept-Profile": schema}
    answer = httpx.get(f"{cloud.url}/rest/v1/users", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106")


def test_browser_when_it_asks_before_a_request_then_any_origin_may(cloud: Cloud) -> None:
    headers = {
        "Origin": "http://127.0.0.1:5173",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "apikey, authorization, idempotency-key",
    }
    for path in ("/rest/v1/notes", "/auth/v1/token", "/storage/v1/object/b/k", "/functions/v1/health"):
        answer = httpx.options(f"{cloud.url}{path}", headers=headers)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "idempotency-key" in answer.headers["access-control-allow-headers"]


def _new_user(cloud: Cloud) -> tuple[str, str]:
    body = {"email": f"{uuid.uuid4()}@example.com", "password": "password-1"}
    session = httpx.post(f"{cloud.url}/auth/v1/signup", json=body, headers=cloud.headers()).json()
    return session["user"]["id"], session["access_token"]


def _until(holds: Callable[[], bool]) -> bool:
    """True once the condition holds; False after ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if holds():
            return True
    return False
