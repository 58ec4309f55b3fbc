"""Access tokens in the hot store: for those who have the login, and for nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from functions.brokers.access_tokens import AccessToken, AccessTokens
from functions.brokers.credentials import TastytradeLogin
from functions.core.hotstore import HotStore
from tests.unit.brokers.test_rate_budget import CountedStore, Hand

TOKEN = AccessToken("eyJ-an-access-token", 1900.0)


def login(client: str = "client-hush", grant: str = "grant-hush") -> TastytradeLogin:
    return TastytradeLogin(client_secret=SecretStr(client), refresh_token=SecretStr(grant))


def shelf(
    hot: HotStore, who: TastytradeLogin | None = None, *, is_paper: bool = True, at: float = 1000.0
) -> AccessTokens:
    hand = Hand()
    hand.at = at
    return AccessTokens(hot, who or login(), is_paper=is_paper, now=hand)


def kept(hot: CountedStore) -> dict[str, Any]:
    return {event.removeprefix("put "): value for event, value in hot.journal}


def test_tokens_when_one_process_puts_one_then_another_of_the_same_login_gets_it() -> None:
    hot = CountedStore()
    assert shelf(hot).get() is None
    shelf(hot).put(TOKEN)
    assert shelf(hot).get() == TOKEN


def test_tokens_when_less_than_a_minute_is_left_then_there_is_none() -> None:
    hot = CountedStore()
    shelf(hot).put(TOKEN)
    assert shelf(hot, at=1839.0).get() == TOKEN
    assert shelf(hot, at=1840.0).get() is None


@pytest.mark.parametrize("other", [login(client="another"), login(grant="another")])
def test_tokens_when_another_login_looks_then_it_finds_nothing(other: TastytradeLogin) -> None:
    hot = CountedStore()
    shelf(hot).put(TOKEN)
    assert shelf(hot, other).get() is None
    assert shelf(hot, is_paper=False).get() is None


def test_tokens_when_the_store_is_read_then_neither_the_token_nor_the_login_is_in_it() -> None:
    hot = CountedStore()
    shelf(hot).put(TOKEN)
    text = json.dumps(kept(hot))
    assert "sealed" in text
    assert not any(secret in text for secret in (TOKEN.text, "client-hush", "grant-hush"))


def test_tokens_when_what_is_kept_was_moved_or_changed_then_it_is_as_if_there_were_none() -> None:
    hot = CountedStore()
    shelf(hot).put(TOKEN)
    shelf(hot, is_paper=False).put(AccessToken("a live one", 1900.0))
    (paper,), (live,) = ([key for key in kept(hot) if place in key] for place in ("paper", "live"))
    hot.put(paper, kept(hot)[live])
    assert shelf(hot).get() is None
    for value in ({"sealed": "AAAA"}, {"sealed": None}, {}, "text", None, {"sealed": "not base64 ü"}):
        hot.put(paper, value)
        assert shelf(hot).get() is None


def test_tokens_when_the_store_is_down_then_there_is_none_and_nothing_fails() -> None:
    hot = CountedStore()
    shelf(hot).put(TOKEN)
    hot.down = True
    assert shelf(hot).get() is None
