"""The books are what the facts make them: any history, told in any order, against books kept by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.ledger.bookkeeper import Book, Event, Fill, books_of
from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Ledger
from tests.integration.ledger.statements import History, Step, at, make_accounts, owner_key, steps, tell

_BATCH = 500
_HALVES = ("one half", "the other half")

_BOOKED = """
select jsonb_build_object(
  'account', (
    select jsonb_object_agg(b.symbol, jsonb_build_array(
      b.quantity::text, b.cost_basis::text, b.realised_pnl::text, b.fees::text, b.fifo_realised_pnl::text))
    from public.position_books as b where b.broker_account_id = a.id),
  'owners', (
    select jsonb_agg(jsonb_build_array(
      s.symbol, s.owner_key, s.quantity::text, s.cost_basis::text, s.realised_pnl::text, s.fees::text))
    from public.strategy_positions as s where s.broker_account_id = a.id),
  'lots', (
    select jsonb_agg(jsonb_build_array(
      l.symbol, l.owner_key, to_json(l.opened_at), l.original_quantity::text, l.quantity::text, l.cost_basis::text))
    from public.position_lots as l where l.broker_account_id = a.id and l.quantity <> 0),
  'earned', (
    select jsonb_agg(jsonb_build_array(c.symbol, to_json(c.closed_at), c.realised::text))
    from (select symbol, closed_at, sum(realised_pnl) as realised
      from public.lot_closings where broker_account_id = a.id group by 1, 2) as c),
  'by_average', (
    select jsonb_object_agg(r.symbol, r.earned::text)
    from (select symbol, sum(average_cost_pnl) as earned
      from public.realised_pnl where broker_account_id = a.id group by 1) as r),
  'filled', (
    select jsonb_object_agg(t.broker_order_id, t.filled_quantity::text)
    from public.trades as t where t.broker_account_id = a.id and t.filled_quantity <> 0))
from public.broker_accounts as a where a.id = %s
"""


class Accounts:
    """Empty accounts, made by the batch."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._ready: list[UUID] = []

    def take(self) -> UUID:
        if not self._ready:
            made = [uuid4() for _ in range(_BATCH)]
            make_accounts(self._ledger, new_user(self._ledger), made)
            self._ready = made
        return self._ready.pop()


@pytest.fixture(scope="module")
def accounts(ledger: Ledger) -> Iterator[Accounts]:
    yield Accounts(ledger)
    # Every account of every example at once: what is on record fits what is booked, everywhere.
    assert ledger.one("select public.check_positions()") == {"ok": True, "findings": []}


def _n(text: str) -> Fraction:
    return Fraction(Decimal(text))


def _booked(ledger: Ledger, account: UUID) -> dict[str, Any]:
    """What the ledger holds, in the shape of `_expected`."""
    row = ledger.one(_BOOKED, account)
    return {
        "account": {symbol: [_n(x) for x in amounts] for symbol, amounts in (row["account"] or {}).items()},
        "owners": {(s, o): [_n(x) for x in rest] for s, o, *rest in row["owners"] or [] if any(_n(x) for x in rest)},
        "lots": sorted((s, o, t, *map(_n, rest)) for s, o, t, *rest in row["lots"] or []),
        "earned": {(s, t): _n(x) for s, t, x in row["earned"] or [] if _n(x)},
        "by_average": {symbol: _n(x) for symbol, x in (row["by_average"] or {}).items()},
        "filled": {order: _n(x) for order, x in (row["filled"] or {}).items()},
    }


def _expected(account: UUID, events: Sequence[Event], symbols: Sequence[str]) -> dict[str, Any]:
    books = books_of(events)
    own = {symbol: books.get(symbol, Book()) for symbol in symbols}
    filled: dict[str, Fraction] = {}
    for event in events:
        if isinstance(event, Fill):
            order = f"{'buy' if event.signed > 0 else 'sell'} {event.owner} {event.symbol}"
            filled[order] = filled.get(order, Fraction(0)) + abs(event.terms()[0])
    return {
        "account": {
            s: [b.account.quantity, b.account.cost, b.account.realised, b.account.fees, sum(b.fifo_by_time.values())]
            for s, b in own.items()
        },
        "owners": {
            (s, owner_key(account, o)): [h.quantity, h.cost, h.realised, h.fees]
            for s, b in own.items()
            for o, h in b.owners.items()
            if any([h.quantity, h.cost, h.realised, h.fees])
        },
        "lots": sorted(
            (s, owner_key(account, lot.owner), at(lot.opened_at), lot.original, lot.quantity, lot.cost)
            for s, b in own.items()
            for lot in b.open_lots()
        ),
        "earned": {(s, at(t)): earned for s, b in own.items() for t, earned in b.fifo_by_time.items() if earned},
        "by_average": {s: b.account.realised for s, b in own.items()},
        "filled": {order: quantity for order, quantity in filled.items() if quantity},
    }


def _hold_against_the_hand_kept_books(ledger: Ledger, account: UUID, drawn: list[Step], seed: int) -> None:
    history = History.of(drawn)
    messages, events = history.in_another_order(seed)
    answers = tell(ledger, account, messages)
    unread = [answer for answer in answers if answer.get("state") not in (None, "applied") and "fill_id" not in answer]
    assert not [answer for answer in unread if answer["state"] in ("unknown", "unreadable")], unread
    booked = _booked(ledger, account)
    assert booked == _expected(account, events, list(booked["account"]))


_PROPERTY = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(_PROPERTY, max_examples=300)
@given(drawn=steps(), seed=st.integers(0, 2**32))
def test_books_when_any_history_is_told_in_any_order_then_equal_to_the_hand_kept_ones(
    ledger: Ledger, accounts: Accounts, drawn: list[Step], seed: int
) -> None:
    _hold_against_the_hand_kept_books(ledger, accounts.take(), drawn, seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("half", _HALVES)
@settings(_PROPERTY, max_examples=10_000 // len(_HALVES))
@given(drawn=steps(), seed=st.integers(0, 2**32))
def test_books_when_ten_thousand_histories_are_told_then_equal_to_the_hand_kept_ones(
    ledger: Ledger, accounts: Accounts, half: str, drawn: list[Step], seed: int
) -> None:
    """In two halves, one for each worker."""
    _hold_against_the_hand_kept_books(ledger, accounts.take(), drawn, seed)
