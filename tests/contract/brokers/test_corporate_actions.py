"""Corporate actions: what Alpaca lists, all of it and in our shape; what tastytrade cannot tell is not half told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from functions.brokers import alpaca_market_data
from functions.brokers.alpaca_corporate_actions import actions
from functions.brokers.errors import Unsupported
from functions.brokers.markets import CorporateAction
from functions.brokers.protocol import Quarantined
from tests.contract.brokers.venue import AlpacaVenue, Venue

FROM, UNTIL = date(2017, 1, 1), date(2018, 12, 31)
SPLIT = {"symbol": "SPY", "ex_date": "2017-06-01", "new_rate": 3, "old_rate": 2, "id": "split"}
PAID = {"symbol": "SPY", "ex_date": "2017-03-17", "rate": 1.033, "record_date": "2017-03-20", "id": "paid"}


async def test_actions_when_asked_then_all_of_the_share_in_the_range_come_by_date_or_it_is_unsupported(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = venue.market_data()
    if not isinstance(venue, AlpacaVenue):
        with pytest.raises(Unsupported, match="UNSUPPORTED_CORPORATE_ACTIONS"):
            await data.corporate_actions("SPY", FROM, UNTIL)
        return
    monkeypatch.setattr(alpaca_market_data, "_ACTIONS_PAGE", 1)
    told = {
        "forward_splits": [SPLIT, SPLIT | {"symbol": "IWM"}, SPLIT | {"ex_date": "2016-06-01"}],
        "reverse_splits": [{"symbol": "SPY", "ex_date": "2018-06-01", "new_rate": 1, "old_rate": 10}],
        "stock_dividends": [{"symbol": "SPY", "ex_date": "2018-01-02", "rate": 0.05}],
        "cash_dividends": [PAID, PAID | {"special": True, "rate": 5}],
    }
    venue.simulator.post("/control/corporate-actions", told)
    found = [one for one in await data.corporate_actions("SPY", FROM, UNTIL) if isinstance(one, CorporateAction)]
    assert [(one.kind, one.ex_date.isoformat(), one.ratio or one.amount, one.special) for one in found] == [
        ("cash_dividend", "2017-03-17", Decimal("1.033"), False),
        ("cash_dividend", "2017-03-17", Decimal(5), True),
        ("split", "2017-06-01", Decimal("1.5"), False),
        ("split", "2018-01-02", Decimal("1.05"), False),
        ("split", "2018-06-01", Decimal("0.1"), False),
    ]
    assert (found[0].record_date, found[0].payable_date, found[0].source_id) == (date(2017, 3, 20), None, "paid")
    assert await data.corporate_actions("QQQ", FROM, UNTIL) == []


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("forward_splits", SPLIT | {"new_rate": 0}),
        ("forward_splits", SPLIT | {"new_rate": 2}),
        ("forward_splits", SPLIT | {"old_rate": None}),
        ("cash_dividends", PAID | {"rate": "NaN"}),
        ("cash_dividends", PAID | {"ex_date": "soon"}),
        ("cash_dividends", PAID | {"ex_date": None}),
        ("cash_dividends", "nothing of the kind"),
    ],
    ids=str,
)
def test_action_when_it_cannot_be_read_then_it_is_set_aside_and_the_others_come(name: str, row: object) -> None:
    page = {
        "corporate_actions": {"stock_dividends": [{"symbol": "SPY", "ex_date": "2018-01-02", "rate": 1}], name: [row]}
    }
    assert [type(one) for one in actions(page, "SPY")].count(Quarantined) == 1
    assert CorporateAction in {type(one) for one in actions(page, "SPY")}
