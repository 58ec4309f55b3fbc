"""SIGKILL at every step of the flow: the ledger ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.arena import arena, trade
from tests.chaos.conftest import DAYS, LONG, SHORT, Undisturbed, steps, strike_folder
from tests.chaos.strikes import FOLDER, ONLY, WHEN

# The steps without which the flow has not been walked: a test that strikes nothing proves nothing.
FLOW = {
    "ingest.record_market_data",
    "ingest.publish-market-data-bars",
    "ingest.record_stream_position",
    "strategy.strategies_due",
    "strategy.record_decisions",
    "relay.claim_outbox",
    "relay.publish-trade-signals",
    "relay.publish-trade-events",
    "relay.mark_published",
    "risk.pending_trades",
    "risk.approve_trade",
    "risk.reject_trade",
    "execute.approved_trades",
    "execute.claim_trade",
    "execute.broker.submit",
    "execute.record_submission",
    "execute.record_fill",
    "report.write_daily_report",
    "report.finish_session_report",
}

# Of runs that the schedule starts once a day, and that died at a step before: nobody waits for them on this day.
BEHIND = {
    "ingest.bars_of_month",
    "ingest.bars_to_archive",
    "ingest.drop_old_bars",
    "ingest.prune_option_chains",
    "ingest.record_archived_month",
    "ingest.record_corporate_actions",
    "ingest.upsert_instruments",
}
# Asked for alone only where several orders wait in one moment, which a strike may part.
SOMETIMES = {"risk.risk_book"}


@pytest.mark.parametrize("undisturbed", DAYS, indirect=True)
def test_undisturbed_day_when_replayed_then_trades_and_agrees_with_broker(undisturbed: Undisturbed) -> None:
    assert undisturbed.ledger.fills >= 6
    statuses = {row["status"] for row in undisturbed.ledger.rows["trades"]}
    assert statuses == {"filled", "rejected"}
    assert undisturbed.ledger.verified == ()
    assert len(undisturbed.ledger.rows["reports"]) == 1
    assert undisturbed.steps >= FLOW


# Between two steps nothing leaves the process, so "after one" and "before the next" are the same moment to the world
# outside: `make test` strikes after each step of an order's way, `make chaos` after and before every step there is.
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("undisturbed", "when", "only"),
    [
        pytest.param(SHORT, "after", FLOW, id="short-after"),
        pytest.param(LONG, "after", set[str](), id="long-after", marks=pytest.mark.long),
        pytest.param(LONG, "before", set[str](), id="long-before", marks=pytest.mark.long),
    ],
    indirect=["undisturbed"],
)
def test_flow_when_killed_at_every_step_then_ledger_is_the_same(
    when: str, only: set[str], undisturbed: Undisturbed, tmp_path: Path
) -> None:
    folder = strike_folder(tmp_path)
    strike = {"AGENTTRADER_PORTS_WRAPPER": "tests.chaos.strikes:wrap", FOLDER: str(folder), WHEN: when}
    strike[ONLY] = " ".join(sorted(only))

    with arena(strike) as cloud:
        struck = trade(cloud, undisturbed.minutes, patience=200)

    assert steps(folder / "struck") >= (only or undisturbed.steps - BEHIND - SOMETIMES)
    assert struck.rows == undisturbed.ledger.rows
    assert struck.broker == undisturbed.ledger.broker
    assert struck.verified == ()
