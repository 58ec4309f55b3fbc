"""Whatever happens in whatever order: what closes, at the broker or on its way there, is never more than is held."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import psycopg
import pytest

from functions.risk.watch import exits as watching
from tests.integration.ledger.desk import NOON, Desk
from tests.integration.ledger.test_exit_plans import Watching, enter, exits, trader

__all__ = ["trader"]
_STEPS = 45
_MOST_ROUNDS = 40


@pytest.fixture(autouse=True)
def _nothing_is_quiet() -> Iterator[None]:
    watching._quiet.forget()
    yield
    watching._quiet.forget()


@dataclass
class Working:
    """An order as the broker has it."""

    trade: UUID
    side: str
    ordered: int
    filled: int = 0
    open: bool = True

    @property
    def remaining(self) -> int:
        return self.ordered - self.filled if self.open else 0


class Street:
    """A broker that does what chance says, and everybody who may do something here."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.dice = random.Random(seed)
        self.orders: dict[str, Working] = {}
        self.minutes = 2.0
        self.manual = 0
        self.last: Callable[[], object] = lambda: None

    @property
    def watch(self) -> Watching:
        """Anew each time: nothing is remembered here."""
        watching._quiet.forget()
        return Watching(self.desk)

    def held(self) -> int:
        return int(self.desk.position())

    # --- what may happen ----------------------------------------------------------------------------------------------

    def enters(self) -> None:
        if sum(one.side == "buy" for one in self.orders.values()) < 3:
            plan = {"stop_price": str(self.dice.randint(90, 96)), "target_price": "110", "held": "broker"}
            trade, order = enter(self.desk, "10", plan)
            self.orders[order] = Working(trade, "buy", 10)

    def fills(self) -> None:
        found = [(order, one) for order, one in self.orders.items() if one.remaining > 0]
        if found:
            order, one = self.dice.choice(found)
            self._fill(order, one, self.dice.randint(1, one.remaining))

    def lets_go(self) -> None:
        self._end(lambda one: one.open and self.desk.status(one.trade) == "cancel_pending")

    def gives_up(self) -> None:
        """The broker cancels one of its own accord, as after a corporate action."""
        self._end(lambda one: one.remaining > 0)

    def is_told_again(self) -> None:
        self.last()

    def judges(self) -> None:
        """As the judge does, in the order of placing."""
        for row in self.desk.ledger.call("pending_trades", "fn_risk", p_account_id=self.desk.account):
            if row["waits_for_exit"]:
                at = NOON + timedelta(minutes=self.minutes)
                done = self.desk.ledger.call("rest_exit", "fn_risk", p_exit_id=row["waits_for_exit"], p_at=at)
                if done["step"] != "place" and done["resting"]:
                    continue
            self.desk.approve(UUID(row["trade_id"]))

    def sends(self, refuses: bool = False) -> None:
        rows = self.desk.ledger.rows(
            "select id, side, quantity::int from public.trades where broker_account_id = %s and status = 'approved'",
            self.desk.account,
        )
        for trade, side, quantity in rows:
            if not self.desk.claim(trade)["claimed"]:
                continue
            if refuses:
                self.desk.attempted(trade, "rejected")
            else:
                self.orders[self.desk.submit(trade)] = Working(trade, side, quantity)

    def refuses(self) -> None:
        self.sends(refuses=True)

    def quotes(self) -> None:
        self.watch.quote(str(self.dice.randint(88, 112)), self.minutes)

    def crosses_for_long(self) -> None:
        for _ in range(3):
            self.minutes += 0.1
            self.watch.quote("85", self.minutes)

    def settles(self) -> None:
        self.watch.settle(self.minutes)

    def sweeps(self) -> None:
        self.watch.sweep(self.minutes)

    def closes_a_part(self) -> None:
        if self.held() > 1:
            self.manual += 1
            many = str(self.dice.randint(1, self.held()))
            self.desk.place_by_hand(f"by hand {self.manual}", "sell", many, position_intent="sell_to_close")

    def moves_it(self) -> None:
        exit_ = {"stop_price": str(self.dice.randint(88, 97)), "held": self.dice.choice(["broker", "broker", "here"])}
        said = {"p_account_id": self.desk.account, "p_symbol": "SPY", "p_exit": exit_}
        self._try("set_position_exit", **said)

    def takes_it_away(self) -> None:
        found = exits(self.desk, "id", "status")
        if found and self.dice.random() < 0.3:
            self._try("cancel_position_exit", p_exit_id=found[-1][0])

    def cancels_a_rest(self) -> None:
        rows = self.desk.ledger.rows(
            "select t.id from public.trades as t where t.broker_account_id = %s and private.rests_for_exit(t) "
            "and not private.is_final(t.status)",
            self.desk.account,
        )
        if rows and self.dice.random() < 0.3:
            self._try("request_cancel", p_trade_id=rows[0][0], p_reason="a test")

    # ------------------------------------------------------------------------------------------------------------------

    def happens(self) -> None:
        self.minutes += 1
        self.dice.choice([
            self.enters, self.fills, self.fills, self.fills, self.lets_go, self.lets_go, self.lets_go, self.gives_up,
            self.is_told_again, self.judges, self.judges, self.judges, self.sends, self.sends, self.sends, self.refuses,
            self.quotes, self.quotes, self.crosses_for_long, self.settles, self.settles, self.sweeps,
            self.closes_a_part, self.moves_it, self.takes_it_away, self.cancels_a_rest,
        ])()  # fmt: skip

    def ends(self) -> None:
        """Entries are over and every price is through the stop: until nothing is held."""
        for order, one in self.orders.items():
            if one.side == "buy" and one.remaining > 0:
                one.open = False
                self.desk.update(order, "canceled", filled_quantity=str(one.filled))
        if self.held():
            said = {"p_account_id": self.desk.account, "p_symbol": "SPY"}
            self._try("set_position_exit", **said, p_exit={"stop_price": "95", "held": "broker"})
        for _ in range(_MOST_ROUNDS):
            self.minutes += 1.5
            for step in (self.settles, self.judges, self.sends, self.lets_go):
                step()
                self.check()
            self.watch.quote("50", self.minutes)
            self.check()
            for order, one in self.orders.items():
                if one.remaining > 0 and self.dice.random() < 0.5:
                    self._fill(order, one, one.remaining)
                    self.check()
            if not self.held() and not any(one.remaining for one in self.orders.values()):
                break

    def check(self) -> None:
        held = self.held()
        assert held >= 0
        at_broker = sum(one.remaining for one in self.orders.values() if one.side == "sell")
        assert at_broker <= held, "what the broker has of closing orders"
        wanted = self.desk.ledger.one(
            "select coalesce(sum(quantity - filled_quantity), 0) from public.trades where broker_account_id = %s "
            "and source = 'risk' and not private.is_final(status)",
            self.desk.account,
        )
        assert wanted <= held, "the resting stop and what was fired, judged or not"
        resting = self.desk.ledger.one(
            "select count(*) from public.trades as t where t.broker_account_id = %s and private.rests_for_exit(t) "
            "and not private.is_final(t.status)",
            self.desk.account,
        )
        assert resting <= 1

    def _fill(self, order: str, one: Working, many: int) -> None:
        one.filled += many
        when = (NOON + timedelta(minutes=self.minutes - 0.5)).isoformat()
        said = {"side": one.side, "executed_at": when}
        self._say(partial(self.desk.fill, order, str(many), "100", str(one.filled), **said))

    def _end(self, which: Callable[[Working], bool]) -> None:
        for order, one in self.orders.items():
            if which(one):
                one.open = False
                self._say(partial(self.desk.update, order, "canceled", filled_quantity=str(one.filled)))
                return

    def _say(self, told: Callable[[], object]) -> None:
        told()
        self.last = told

    def _try(self, function: str, **said: object) -> None:
        try:
            self.desk.ledger.call(function, "authenticated", self.desk.user, **said)
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith("PT"):
                raise  # The ledger may refuse it at any moment, and nothing else may go wrong.


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))])
def test_resting_stop_when_anything_happens_in_any_order_then_never_more_is_closed_than_is_held_and_it_ends_flat(
    trader: Desk, seed: int
) -> None:
    street = Street(trader, seed)
    for _ in range(_STEPS):
        street.happens()
        street.check()
    street.ends()
    street.settles()
    assert street.held() == 0
    assert {status for (status,) in exits(trader, "status")} <= {"done", "canceled"}
