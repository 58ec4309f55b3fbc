"""Options to be exercised, or left to expire: the broker is asked once, and never again while that is in doubt.

A broker exercises all that the account holds, and tells of it by its activities: they book it, and end the wish. Where
its answer was lost, what it holds decides.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown
from functions.core.errors import Final, Temporary
from functions.core.ledger.exercising import ExerciseDue, ExerciseLedger, Outcome
from functions.core.log import logger
from functions.core.runtime import owner
from functions.execute.verifying import verified_broker

if TYPE_CHECKING:
    from functions.brokers.protocol import Broker
    from functions.execute.submitting import Desk

_log = logger("execute")
_PATIENCE, _GAP = 60.0, 15.0
"""Seconds: how long a broker that did not answer is doubted, and how far apart two looks are."""


async def exercise_due(desk: Desk, account: UUID | None = None) -> int:
    """Asks the brokers for what is due, of one account or of all; returns how many wishes were looked at."""
    ledger = ExerciseLedger(desk.reach.ledger)
    due = await desk.ask(ledger.due, account)
    for wish in due:
        try:
            await (_look(desk, ledger, wish) if wish.to_look else _send(desk, ledger, wish))
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake that one account meets keeps no other's wishes from its broker
            await desk.tell_mistake(wish.broker_account_id, error, "the exercise of an option")
    return len(due)


async def _send(desk: Desk, ledger: ExerciseLedger, wish: ExerciseDue) -> None:
    settings, now = desk.reach.settings, desk.reach.clock.now
    claim = await desk.ask(ledger.claim, wish.exercise_id, owner(), now(), settings.order_lease)
    if not claim.claimed:
        return
    outcome, detail = await _asked(desk, wish)
    status = await desk.ask(ledger.record, wish.exercise_id, claim.attempt, outcome, detail, now())
    _log.info("exercise asked for", exercise=str(wish.exercise_id), wish=wish.wish, outcome=outcome, status=status)


async def _asked(desk: Desk, wish: ExerciseDue) -> tuple[Outcome, str]:
    """How the asking ended, and what was said."""
    try:
        broker = await verified_broker(desk, wish.broker_account_id)
        await desk.at_broker("broker.exercise", lambda: _call(broker, wish))
    except OutcomeUnknown as error:
        return "unknown", str(error)
    except (NotSent, NotConnected) as error:
        return "not_sent", str(error)
    except BadCredentials as error:
        # Nothing was taken; new keys may come before the option expires.
        await desk.tell(wish.broker_account_id, error)
        return "not_sent", str(error)
    except Final as error:
        return "rejected", f"{error.code}: {error.text}"
    return "accepted", ""


async def _call(broker: Broker, wish: ExerciseDue) -> None:
    await (broker.exercise(wish.symbol) if wish.wish == "exercise" else broker.do_not_exercise(wish.symbol))


async def _look(desk: Desk, ledger: ExerciseLedger, wish: ExerciseDue) -> None:
    """Where the broker cannot be asked either, nothing is assumed: the next sweep asks again."""
    try:
        broker = await verified_broker(desk, wish.broker_account_id)
        held = await broker.positions()
    except (NotConnected, Final) as error:
        _log.warning("outcome of an exercise not known", exercise=str(wish.exercise_id), reason=str(error))
        if isinstance(error, Final):
            await desk.tell(wish.broker_account_id, error)
        return
    quantity = sum((one.quantity for one in held if one.symbol == wish.symbol), Decimal(0))
    await desk.ask(ledger.look, wish.exercise_id, quantity, desk.reach.clock.now(), _PATIENCE, _GAP)
