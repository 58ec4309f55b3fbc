"""What any strategy may ask for, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from functions.core.errors import BadInput
from functions.core.instruments import STOCK_TERMS
from functions.strategy.bars import MISSING, Bars
from functions.strategy.decision import Decision
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import FLAT
from functions.strategy.interface import (
    Adjust,
    Close,
    Columns,
    Intent,
    Moment,
    Open,
    Position,
    Stay,
    Strategy,
    StrategyConfig,
)
from functions.strategy.planning import plan
from tests.unit.strategy.hand_made import minute_bars, standing

D = Decimal
LONG, SHORT = Position(D(100), D(100)), Position(D(-100), D(100))


class Scripted(Strategy):
    """Says what the test wants it to say."""

    kind = "scripted"
    title = "Scripted"
    intents: tuple[Intent, ...] = ()
    column: Callable[[Bars], object] = staticmethod(lambda bars: bars.close)

    def warm_up(self) -> int:
        return 2

    def indicators(self, bars: Bars) -> Columns:
        return {"column": self.column(bars)}  # type: ignore[dict-item]

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return self.intents


def strategy(*intents: Intent, symbol: str = "SPY") -> Scripted:
    made = Scripted(StrategyConfig(), (symbol,))
    made.intents = intents
    return made


def decided(position: Position, *intents: Intent) -> Decision:
    return evaluate(strategy(*intents), minute_bars([100, 101]), standing(position))


def test_open_when_a_limit_buy_then_limit_and_stop_are_on_the_tick() -> None:
    wanted = Open(side="buy", quantity=D(5), order_type="limit", limit=D("100.019"), stop=D("98.011"), reason="test")
    (order,) = decided(FLAT, wanted).orders
    assert (order.limit_price, order.stop_loss_price) == (D("100.01"), D("98.02"))


def test_open_when_a_limit_sell_then_rounding_goes_the_other_way() -> None:
    wanted = Open(side="sell", quantity=D(5), order_type="limit", limit=D("100.011"), stop=D("102.019"), reason="test")
    (order,) = decided(FLAT, wanted).orders
    assert (order.limit_price, order.stop_loss_price) == (D("100.02"), D("102.01"))


def test_open_when_the_other_side_is_held_then_closes_first() -> None:
    decision = decided(LONG, Open(side="sell", quantity=D(30), reason="turn"))
    (order,) = decision.orders
    assert (decision.action, order.position_intent, order.quantity) == ("close", "sell_to_close", D(100))
    assert decision.reason == "closing 100 first, the new side opens on a later bar: turn"


def test_close_and_open_when_asked_together_then_only_the_close_is_sent() -> None:
    asked = (Open(side="sell", quantity=D(30), reason="in"), Close(reason="out"))
    decision = decided(LONG, *asked)
    assert (decision.reason, len(decision.orders), decision.intents) == ("out", 1, asked)


@pytest.mark.parametrize(("asked", "sent"), [("40", "40"), ("100", "100"), ("140", "100")])
def test_close_when_a_part_or_too_much_is_asked_then_it_never_turns_around(asked: str, sent: str) -> None:
    (order,) = decided(SHORT, Close(quantity=D(asked), reason="out")).orders
    assert (order.side, order.quantity, order.position_intent) == ("buy", D(sent), "buy_to_close")


def test_close_when_flat_then_stays_and_says_why() -> None:
    assert decided(FLAT, Close(reason="out")).reason == "nothing to do: out"


@pytest.mark.parametrize(
    ("held", "to", "side", "quantity", "intent"),
    [
        (FLAT, "50", "buy", "50", "buy_to_open"),
        (LONG, "150", "buy", "50", "buy_to_open"),
        (LONG, "40", "sell", "60", "sell_to_close"),
        (LONG, "-40", "sell", "100", "sell_to_close"),
        (SHORT, "-150", "sell", "50", "sell_to_open"),
        (SHORT, "20", "buy", "100", "buy_to_close"),
    ],
)
def test_adjust_when_brought_to_a_quantity_then_a_change_of_side_closes_first(
    held: Position, to: str, side: str, quantity: str, intent: str
) -> None:
    decision = decided(held, Adjust(to=D(to), reason="resize"))
    (order,) = decision.orders
    assert (decision.action, order.side, order.quantity, order.position_intent) == ("adjust", side, D(quantity), intent)


def test_adjust_when_there_already_then_stays() -> None:
    assert decided(LONG, Adjust(to=D(100), reason="resize")).action == "stay"


def test_stay_when_given_or_nothing_is_given_then_there_is_always_a_reason() -> None:
    assert decided(FLAT, Stay("quiet"), Stay("too early")).reason == "quiet; too early"
    assert decided(FLAT).reason == "the strategy gave no reason"


@pytest.mark.parametrize(
    "intents",
    [
        (Open(side="buy", quantity=D(1), reason="a"), Open(side="buy", quantity=D(1), reason="b")),
        (Close(reason="a"), Close(reason="b")),
        (Open(side="buy", quantity=D(0), reason="a"),),
        (Open(side="buy", quantity=D("NaN"), reason="a"),),
        (Open(side="buy", quantity=D(1), order_type="limit", reason="a"),),
        (Open(side="buy", quantity=D(1), limit=D(1), reason="a"),),
        (Close(quantity=D(-1), reason="a"),),
        (Adjust(to=D("NaN"), reason="a"),),
    ],
)
def test_intents_when_they_make_no_sense_then_they_are_refused(intents: tuple[Intent, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        decided(LONG, *intents)
    assert refused.value.code == "BAD_INTENT"
    assert refused.value.text.startswith("scripted: ")


@pytest.mark.parametrize(
    "column",
    [
        lambda bars: bars.close.astype(np.float64),
        lambda bars: bars.close[1:],
        lambda bars: np.full(len(bars), MISSING),
    ],
    ids=["floats", "too short", "missing after the warm-up"],
)
def test_indicators_when_they_break_the_interface_then_they_are_refused(column: Callable[[Bars], object]) -> None:
    broken = strategy(Stay("quiet"))
    broken.column = column
    with pytest.raises(BadInput) as refused:
        evaluate(broken, minute_bars([100, 101]))
    assert refused.value.code == "BAD_INDICATORS"


def test_evaluate_when_bars_are_not_its_own_then_it_refuses() -> None:
    with pytest.raises(BadInput, match="expected 1Min bars of IWM"):
        evaluate(strategy(symbol="IWM"), minute_bars([100, 101]))
    with pytest.raises(BadInput, match="was 0 1Min bars"):
        evaluate(strategy(), minute_bars([]))


def test_plan_when_the_symbol_has_no_standard_terms_then_they_must_be_given() -> None:
    now = Moment(datetime(2026, 1, 5, 15, 0, tzinfo=UTC), "BTC/USD", minute_bars([100]).bar(0), {})
    wanted = [Open(side="buy", quantity=D("0.5"), reason="in")]
    with pytest.raises(BadInput) as refused:
        plan(strategy(), now, wanted)
    assert refused.value.code == "MISSING_TERMS"
    assert plan(strategy(), now, wanted, STOCK_TERMS).orders[0].quantity == D("0.5")


@pytest.mark.parametrize(("quantity", "entry"), [(D(1), None), (D(1), D(-1)), (D(-1), D("NaN")), (D("NaN"), D(1))])
def test_position_when_held_then_its_entry_price_is_known(quantity: Decimal, entry: Decimal | None) -> None:
    with pytest.raises(BadInput) as refused:
        Position(quantity, entry)
    assert refused.value.code == "BAD_POSITION"


def test_strategy_when_given_another_kinds_config_then_it_refuses() -> None:
    class Other(Scripted):
        class Config(StrategyConfig):
            pass

    with pytest.raises(TypeError, match="Config"):
        Other(StrategyConfig(), ("SPY",))


class Remembering(Scripted):
    """An indicator with an endless memory, as an exponential mean has."""

    def indicators(self, bars: Bars) -> Columns:
        return {"total": np.cumsum(bars.close, dtype=np.int64)}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return [Stay(str(now.values["total"]))]


def test_evaluate_when_an_indicator_remembers_then_the_loaded_history_still_has_no_influence() -> None:
    made = Remembering(StrategyConfig(), ("SPY",))
    reasons = {evaluate(made, minute_bars([100, 101, 102, 103]).last(count)).reason for count in (2, 3, 4)}
    assert reasons == {"2050000"}
