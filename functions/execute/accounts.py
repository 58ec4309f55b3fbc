"""The broker of each account, made once per process from its sealed-away keys."""

from __future__ import annotations

import threading
from uuid import UUID

from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import read_keys
from functions.brokers.protocol import Broker
from functions.core.errors import Misconfigured
from functions.core.ledger.executing import ExecutionLedger, TradingAccount
from functions.core.ports import Ports


class Accounts:
    """Brokers by account id; thread-safe."""

    def __init__(self, reach: Ports, ledger: ExecutionLedger) -> None:
        self._reach = reach
        self._ledger = ledger
        self._lock = threading.Lock()
        self._brokers: dict[UUID, Broker] = {}

    def active(self) -> list[TradingAccount]:
        """The active accounts, as the ledger has them now."""
        return self._ledger.trading_accounts()

    def broker(self, account: UUID) -> Broker:
        """The broker of an account.

        Raises Misconfigured NO_ACCOUNT or NO_BROKER_KEYS where the account or its keys are not there.
        """
        with self._lock:
            known = self._brokers.get(account)
        if known is not None:
            return known
        found = next((one for one in self.active() if one.broker_account_id == account), None)
        if found is None:
            raise Misconfigured("NO_ACCOUNT", f"the account {account} is not active; link it again")
        made = self.broker_of(found)
        with self._lock:
            return self._brokers.setdefault(account, made)

    def forget(self, account: UUID) -> None:
        """Drops a broker whose keys were refused, so that the next one is made of the keys as they are then."""
        with self._lock:
            self._brokers.pop(account, None)

    def broker_of(self, account: TradingAccount) -> Broker:
        """A new broker of this account. Raises Misconfigured NO_BROKER_KEYS or UNKNOWN_BROKER."""
        keys = read_keys(self._reach.settings).accounts.get(str(account.broker_account_id))
        if keys is None:
            raise Misconfigured("NO_BROKER_KEYS", f"there are no keys for the account {account.broker_account_id}")
        if account.broker != "alpaca":
            raise Misconfigured("UNKNOWN_BROKER", f"expected alpaca, was {account.broker}")
        return AlpacaBroker(keys, self._reach.settings, is_paper=account.is_paper)
