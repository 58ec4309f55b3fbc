"""A local cloud with gateway, edge functions and functions, and the people and programs who call its API."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from local.stack import PORT_OFFSETS, Stack
from local.supervisor.cloud import Cloud
from local.supervisor.environment import Setup
from tests.integration.ledger.desk import Desk, fill_every_table, new_account, new_strategy
from tests.integration.ledger.ledger import Ledger
from tests.machine import free_ports, new_folder
from tests.security.filling import fill_what_is_empty

PASSWORD = "correct horse battery 9"
_PORTS = max(PORT_OFFSETS.values()) + 1
# All tests come from one address and as a few people. Rates are tested on edge processes of their own.
_SETUP = Setup(clock="system", extra={"AGENTTRADER_API_RATE_FACTOR": "1000"})


@dataclass
class Caller:
    """Somebody who calls the API: a person by a session's token, a program by its key, or nobody."""

    http: httpx.Client
    token: str | None = None
    desk: Desk | None = None
    email: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        assert self.desk is not None
        return self.desk.user

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """A request under `/functions/v1/api`; what acts gets a fresh Idempotency-Key where none is given."""
        own = dict(self.headers) | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        if method == "POST":
            own["Idempotency-Key"] = str(uuid4())
        return self.http.request(method, path, headers=own | (headers or {}), **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.ask("POST", path, json=body, **more)

    def put(self, path: str, body: Any, version: str = "*", **more: Any) -> httpx.Response:
        return self.ask("PUT", path, json=body, headers={"If-Match": version}, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("DELETE", path, **more)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running cloud; stopped and removed at the end."""
    state = new_folder("api")
    try:
        made = Stack.create(state / "state", free_ports(_PORTS))
        with Cloud(made, only=("installation", "gateway", "edge", "hotstore", "functions"), setup=_SETUP):
            yield made
    finally:
        shutil.rmtree(state)


@pytest.fixture(scope="session")
def ledger(stack: Stack) -> Iterator[Ledger]:
    opened = Ledger(stack.database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def http(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{stack.url('gateway')}/functions/v1/api", timeout=30) as opened:
        yield opened


@pytest.fixture(scope="session")
def nobody(http: httpx.Client) -> Caller:
    return Caller(http)


@pytest.fixture(scope="session")
def sign_up(stack: Stack, ledger: Ledger, http: httpx.Client) -> Callable[[str], Caller]:
    """Somebody signed in who has an account and a strategy, and nothing else. Auth counts sign-ups: it is not asked."""

    def made(name: str) -> Caller:
        user, session = uuid4(), uuid4()
        email = f"{name}-{user}@example.com"
        ledger.run("insert into auth.users (id, email) values (%s, %s)", user, email)
        ledger.run("insert into auth.sessions (id, user_id) values (%s, %s)", session, user)
        account = new_account(ledger, user)
        desk = Desk(ledger, user, account, new_strategy(ledger, user, account))
        now = int(time.time())
        claims = {
            "sub": str(user),
            "role": "authenticated",
            "email": email,
            "aal": "aal1",
            "iat": now,
            "exp": now + 3600,
        }
        token = jwt.encode(claims | {"session_id": str(session)}, stack.secrets.jwt_secret, "HS256")
        return Caller(http, token, desk, email)

    return made


@pytest.fixture(scope="session")
def owner(sign_up: Callable[[str], Caller], ledger: Ledger) -> Caller:
    """User A, with rows in every table."""
    return _filled(sign_up("owner"), ledger)


@pytest.fixture(scope="session")
def stranger(sign_up: Callable[[str], Caller], ledger: Ledger, owner: Caller) -> Caller:
    """User B, with rows of their own in every table, who wants those of A."""
    del owner
    return _filled(sign_up("stranger"), ledger)


@pytest.fixture(scope="session")
def key_of(stack: Stack) -> Callable[..., Caller]:
    """A program that acts for somebody, by a key with these scopes."""

    def made(person: Caller, *scopes: str) -> Caller:
        url = f"{stack.url('gateway')}/rest/v1/rpc/create_api_key"
        headers = {"apikey": stack.publishable_key, "Authorization": f"Bearer {person.token}"}
        ends_at = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        asked = {"p_name": str(uuid4()), "p_scopes": list(scopes), "p_expires_at": ends_at}
        answer = httpx.post(url, json=asked, headers=headers, timeout=30).raise_for_status().json()
        return Caller(person.http, answer["key"], person.desk, person.email)

    return made


def _filled(person: Caller, ledger: Ledger) -> Caller:
    assert person.desk is not None
    fill_every_table(person.desk)
    fill_what_is_empty(ledger, person.desk)
    return person
