"""Everybody who calls a route in the matrix, and the rows of A that they want."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import jwt

from local.stack import Stack
from tests.api.conftest import Caller
from tests.integration.ledger.desk import NOON, fill_every_table
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.market import quote
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR
from tests.security.filling import fill_what_is_empty, relations

SCOPES = ("read", "trade", "strategies", "risk", "reports")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass
class Callers:
    """A has rows in every table; B has their own and wants those of A."""

    stack: Stack
    ledger: Ledger
    people: dict[str, Caller]
    key_of: Callable[..., Caller]
    #: Every id of a row of A, and A's own.
    hers: frozenset[str]

    @classmethod
    def sign_up(
        cls, stack: Stack, ledger: Ledger, sign_up: Callable[[str], Caller], key_of: Callable[..., Caller]
    ) -> Callers:
        owner, stranger = sign_up("matrix-owner"), sign_up("matrix-stranger")
        for person in (owner, stranger):
            assert person.desk is not None
            fill_every_table(person.desk)
            fill_what_is_empty(ledger, person.desk)
        _quote_everything(ledger)
        viewer, administrator = sign_up("matrix-viewer"), sign_up("matrix-administrator")
        assert viewer.desk is not None
        ledger.run("select public.deactivate_strategy(%s)", viewer.desk.strategy)
        for person, role in ((viewer, "viewer"), (owner, "trader")):
            ledger.run("select public.set_desk(%s, 'the desk of the matrix', %s)", str(person.id), role)
        ledger.run("select public.grant_administrator(%s, 'the matrix needs one')", str(administrator.id))
        made = owner.post("/auth/factors", {"name": "phone"})
        assert made.status_code == 201, made.text

        def changed(person: Caller, **claims: Any) -> Caller:
            """The same session, with a token that says something else."""
            said = jwt.decode(person.token or "", options={"verify_signature": False}) | claims
            return Caller(person.http, jwt.encode(said, stack.secrets.jwt_secret, "HS256"), person.desk)

        people = {
            "nobody": Caller(owner.http),
            "expired": changed(owner, exp=int(time.time()) - 3600),
            "owner": owner,
            "stranger": stranger,
            "viewer": viewer,
            "administrator": changed(administrator, **SECOND_FACTOR, **CLAIM),
        }
        return cls(stack, ledger, people, key_of, _ids_of(ledger, owner.id))

    def __getitem__(self, name: str) -> Caller:
        return self.people[name]

    def key_without(self, scopes: tuple[str, ...]) -> Caller:
        """A program of A that may do everything else."""
        name = f"key without {scopes}"
        if name not in self.people:
            self.people[name] = self.key_of(self["owner"], *(scope for scope in SCOPES if scope not in scopes))
        return self.people[name]

    def row_of(self, table: str) -> str:
        """The id of a row of A."""
        table = table if "." in table else f"public.{table}"
        found = self.ledger.one(
            f"select id::text from {table} where user_id = %s order by id limit 1",  # noqa: S608 - a name of ours
            self["owner"].id,
        )
        return str(found)

    def shown(self, answer: httpx.Response) -> set[str]:
        """Which of A's ids an answer gives away."""
        return set(_UUID.findall(answer.text)) & self.hers


def _quote_everything(ledger: Ledger) -> None:
    """A quote of SPY and a chain of one of its options: everybody's."""
    symbol, at = "SPY281215C00250000", NOON.isoformat()
    ledger.call("record_market_data", "fn_ingest", p_bars=[], p_quotes=[quote()])
    option = [{"symbol": symbol, "kind": "option", "multiplier": "100"}]
    ledger.call("upsert_instruments", "fn_ingest", p_instruments=option, p_source="test", p_as_of="2013-10-07")
    listed = [{"symbol": symbol, "feed": "test", "listed_at": at}]
    ledger.call("record_option_data", "fn_ingest", p_contracts=listed)
    chain = {"underlying": "SPY", "bar_at": at, "taken_at": at, "feed": "test", "spot": "100", "asked": 1}
    ledger.call("record_chain", "fn_ingest", p_chain=chain | {"quotes": [quote(symbol=symbol)]})


def told(answer: httpx.Response, replaced: Mapping[str, str]) -> Any:
    """What an answer says, without what differs from one request to the next."""
    text = answer.text
    for found, general in replaced.items():
        text = text.replace(found, general)
    return re.sub(r'"(request_id|at)":"[^"]*"', "", text)


def _ids_of(ledger: Ledger, user: UUID) -> frozenset[str]:
    found = {str(user)}
    for relation in relations(ledger).values():
        if relation.is_owned and any((column.name, column.type) == ("id", "uuid") for column in relation.columns):
            query = f"select id::text from public.{relation.name} where user_id = %s"  # noqa: S608 - a name of ours
            found |= {row[0] for row in ledger.rows(query, user)}
    return frozenset(found)
