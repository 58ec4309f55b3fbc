"""Settings for tests: complete, and pointing nowhere."""

from __future__ import annotations

from typing import Any

from functions.core.settings import Settings


def made_settings(**more: Any) -> Settings:
    """Every required setting, and `more`."""
    required = {
        "supabase_url": "http://127.0.0.1:1",
        "publishable_key": "nobody",
        "jwt_secret": "a word of the tests that is more than 32 bytes long",
    }
    return Settings.model_validate(required | more)
