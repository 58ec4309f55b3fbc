"""Playing one script or many, and saying how one that failed is played again."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

from tests.integration.faults.market import Market
from tests.integration.faults.matrix import Cell
from tests.integration.faults.scripts import script_of
from tests.integration.faults.stage import Stage, said
from tests.integration.ledger.ledger import Ledger

SHORT = range(15)
"""Of `make test`, for each broker: they meet every switch."""
LONG = range(15, 315)
"""Of `make chaos`, for each broker: they meet every switch at every step."""
_GIVEN = os.environ.get("FAULT_SEEDS")
SEEDS = [int(one) for one in _GIVEN.split(",")] if _GIVEN else list(SHORT)
"""FAULT_SEEDS=7,19 plays these seeds alone."""
_MOST_TOLD = 20


async def play(seed: int, ledger: Ledger, market: Market) -> set[Cell]:
    """Plays the script of a seed; fails where the ledger is not the broker's book at its end.

    Returns the cells of the matrix whose fault has struck at its step.
    """
    script = script_of(seed, list(market.cells))
    again = f"again: FAULT_SEEDS={seed} make test ARGS='tests/integration/faults -k {market.name}'\n{said(script)}"
    stage = Stage(ledger, market, watched=script.watched)
    try:
        await stage.play(script)
    except Exception as error:
        error.add_note(again)
        raise
    found = stage.differences()
    assert not found, "\n".join([*found, again])
    return stage.hit


async def play_all(seeds: Iterable[int], ledger: Ledger, market: Market) -> Counter[Cell]:
    """Plays many, and tells of all that fail together; returns in how many scripts each cell's fault has struck."""
    failed: list[str] = []
    struck: Counter[Cell] = Counter()
    for seed in seeds:
        try:
            struck.update(await play(seed, ledger, market))
        except Exception as error:  # noqa: BLE001 - all seeds that fail are told together
            failed.append("\n".join([f"{error!r}", *getattr(error, "__notes__", ())]))
    assert not failed, f"{len(failed)} scripts failed\n\n" + "\n\n".join(failed[:_MOST_TOLD])
    return struck
