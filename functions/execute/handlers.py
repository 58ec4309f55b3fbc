"""Entry points of `execute`: thin; each decodes what woke it and calls one function of this folder."""

from __future__ import annotations

import asyncio
from functools import cache, partial
from typing import Any

from functions.core.errors import BadInput, Final
from functions.core.events import AccountChanged, ExerciseChanged, TradeChanged
from functions.core.handling import delivered
from functions.core.ledger.executing import ExecutionLedger
from functions.core.ports import ports
from functions.core.runtime import event_loop, event_of
from functions.execute.accounts import Accounts
from functions.execute.canceling import cancel_due
from functions.execute.exercising import exercise_due
from functions.execute.resolving import resolve_unknown
from functions.execute.stream import TradeUpdatesWorker
from functions.execute.submitting import Desk
from functions.execute.syncing import compare_accounts
from functions.execute.verifying import verify_accounts
from functions.execute.watching import send_approved


@cache
def _desk() -> Desk:
    reach = ports("execute")
    ledger = ExecutionLedger(reach.ledger)
    return Desk(reach, ledger, Accounts(reach, ledger))


@delivered
def verify_account(message: Any) -> None:
    """Topic account-events: asks the broker whether the credential that was entered is the account's.

    What has waited for the answer is sent at once: an exit is not kept from the market by new keys.
    """
    event = event_of(message)
    if not isinstance(event, AccountChanged):
        raise BadInput("WRONG_EVENT", f"expected a change of an account, was {event.type}")
    desk, account = _desk(), event.data.broker_account_id

    async def verified() -> None:
        if await verify_accounts(desk, account):
            await send_approved(desk, account)

    event_loop.run(verified())


@delivered
def verify_missed(_message: Any) -> None:
    """Schedule: verifies the accounts that no message brought here, or whose broker did not answer."""
    event_loop.run(verify_accounts(_desk()))


@delivered
def submit_order(message: Any) -> None:
    """Topic trade-events: sends every approved trade of the account, in the order they were placed.

    A rejection wakes it too: it may have been the last verdict that the others of its moment waited for.
    """
    event = event_of(message)
    if not isinstance(event, TradeChanged):
        raise BadInput("WRONG_EVENT", f"expected a change of a trade, was {event.type}")
    event_loop.run(send_approved(_desk(), event.data.broker_account_id))


@delivered
def control_order(message: Any) -> None:
    """Topic trade-controls: asks the broker for the cancels that are due."""
    event_of(message)
    event_loop.run(cancel_due(_desk()))


@delivered
def exercise_options(message: Any) -> None:
    """Topic account-events: asks the broker for the exercises of the account, and for those that are not to be."""
    event = event_of(message)
    if not isinstance(event, ExerciseChanged):
        raise BadInput("WRONG_EVENT", f"expected exercise.requested, was {event.type}")
    event_loop.run(exercise_due(_desk(), event.data.broker_account_id))


@delivered
def sweep_orders(_message: Any) -> None:
    """Schedule: sends what no message brought here, exercises too, resolves what is unknown, asks again for cancels."""
    desk = _desk()

    async def sweep() -> None:
        failure: Final | None = None
        # Cancels last, because the steps before may find some, and whatever happens to those.
        steps = (
            partial(send_approved, desk, None),
            partial(resolve_unknown, desk),
            partial(exercise_due, desk),
            partial(cancel_due, desk),
        )
        for step in steps:
            try:
                await step()
            except Final as error:
                failure = error
        if failure is not None:
            raise failure

    event_loop.run(sweep())


@delivered
def sync_accounts(_message: Any) -> None:
    """Schedule: compares every account with the broker's own lists, and keeps its cash and equity."""
    event_loop.run(compare_accounts(_desk()))


async def stream_trade_updates(stop: asyncio.Event) -> None:
    """Worker: what the brokers say of every account's orders, until `stop` is set."""
    reach = ports("execute")
    ledger = ExecutionLedger(reach.ledger)
    await TradeUpdatesWorker(Desk(reach, ledger, Accounts(reach, ledger))).run(stop)
