"""The methods of the client: one for each operation of the OpenAPI document, and an iterator for each list of pages."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_IMPORTS = """\
from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, cast
from uuid import UUID

from local.client import models
from local.client.wire import Wire, segment, version


class Operations:
    \"\"\"One method for each operation. Each raises Temporary where it may work later, Final where it will not.\"\"\"

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
"""
_ONCE, _IF_MATCH = "idempotency-key", "if-match"
_TEXTS = {"uuid": "UUID", "date": "date", "date-time": "datetime", "decimal": "Decimal"}
_PLAIN = {"integer": "int", "boolean": "bool", "number": "Decimal", "string": "str"}


@dataclass(frozen=True, slots=True)
class _Parameter:
    wire: str
    name: str
    place: str
    type: str
    required: bool


def operations(document: Mapping[str, Any]) -> str:
    """The module's code, in the order of the document."""
    methods = [
        code
        for path, each in document["paths"].items()
        for method, operation in each.items()
        for code in _methods(document, path, method, operation)
    ]
    return _IMPORTS + "\n" + "\n".join(methods)


def _methods(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> Iterator[str]:
    name = snake(operation["operationId"])
    parameters = [_parameter(document, one) for one in operation.get("parameters", [])]
    body = _body(operation)
    signature = _signature(parameters, body, optional=not operation.get("requestBody", {}).get("required"))
    answers = _answers(operation)
    kinds = {kind or "None" for each in answers.values() for kind in each}
    answer = " | ".join(sorted(kinds, key=lambda one: (one == "None", one == "bytes", one)))
    told = _docstring(operation.get("summary", name))
    request = ", ".join([repr(method.upper()), _path(path, parameters), *_asked(operation, parameters, body)])
    yield f"    def {name}({signature}) -> {answer}:\n{told}        {_call(answers, answer, request)}\n"
    row = _row(document, answer)
    if row and any(one.wire == "cursor" for one in parameters):
        rest = [one for one in parameters if one.wire not in {"cursor", "limit"}]
        every = f"all_{name.removeprefix('list_')}"
        passed = ", ".join(
            [one.name for one in rest if one.place == "path"]
            + [f"{one.name}={one.name}" for one in rest if one.place != "path"]
        )
        yield (
            f"    def {every}({_signature(rest, None)}) -> Iterator[{row}]:\n"
            f'        """Every row of `{name}`, page by page."""\n'
            "        cursor: str | None = None\n"
            "        while True:\n"
            f"            page = self.{name}({passed}{', ' if passed else ''}limit={_most(operation)}, cursor=cursor)\n"
            "            yield from page.data\n"
            "            cursor = page.next_cursor\n"
            "            if cursor is None:\n"
            "                return\n"
        )


def snake(name: str) -> str:
    """`listTrades` as `list_trades`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _parameter(document: Mapping[str, Any], said: Mapping[str, Any]) -> _Parameter:
    wire, place = said["name"], said["in"]
    required = bool(said.get("required"))
    if wire == _IF_MATCH:
        return _Parameter(wire, "if_match", place, "int | str", required)
    name = re.sub(r"\W", "_", wire).lower()
    if keyword.iskeyword(name):
        name += "_"
    # The client makes the key where the caller gives none.
    required = required and wire != _ONCE
    return _Parameter(wire, name, place, _type(document, said["schema"]), required)


def _type(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return _type(document, document["components"]["schemas"][name])
    if "enum" in schema:
        return f"Literal[{', '.join(repr(one) for one in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(_type(document, one) for one in schema[union]))
    kinds = [one for one in [schema.get("type", "string")] if not isinstance(one, list)] or schema["type"]
    return " | ".join(_one_type(document, schema, kind) for kind in kinds if kind != "null")


def _one_type(document: Mapping[str, Any], schema: Mapping[str, Any], kind: str) -> str:
    if kind == "array":
        return f"Sequence[{_type(document, schema.get('items', {}))}]"
    if kind == "string":
        return _TEXTS.get(schema.get("format", ""), "str")
    return _PLAIN[kind]


def _body(operation: Mapping[str, Any]) -> str | None:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return _model(content["schema"]) if content else None


def _model(schema: Mapping[str, Any]) -> str:
    return f"models.{schema['$ref'].rsplit('/', 1)[1]}"


def _answers(operation: Mapping[str, Any]) -> dict[int, tuple[str | None, ...]]:
    """The types of each success by its status: None where it has no body, bytes for a file."""
    found: dict[int, tuple[str | None, ...]] = {}
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            contents = answer.get("content") or {None: {}}
            found[int(status)] = tuple(dict.fromkeys(_kind(name, content) for name, content in contents.items()))
    return found


def _kind(content_type: str | None, content: Mapping[str, Any]) -> str | None:
    if content_type is None:
        return None
    return _model(content["schema"]) if content_type == "application/json" else "bytes"


def _signature(parameters: list[_Parameter], body: str | None, *, optional: bool = False) -> str:
    first = [f"{one.name}: {one.type}" for one in parameters if one.place == "path"]
    if body:
        first.append(f"body: {body}{' | None = None' if optional else ''}")
    named = sorted((one for one in parameters if one.place != "path"), key=lambda one: not one.required)
    words = [f"{one.name}: {one.type}" if one.required else f"{one.name}: {one.type} | None = None" for one in named]
    return ", ".join(["self", *first, *(["*", *words] if words else [])])


def _path(path: str, parameters: list[_Parameter]) -> str:
    """The path as an f-string."""
    names = {one.wire: one.name for one in parameters if one.place == "path"}
    filled = re.sub(r"\{(\w+)\}", lambda found: f"{{segment({names[found[1]]})}}", path)
    return f'f"{filled}"' if filled != path else f'"{path}"'


def _asked(operation: Mapping[str, Any], parameters: list[_Parameter], body: str | None) -> Iterator[str]:
    query = [f"{one.wire!r}: {one.name}" for one in parameters if one.place == "query"]
    if query:
        yield f"query={{{', '.join(query)}}}"
    headers = [f"{one.wire!r}: {_header(one)}" for one in parameters if one.place == "header"]
    if headers:
        yield f"headers={{{', '.join(headers)}}}"
    if any(one.wire == _ONCE for one in parameters):
        yield "once=True"
    if body:
        yield "body=body"
    if not operation.get("security"):
        yield "signed_in=False"


def _header(parameter: _Parameter) -> str:
    if parameter.wire != _IF_MATCH:
        return parameter.name
    return "version(if_match)" if parameter.required else "None if if_match is None else version(if_match)"


def _call(answers: Mapping[int, tuple[str | None, ...]], answer: str, request: str) -> str:
    kinds = {kind for each in answers.values() for kind in each}
    if kinds == {None}:
        return f"self._wire.nothing({request})"
    if kinds == {"bytes"}:
        return f"return self._wire.content({request})"
    if len(kinds) == 1:
        return f"return self._wire.model({answer}, {request})"
    # What is no JSON is a file, whatever else the status may answer with.
    listed = ", ".join(
        f"{status}: {next((one for one in each if one != 'bytes'), 'bytes')}" for status, each in answers.items()
    )
    return f'return cast("{answer}", self._wire.one_of({{{listed}}}, {request}))'


def _row(document: Mapping[str, Any], answer: str) -> str | None:
    """The model of the rows of a page; None where the answer is no page."""
    schema = document["components"]["schemas"].get(answer.removeprefix("models."), {})
    fields = schema.get("properties", {})
    if not {"data", "next_cursor"} <= fields.keys() or "$ref" not in fields["data"].get("items", {}):
        return None
    return _model(fields["data"]["items"])


def _most(operation: Mapping[str, Any]) -> int:
    """The largest page."""
    limits = [one["schema"].get("maximum", 50) for one in operation["parameters"] if one["name"] == "limit"]
    return int(limits[0]) if limits else 50


def _docstring(said: str) -> str:
    # It stands between quotes: whatever the document says, it ends nothing.
    safe = said.strip().replace("\\", "\\\\").replace('"', '\\"')
    return f'        """{safe}"""\n'
