"""A local cloud with gateway and realtime, and two traders in it: one with secrets to keep, one who is curious."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from supabase import Client, create_client
from tests.integration.ledger.desk import Desk, fill_every_table, new_account, new_strategy
from tests.integration.ledger.ledger import Ledger
from tests.machine import free_ports, new_folder
from tests.security.filling import fill_what_is_empty

_PORTS = max(PORT_OFFSETS.values()) + 1
_PASSWORD = "correct horse battery"


@dataclass
class Person:
    """Somebody signed in, with a desk in the ledger."""

    client: Client
    token: str
    email: str
    desk: Desk

    @property
    def id(self) -> str:
        return str(self.desk.user)

    @property
    def topic(self) -> str:
        """The private topic that the ledger speaks to this person on."""
        return f"user:{self.id}"


class Gateway:
    """The one door to everything, without a client library that would mend what an attacker sends."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.url = stack.url("gateway")
        self._http = httpx.Client(base_url=self.url, timeout=20)

    def ask(
        self, method: str, path: str, token: str | None = None, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """A request with the publishable key, and the token where there is one."""
        own = {"apikey": self.stack.publishable_key} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self._http.request(method, path, headers=own | (headers or {}), **more)

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running cloud; stopped and removed at the end."""
    state = new_folder("security")
    try:
        made = Stack.create(state / "state", free_ports(_PORTS))
        with Cloud(made, only=("installation", "gateway", "realtime")):
            yield made
    finally:
        shutil.rmtree(state)


@pytest.fixture(scope="session")
def ledger(stack: Stack) -> Iterator[Ledger]:
    opened = Ledger(stack.database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def gateway(stack: Stack) -> Iterator[Gateway]:
    opened = Gateway(stack)
    yield opened
    opened.close()


def _sign_up(stack: Stack, ledger: Ledger, name: str) -> Person:
    client = create_client(stack.url("gateway"), stack.publishable_key)
    email = f"{name}@example.com"
    answer = client.auth.sign_up({"email": email, "password": _PASSWORD})
    assert answer.user is not None
    assert answer.session is not None
    user = UUID(answer.user.id)
    account = new_account(ledger, user)
    return Person(
        client, answer.session.access_token, email, Desk(ledger, user, account, new_strategy(ledger, user, account))
    )


@pytest.fixture(scope="session")
def owner(stack: Stack, ledger: Ledger) -> Person:
    """User A, with rows in every table."""
    person = _sign_up(stack, ledger, "owner")
    fill_every_table(person.desk)
    fill_what_is_empty(ledger, person.desk)
    return person


@pytest.fixture(scope="session")
def thief(stack: Stack, ledger: Ledger, owner: Person) -> Person:
    """User B, with rows of their own in every table, who wants those of A."""
    del owner
    person = _sign_up(stack, ledger, "thief")
    fill_every_table(person.desk)
    fill_what_is_empty(ledger, person.desk)
    return person
