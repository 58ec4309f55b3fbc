"""The example in docs/strategies.md runs as it is written."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from functions.strategy.catalogue import kinds
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import holding
from functions.strategy.interface import Strategy
from tests.unit.strategy.hand_made import minute_bars

PAGE = Path(__file__).resolve().parents[3] / "docs" / "strategies.md"


def example() -> Strategy:
    block = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(block.group(1), str(PAGE), "exec", dont_inherit=True), names)  # noqa: S102 - our own page
    kind: type[Strategy] = names["Breakout"]
    return kind(kind.Config.model_validate({"lookback": 2}), ("SPY",))


def test_docs_example_when_the_price_breaks_out_then_it_buys() -> None:
    (order,) = evaluate(example(), minute_bars([100, 100, "100.1"])).orders
    assert (order.side, order.stop_loss_price) == ("buy", Decimal("99.10"))


def test_docs_example_when_the_price_falls_back_then_it_leaves() -> None:
    decision = evaluate(example(), minute_bars([100, 100, "99.9"]), holding("SPY", Decimal(100), Decimal(100)))
    assert decision.action == "close"


def test_docs_example_when_nothing_happens_then_it_says_why() -> None:
    assert evaluate(example(), minute_bars([100, 100, 100])).reason.startswith("close is 0")


def test_docs_when_a_kind_is_built_in_then_the_table_has_it() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## The built-in kinds")[2]
    assert [kind for kind in kinds() if f"| `{kind}` |" not in table] == []
