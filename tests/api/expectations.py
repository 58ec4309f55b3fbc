"""Who may call which route, and what becomes of it: a row for every route of the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_REASON = {"reason": "the matrix asks"}


@dataclass(frozen=True, slots=True)
class Route:
    """`table` is where the row stands that `{id}` names. `scopes`: a program's key needs one; none: only a person.

    `reads` are those beside A who reach A's row: a viewer reads what is of the desk, and acts on nothing.
    """

    scopes: tuple[str, ...] = ()
    table: str | None = None
    body: Any = None
    query: str = ""
    path: dict[str, str] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    signed_in: bool = True


def _public(body: Any = None) -> Route:
    """Nobody needs to be signed in."""
    return Route(body=body, signed_in=False)


def _shared(scope: str = "read", query: str = "", **path: str) -> Route:
    """The same to everybody who is signed in; or a list, where each finds their own."""
    return Route((scope,), query=query, path=path)


def _hers(scope: str, table: str, *reads: str, body: Any = None, query: str = "", **path: str) -> Route:
    """About one row, which is A's."""
    return Route((scope,), table, body, query, path, frozenset(reads))


def _act(scope: str, body: Any = None, query: str = "", **path: str) -> Route:
    """Changes something of whoever calls; names no row."""
    return Route((scope,), body=body, query=query, path=path)


def _personal(table: str | None = None, body: Any = None, *reads: str, **path: str) -> Route:
    """For a person alone, whatever the scopes of a key."""
    return Route((), table, body, path=path, reads=frozenset(reads))


ROUTES: dict[str, Route] = {
    "GET /strategy-kinds": _shared(),
}
