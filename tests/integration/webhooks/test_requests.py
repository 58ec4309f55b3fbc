"""net.http_*: what is queued is sent once, its response recorded, and the queue is empty when nothing is in flight."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from functions.core.errors import BadInput
from local.webhooks.faults import Faults

_QUEUED = "select count(*) from net.http_request_queue"


def test_post_when_committed_then_sent_as_given_and_response_recorded(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    request_id = database.value(
        'select net.http_post(%s, \'{"wake": "ü"}\', \'{"a": "b c&d"}\', \'{"X-Secret": "s"}\', 2000)',
        f"{receiver.url}/hook?x=1",
    )
    eventually(lambda: database.value(_QUEUED) == 0)
    (request,) = receiver.received
    assert (request.method, request.path) == ("POST", "/hook?x=1&a=b%20c%26d")
    assert json.loads(request.body) == {"wake": "ü"}
    assert (request.headers["x-secret"], request.headers["content-type"]) == ("s", "application/json")
    response = database.response(request_id)
    assert (response["status_code"], response["content_type"]) == (200, "application/json")
    assert (response["content"], response["timed_out"], response["error_msg"]) == ('{"ok": true}', False, None)
    assert response["headers"]["content-length"] == "12"


def test_get_and_delete_when_committed_then_sent(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    database.rows('select net.http_get(%s, \'{"q": "1"}\')', f"{receiver.url}/g")
    database.rows("select net.http_delete(%s)", f"{receiver.url}/d")
    eventually(lambda: database.value(_QUEUED) == 0)
    assert sorted((request.method, request.path) for request in receiver.received) == [
        ("DELETE", "/d"),
        ("GET", "/g?q=1"),
    ]


def test_post_when_rolled_back_then_never_sent(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute("select net.http_post(%s)", [f"{receiver.url}/undone"])
        connection.rollback()
    database.rows("select net.http_post(%s)", f"{receiver.url}/done")
    eventually(lambda: database.value(_QUEUED) == 0)
    assert receiver.paths == ["/done"]


def test_queue_when_response_is_awaited_then_row_stays_until_recorded(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    request_id = database.value("select net.http_post(%s)", f"{receiver.url}/wait")
    eventually(lambda: receiver.paths == ["/wait"])
    assert database.value("select started_at is not null from net.http_request_queue where id = %s", request_id) is True
    receiver.release.set()
    eventually(lambda: database.value(_QUEUED) == 0)
    assert database.response(request_id)["status_code"] == 200


def test_requests_when_one_is_slow_then_others_are_not_held_up(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    database.rows("select net.http_post(%s)", f"{receiver.url}/wait")
    database.rows("select net.http_post(%s || n) from generate_series(1, 200) as n", f"{receiver.url}/quick/")
    eventually(lambda: database.value(_QUEUED) == 1)
    assert len(set(receiver.paths)) == len(receiver.paths) == 201


def test_requests_when_more_than_fit_at_once_then_all_are_sent_once(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    database.rows("select net.http_post(%s || n) from generate_series(1, 100) as n", f"{receiver.url}/wait/")
    eventually(lambda: len(receiver.received) == 64)
    receiver.release.set()
    eventually(lambda: database.value(_QUEUED) == 0)
    assert len(set(receiver.paths)) == len(receiver.paths) == 100


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/status/500", {"status_code": 500, "error_msg": None}),
        ("/cut", {"status_code": None, "timed_out": False}),
        ("/wait", {"status_code": None, "timed_out": True, "error_msg": "Timeout of 1000 ms reached"}),
    ],
)
def test_post_when_other_side_fails_then_recorded_and_not_repeated(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None], path: str, expected: dict[str, Any]
) -> None:
    request_id = database.value("select net.http_post(%s, timeout_milliseconds => 1000)", receiver.url + path)
    eventually(lambda: database.value(_QUEUED) == 0)
    assert database.response(request_id).items() >= expected.items()
    assert receiver.paths == [path]


def test_post_when_nobody_listens_then_error_recorded(
    worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    request_id = database.value("select net.http_post('http://127.0.0.1:1/')")
    eventually(lambda: database.value(_QUEUED) == 0)
    assert "Connect call failed" in database.response(request_id)["error_msg"]


def test_post_when_header_cannot_be_sent_then_error_recorded_and_worker_lives(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    bad = database.value(
        "select net.http_post(%s, headers => jsonb_build_object('X', E'a\\nb'))", f"{receiver.url}/bad"
    )
    database.rows("select net.http_post(%s)", f"{receiver.url}/good")
    eventually(lambda: database.value(_QUEUED) == 0)
    assert database.response(bad)["error_msg"]
    assert receiver.paths == ["/good"]


@pytest.mark.parametrize("url", [None, "", "ftp://x/", "file:///etc/passwd", "localhost:1/x"])
def test_post_when_address_is_not_http_then_refused_with_hint(database: Any, url: str | None) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="http or https"):
        database.rows("select net.http_post(%s)", url)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_post_when_called_by_an_api_role_then_denied(database: Any, role: str) -> None:
    with psycopg.connect(database.dsn) as connection:
        connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select net.http_post('http://127.0.0.1:1/')")


# --- the fault switch ------------------------------------------------------------------------------------------------


def test_faults_when_set_over_the_control_port_then_in_force_until_lifted(
    worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    assert httpx.post(f"{worker.url}/control/faults", json={"lose": 1, "seed": 3}).json() == {"lose": 1.0, "seed": 3}
    database.rows("select net.http_post(%s)", f"{receiver.url}/lost")
    eventually(lambda: database.value(_QUEUED) == 0)
    assert httpx.post(f"{worker.url}/control/faults", json={}).json() == {"lose": 0.0, "seed": 0}
    database.rows("select net.http_post(%s)", f"{receiver.url}/kept")
    eventually(lambda: receiver.paths == ["/kept"])


@pytest.mark.parametrize(
    "body", ["{", "[]", '{"lose": 2}', '{"lose": "x"}', '{"seed": 1.5}', '{"lost": 0.1}', '{"lose": NaN}']
)
def test_control_when_faults_are_malformed_then_400_and_nothing_changes(worker: Any, body: str) -> None:
    answer = httpx.post(f"{worker.url}/control/faults", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert httpx.get(f"{worker.url}/control/faults").json() == {"lose": 0.0, "seed": 0}


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_faults_when_share_is_impossible_then_bad_input(share: float) -> None:
    with pytest.raises(BadInput):
        Faults(share)
