"""A backtest is asked once and answered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Connection, Ledger, call, refused


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


def asked(**more: Any) -> dict[str, Any]:
    by_hand = {"p_kind": "by_hand", "p_config": Jsonb({"a": 1}), "p_symbols": "{SPY}", "p_timeframe": "1Day"}
    return {"p_idempotency_key": "one", "p_starts_on": "2013-01-01", "p_ends_on": "2013-12-31"} | by_hand | more


def of_strategy(strategy: UUID, **more: Any) -> dict[str, Any]:
    said = {"p_idempotency_key": "one", "p_starts_on": "2013-01-01", "p_ends_on": "2013-12-31"}
    return said | {"p_strategy_id": strategy} | more


def ask(desk: Desk, said: dict[str, Any]) -> UUID:
    return UUID(str(desk.ledger.call("request_backtest", "authenticated", desk.user, **said)))


def test_backtest_when_asked_again_under_its_key_then_one_run(desk: Desk) -> None:
    first = ask(desk, asked())
    assert ask(desk, asked()) == first
    with refused("IDEMPOTENCY_KEY_REUSED", 422):
        ask(desk, asked(p_ends_on="2013-12-30"))
    assert ask(desk, asked(p_idempotency_key="two")) != first
    assert desk.count("backtests") == 2


def test_backtest_when_of_a_strategy_then_of_the_version_that_it_had(desk: Desk) -> None:
    first = ask(desk, of_strategy(desk.strategy))
    desk.ledger.run("update public.strategies set config = '{\"b\": 2}' where id = %s", desk.strategy)
    assert ask(desk, of_strategy(desk.strategy)) == first  # The same request, whatever has been edited since.
    newer = ask(desk, of_strategy(desk.strategy, p_idempotency_key="two"))
    older = ask(desk, of_strategy(desk.strategy, p_idempotency_key="three", p_strategy_version=1))
    assert [
        desk.ledger.one("select (strategy_version, config::text)::text from public.backtests where id = %s", run)
        for run in (first, newer, older)
    ] == ["(1,{})", '(2,"{""b"": 2}")', "(1,{})"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"p_kind": "no_such"}, "UNKNOWN_KIND"),
        ({"p_kind": None}, "UNKNOWN_KIND"),
        ({"p_symbols": "{SPY,NOSUCH}"}, "UNKNOWN_SYMBOL"),
        ({"p_symbols": "{}"}, "BAD_BACKTEST"),
        ({"p_symbols": None}, "BAD_BACKTEST"),
        ({"p_config": Jsonb({"a": "x" * 4000})}, "BAD_BACKTEST"),
        ({"p_config": Jsonb([])}, "BAD_BACKTEST"),
        ({"p_timeframe": "2Min"}, "BAD_BACKTEST"),
        ({"p_purpose": "profit"}, "BAD_BACKTEST"),
        ({"p_starts_on": "2014-01-01"}, "BAD_BACKTEST"),
        ({"p_starts_on": "1989-12-31"}, "BAD_BACKTEST"),
        ({"p_ends_on": "2199-01-01"}, "BAD_BACKTEST"),
        ({"p_ends_on": None}, "BAD_BACKTEST"),
        ({"p_strategy_version": 1}, "BAD_BACKTEST"),
        ({"p_idempotency_key": ""}, "BAD_IDEMPOTENCY_KEY"),
    ],
)
def test_backtest_when_asked_wrongly_then_refused_and_nothing_is_queued(
    desk: Desk, more: dict[str, Any], code: str
) -> None:
    with refused(code, 422):
        ask(desk, asked(**more))
    assert desk.count("backtests") == 0


def test_backtest_when_the_strategy_is_anothers_or_said_twice_then_refused(desk: Desk, ledger: Ledger) -> None:
    with refused("NO_SUCH_STRATEGY", 404):
        ask(desk, of_strategy(Desk.open(ledger).strategy))
    with refused("NO_SUCH_STRATEGY", 404):
        ask(desk, of_strategy(desk.strategy, p_strategy_version=9))
    with refused("BAD_BACKTEST", 422):
        ask(desk, asked(p_strategy_id=desk.strategy))


def test_backtest_when_too_many_are_open_then_refused_until_one_is_canceled(desk: Desk) -> None:
    for number in range(20):
        run = ask(desk, asked(p_idempotency_key=str(number)))
    with refused("TOO_MANY_BACKTESTS", 409):
        ask(desk, asked(p_idempotency_key="more"))
    assert ask(desk, asked(p_idempotency_key="19")) == run  # The same request is no further one.
    assert desk.ledger.call("cancel_backtest", "authenticated", desk.user, p_backtest_id=run) is True
    assert desk.ledger.call("cancel_backtest", "authenticated", desk.user, p_backtest_id=run) is False
    ask(desk, asked(p_idempotency_key="more"))


def test_backtest_when_two_ask_at_once_then_the_cap_holds(desk: Desk) -> None:
    for number in range(19):
        ask(desk, asked(p_idempotency_key=str(number)))

    def one(key: str) -> Callable[[Connection], bool]:
        def work(connection: Connection) -> bool:
            try:
                call(connection, "request_backtest", "authenticated", desk.user, **asked(p_idempotency_key=key))
            except psycopg.Error:
                connection.rollback()
                return False
            connection.commit()
            return True

        return work

    assert sorted(desk.ledger.at_once(*(one(f"at once {number}".replace(" ", "-")) for number in range(4)))) == [
        False,
        False,
        False,
        True,
    ]


def test_backtest_when_it_is_anothers_then_it_is_not_canceled(desk: Desk, ledger: Ledger) -> None:
    run = ask(desk, asked())
    with refused("NO_SUCH_BACKTEST", 404):
        ledger.call("cancel_backtest", "authenticated", Desk.open(ledger).user, p_backtest_id=run)
