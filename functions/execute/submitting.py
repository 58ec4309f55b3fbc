"""Sending an approved order, once: `submitting` and an attempt are on record before the broker hears of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
from uuid import UUID

from functions.brokers.errors import BadCredentials, NotConnected, Rejected, Unsupported
from functions.brokers.orders import BrokerOrder, OrderChange, OrderLeg, OrderRequest
from functions.brokers.protocol import Broker
from functions.core.errors import AgentTraderError, Final, Misconfigured, Mistake, Temporary
from functions.core.ledger.activities import ActivityLedger
from functions.core.ledger.comparing import ComparisonLedger
from functions.core.ledger.executing import ClaimedOrder, ExecutionLedger
from functions.core.ledger.judging import WaitingTrade
from functions.core.log import logger
from functions.core.ports import Ports
from functions.core.runtime import owner
from functions.execute.accounts import Accounts
from functions.execute.verifying import verified_broker

_log = logger("execute")
Result = TypeVar("Result")
_LEAST_LEGS = 2


class Watcher(Protocol):
    """Says whether a trade may be sent now."""

    async def may_send(self, waiting: WaitingTrade) -> bool: ...


class Desk:
    """The trading desk: ledger, brokers and clock together."""

    def __init__(self, reach: Ports, ledger: ExecutionLedger, accounts: Accounts) -> None:
        self.reach = reach
        self.ledger = ledger
        self.activities = ActivityLedger(reach.ledger)
        self.comparison = ComparisonLedger(reach.ledger)
        self.applied: set[tuple[UUID, str, str]] = set()
        self.accounts = accounts

    async def ask(self, call: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
        """A ledger call, off the event loop's thread."""
        return await asyncio.to_thread(call, *arguments, **named)

    async def at_broker(self, step: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """A broker call, named for those who watch or disturb the steps of a flow."""
        found: Awaitable[Result] = self.reach.around(step, call)  # type: ignore[assignment]
        return await found

    async def submit_approved(self, account: UUID | None, watch: Watcher | None = None) -> int:
        """Sends what is approved, of one account or of all, in the order it was placed; returns how many were tried.

        What `watch` does not let go stays approved. One that the ledger refuses to let go does not hold up the others;
        the last refusal is raised at the end.
        """
        sent = 0
        failure: Final | None = None
        for waiting in await self.ask(self.ledger.approved_trades, account):
            try:
                sent += await self._submit(waiting, watch)
            except Final as error:
                # Where it was sent already the attempt has no answer yet, and the resolver asks the broker.
                _log.error("left for later", trade=str(waiting.trade_id), code=error.code, reason=error.text)
                failure = error
            except Temporary:
                raise
            except Exception as error:  # noqa: BLE001 - a mistake that one order meets keeps no other from its broker
                failure = await self.tell_mistake(waiting.broker_account_id, error, "the sending of an order")
        if failure is not None:
            raise failure
        return sent

    async def _submit(self, waiting: WaitingTrade, watch: Watcher | None) -> bool:
        """Sends one approved trade; False where that was not tried, and it stays approved."""
        try:
            broker = await verified_broker(self, waiting.broker_account_id)
        except NotConnected as error:
            _log.warning("not sent", trade=str(waiting.trade_id), code=error.code, reason=error.text)
            return False
        except Misconfigured as error:
            # One account without keys must not stop the others; its trades expire unsent.
            await self.tell(waiting.broker_account_id, error)
            return False
        if watch is not None and not await watch.may_send(waiting):
            _log.warning("not sent: nobody would hear of it", trade=str(waiting.trade_id))
            return False
        claimed_since = time.monotonic()
        claimed = await self.ask(
            self.ledger.claim_trade,
            waiting.trade_id,
            owner(),
            self.reach.clock.now(),
            self.reach.settings.order_lease,
        )
        if claimed is None:
            return False
        await self.send(broker, claimed, claimed_since)
        return True

    async def send(self, broker: Broker, claimed: ClaimedOrder, claimed_since: float | None = None) -> None:
        """Sends a claimed order and records how it ended. An outcome that is not known stays so on record.

        A sender that was held up for so long that its lease may be over sends nothing: the order is the resolver's now.
        """
        at = self.reach.clock.now()
        if at > claimed.good_until:
            await self.not_placed(
                claimed, f"TOO_LATE: good until {claimed.good_until.isoformat()}, now {at.isoformat()}"
            )
            return
        if claimed_since is not None and time.monotonic() - claimed_since > self.reach.settings.order_lease / 2:
            _log.warning("held up, left to the resolver", trade=str(claimed.trade_id))
            return
        try:
            order = await self._with_keys_of_now(broker, claimed, claimed_since)
        except (Rejected, Unsupported, BadCredentials) as error:
            await self.attempted(claimed, "rejected", f"{error.code}: {error.text}")
            if isinstance(error, BadCredentials):
                await self.tell(claimed.broker_account_id, error)
        except AgentTraderError as error:
            # Also where it was certainly not accepted: one road for all doubt, which the resolver's look at the broker
            # ends. An error of a kind that is not known here may have come after the request had left.
            await self.attempted(claimed, "unknown", str(error))
        else:
            await self._accepted(claimed, order, adopted=False)
            _log.info("sent", trade=str(claimed.trade_id), order=order.broker_order_id, at=at.isoformat())

    async def _with_keys_of_now(
        self, broker: Broker, claimed: ClaimedOrder, claimed_since: float | None
    ) -> BrokerOrder:
        """Sends; once more where the keys were refused, and so nothing accepted, and others have been entered since."""
        try:
            return await self._at_the_broker(broker, claimed)
        except BadCredentials:
            in_time = claimed_since is None or time.monotonic() - claimed_since <= self.reach.settings.order_lease / 2
            renewed = await self.ask(self.accounts.renewed, claimed.broker_account_id) if in_time else None
            if renewed is None:
                raise
            return await self._at_the_broker(renewed, claimed)

    async def _at_the_broker(self, broker: Broker, claimed: ClaimedOrder) -> BrokerOrder:
        if claimed.replaces_trade_id is None:
            request = order_request(claimed)
            return await self.at_broker("broker.submit", lambda: broker.submit(request))
        if claimed.replaces_broker_order_id is None:
            raise Unsupported("NOTHING_TO_REPLACE", "the broker's name of the order to be replaced is not known")
        replaced, change = claimed.replaces_broker_order_id, order_change(claimed)
        # Never as an order of its own: beside the old one it would be a second.
        return await self.at_broker("broker.replace", lambda: broker.replace(replaced, change))

    async def adopt(self, claimed: ClaimedOrder, order: BrokerOrder) -> None:
        """The broker has the order: what was unknown is known."""
        await self._accepted(claimed, order, adopted=True)
        _log.info("adopted", trade=str(claimed.trade_id), order=order.broker_order_id)

    async def not_placed(self, claimed: ClaimedOrder, reason: str) -> None:
        """The broker has no such order, and it is too late to send it."""
        await self.attempted(claimed, "not_placed", reason)

    async def _accepted(self, claimed: ClaimedOrder, order: BrokerOrder, *, adopted: bool) -> None:
        await self.ask(
            self.ledger.record_submission,
            claimed.trade_id,
            claimed.attempt,
            order.broker_order_id,
            order.updated_at,
            adopted=adopted,
        )

    async def attempted(self, claimed: ClaimedOrder, outcome: Any, detail: str) -> None:
        """Records that an attempt did not end in an order that we know of."""
        _log.warning("not sent", trade=str(claimed.trade_id), outcome=outcome, detail=detail)
        now = self.reach.clock.now()
        await self.ask(self.ledger.record_attempt, claimed.trade_id, claimed.attempt, outcome, detail, now)

    async def tell_mistake(self, account: UUID, error: Exception, what: str) -> Mistake:
        """Tells of an error of a kind that nobody expected: it stops what was done for this account, and no other's."""
        _log.error("a mistake of ours", account=str(account), what=what, exc_info=error)
        mistake = Mistake(
            "PLATFORM_ERROR",
            f"{what} met an error of the platform ({type(error).__name__}), and is tried again; tell its operator",
        )
        await self.tell(account, mistake)
        return mistake

    async def tell(self, account: UUID, error: AgentTraderError) -> None:
        """Tells the administrators, once, that an account does not work: the others go on."""
        _log.error("account does not work", account=str(account), reason=str(error))
        if isinstance(error, BadCredentials):
            self.accounts.forget(account)
        name = f"cannot-trade|{account}|{error.code}"
        await self.ask(self.ledger.raise_alert, error.code, "critical", error.text, {"account": str(account)}, name)


def order_change(claimed: ClaimedOrder) -> OrderChange:
    """What is asked to take the place of a working order, from what was claimed. Raises Unsupported."""
    if claimed.quantity is None:
        raise Unsupported("UNSUPPORTED_NOTIONAL", "an order by notional is not replaced")
    return OrderChange(
        client_order_id=claimed.client_order_id,
        quantity=claimed.quantity,
        time_in_force=claimed.time_in_force if claimed.time_in_force in ("day", "gtc") else None,
        limit_price=claimed.price,
        stop_price=claimed.stop_price,
        trail_price=claimed.trail_price,
        trail_percent=claimed.trail_percent,
    )


def order_request(claimed: ClaimedOrder) -> OrderRequest:
    """What is sent, from what was claimed: of several legs each with its intent, at the signed net price of a unit.

    Raises Unsupported where an order of several legs was claimed without them: leg 0 alone would be another order.
    """
    if claimed.multi_leg and len(claimed.legs) < _LEAST_LEGS:
        raise Unsupported("UNSUPPORTED_LEGS", "the legs of the order are not known here")
    return OrderRequest(
        client_order_id=claimed.client_order_id,
        symbol=claimed.symbol,
        side=claimed.side,
        order_type=claimed.order_type,
        time_in_force=claimed.time_in_force,
        position_intent=claimed.position_intent,
        quantity=claimed.quantity,
        notional=claimed.notional,
        limit_price=claimed.price,
        stop_price=claimed.stop_price,
        trail_price=claimed.trail_price,
        trail_percent=claimed.trail_percent,
        extended_hours=claimed.extended_hours,
        order_class="multi_leg" if claimed.multi_leg else "simple",
        legs=tuple(
            OrderLeg(symbol=leg.symbol, side=leg.side, position_intent=leg.position_intent, ratio=leg.ratio)
            for leg in (claimed.legs if claimed.multi_leg else ())
        ),
    )
