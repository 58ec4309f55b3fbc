"""The gateway is what supabase-py expects of Supabase."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from postgrest.exceptions import APIError

from supabase import AuthApiError, Client, ClientOptions, create_client
from tests.contract.supabase.small_cloud import Cloud, sign

Row = dict[str, Any]


def client(cloud: Cloud, key: str | None = None, token: str | None = None) -> Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return create_client(cloud.url, key or cloud.anon_key, ClientOptions(headers=headers))


@pytest.fixture
def user(cloud: Cloud) -> tuple[Client, str]:
    """A signed-in client and its user's id; a new user for each test."""
    signed_in = client(cloud)
    email = f"{uuid.uuid4()}@example.com"
    answer = signed_in.auth.sign_up({"email": email, "password": "password-1"})
    assert answer.user is not None
    return signed_in, answer.user.id


def test_python_session_when_signed_up_then_it_refreshes_and_ends(user: tuple[Client, str]) -> None:
    signed_in, user_id = user
    before = signed_in.auth.get_session()
    refreshed = signed_in.auth.refresh_session().session
    assert before is not None
    assert refreshed is not None
    assert refreshed.refresh_token != before.refresh_token
    answer = signed_in.auth.get_user()
    assert answer is not None
    assert answer.user.id == user_id
    signed_in.auth.sign_out()
    with pytest.raises(AuthApiError):
        signed_in.auth.refresh_session(refreshed.refresh_token)


def test_python_rows_when_written_then_time_and_money_come_back_exact(user: tuple[Client, str]) -> None:
    signed_in, user_id = user
    price, at = Decimal("12345678901234567.0123456789"), datetime(2026, 11, 22, 6, 55, 2, 500000, UTC)
    row = {"user_id": user_id, "title": "exact", "price": str(price), "created_at": at.isoformat()}
    signed_in.table("notes").insert(row).execute()
    rows: list[Any] = signed_in.table("notes").select("price::text, created_at").eq("title", "exact").execute().data
    assert Decimal(rows[0]["price"]) == price
    assert datetime.fromisoformat(rows[0]["created_at"]) == at


def test_python_rows_when_filtered_counted_and_changed_then_they_tell(user: tuple[Client, str]) -> None:
    signed_in, user_id = user
    notes = [{"user_id": user_id, "title": title, "price": price} for title, price in (("a", "1"), ("b", "2"))]
    signed_in.table("notes").insert(notes).execute()
    counted = signed_in.table("notes").select("title", count="exact").gt("price", 1).execute()  # type: ignore[arg-type]
    assert (counted.data, counted.count) == ([{"title": "b"}], 1)
    one: Any = signed_in.table("notes").update({"price": "3"}).eq("title", "a").execute().data
    assert [row["title"] for row in one] == ["a"]
    nothing = signed_in.table("notes").select("*").eq("title", "none").maybe_single().execute()
    assert nothing is None
    signed_in.table("notes").delete().eq("title", "a").execute()
    left: Any = signed_in.table("notes").select("title").execute().data
    assert left == [{"title": "b"}]


def test_python_error_when_postgres_raises_then_code_details_and_hint_arrive(user: tuple[Client, str]) -> None:
    signed_in, _ = user
    arguments = {"state": "PT409", "told": "GATE_CLOSED: scope=account", "about": "since noon", "advice": "open it"}
    with pytest.raises(APIError) as raised:
        signed_in.rpc("refuse", arguments).execute()
    error = raised.value
    assert (error.code, error.message) == ("PT409", "GATE_CLOSED: scope=account")
    assert (error.details, error.hint) == ("since noon", "open it")


def test_python_rpc_when_the_token_names_a_function_role_then_it_runs_as_that_role(cloud: Cloud) -> None:
    risk = client(cloud, token=sign({"role": "fn_risk"}))
    who: Any = risk.rpc("whoami", {}).execute().data
    assert who["role"] == "fn_risk"
    assert risk.rpc("only_for_risk", {"amount": "1.50"}).execute().data == 1.5


def test_python_admin_when_managing_users_then_they_appear_and_go(cloud: Cloud) -> None:
    admin = client(cloud, cloud.service_key).auth.admin
    email = f"{uuid.uuid4()}@example.com"
    made = admin.create_user({"email": email, "password": "password-1", "email_confirm": True}).user
    assert admin.get_user_by_id(made.id).user.email == email
    changed = admin.update_user_by_id(made.id, {"app_metadata": {"desk": "y"}}).user
    assert changed.app_metadata["desk"] == "y"
    assert made.id in {one.id for one in admin.list_users(page=1, per_page=1000)}
    admin.delete_user(made.id)
    with pytest.raises(AuthApiError) as raised:
        admin.get_user_by_id(made.id)
    assert raised.value.code == "user_not_found"


def test_python_storage_when_files_are_kept_then_they_come_back(cloud: Cloud) -> None:
    storage = client(cloud, cloud.service_key).storage
    name = f"b-{uuid.uuid4()}"
    storage.create_bucket(name)
    bucket = storage.from_(name)
    bucket.upload("2026/report.csv", b"a,b\n1,2\n", {"content-type": "text/csv"})
    assert bucket.download("2026/report.csv") == b"a,b\n1,2\n"
    assert [entry["name"] for entry in bucket.list("2026")] == ["report.csv"]
    signed = bucket.create_signed_url("2026/report.csv", 60)
    assert f"{cloud.url}/storage/v1/object/sign/{name}/2026/report.csv?token=" in str(signed["signedURL"])
    bucket.remove(["2026/report.csv"])
    assert bucket.list("2026") == []


def test_python_functions_when_invoked_then_the_edge_answers(user: tuple[Client, str]) -> None:
    signed_in, user_id = user
    session = signed_in.auth.get_session()
    assert session is not None
    signed_in.functions.set_auth(session.access_token)
    body: Any = signed_in.functions.invoke("health", {"responseType": "json"})
    assert (body["status"], body["caller"]["id"]) == ("ok", user_id)
