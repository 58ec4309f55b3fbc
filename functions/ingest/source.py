"""Whose data credential the market data is read with: the one of the account that was linked first."""

from __future__ import annotations

import asyncio
import contextlib

from functions.brokers.alpaca_market_data import AlpacaMarketData
from functions.brokers.credentials import alpaca_keys
from functions.brokers.keyring import read_keyring
from functions.core.errors import Misconfigured, Temporary
from functions.core.ledger.credentials import CredentialLedger
from functions.core.log import logger
from functions.core.ports import Ports

_log = logger("ingest")


def data_source(reach: Ports) -> AlpacaMarketData | None:
    """Alpaca's market data; None while nobody has entered a data credential.

    Raises the Misconfigured errors of the keyring, BadSeal, and LedgerUnavailable.
    """
    ledger = CredentialLedger(reach.ledger)
    for account in ledger.data_accounts():
        if account.broker == "alpaca":
            keys = alpaca_keys(
                ledger.broker_credentials(account.broker_account_id, "data"),
                reach.settings.data_keys_file,
                "data",
                user=account.user_id,
                account=account.broker_account_id,
                is_paper=account.is_paper,
            )
            return AlpacaMarketData(keys, reach.settings)
    return None


async def awaited_source(reach: Ports, stop: asyncio.Event) -> AlpacaMarketData | None:
    """Waits until somebody has entered a data credential; None where `stop` was set first.

    Raises Misconfigured at once where the private keys are not there, because waiting would not bring them.
    """
    read_keyring(reach.settings.data_keys_file, "data")
    said = False
    while not stop.is_set():
        with contextlib.suppress(Temporary):
            source = await asyncio.to_thread(data_source, reach)
            if source is not None:
                return source
            if not said:
                _log.info("waiting until a data credential is entered")
                said = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), reach.settings.watch_interval)
    return None


def require_source(reach: Ports) -> AlpacaMarketData:
    """Raises Misconfigured NO_DATA_CREDENTIALS where nobody has entered one."""
    source = data_source(reach)
    if source is None:
        raise Misconfigured("NO_DATA_CREDENTIALS", "nobody has entered a data credential yet; enter one")
    return source
