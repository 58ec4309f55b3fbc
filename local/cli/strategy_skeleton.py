"""What `agenttrader strategy new` writes: a package with one strategy in one file, its test, and how to go on."""

from __future__ import annotations

import keyword
import re
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from string import Template

from functions.core.errors import BadInput
from functions.strategy.catalogue import ENTRY_POINT_GROUP, kinds

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

_PYPROJECT = Template("""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$project"
version = "0.1.0"
description = "$title: a strategy for AgentTrader."
requires-python = ">=3.11"
# AgentTrader itself is not named here: this package is installed beside it.
dependencies = []

# This line is how AgentTrader finds the strategy, once the package is installed.
[project.entry-points."$group"]
$name = "$name:$class_name"

[tool.hatch.build.targets.wheel]
only-include = ["$name.py"]

[tool.pytest.ini_options]
testpaths = ["."]
pythonpath = ["."]
# Nothing here is asynchronous; without this line the plug-in for it says something about each run.
addopts = "-p no:asyncio"
""")

_MODULE = Template('''\
"""$title."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from functions.strategy.bars import to_price
from functions.strategy.indicators import window_sum
from functions.strategy.interface import (
    Amount,
    Bars,
    Close,
    Columns,
    Intent,
    Moment,
    Open,
    Stay,
    Strategy,
    StrategyConfig,
    examples,
)
from functions.strategy.protective_stop import hit, planned
from pydantic import Field


class $class_name(Strategy):
    """Buys when a bar closes above the mean of the last ones, leaves when it closes below. Say where it is from."""

    kind = "$name"
    title = "$title"

    class Config(StrategyConfig):
        # Bounds and a description on every field: the dashboard makes its form from them.
        model_config = examples({"window": 20, "quantity": "10"})

        window: int = Field(20, strict=True, ge=2, le=500, description="The mean is over this many bars")
        quantity: Amount = Field(Decimal(10), gt=0, le=1_000_000, description="Shares per entry")
        stop_percent: Amount = Field(
            Decimal(1), gt=0, lt=100, description="Leave when a bar closes this far below the entry price, percent"
        )

    config: Config

    def warm_up(self) -> int:
        # How many bars, the newest included, a decision looks at. It is never shown more.
        return self.config.window

    def indicators(self, bars: Bars) -> Columns:
        # Whole columns at once. A value at bar i may depend on bars up to i only: `agenttrader lookahead` proves it.
        return {"total": window_sum(bars.close, self.config.window)}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        if stopped := hit(now, self.config.stop_percent):
            return [Close(reason=stopped)]
        # Integers, multiplied rather than divided: a tie is a tie.
        above = now.bar.close * self.config.window - now.values["total"]
        mean = to_price(now.values["total"]) / self.config.window
        words = f"close {now.price:f}, mean {mean:.4f} over {self.config.window} bars"
        if now.position.quantity > 0 and above < 0:
            return [Close(reason=words)]
        if now.position.quantity == 0 and above > 0:
            stop = planned("buy", now.price, self.config.stop_percent)
            return [Open(side="buy", quantity=self.config.quantity, stop=stop, reason=words)]
        return [Stay(words)]
''')

_TEST = Template('''\
"""$title: what it does on hand-made bars, and that it does not see the future."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from functions.core.events import BarData
from functions.strategy.bars import Bars
from functions.strategy.evaluate import evaluate
from functions.strategy.holding import NOTHING, Standing, holding
from functions.strategy.lookahead import prove
from functions.strategy.made_bars import made_minutes
from $name import $class_name

OPENING = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HELD = holding("SPY", Decimal(10), Decimal(100))


def strategy() -> $class_name:
    return $class_name($class_name.Config(window=3), ("SPY",))


def bars(closes: Sequence[int]) -> Bars:
    """SPY minute bars from closes in dollars."""
    rows = []
    for index, close in enumerate(closes):
        at, price = OPENING + index * MINUTE, Decimal(close)
        rows.append(
            BarData(
                symbol="SPY",
                timeframe="1Min",
                starts_at=at,
                ends_at=at + MINUTE,
                open=price,
                high=price,
                low=price,
                close=price,
                volume=Decimal(1000),
                feed="test",
            )
        )
    return Bars.of("SPY", "1Min", rows)


def action(closes: Sequence[int], standing: Standing = NOTHING) -> str:
    return evaluate(strategy(), bars(closes), standing).action


def test_close_when_above_the_mean_then_buys() -> None:
    (order,) = evaluate(strategy(), bars([100, 100, 101])).orders
    assert (order.side, order.quantity, order.stop_loss_price) == ("buy", Decimal(10), Decimal("99.99"))


def test_close_when_below_the_mean_then_leaves() -> None:
    assert action([102, 102, 101], HELD) == "close"


def test_close_when_at_the_mean_then_stays() -> None:
    assert action([100, 100, 100]) == "stay"
    assert action([100, 100, 100], HELD) == "stay"


def test_stop_when_reached_then_leaves() -> None:
    assert action([97, 98, 99], HELD) == "close"


def test_strategy_when_later_bars_are_missing_then_it_says_the_same() -> None:
    report = prove(strategy, {"SPY": made_minutes("SPY", 2)}, most=50)
    assert report.ok, report.findings
''')

_README = Template("""\
# $title

A strategy for AgentTrader, in `$name.py`. In AgentTrader's environment (`source .venv/bin/activate` in its folder):

```
pip install --no-deps --no-build-isolation --editable .    # the kind `$name` is found from now on
pytest                                                      # what it does, on hand-made bars
agenttrader strategy check $name --config '{"window": 20}'
agenttrader lookahead $name                                # that it does not see the future
```

Then to paper trading: `docs/strategies.md` of AgentTrader.
""")

_FILES = {"pyproject.toml": _PYPROJECT, "{name}.py": _MODULE, "test_{name}.py": _TEST, "README.md": _README}


def write_skeleton(name: str, folder: Path) -> Path:
    """Writes the package as a new folder `name` in `folder`, whole or not at all, and returns it.

    Raises BadInput BAD_NAME where the name cannot be a kind or a module of its own, FOLDER_EXISTS where there is
    something already, NO_FOLDER where it cannot be written.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise BadInput("BAD_NAME", f"expected small letters, digits and underscores, a letter first, was {name!r}")
    if name in kinds():
        raise BadInput("BAD_NAME", f"the kind {name!r} exists already; see `agenttrader strategy list`")
    if find_spec(name) is not None:
        raise BadInput("BAD_NAME", f"Python has a module {name!r} already; take a name of your own")
    made = folder / name
    if made.exists():
        raise BadInput("FOLDER_EXISTS", f"{made} exists already and is left as it is; take another name or --folder")
    words = {
        "name": name,
        "project": name.replace("_", "-"),
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "title": name.replace("_", " ").capitalize(),
        "group": ENTRY_POINT_GROUP,
    }
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as aside:
            draft = Path(aside) / name
            draft.mkdir()
            for file, template in _FILES.items():
                (draft / file.format(name=name)).write_text(template.substitute(words), encoding="utf-8")
            shutil.move(draft, made)
    except OSError as error:
        raise BadInput("NO_FOLDER", f"{made} cannot be written: {error.strerror}", folder=str(folder)) from error
    return made
