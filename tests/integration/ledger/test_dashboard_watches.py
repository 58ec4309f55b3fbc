"""Open dashboards get market data for what they show, after everything that is traded."""

from __future__ import annotations

from uuid import UUID

from tests.integration.ledger.desk import Desk, new_account, new_strategy, new_user
from tests.integration.ledger.ledger import Ledger, refused


def watched(ledger: Ledger, most: int = 30) -> dict[str, list[str]]:
    found: dict[str, list[str]] = ledger.call("watched_symbols", "fn_ingest", p_most=most)
    return found


def watch(ledger: Ledger, user: UUID, symbols: list[str]) -> None:
    ledger.run_as("authenticated", user, "select public.watch_symbols(%s)", symbols)


def shares(ledger: Ledger, *symbols: str) -> None:
    for symbol in symbols:
        ledger.run("insert into public.instruments (symbol, kind, source) values (%s, 'equity', 'test')", symbol)


def test_dashboard_when_it_is_open_then_its_symbols_are_watched_until_the_wish_is_old(fresh_ledger: Ledger) -> None:
    user = new_user(fresh_ledger)
    watch(fresh_ledger, user, ["SPY", "SPY", "IWM"])
    assert watched(fresh_ledger)["symbols"] == ["IWM", "SPY"]
    assert fresh_ledger.one("select min(until) - now() between '4 min' and '5 min' from private.dashboard_watches")
    watch(fresh_ledger, user, ["IWM"])
    assert watched(fresh_ledger)["symbols"] == ["IWM"]
    fresh_ledger.run("update private.dashboard_watches set until = now()")
    assert watched(fresh_ledger) == {"symbols": [], "left_out": []}


def test_dashboards_when_the_feed_takes_no_more_then_none_pushes_a_strategy_out_and_nobody_is_told(
    fresh_desk: Desk,
) -> None:
    ledger = fresh_desk.ledger
    shares(ledger, "AAA", "AAB")
    for _ in range(3):
        watch(ledger, new_user(ledger), ["AAA", "AAB"])
    assert watched(ledger, 2) == {"symbols": ["IWM", "SPY"], "left_out": []}
    assert watched(ledger, 3) == {"symbols": ["AAA", "IWM", "SPY"], "left_out": []}
    assert watched(ledger, 1) == {"symbols": ["IWM"], "left_out": ["SPY"]}


def test_dashboard_when_it_asks_for_too_much_or_for_nothing_known_then_it_is_refused(fresh_ledger: Ledger) -> None:
    user = new_user(fresh_ledger)
    many = [f"S{n}" for n in range(11)]
    shares(fresh_ledger, *many)
    watch(fresh_ledger, user, many[:10])
    with refused("TOO_MANY_WATCHED", 422):
        watch(fresh_ledger, user, many)
    with refused("UNKNOWN_SYMBOL", 422):
        watch(fresh_ledger, user, ["NOBODY"])
    assert len(watched(fresh_ledger)["symbols"]) == 10
    watch(fresh_ledger, user, [])
    assert watched(fresh_ledger)["symbols"] == []


def test_watched_when_one_trader_wants_more_than_the_feed_takes_then_the_others_keep_their_first(
    fresh_desk: Desk,
) -> None:
    ledger, greedy = fresh_desk.ledger, new_user(fresh_desk.ledger)
    shares(ledger, "AAA", "AAB", "AAC")
    account = new_account(ledger, greedy)
    for _ in range(2):
        new_strategy(ledger, greedy, account, ("AAA", "AAB", "AAC"))
    assert watched(ledger, 3) == {"symbols": ["AAA", "AAB", "IWM"], "left_out": ["AAC", "SPY"]}
    assert watched(ledger, 4)["left_out"] == ["AAC"]
