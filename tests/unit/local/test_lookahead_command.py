"""`agenttrader lookahead`: exit codes, the table, JSON, and the data it runs on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from functions.strategy import catalogue
from functions.strategy.interface import Bars, Columns, Intent, Moment, Stay, Strategy
from local.cli import lookahead_command
from local.cli.app import run
from local.cli.exits import Exit
from local.tape.sessions import new_york
from tests import prepared


class Peeking(Strategy):
    """Reads the next bar's close."""

    kind = "peeking"
    title = "Peeking"

    def warm_up(self) -> int:
        return 1

    def indicators(self, bars: Bars) -> Columns:
        return {"next": np.append(bars.close[1:], bars.close[-1:])}

    def on_bar(self, now: Moment) -> Iterable[Intent]:
        return [Stay(f"the next close is {now.values['next']}")]


@pytest.fixture
def _with_peeking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    catalogue.kinds.cache_clear()
    monkeypatch.setattr(catalogue, "_BUILT_IN", (*catalogue._BUILT_IN, Peeking))
    yield
    catalogue.kinds.cache_clear()


def test_lookahead_when_a_kind_is_honest_then_exit_0_and_it_says_what_was_checked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = '{"timeframe": "5Min", "fast": 3, "slow": 9}'
    assert run(["lookahead", "moving_average_cross", "--config", config, "--most", "20"]) == Exit.FINE
    assert "moving_average_cross does not see the future: 4 columns" in capsys.readouterr().out


@pytest.mark.usefixtures("_with_peeking")
def test_lookahead_when_a_kind_peeks_then_exit_1_and_the_column_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lookahead", "peeking", "--symbols", "SPY", "--most", "10"]) == Exit.CHECK_FAILED
    shown = capsys.readouterr().out
    assert "IT SEES WHAT IT MUST NOT" in shown
    assert "column next" in shown
    assert "later bars" in shown


@pytest.mark.usefixtures("_with_peeking")
def test_lookahead_when_json_is_asked_for_then_findings_are_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lookahead", "peeking", "--symbols", "SPY", "--most", "10", "--json"]) == Exit.CHECK_FAILED
    result = json.loads(capsys.readouterr().out)
    assert (result["ok"], result["checked"]) == (False, 10)
    assert {each["what"] for each in result["findings"]} == {"column", "decision"}


def test_lookahead_when_a_tape_is_named_then_its_bars_are_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lookahead_command, "new_york", lambda cache: new_york(prepared.calendar_cache()))
    tape = "sp500:SPY:2018-02-05"
    assert run(["lookahead", "rsi_reversion", "--data", tape, "--most", "10", "--json"]) == Exit.FINE
    assert json.loads(capsys.readouterr().out)["bars"] >= 390


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nope"], "UNKNOWN_KIND"),
        (["rsi_reversion", "--config", '{"period": 1}'], "period: Input should be greater"),
        (["rsi_reversion", "--config", "{"], "expected a JSON object"),
        (["rsi_reversion", "--config", "no-such-file.json"], "'no-such-file.json' cannot be read"),
        (["rsi_reversion", "--data", "nothing"], "BAD_TAPE"),
    ],
)
def test_lookahead_when_what_is_asked_is_wrong_then_exit_2_and_a_sentence(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lookahead", *arguments]) == Exit.WRONG_USE
    assert says in capsys.readouterr().err


def test_config_when_in_a_file_then_it_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"period": 5}')
    assert run(["lookahead", "rsi_reversion", "--config", str(file), "--most", "3", "--json"]) == Exit.FINE
    assert json.loads(capsys.readouterr().out)["config"] == {"period": 5}
    file.write_text("[1]")
    assert run(["lookahead", "rsi_reversion", "--config", str(file)]) == Exit.WRONG_USE
