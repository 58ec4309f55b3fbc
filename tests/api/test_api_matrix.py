"""Every route of the OpenAPI document, called by everybody: who comes in, who does not, and what strangers learn."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from local.stack import Stack
from tests.api.callers import Callers, told
from tests.api.conftest import Caller
from tests.api.expectations import ROUTES, Route
from tests.integration.ledger.ledger import Ledger

_READS = [name for name in ROUTES if name.startswith("GET ")]
_ACTS = sorted((name for name in ROUTES if not name.startswith("GET ")), key=lambda name: name.startswith("DELETE"))
#: The state of the row, or its version, may refuse whom the route lets in.
_LET_IN = frozenset({200, 201, 202, 204, 400, 409, 412, 422})


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/openapi.json").raise_for_status().json()
    return found


@pytest.fixture(scope="module")
def callers(stack: Stack, ledger: Ledger, sign_up: Callable[[str], Caller], key_of: Callable[..., Caller]) -> Callers:
    return Callers.sign_up(stack, ledger, sign_up, key_of)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The operations by their method and path, as the table names them."""
    return {
        f"{method.upper()} {path.removeprefix('/api')}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "put", "post", "delete", "patch", "head", "options", "trace")
    }


def test_document_when_a_route_is_in_it_then_the_table_says_who_may_call_it(document: dict[str, Any]) -> None:
    assert set(operations(document)) == set(ROUTES)


def test_document_when_it_says_who_may_call_then_it_is_what_the_table_says(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        said = {(kind, *scopes) for one in operation.get("security", []) for kind, scopes in one.items()}
        route = ROUTES[name]
        expected = {("session",), *(("key", scope) for scope in route.scopes)} if route.signed_in else set()
        assert said == expected, name


def test_document_when_an_operation_takes_a_body_then_it_must_be_there_and_knows_its_fields(
    document: dict[str, Any],
) -> None:
    # Where a body may be missing, one that is not said to be JSON is not looked at.
    schemas = document["components"]["schemas"]
    for name, operation in operations(document).items():
        for body in [operation["requestBody"]] if "requestBody" in operation else []:
            schema = body["content"]["application/json"]["schema"]
            schema = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            for form in schema.get("oneOf") or schema.get("anyOf") or [schema]:
                named = schemas[form["$ref"].rpartition("/")[2]] if "$ref" in form else form
                assert named.get("additionalProperties") is False, f"{name} takes fields that it does not know"
                assert body.get("required") or not named.get("required"), f"{name} needs a body and takes none"


@pytest.mark.parametrize("name", [*_READS, *_ACTS])
def test_route_when_everybody_calls_it_then_the_table_says_who_comes_in(callers: Callers, name: str) -> None:
    route = ROUTES[name]
    call = _calls(callers, name, route)
    nobody, expired = call("nobody"), call("expired")
    if not route.signed_in:
        for answer in (nobody, call("owner")):
            assert _came_in(answer, route), answer.text
        return
    assert (nobody.status_code, expired.status_code) == (401, 401)
    short = call(callers.key_without(route.scopes))
    assert (short.status_code, short.json()["code"]) == (403, "SCOPE_NEEDED")
    for person in ("stranger", "viewer", "administrator"):
        _assert_comes_as_far_as_said(callers, call, person, name)
    hers = call("owner")
    assert hers.status_code == 200 if name in _READS else _came_in(hers, route), hers.text


def _came_in(answer: httpx.Response, route: Route) -> bool:
    return answer.status_code in _LET_IN or (route.refusal is not None and answer.json()["code"] == route.refusal)


def _assert_comes_as_far_as_said(callers: Callers, call: Callable[..., httpx.Response], person: str, name: str) -> None:
    route, answer = ROUTES[name], call(person)
    let_in = ({200, 404} if route.path else {200}) if name in _READS else _LET_IN | {403, 404}
    if person == "administrator" and route.administered:
        assert answer.status_code in let_in, f"{person}: {answer.text}"
    elif route.table is None:
        assert answer.status_code in let_in, f"{person}: {answer.text}"
        assert person == "viewer" or not callers.shown(answer), f"{person} sees rows of another"
    elif person == "viewer" and route.desk:
        expected = {200} if name in _READS else {403, 404, route.missing}
        assert answer.status_code in expected, f"{person}: {answer.text}"
    else:
        _assert_as_if_there_were_none(callers, call, person, answer, route)


def _assert_as_if_there_were_none(
    callers: Callers, call: Callable[..., httpx.Response], person: str, answer: httpx.Response, route: Route
) -> None:
    none, hers = str(uuid4()), callers.row_of(route.table or "")
    missing = call(person, none)
    said = f"{person}: {answer.text} {missing.text}"
    assert (answer.status_code, missing.status_code) == (route.missing, route.missing), said
    assert told(answer, {hers: "{id}"}) == told(missing, {none: "{id}"}), f"{person} is told that there is a row"


def _calls(callers: Callers, name: str, route: Route) -> Callable[..., httpx.Response]:
    method, _, template = name.partition(" ")

    def call(who: str | Caller, row: str | None = None) -> httpx.Response:
        named = row or (callers.row_of(route.table) if route.table else "")
        values = {"id": named} | {part: _filled(callers, value, named) for part, value in route.path.items()}
        body = {} if route.body is None else {"json": _filled(callers, route.body, named)}
        caller = callers[who] if isinstance(who, str) else who
        headers = {} if method == "GET" else {"If-Match": "*", "Idempotency-Key": str(uuid4())}
        return caller.ask(method, template.format(**values), headers=headers, **body)

    return call


def _filled(callers: Callers, body: Any, named: str) -> Any:
    text = json.dumps(body).replace("{id}", named)
    return json.loads(re.sub(r"\{([a-z_]+)\}", lambda table: callers.row_of(table[1]), text))
