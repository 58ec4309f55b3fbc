"""The people of the stories: signed up and linked by program where the story is not about that."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import httpx

from functions.brokers.sealing import Binding, Credential, seal
from local.client import models
from local.stack import Stack
from tests.api.one_time_codes import code_of
from tests.integration.clients.traders import PASSWORD, ByClient

_NUMBERS = count(1)


@dataclass
class Person:
    """Somebody who can sign in. `api` acts for them without a browser."""

    email: str
    password: str
    api: ByClient
    account: str = ""

    @property
    def id(self) -> UUID:
        return self.api.user


def at_the_broker(stack: Stack, cash: str = "50000") -> tuple[str, str, str]:
    """A new paper account at the simulator: its number, key and secret."""
    place = next(_NUMBERS)
    number, key = f"PA3STORY{place:04}", f"PKSTORY{place}"
    asked = {"account_id": number, "key": key, "secret": f"{key}-secret", "cash": cash}
    httpx.post(f"{stack.url('alpaca')}/control/accounts", json=asked, timeout=10).raise_for_status()
    return number, key, f"{key}-secret"


def signed_up(stack: Stack, name: str) -> Person:
    email = f"{name}-{next(_NUMBERS)}@example.com"
    return Person(email, PASSWORD, ByClient(stack, email))


def linked(stack: Stack, name: str) -> Person:
    """Signed up, with a paper account whose keys are entered; it is verified when the market has gone on once."""
    person = signed_up(stack, name)
    number, key, secret = at_the_broker(stack)
    person.account = person.api.link(number)
    key_id, public = person.api.sealing_key()
    binding = Binding(person.id, UUID(person.account), "alpaca", "paper", "trading")
    sealed = seal(Credential(binding, {"key": key, "secret": secret}, datetime.now(UTC)), base64.b64decode(public))
    person.api.enter(person.account, key_id, sealed)
    return person


def with_second_factor(person: Person) -> str:
    """Adds an authenticator app; the secret of its codes."""
    enrolled = person.api.client.enroll_factor(models.NewFactor(name="phone"))
    person.api.client.verify_factor(enrolled.id, models.FactorCode(code=code_of(enrolled.secret)))
    return enrolled.secret
