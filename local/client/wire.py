"""Requests of the client: sent again where nothing can be done twice, tokens renewed, refusals typed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from functions.core.errors import Mistake, Unavailable
from local.client.model import wire_text, written
from local.client.problems import problem_of

BASE: Final = "/functions/v1"
TRIES: Final = 4
WAIT_SECONDS: Final = 30.0
_FIRST_PAUSE_SECONDS: Final = 0.25
_MOST_PAUSE_SECONDS: Final = 10.0
# The server has said that it did nothing, or the same again changes nothing further.
_DONE_NOTHING: Final = (HTTPStatus.TOO_MANY_REQUESTS,)
_MAY_BE_DONE: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_REPEATABLE: Final = frozenset({"GET", "DELETE"})

M = TypeVar("M", bound=BaseModel)
Answers = Mapping[int, type[BaseModel] | type[bytes] | None]


class Credentials(Protocol):
    """What stands in the Authorization header."""

    def token(self) -> str | None: ...

    def renewed(self, refused: str) -> bool:
        """Called when `refused` was not taken: whether there is another one now."""
        ...


class Wire:
    """One connection pool to one project. `pause` waits between two tries."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=url.rstrip("/") + BASE, timeout=WAIT_SECONDS, transport=transport)
        self._credentials = credentials
        self._pause = pause

    def close(self) -> None:
        self._http.close()

    def model(self, answer: type[M], method: str, path: str, **asked: Any) -> M:
        """The body of a success as this model. Raises AgentTraderError as `send` does."""
        return _read(answer, self.send(method, path, **asked))

    def nothing(self, method: str, path: str, **asked: Any) -> None:
        """A success without a body."""
        self.send(method, path, **asked)

    def content(self, method: str, path: str, **asked: Any) -> bytes:
        """A success that is a file."""
        return self.send(method, path, **asked).content

    def one_of(self, answers: Answers, method: str, path: str, **asked: Any) -> Any:
        """An operation whose successes differ: by status, or a model as JSON and a file as anything else."""
        answer = self.send(method, path, **asked)
        kind = answers.get(answer.status_code)
        if kind is None:
            return None
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        return _read(kind, answer) if issubclass(kind, BaseModel) and is_json else answer.content

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
        once: bool = False,
        body: BaseModel | None = None,
        content: bytes | None = None,
        signed_in: bool = True,
    ) -> httpx.Response:
        """The answer of a success.

        `once` sends an Idempotency-Key, made here where `headers` has none, and the same at every try. What may have
        been done already is tried again only with one, or where doing it twice is the same (GET, DELETE).
        Raises Temporary where it may work later, Final where it will not.
        """
        given = httpx.Headers({name: value for name, value in (headers or {}).items() if value is not None})
        if once:
            given["Idempotency-Key"] = given.get("Idempotency-Key") or str(uuid4())
        if body is not None:
            content = written(body)
        if content is not None:
            given["Content-Type"] = "application/json"
        parameters = httpx.QueryParams(
            [(name, one) for name, value in (query or {}).items() for one in _parameters(value)]
        )
        repeatable = method in _REPEATABLE or "Idempotency-Key" in given
        renewed = False
        for attempt in range(1, TRIES + 1):
            token = self._credentials.token() if signed_in else None
            if token:
                given["Authorization"] = f"Bearer {token}"
            try:
                answer = self._http.request(method, path, params=parameters, headers=given, content=content)
            except httpx.HTTPError as error:
                never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == TRIES or not (repeatable or never_sent):
                    raise Unavailable(
                        "NO_ANSWER", f"{self._http.base_url} does not answer: {error}; try again later"
                    ) from error
                self._pause(_backoff(attempt))
                continue
            if answer.is_success:
                return answer
            if answer.status_code == HTTPStatus.UNAUTHORIZED and token and not renewed:
                renewed = True
                if attempt < TRIES and self._credentials.renewed(token):
                    continue
            again = answer.status_code in _DONE_NOTHING or (repeatable and answer.status_code in _MAY_BE_DONE)
            if attempt == TRIES or not again:
                raise problem_of(answer)
            self._pause(_pause_of(answer, attempt))
        raise AssertionError("the last try either answers or raises")


def segment(value: Any) -> str:
    """A part of a path: a symbol may have a slash in it."""
    return quote(wire_text(value), safe="")


def version(given: int | str) -> str:
    """If-Match: the version of a row as an ETag; text, such as `*`, as it is."""
    return f'"{given}"' if isinstance(given, int) else given


def _parameters(value: Any) -> list[str]:
    if value is None:
        return []
    return [wire_text(one) for one in value] if isinstance(value, list | tuple) else [wire_text(value)]


def _read(answer: type[M], response: httpx.Response) -> M:
    try:
        return answer.model_validate_json(response.content)
    except ValidationError as error:
        raise Mistake(
            "NOT_UNDERSTOOD",
            f"{response.request.url.path} answered what this client does not know; is it of another version? {error}",
        ) from error


def _backoff(attempt: int) -> float:
    """Longer each time, and not of all clients at once."""
    longest: float = min(_MOST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - nothing is guessed from it


def _pause_of(answer: httpx.Response, attempt: int) -> float:
    told = answer.headers.get("Retry-After", "")
    return min(float(told), _MOST_PAUSE_SECONDS) if told.isdigit() else _backoff(attempt)
