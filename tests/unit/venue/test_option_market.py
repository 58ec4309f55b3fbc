"""What the venue's options are worth while their underlying moves."""

from __future__ import annotations

from tests.unit.venue.market import CALL, NEXT_CALL, NEXT_PUT, opened

UNKNOWN = "SPY180216C00100500"


def test_options_when_many_are_looked_at_then_each_is_as_it_is_alone_and_what_is_not_listed_is_none() -> None:
    symbols = [CALL, NEXT_CALL, NEXT_PUT, UNKNOWN, CALL]
    together = opened([["100", "101"]])[0].options.views(symbols)
    alone = opened([["100", "101"]])[0].options
    assert together == {symbol: alone.view(symbol) for symbol in symbols}
    assert [symbol for symbol, view in together.items() if view is None] == [UNKNOWN]


def test_options_when_the_underlying_moves_then_they_are_valued_anew() -> None:
    venue, _ = opened([["100", "104", "104"]])
    before = venue.options.views([NEXT_CALL, NEXT_PUT])
    while venue.options.spot("SPY") != 104:
        venue.advance()
    call, put = venue.options.views([NEXT_CALL, NEXT_PUT]).values()
    assert call is not None
    assert put is not None
    old_call, old_put = before.values()
    assert old_call is not None
    assert old_put is not None
    assert call.bid > old_call.ask
    assert put.ask < old_put.bid
