"""The client's methods follow whatever the OpenAPI document says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from scripts.client_operations import operations, snake
from scripts.generate_client import DOCUMENT, with_names

ROW = {"$ref": "#/components/schemas/Row"}
PAGE = {"type": "object", "properties": {"data": {"type": "array", "items": ROW}, "next_cursor": {"type": "string"}}}


def parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def answered(status: str, schema: dict[str, Any] | None, kind: str = "application/json") -> dict[str, Any]:
    return {status: {"description": "", **({"content": {kind: {"schema": schema}}} if schema else {})}}


def methods(path: str, method: str, **operation: Any) -> str:
    document = {
        "paths": {path: {method: {"operationId": "doThings", "security": [{"session": []}]} | operation}},
        "components": {"schemas": {"Row": {"type": "object"}, "RowPage": PAGE}},
    }
    code = operations(with_names(document))
    compile(code, "made", "exec")
    return " ".join(code.split())


@pytest.mark.parametrize(("name", "found"), [("listTrades", "list_trades"), ("getPnl", "get_pnl"), ("do2FA", "do2_fa")])
def test_snake_when_a_name_is_written_as_in_the_document_then_as_in_python(name: str, found: str) -> None:
    assert snake(name) == found


def test_method_when_it_acts_then_the_key_is_optional_and_made_by_the_wire() -> None:
    header = parameter("idempotency-key", "header", {"type": "string"}, required=True)
    code = methods("/api/things", "post", parameters=[header], responses=answered("201", ROW))
    assert "def do_things(self, *, idempotency_key: str | None = None) -> models.Row:" in code
    assert "once=True" in code


def test_method_when_it_changes_then_the_version_is_asked_for() -> None:
    place = parameter("id", "path", {"type": "string", "format": "uuid"}, required=True)
    header = parameter("if-match", "header", {"type": "string"}, required=True)
    body = {"required": True, "content": {"application/json": {"schema": ROW}}}
    code = methods(
        "/api/things/{id}", "put", parameters=[header, place], requestBody=body, responses=answered("200", ROW)
    )
    assert "def do_things(self, id: UUID, body: models.Row, *, if_match: int | str) -> models.Row:" in code
    assert "f\"/api/things/{segment(id)}\", headers={'if-match': version(if_match)}, body=body" in code


def test_method_when_it_lists_pages_then_an_iterator_goes_with_it() -> None:
    asked = [parameter("cursor", "query", {"type": "string"}), parameter("from", "query", {"type": "string"})]
    code = methods("/api/things", "get", parameters=asked, responses=answered("200", PAGE))
    assert "def all_do_things(self, *, from_: str | None = None) -> Iterator[models.Row]:" in code


@pytest.mark.parametrize(
    ("responses", "found"),
    [
        (answered("204", None), "-> None:"),
        (answered("200", {"type": "string"}, "text/csv"), "-> bytes:"),
        (answered("200", ROW) | answered("204", None), "-> models.Row | None:"),
        ({"200": {"content": {"application/json": {"schema": ROW}, "text/csv": {}}}}, "-> models.Row | bytes:"),
        (answered("200", {"type": "array", "items": ROW}), "-> models.DoThingsAnswer:"),
    ],
)
def test_method_when_it_answers_otherwise_then_its_type_says_so(responses: dict[str, Any], found: str) -> None:
    assert found in methods("/api/things", "get", responses=responses)


def test_method_when_a_sentence_would_end_the_docstring_then_it_does_not() -> None:
    summary = 'Says """ and \\ and "'
    assert methods("/api/things", "get", summary=summary, responses=answered("200", ROW))


def test_document_when_committed_then_every_operation_has_its_own_name() -> None:
    paths = json.loads(DOCUMENT.read_text())["paths"]
    names = [operation["operationId"] for each in paths.values() for operation in each.values()]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_document_when_committed_then_null_stands_beside_a_named_schema_and_not_in_it() -> None:
    # Else every place that names it would take null: write z.union([Named, z.null()]) where one of them does.
    schemas = json.loads(DOCUMENT.read_text())["components"]["schemas"]
    assert [name for name, schema in schemas.items() if "null" in schema.get("type", "")] == []


def test_document_when_committed_then_nothing_is_asked_to_be_both_a_named_schema_and_null() -> None:
    assert not re.search(r'"allOf": \[\s*\{\s*"\$ref": "[^"]+"\s*\},\s*\{[^{}]*"null"', DOCUMENT.read_text())
