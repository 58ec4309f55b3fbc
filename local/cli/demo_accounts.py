"""The accounts of a demo: one at each broker that takes part. Every id is made from a name, as the trader's are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from local.linking import enter_simulator_keys, enter_tastytrade_grants
from local.stack import Stack
from local.supervisor.broker_keys import (
    BROKER_ACCOUNT,
    LEDGER_ACCOUNT,
    TASTYTRADE_ACCOUNT,
    TASTYTRADE_LEDGER_ACCOUNT,
)
from local.supervisor.environment import Brokers, simulators

EnterCredentials = Callable[[psycopg.Connection[Any], Stack, UUID], None]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A paper account at a broker simulator: `id` is the ledger's, `number` the broker's."""

    broker: str
    id: UUID
    number: str
    label: str
    enter_credentials: EnterCredentials

    def link(self, connection: psycopg.Connection[Any], stack: Stack, user_id: UUID) -> None:
        """Links it to the user, its credentials sealed, in the connection's transaction."""
        connection.execute(
            "insert into public.broker_accounts (id, user_id, broker, account_id, label, is_paper) "
            "values (%s, %s, %s, %s, %s, true)",
            [self.id, user_id, self.broker, self.number, self.label],
        )
        self.enter_credentials(connection, stack, self.id)


_ACCOUNTS: Final = {
    "alpaca": DemoAccount("alpaca", LEDGER_ACCOUNT, BROKER_ACCOUNT, "Demo account", enter_simulator_keys),
    "tastytrade": DemoAccount(
        "tastytrade",
        TASTYTRADE_LEDGER_ACCOUNT,
        TASTYTRADE_ACCOUNT,
        "Demo account at tastytrade",
        enter_tastytrade_grants,
    ),
}


def demo_accounts(broker: Brokers) -> tuple[DemoAccount, ...]:
    """The accounts of a demo, in the order in which they are linked."""
    return tuple(_ACCOUNTS[name] for name in simulators(broker))
