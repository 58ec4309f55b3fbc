"""What the API refuses, as this project's errors: Temporary may be sent again, Final may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from functions.core.errors import AgentTraderError, BadInput, Mistake, NotAuthorised, Refused, Unavailable

_KINDS: Final[Mapping[int, type[AgentTraderError]]] = {
    HTTPStatus.BAD_REQUEST: BadInput,
    HTTPStatus.UNAUTHORIZED: NotAuthorised,
    HTTPStatus.FORBIDDEN: NotAuthorised,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: BadInput,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: BadInput,
    HTTPStatus.UNPROCESSABLE_ENTITY: BadInput,
    HTTPStatus.PRECONDITION_REQUIRED: BadInput,
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
    HTTPStatus.INTERNAL_SERVER_ERROR: Mistake,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as the API gave it (RFC 9457): what was seen by name, which fields, and under which id it is logged."""

    status: int
    code: str
    detail: str
    todo: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[Mapping[str, str]] = ()
    request_id: str = ""

    @classmethod
    def read(cls, answer: httpx.Response) -> Problem:
        """Of any answer that is not a success: what stands before the API may refuse in words of its own."""
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict):
            said = {}
        return cls(
            status=answer.status_code,
            code=str(said.get("code") or f"HTTP_{answer.status_code}"),
            detail=str(said.get("detail") or said.get("message") or said.get("msg") or answer.reason_phrase),
            todo=str(said.get("todo") or ""),
            numbers=said.get("numbers") or {},
            errors=tuple(said.get("errors") or ()),
            request_id=str(said.get("request_id") or answer.headers.get("X-Request-Id", "")),
        )

    def error(self) -> AgentTraderError:
        """The typed error; its `numbers` hold the status, the request's id, what was seen, and the fields."""
        kind = _KINDS.get(self.status, Unavailable if self.status > HTTPStatus.INTERNAL_SERVER_ERROR else Refused)
        # The ledger says "CODE: key=value": the code stands before it already.
        sentence = self.detail.removeprefix(f"{self.code}: ").strip()
        fields = [f"{one.get('field')}: {one.get('reason')}" for one in self.errors]
        words = " ".join(part for part in (sentence, self.todo, "; ".join(fields[1:])) if part)
        seen: dict[str, Any] = {"status": self.status, "request_id": self.request_id}
        if self.numbers:
            seen["seen"] = dict(self.numbers)
        if self.errors:
            seen["errors"] = [dict(one) for one in self.errors]
        return kind(self.code, words, **seen)


def problem_of(answer: httpx.Response) -> AgentTraderError:
    """The typed error of an answer that is not a success."""
    return Problem.read(answer).error()
