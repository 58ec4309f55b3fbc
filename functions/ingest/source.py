"""Whose data credential the market data is read with: the first that opens, of the account that was linked first."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.credentials import alpaca_keys
from functions.brokers.guard import guard_of
from functions.brokers.keyring import read_keyring
from functions.brokers.sealing import BadSeal
from functions.core.errors import Misconfigured, Temporary
from functions.core.ledger.credentials import CredentialLedger, DataAccount
from functions.core.ledger.errors import LedgerRefused
from functions.core.log import logger
from functions.core.ports import Ports

_log = logger("ingest")


@dataclass(frozen=True, slots=True)
class Opened:
    """A source, and whose credential it is made of."""

    source: AlpacaMarketData
    account: DataAccount


def data_source(reach: Ports) -> Opened | None:
    """Alpaca's market data; None while nobody has entered a data credential that opens.

    Raises the Misconfigured errors of the keyring, and LedgerUnavailable.
    """
    ledger = CredentialLedger(reach.ledger)
    for account in ledger.data_accounts():
        if account.broker != "alpaca":
            continue
        try:
            keys = alpaca_keys(
                ledger.broker_credentials(account.broker_account_id, "data"),
                reach.settings.data_keys_file,
                "data",
                user=account.user_id,
                account=account.broker_account_id,
                is_paper=account.is_paper,
            )
        except (BadSeal, LedgerRefused) as error:
            # One trader's mistake must not take the market away from the others.
            _log.error("data credential left out", account=str(account.broker_account_id), reason=str(error))
            continue
        # Alpaca counts calls for data by themselves, and its data is up or down by itself.
        guard = guard_of(
            reach.hot, reach.settings, "alpaca-data", keys.key.get_secret_value(), is_paper=account.is_paper
        )
        return Opened(AlpacaMarketData(keys, reach.settings, guard), account)
    return None


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


def require_source(reach: Ports) -> AlpacaMarketData:
    """Raises Misconfigured NO_DATA_CREDENTIALS where nobody has entered one."""
    found = data_source(reach)
    if found is None:
        raise Misconfigured("NO_DATA_CREDENTIALS", "nobody has entered a data credential yet; enter one")
    return found.source


async def while_current(reach: Ports, used: DataAccount, stop: asyncio.Event) -> None:
    """Returns when the credential in use was entered again or is gone, or when `stop` is set."""
    ledger = CredentialLedger(reach.ledger)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), reach.settings.poll_interval)
        with contextlib.suppress(Temporary):
            if used not in await asyncio.to_thread(ledger.data_accounts):
                _log.info("the data credential has changed", account=str(used.broker_account_id))
                return
