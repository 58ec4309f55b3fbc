"""Whether somebody watches an account at its broker: what is sent must be heard of again.

The stream worker says in the hot store that an account is watched: its stream is connected and everything before is on
record, or its lists were read just now. Where that is not said, or is too old, the sender reads the lists itself,
before it sends and after.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from functions.brokers.errors import NotConnected
from functions.core.errors import Final, Temporary
from functions.core.ledger.executing import TradingAccount
from functions.core.ledger.judging import WaitingTrade
from functions.core.log import logger
from functions.core.ports import Ports
from functions.execute.submitting import Desk
from functions.execute.syncing import sync_account

_log = logger("execute")


def watched_key(account: UUID) -> str:
    """Where the hot store says that an account is watched."""
    return f"trade-stream-health:{account}"


def is_watched(reach: Ports, account: UUID) -> bool:
    """Whether the account's worker said lately that it hears of everything; False where the hot store does not say."""
    try:
        entry = reach.hot.get(watched_key(account))
    except Temporary:
        return False
    age = timedelta(seconds=reach.settings.stream_health_age)
    # Machine time on both sides: how long a worker has been silent does not follow a replay's clock.
    return entry is not None and datetime.now(UTC) - entry.written_at <= age


def say_watched(reach: Ports, account: UUID, how: str) -> None:
    """Says that the account is watched now; a hot store that is down is told the next time."""
    try:
        reach.hot.put(watched_key(account), {"how": how})
    except Temporary as error:
        _log.warning("not said that the account is watched", account=str(account), reason=str(error))


class Watch:
    """Of one round of sending: reads the lists of the accounts that nobody watches, before and after."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._may_send: dict[UUID, bool] = {}
        self._compared: dict[UUID, TradingAccount] = {}

    async def may_send(self, waiting: WaitingTrade) -> bool:
        """Whether a trade may be sent. Where nobody watches and the broker cannot be asked, only what reduces may."""
        account = waiting.broker_account_id
        if account not in self._may_send:
            self._may_send[account] = await self._desk.ask(is_watched, self._desk.reach, account) or (
                await self._compare(account)
            )
        return self._may_send[account] or waiting.reduce_only

    async def compare_after(self) -> None:
        """Reads the lists once more of every account that was read before: what was sent may be filled."""
        for account in list(self._compared):
            await self._compare(account)

    async def _compare(self, key: UUID) -> bool:
        account = self._compared.get(key) or next(
            (one for one in await self._desk.ask(self._desk.accounts.active) if one.broker_account_id == key), None
        )
        if account is None:
            return True  # Whether it may trade at all is not for this to say.
        try:
            await sync_account(self._desk, account, await self._desk.ask(self._desk.accounts.broker, key))
        except (NotConnected, Final) as error:
            _log.warning("nobody watches the account, and it cannot be compared", account=str(key), reason=str(error))
            return False
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake that one account meets keeps no other's orders waiting
            await self._desk.tell_mistake(key, error, "the comparison with the broker")
            return False
        self._compared[key] = account
        return True


async def send_approved(desk: Desk, account: UUID | None) -> int:
    """Sends what is approved, of one account or of all, where it will be heard of; returns how many were tried."""
    watch = Watch(desk)
    try:
        return await desk.submit_approved(account, watch)
    finally:
        await watch.compare_after()
