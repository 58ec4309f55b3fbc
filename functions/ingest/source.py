"""Whose data credential the market data is read with: the first that opens, of the account that was linked first.

A tastytrade paper account comes after all others: the quotes of its environment are fifteen minutes late.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from functions.brokers.access_tokens import AccessTokens
from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.credentials import alpaca_keys, tastytrade_login
from functions.brokers.guard import guard_of
from functions.brokers.keyring import read_keyring
from functions.brokers.protocol import MarketData
from functions.brokers.sealing import BadSeal
from functions.brokers.tastytrade_market_data import TastytradeMarketData
from functions.core.errors import Misconfigured, Temporary
from functions.core.ledger.credentials import CredentialLedger, DataAccount, SealedCredential
from functions.core.ledger.errors import LedgerRefused
from functions.core.log import logger
from functions.core.ports import Ports

_log = logger("ingest")


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, and whose credential it is made of; `passed` come before it and could not be opened."""

    source: MarketData
    account: DataAccount
    passed: tuple[DataAccount, ...] = ()


def data_source(reach: Ports) -> Opened | None:
    """A broker's market data; None while nobody has entered a data credential that opens.

    Raises the Misconfigured errors of the keyring, and LedgerUnavailable.
    """
    ledger = CredentialLedger(reach.ledger)
    passed: list[DataAccount] = []
    for account in _in_order(ledger.data_accounts()):
        try:
            source = _source(reach, account, ledger.broker_credentials(account.broker_account_id, "data"))
        except (BadSeal, LedgerRefused) as error:
            # One trader's mistake must not take the market away from the others.
            _log.error("data credential left out", account=str(account.broker_account_id), reason=str(error))
            passed.append(account)
            continue
        return Opened(source, account, tuple(passed))
    return None


def _in_order(accounts: Sequence[DataAccount]) -> list[DataAccount]:
    """The one that is rather read first, first; brokers that this version does not know are left out."""
    known = [account for account in accounts if account.broker in ("alpaca", "tastytrade")]
    return sorted(known, key=lambda account: account.broker == "tastytrade" and account.is_paper)


def _source(reach: Ports, account: DataAccount, row: SealedCredential) -> MarketData:
    """Raises BadSeal, and the Misconfigured errors of the keyring."""
    configuration, is_paper = reach.settings, account.is_paper
    keys_file, owner = configuration.data_keys_file, {"user": account.user_id, "account": account.broker_account_id}
    if account.broker == "tastytrade":
        login = tastytrade_login(row, keys_file, "data", **owner, is_paper=is_paper)
        key = login.refresh_token.get_secret_value()
        # Calls for data have a budget and a breaker of their own: what data costs holds no order back.
        guard = guard_of(reach.hot, configuration, "tastytrade-data", key, is_paper=is_paper)
        tokens = AccessTokens(reach.hot, login, is_paper=is_paper)
        return TastytradeMarketData(login, configuration, is_paper=is_paper, guard=guard, tokens=tokens)
    keys = alpaca_keys(row, keys_file, "data", **owner, is_paper=is_paper)
    # Alpaca counts calls for data by themselves, and its data is up or down by itself.
    guard = guard_of(reach.hot, configuration, "alpaca-data", keys.key.get_secret_value(), is_paper=is_paper)
    return AlpacaMarketData(keys, configuration, guard)


async def awaited_source(reach: Ports, stop: asyncio.Event) -> Opened | None:
    """Waits until somebody has entered a data credential; None where `stop` was set first.

    Raises Misconfigured at once where the private keys are not there, because waiting would not bring them.
    """
    read_keyring(reach.settings.data_keys_file, "data")
    said = False
    while not stop.is_set():
        with contextlib.suppress(Temporary):
            found = await asyncio.to_thread(data_source, reach)
            if found is not None:
                return found
            if not said:
                _log.info("waiting until a data credential is entered")
                said = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), reach.settings.watch_interval)
    return None


def require_source(reach: Ports) -> MarketData:
    """Raises Misconfigured NO_DATA_CREDENTIALS where nobody has entered one."""
    found = data_source(reach)
    if found is None:
        raise Misconfigured("NO_DATA_CREDENTIALS", "nobody has entered a data credential yet; enter one")
    return found.source


async def while_current(reach: Ports, used: Opened, stop: asyncio.Event) -> None:
    """Returns when another credential is to be used, or when `stop` is set.

    The one in use was entered again or is gone, or one that comes before it was entered.
    """
    ledger = CredentialLedger(reach.ledger)
    expected = [*used.passed, used.account]
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), reach.settings.poll_interval)
        with contextlib.suppress(Temporary):
            if _in_order(await asyncio.to_thread(ledger.data_accounts))[: len(expected)] != expected:
                _log.info("the data credential has changed", account=str(used.account.broker_account_id))
                return
