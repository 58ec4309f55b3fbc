"""Messages and webhooks lost, doubled and delayed: a wake-up is only a wake-up, so the ledger is the same."""

from __future__ import annotations

import httpx
import pytest

from tests.chaos.arena import arena, trade
from tests.chaos.conftest import DAYS, Undisturbed

_BUS = {
    "seed": 11,
    "drop": 0.3,
    "double": 0.3,
    "delay": 0.1,
    "delay_ms": 150,
    "spare_topics": ["market-data-quotes"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("undisturbed", DAYS, indirect=True)
def test_flow_when_messages_are_lost_doubled_and_delayed_then_ledger_is_the_same(undisturbed: Undisturbed) -> None:
    with arena() as cloud:
        httpx.post(f"{cloud.url('bus')}/control/faults", json=_BUS, timeout=5).raise_for_status()
        httpx.post(
            f"{cloud.url('webhooks')}/control/faults", json={"lose": 0.3, "seed": 11}, timeout=5
        ).raise_for_status()

        disturbed = trade(cloud, undisturbed.minutes, patience=120)

        functions = httpx.get(f"{cloud.url('bus')}/control/state", timeout=5).json()["functions"].values()
    assert sum(counts.get("dropped", 0) for counts in functions) > 0
    assert sum(counts.get("doubled", 0) for counts in functions) > 0
    assert sum(counts.get("delayed", 0) for counts in functions) > 0
    assert disturbed.rows == undisturbed.ledger.rows
    assert disturbed.broker == undisturbed.ledger.broker
    assert disturbed.verified == ()
