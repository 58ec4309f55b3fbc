"""How the tests sign in at whatever plays tastytrade."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from functions.brokers.credentials import TastytradeLogin
from functions.core.settings import Settings

TOKEN = {"access_token": "AT1", "token_type": "Bearer", "expires_in": 900}


def login(name: str, secret: str | None = None) -> TastytradeLogin:
    return TastytradeLogin(
        client_secret=SecretStr(f"{name}-secret" if secret is None else secret), refresh_token=SecretStr(name)
    )


def tastytrade_settings(url: str, socket_url: str, **more: Any) -> Settings:
    """Settings that point tastytrade at one server; timeouts are short, because some tests wait for them."""
    return Settings.model_validate(
        {
            "supabase_url": "http://127.0.0.1:1",
            "publishable_key": "nobody",
            "jwt_secret": "nothing",
            "tastytrade_url": url,
            "tastytrade_streamer_url": socket_url,
            "broker_timeout": 5,
            **more,
        }
    )
