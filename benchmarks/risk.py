"""What judging an order costs: every rule on, beside nautilus_trader's RiskEngine where `make peers` has fetched it.

Turn by turn, so that both meet the same machine. The garbage is collected between the batches. Ours keeps each rule's
verdict with its numbers, and its time for the record as text is measured apart; the peer keeps nothing.
"""

from __future__ import annotations

import gc
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import Result, compared
from benchmarks.risk_scene import book, limits, option_order, order
from functions.risk.assess import OFF, Assessment, assess, prepare

_PEER = Path(__file__).resolve().parents[1] / ".tools" / "peers" / "bin" / "python"
_SCRIPT = Path(__file__).resolve().parent / "peers" / "nautilus_risk.py"
_BATCH = 200
_SYMBOLS = 20
_PEER_NAME = "nautilus_trader RiskEngine"
_US = 1_000_000


def risk_rules(*, rounds: int, seconds: float) -> Result:
    """A batch of orders for every tenth of `rounds`. Without the peer ours is its own floor, and the note says so."""
    samples: dict[str, list[float]] = {"all rules, verdicts kept": [], "the same, written as text for the ledger": []}
    options: list[float] = []
    ends_at = time.perf_counter() + seconds
    with _peer() as peer:
        if peer is not None:
            samples[_PEER_NAME] = []
        for _ in range(max(rounds // 10, 1)):
            judged, written, on_options = _batch()
            samples["all rules, verdicts kept"] += judged
            samples["the same, written as text for the ledger"] += written
            options += on_options
            if peer is not None:
                samples[_PEER_NAME] += peer(_BATCH)
            if time.perf_counter() > ends_at:
                break
    figures = compared(samples)
    rules = len(assess(order(0), book(order(0)), limits()).verdicts)
    said = ", ".join(f"{one.name}: p50 {one.p50_ms * 1000:.1f} us, p99 {one.p99_ms * 1000:.1f} us" for one in figures)
    (spread,) = compared({"a spread": options})
    note = (
        f"{rules} rules on, 20 positions, 20 working orders; {said}; a call spread: p50 {spread.p50_ms * 1000:.1f} us"
    )
    if _PEER_NAME not in samples:
        note += f"; skipped: {_PEER_NAME}, which `make peers` fetches"
    return Result("judge one order", note, figures)


def _batch() -> tuple[list[float], list[float], list[float]]:
    """Seconds of each order of shares: judged, and written too; and of each spread, judged.

    The books are made beforehand, as the peer's is: one for each of as many symbols.
    """
    held = limits()
    scenes = [(asked, prepare(book(asked), held)) for asked in (order(number) for number in range(_SYMBOLS))]
    spread = option_order()
    of_spread = prepare(book(spread), held)
    judged: list[float] = []
    written: list[float] = []
    on_options: list[float] = []
    with _collected():
        for number in range(_BATCH):
            asked, of = scenes[number % _SYMBOLS]
            began = time.perf_counter()
            found = assess(asked, of, held)
            at = time.perf_counter()
            judged.append(at - began)
            _text(found)
            written.append(time.perf_counter() - began)
        for _ in range(_BATCH // 10):
            began = time.perf_counter()
            assess(spread, of_spread, held)
            on_options.append(time.perf_counter() - began)
    return judged, written, on_options


def _text(found: Assessment) -> list[tuple[str, str, dict[str, str]]]:
    return [(one.code, one.verdict.outcome, one.verdict.shown()) for one in found.decisions if one.code != OFF]


@contextmanager
def _collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _peer() -> Iterator[Callable[[int], list[float]] | None]:
    """Asks the peer's process for the seconds of so many orders; None where it was not fetched."""
    if not _PEER.exists():
        yield None
        return
    command = [str(_PEER), str(_SCRIPT)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: PT018, S101 - both are pipes
        asked, answers = process.stdin, process.stdout

        def ask(count: int) -> list[float]:
            asked.write(f"{count}\n")
            asked.flush()
            found: list[float] = json.loads(answers.readline())
            return found

        ask(_BATCH)
        yield ask
        asked.close()
