"""A backtest is asked once and answered once."""

from __future__ import annotations

from uuid import UUID

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import refused


def test_backtest_when_done_then_neither_the_question_nor_the_answer_changes(desk: Desk) -> None:
    run: UUID = desk.ledger.one(
        "insert into public.backtests (user_id, kind, config, symbols, timeframe, starts_on, ends_on) "
        "values (%s, 'by_hand', '{}', '{SPY}', '1Day', '2013-01-01', '2013-12-31') returning id",
        desk.user,
    )
    with refused("BACKTEST_IS_FIXED", 409):
        desk.ledger.run("update public.backtests set starts_on = '2012-01-01' where id = %s", run)
    desk.ledger.run(
        "update public.backtests set status = 'done', progress = 1, result = '{\"pnl\": \"1\"}', "
        "finished_at = now() where id = %s",
        run,
    )
    with refused("BACKTEST_IS_FIXED", 409):
        desk.ledger.run('update public.backtests set result = \'{"pnl": "1000"}\' where id = %s', run)
