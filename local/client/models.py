"""What the API takes and answers. Made from docs/openapi.json by `make api`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from local.client.model import Model


class StrategyKind(Model):
    kind: str
    title: str
    description: str
    config_schema: Annotated[dict[str, Any], Field(description="JSON Schema of a strategy's config.")]


class FieldProblem(Model):
    field: Annotated[str, Field(examples=["body.quantity"])]
    reason: str


class StrategyKinds(Model):
    data: list[StrategyKind]


class Problem(Model):
    type: Literal["about:blank"]
    title: Annotated[
        str,
        Field(description="The HTTP status in words.", examples=["Unprocessable Content"]),
    ]
    status: int
    code: Annotated[
        str,
        Field(description="Stable; programs decide by it.", examples=["UNKNOWN_SYMBOL"]),
    ]
    detail: Annotated[str, Field(description="What was expected and what was found.")]
    todo: Annotated[str | None, Field(description="What to do about it, for a person.")] = None
    numbers: Annotated[dict[str, Any] | None, Field(description="What was seen, by name.")] = None
    errors: list[FieldProblem] | None = None
    request_id: str
