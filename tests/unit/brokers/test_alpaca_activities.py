"""Alpaca's activities in the ledger's words: kinds, signs, deliveries that an exercise explains."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from functions.brokers.alpaca_activities import activities
from functions.brokers.holdings import BrokerActivity
from functions.brokers.protocol import Quarantined

CALL, PUT = "SPY261218C00150000", "SPY261218P00150000"


def row(word: str, **more: Any) -> dict[str, Any]:
    base = {"activity_type": word, "id": "20261218::1", "date": "2026-12-18", "net_amount": "0", "status": "executed"}
    return base | more


def one(*rows: object) -> BrokerActivity:
    (found,) = activities(rows)
    assert isinstance(found, BrokerActivity)
    return found


@pytest.mark.parametrize(
    ("told", "kind", "amount"),
    [
        (row("DIV", symbol="SPY", net_amount="12.5"), "dividend", "12.5"),
        (row("DIVNRA", symbol="SPY", net_amount="-1.5"), "tax", "-1.5"),
        (row("INT", net_amount=0.31), "interest", "0.31"),
        (row("FEE", net_amount="-0.02"), "fee", "-0.02"),
        (row("CSD", net_amount="1000"), "deposit", "1000"),
        (row("CSW", net_amount="-1000"), "withdrawal", "-1000"),
        (row("JNLC", net_amount="-5"), "withdrawal", "-5"),
        (row("CIL", symbol="SPY", qty="-0.5", net_amount="130"), "cash_in_lieu", "130"),
        (row("WORD_OF_TOMORROW", net_amount="3"), "WORD_OF_TOMORROW", "3"),
        (row("DIV", symbol="SPY", net_amount="12.5", status="canceled"), "DIV.canceled", "12.5"),
    ],
)
def test_activity_when_money_moves_then_its_kind_and_sign_are_the_ledgers(
    told: dict[str, Any], kind: str, amount: str
) -> None:
    found = one(told)
    assert (found.kind, found.amount, found.raw) == (kind, Decimal(amount), told)


def test_expiry_when_told_then_the_position_moves_after_the_close_in_new_york() -> None:
    found = one(row("OPEXP", symbol=CALL, qty="-2"))
    assert (found.kind, found.symbol, found.quantity) == ("expiry", CALL, Decimal(-2))
    assert found.occurred_at == datetime(2026, 12, 18, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "option", "contracts", "shares", "net"),
    [
        ("OPEXC", CALL, "-2", "200", "-30000"),
        ("OPASN", CALL, "2", "-200", "30000"),
        ("OPEXC", PUT, "-2", "-200", "30000"),
        ("OPASN", PUT, "2", "200", "-30000"),
    ],
)
def test_delivery_when_an_exercise_or_assignment_explains_it_then_it_is_counted_once_whatever_its_price(
    word: str, option: str, contracts: str, shares: str, net: str
) -> None:
    # The published sample: one id on both rows, and a price that does not fit the amount.
    delivery = row("OPTRD", symbol="SPY", qty=shares, net_amount=net, price="151.37")
    for rows in (
        (row(word, symbol=option, qty=contracts), delivery),
        (delivery, row(word, symbol=option, qty=contracts)),
    ):
        found = one(*rows)
        assert found.kind == {"OPEXC": "exercise", "OPASN": "assignment"}[word]
        assert (found.symbol, found.quantity, found.amount) == (option, Decimal(2), None)


@pytest.mark.parametrize(
    "delivery",
    [
        row("OPTRD", symbol="SPY", qty="200", net_amount="-29000", price="150"),
        row("OPTRD", symbol="SPY", qty="100", net_amount="-15000", price="150"),
        row("OPTRD", symbol="IWM", qty="200", net_amount="-30000", price="150"),
    ],
)
def test_delivery_when_nothing_explains_it_then_it_is_told_in_alpacas_word(delivery: dict[str, Any]) -> None:
    found = activities([row("OPEXC", symbol=CALL, qty="-2"), delivery])
    assert [getattr(told, "kind", None) for told in found] == ["exercise", "OPTRD"]


def test_delivery_when_told_twice_for_one_exercise_then_the_second_is_told() -> None:
    delivery = row("OPTRD", symbol="SPY", qty="200", net_amount="-30000")
    assert len(activities([row("OPEXC", symbol=CALL, qty="-2"), delivery, delivery])) == 2


def test_activity_when_two_rows_share_an_id_then_their_names_differ_and_stay() -> None:
    exercise, delivery = row("OPEXC", symbol=CALL, qty="-2"), row("OPTRD", symbol="IWM", qty="200", net_amount="-1")
    names = [told.external_id for told in activities([exercise, delivery]) if isinstance(told, BrokerActivity)]
    assert len(set(names)) == 2
    assert names == [told.external_id for told in activities([exercise, delivery]) if isinstance(told, BrokerActivity)]


@pytest.mark.parametrize(
    ("description", "ratio"), [("4 for 1 split", (4, 1)), ("1:10 reverse", (1, 10)), ("3-for-2", (3, 2)), (None, None)]
)
def test_split_when_described_then_the_ratio_is_read_and_never_made_up(
    description: str | None, ratio: tuple[int, int] | None
) -> None:
    found = one(row("SPLIT", symbol="SPY", qty="30", description=description))
    assert (found.kind, found.amount) == ("split", None)
    assert (found.numerator, found.denominator) == (ratio or (None, None))


def test_transfer_when_shares_come_or_go_then_it_says_which() -> None:
    assert one(row("ACATS", symbol="SPY", qty="3", price="270")).kind == "transfer_in"
    assert one(row("JNLS", symbol="SPY", qty="-3")).kind == "transfer_out"


@pytest.mark.parametrize(
    "bad", [None, 1, {}, row("DIV", net_amount="much"), row("DIV", date="soon"), row("DIV", id=None), row("")]
)
def test_activity_when_a_row_cannot_be_read_then_it_alone_is_quarantined(bad: object) -> None:
    found = activities([bad, row("INT", net_amount="1")])
    assert [type(told) for told in found] == [Quarantined, BrokerActivity]
