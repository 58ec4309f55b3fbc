"""Random histories of an account as a broker would tell them, and many empty accounts to tell them to.

A history is drawn in the order of event time and told in another: late, twice, by two paths.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import md5
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.integration.ledger.bookkeeper import MANUAL, Delivery, Event, Fill, Move, Split, books_of
from tests.integration.ledger.ledger import Ledger

BEGAN = datetime(2013, 10, 7, 14, 0, tzinfo=UTC)
SHARE, OTHER = "SPY", "IWM"
CALL, PUT = "SPY131019C00170000", "SPY131019P00170000"
STRIKE = Fraction(170)
SYMBOLS = (SHARE, OTHER, CALL, PUT)
OWNERS = (MANUAL, "1st", "2nd")
"""In the order of their keys: a strategy's id begins with a digit."""
RATIOS = ((2, 1), (3, 2), (1, 10), (1, 3), (7, 3))
_KINDS = [
    *["fill"] * 10,
    *["bust", "correction"] * 2,
    *["split", "expiry", "exercise", "exercise", "cash_in_lieu", "opening_balance", "transfer_out"],
]


def at(minute: int) -> str:
    return (BEGAN + timedelta(minutes=minute)).isoformat()


def plain(value: Fraction) -> str:
    """Ten places, exactly."""
    return f"{Decimal(value.numerator * 10**10 // value.denominator).scaleb(-10):f}"


@dataclass(frozen=True)
class Step:
    """What a history is made of; what the numbers mean depends on the kind."""

    kind: str
    symbol: str
    owner: str
    signed: Decimal
    price: Decimal
    minutes: int
    pick: int


def steps() -> st.SearchStrategy[list[Step]]:
    # Each step is one number, which is quick to draw; a failing history is shown with as few steps as still fail.
    return st.lists(st.integers(0, 2**24 - 1).map(_step), min_size=1, max_size=10)


def _step(number: int) -> Step:
    """Numbers of every magnitude: the smallest that can be written is as likely as the largest."""
    random = Random(number)

    def amount(digits: int, places: int) -> Decimal:
        return Decimal(random.randint(1, 10 ** random.randint(0, digits))).scaleb(-places)

    size = random.choice((Decimal(random.randint(1, 300)), Decimal(random.randint(1, 300)), amount(11, 10)))
    return Step(
        random.choice(_KINDS),
        random.choice((SHARE, SHARE, CALL, CALL, CALL, PUT, OTHER)),
        random.choice(OWNERS),
        random.choice((size, -size)),
        random.choice((amount(5, 2), amount(10, 10))),
        random.randint(0, 2),
        random.randint(0, 99),
    )


@dataclass
class Told:
    """One message of the broker: the ledger's function and what it says; `event` is what it makes true, once."""

    function: str
    said: dict[str, Any]
    event: Event | None = None


@dataclass
class History:
    """What happened, each with the messages that tell of it."""

    events: list[Event] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _names: list[tuple[Fill, dict[str, Any]]] = field(default_factory=list)

    @classmethod
    def of(cls, drawn: Sequence[Step]) -> History:
        history, now = cls(), 0
        for number, step in enumerate(drawn):
            now += step.minutes
            getattr(history, f"_{step.kind}", history._fill)(now, number, step)
        return history

    def _fill(self, now: int, number: int, step: Step) -> None:
        order = f"{'buy' if step.signed > 0 else 'sell'} {step.owner} {step.symbol}"
        self._numbers[order] += 1
        multiplier = 100 if step.symbol in (CALL, PUT) else 1
        fee = Fraction(step.pick % 3, 100)
        fill = Fill(now, step.symbol, step.owner, Fraction(step.signed), Fraction(step.price), multiplier, fee)
        said = {
            "broker_order_id": order,
            "quantity": f"{abs(step.signed):f}",
            "price": f"{step.price:f}",
            "fee": f"{float(fee):.2f}",
            "cumulative_quantity": str(self._numbers[order]),
            "executed_at": at(now),
            "source": "stream",
            "external_id": f"execution {number}",
        }
        self.events.append(fill)
        self._names.append((fill, said))
        self.told.append(Told("record_fill", said, fill))
        if step.pick % 4 == 0:
            again = said | {"source": "activities", "external_id": f"2013::{number}"}
            self.told.append(Told("record_fill", again, fill))

    def _change(self, now: int, number: int, step: Step, kind: str) -> None:
        if not self._names:
            return self._fill(now, number, step)
        fill, named = self._names[step.pick % len(self._names)]
        said = {
            "kind": kind,
            "executed_at": at(now + 1000 + number),
            "source": "stream",
            "external_id": f"change {number}",
        }
        if step.pick % 2:
            said |= {"corrects_external_id": named["external_id"], "broker_order_id": named["broker_order_id"]}
        else:
            said |= {name: named[name] for name in ("broker_order_id", "cumulative_quantity")}
        if kind == "correction":
            said |= {"quantity": f"{abs(step.signed):f}", "price": f"{step.price:f}"}
        terms = (abs(Fraction(step.signed)), Fraction(step.price)) if kind == "correction" else None
        fill.changes.append((now + 1000 + number, terms))
        self.told.append(Told("record_fill", said))
        return None

    def _bust(self, now: int, number: int, step: Step) -> None:
        self._change(now, number, step, "bust")

    def _correction(self, now: int, number: int, step: Step) -> None:
        self._change(now, number, step, "correction")

    def _activity(self, number: int, kind: str, event: Event, **more: str) -> None:
        name = {"source": "activities", "external_id": f"activity {number}", "kind": kind}
        self.events.append(event)
        self.told.append(
            Told("apply_activity", name | {"occurred_at": at(event.at), "symbol": event.symbol} | more, event)
        )

    def _split(self, now: int, number: int, step: Step) -> None:
        new, old = RATIOS[step.pick % len(RATIOS)]
        ratio = {"numerator": str(new), "denominator": str(old)}
        self._activity(number, "split", Split(now, step.symbol, Fraction(new, old)), **ratio)

    def _opening_balance(self, now: int, number: int, step: Step) -> None:
        value = Fraction(step.signed).limit_denominator(100) * 7
        value = Fraction(round(value * 100), 100)
        event = Move(now, step.symbol, step.owner, Fraction(step.signed), value)
        more = {} if step.owner == MANUAL else {"strategy_id": step.owner}
        kind = "transfer_in" if step.pick % 2 else "opening_balance"
        self._activity(number, kind, event, quantity=f"{step.signed:f}", amount=plain(value), **more)

    def _held(self, symbol: str) -> Fraction:
        return books_of(self.events)[symbol].account.quantity

    def _taken(self, now: int, number: int, step: Step, symbol: str) -> Fraction:
        """All that is held, or some of it; more than that now and then, as where a fill is still to be told."""
        held = self._held(symbol)
        some = -held * step.pick / 100
        if step.pick % 4 < 2:
            some = -held if step.pick % 4 else -Fraction(step.signed)
        return Fraction(round(some * 10**10), 10**10)

    def _transfer_out(self, now: int, number: int, step: Step) -> None:
        taken = self._taken(now, number, step, step.symbol)
        if not taken:
            return self._fill(now, number, step)
        self._activity(number, "transfer_out", Move(now, step.symbol, None, taken, None), quantity=plain(taken))
        return None

    def _cash_in_lieu(self, now: int, number: int, step: Step) -> None:
        taken = self._taken(now, number, step, step.symbol)
        if not taken:
            return self._fill(now, number, step)
        paid = -Fraction(round(taken * 1000), 100)
        event = Move(now, step.symbol, None, taken, -paid)
        self._activity(number, "cash_in_lieu", event, quantity=plain(taken), amount=plain(paid))
        return None

    def _expiry(self, now: int, number: int, step: Step) -> None:
        symbol = PUT if step.symbol == PUT else CALL
        taken = self._taken(now, number, step, symbol)
        event = Move(now, symbol, None, taken, Fraction(0))
        self._activity(number, "expiry", event, quantity=plain(taken))

    def _exercise(self, now: int, number: int, step: Step) -> None:
        symbol = PUT if step.symbol == PUT else CALL
        taken = self._taken(now, number, step, symbol)
        if not taken:
            return self._fill(now, number, step)
        kind = "exercise" if taken < 0 else "assignment"
        to_buy = (kind == "exercise") == (symbol == CALL)
        event = Delivery(now, symbol, taken, SHARE, abs(taken) * 100 * (1 if to_buy else -1), STRIKE)
        self._activity(number, kind, event, quantity=plain(abs(taken)))
        return None

    def in_another_order(self, seed: int) -> tuple[list[Told], list[Event]]:
        """The messages shuffled, some twice, and the events in the order in which each was first told."""
        random = Random(seed)
        messages = list(self.told)
        messages += [message for message in self.told if random.random() < 0.15]
        if seed % 3:
            random.shuffle(messages)
        first: dict[int, Event] = {}
        for message in messages:
            if message.event is not None:
                first.setdefault(id(message.event), message.event)
        return messages, list(first.values())


_ACCOUNTS = """
insert into public.broker_accounts (id, user_id, broker, account_id)
select n, %(user)s, 'alpaca', n::text from unnest(%(accounts)s::uuid[]) as n;
insert into public.strategy_kinds (kind, title, description, config_schema)
values ('by_hand', 'By hand', 'Decides what a test says.', '{}') on conflict do nothing;
insert into public.instruments (symbol, kind, multiplier, tradable, source)
select s, 'option', 100, false, 'test' from unnest(array['SPY131019C00170000', 'SPY131019P00170000']) as s
on conflict do nothing;
set local session_replication_role = replica;
insert into public.strategies (id, user_id, broker_account_id, name, kind, symbols, strategy_version)
select (left(o, 1) || substr(md5(o || n), 2))::uuid, %(user)s, n, o || n, 'by_hand', '{SPY}', 1
from unnest(%(accounts)s::uuid[]) as n, unnest(array['1st', '2nd']) as o;
insert into public.strategy_versions (
  strategy_id, strategy_version, user_id, kind, config, symbols, timeframe, created_by)
select id, 1, user_id, kind, config, symbols, timeframe, 'test' from public.strategies where user_id = %(user)s;
insert into public.trades (
  id, user_id, broker_account_id, strategy_id, strategy_version, source, signal, symbol, side, order_type, quantity,
  status, client_order_id, broker_order_id, event_at, status_at, good_until)
select md5(name || n)::uuid, %(user)s, n,
  case o when 'manual' then null else (left(o, 1) || substr(md5(o || n), 2))::uuid end,
  case o when 'manual' then null else 1 end, 'external', name, s, d, 'market', 1e15, 'partially_filled', name, name,
  '2013-10-07', '2013-10-07', '2013-10-08'
from unnest(%(accounts)s::uuid[]) as n, unnest(array['manual', '1st', '2nd']) as o, unnest(array['buy', 'sell']) as d,
  unnest(array['SPY', 'IWM', 'SPY131019C00170000', 'SPY131019P00170000']) as s, concat_ws(' ', d, o, s) as name;
insert into public.trade_legs (trade_id, leg, user_id, symbol, side, position_intent, quantity)
select id, 0, user_id, symbol, side, side || '_to_open', quantity from public.trades where user_id = %(user)s;
set local session_replication_role = origin;
"""


def make_accounts(ledger: Ledger, user: UUID, accounts: list[UUID]) -> None:
    """Accounts with two strategies each, and for everybody a large order on each side of each symbol."""
    with ledger.connection.transaction():
        for statement in _ACCOUNTS.split(";\n"):
            if statement.strip():
                ledger.connection.execute(statement.encode(), {"user": user, "accounts": accounts})


def owner_key(account: UUID, owner: str) -> str:
    """A strategy's id, as make_accounts() gives it."""
    digest = md5(f"{owner}{account}".encode(), usedforsecurity=False).hexdigest()
    return MANUAL if owner == MANUAL else str(UUID(owner[0] + digest[1:]))


_TELL = """
select jsonb_agg(case m ->> 'function' when 'record_fill' then public.record_fill(%s, m -> 'said')
  else public.apply_activity(%s, m -> 'said') end) from jsonb_array_elements(%s::jsonb) as m
"""


def tell(ledger: Ledger, account: UUID, messages: Sequence[Told]) -> list[dict[str, Any]]:
    """Tells the ledger everything, in order."""
    said = json.dumps([{"function": message.function, "said": message.said} for message in messages])
    for owner in OWNERS:
        said = said.replace(f'"strategy_id": "{owner}"', f'"strategy_id": "{owner_key(account, owner)}"')
    answers: list[dict[str, Any]] = ledger.one(_TELL, account, account, said)
    return answers
