"""The broker of each account, made once per process from its sealed credential."""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

from functions.brokers.access_tokens import AccessTokens
from functions.brokers.alpaca import AlpacaBroker
from functions.brokers.credentials import alpaca_keys, tastytrade_login
from functions.brokers.errors import NotConnected
from functions.brokers.guard import guard_of
from functions.brokers.protocol import Broker
from functions.brokers.sealing import BadSeal
from functions.brokers.tastytrade import TastytradeBroker
from functions.core.errors import Misconfigured
from functions.core.ledger.credentials import CredentialLedger
from functions.core.ledger.errors import LedgerRefused
from functions.core.ledger.executing import ExecutionLedger, TradingAccount
from functions.core.ports import Ports


class NotVerified(NotConnected):
    """Nobody has asked the broker yet whether the credential is the account's: until then it is used for nothing."""

    def __init__(self, account: TradingAccount) -> None:
        super().__init__(
            "ACCOUNT_NOT_VERIFIED", f"the credential of the account {account.broker_account_id} is not verified yet"
        )
        self.account = account


class Accounts:
    """Brokers by account id, of credentials that are verified; thread-safe."""

    def __init__(self, reach: Ports, ledger: ExecutionLedger) -> None:
        self._reach = reach
        self._ledger = ledger
        self._credentials = CredentialLedger(reach.ledger)
        self._lock = threading.Lock()
        self._brokers: dict[UUID, tuple[datetime | None, Broker]] = {}

    def active(self) -> list[TradingAccount]:
        """The active accounts whose credential is verified, as the ledger has them now.

        Drops the brokers of accounts that are not among them, or whose credential was entered again.
        """
        accounts = [one for one in self._ledger.trading_accounts() if one.link_state == "verified"]
        entered = {one.broker_account_id: one.trading_entered_at for one in accounts}
        with self._lock:
            self._brokers = {
                account: made for account, made in self._brokers.items() if entered.get(account) == made[0]
            }
        return accounts

    def broker(self, account: UUID) -> Broker:
        """The broker of an account.

        Raises NotVerified, Misconfigured NO_ACCOUNT, with why the credential was refused, and what `broker_of` raises.
        """
        with self._lock:
            known = self._brokers.get(account)
        if known is not None:
            return known[1]
        found = next((one for one in self._ledger.trading_accounts() if one.broker_account_id == account), None)
        if found is None:
            raise Misconfigured("NO_ACCOUNT", f"the account {account} is not active; link it again")
        if found.link_state == "refused":
            raise Misconfigured(found.link_code or "ACCOUNT_REFUSED", found.link_reason or "enter the credential again")
        if found.link_state == "unverified" and found.trading_entered_at is not None:
            raise NotVerified(found)
        made = self.broker_of(found)
        with self._lock:
            return self._brokers.setdefault(account, (found.trading_entered_at, made))[1]

    def renewed(self, account: UUID) -> Broker | None:
        """The broker of the credential that was entered since the last one was made; None where none was.

        Raises as `broker`.
        """
        with self._lock:
            before = self._brokers.get(account)
        self.active()
        with self._lock:
            if before is None or self._brokers.get(account) is before:
                return None
        return self.broker(account)

    def forget(self, account: UUID) -> None:
        """Drops a broker whose keys were refused, so that the next one is made of the keys as they are then."""
        with self._lock:
            self._brokers.pop(account, None)

    def broker_of(self, account: TradingAccount) -> Broker:
        """A new broker of this account, of the credential that it is said to have.

        Raises NotVerified where another was entered since, Misconfigured NO_BROKER_KEYS, UNKNOWN_BROKER or
        WRONG_ENDPOINT, those of the keyring, and BadSeal.
        """
        if account.broker not in ("alpaca", "tastytrade"):
            raise Misconfigured("UNKNOWN_BROKER", f"expected alpaca or tastytrade, was {account.broker}")
        try:
            return self._opened(account)
        except BadSeal as error:
            if error.code != "UNKNOWN_SEALING_KEY":
                raise
            # Between reading the row and reading the keyring a rotation may have ended: the row is under the next key.
            return self._opened(account)

    def _opened(self, account: TradingAccount) -> Broker:
        try:
            row = self._credentials.broker_credentials(account.broker_account_id, "trading")
        except LedgerRefused as error:
            raise Misconfigured(
                "NO_BROKER_KEYS", f"there are no keys for the account {account.broker_account_id}; enter them"
            ) from error
        if row.entered_at != account.trading_entered_at:
            # What is known of the account is not known of these keys.
            raise NotVerified(account)
        owner = {"user": account.user_id, "account": account.broker_account_id}
        configuration, is_paper = self._reach.settings, account.is_paper
        if account.broker == "tastytrade":
            login = tastytrade_login(row, configuration.trading_keys_file, "trading", **owner, is_paper=is_paper)
            # A grant is to tastytrade what a key is to Alpaca: one user's leave for one application.
            grant = login.refresh_token.get_secret_value()
            guard = guard_of(self._reach.hot, configuration, "tastytrade", grant, is_paper=is_paper)
            tokens = AccessTokens(self._reach.hot, login, is_paper=is_paper)
            return TastytradeBroker(
                login, configuration, account_number=account.account_id, is_paper=is_paper, guard=guard, tokens=tokens
            )
        keys = alpaca_keys(row, configuration.trading_keys_file, "trading", **owner, is_paper=is_paper)
        guard = guard_of(self._reach.hot, configuration, "alpaca", keys.key.get_secret_value(), is_paper=is_paper)
        return AlpacaBroker(keys, configuration, is_paper=is_paper, guard=guard)
