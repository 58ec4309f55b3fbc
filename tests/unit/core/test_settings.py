"""Settings: complete or a sentence that names the variable; a secret is never shown."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from functions.core.errors import Misconfigured
from functions.core.settings import settings
from tests.unit.core.settings_made import made_settings

REQUIRED = {
    "SUPABASE_URL": "http://127.0.0.1:21000",
    "AGENTTRADER_PUBLISHABLE_KEY": "key",
    "AGENTTRADER_JWT_SECRET": "the signing word",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only what is required is set, and nothing read here is kept for other tests."""
    for name in list(os.environ):
        if name.startswith(("AGENTTRADER_", "SUPABASE_", "GOOGLE_CLOUD_")):
            monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_settings_when_complete_then_they_are_read_once() -> None:
    found = settings()
    assert found.supabase_url == REQUIRED["SUPABASE_URL"]
    assert settings() is found
    assert (found.bus, found.hotstore, found.clock) == ("pubsub", "firestore", "system")


@pytest.mark.parametrize("variable", REQUIRED)
def test_settings_when_a_required_one_is_missing_then_the_variable_is_named(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable)
    with pytest.raises(Misconfigured) as refused:
        settings()
    assert (refused.value.code, refused.value.numbers) == ("BAD_SETTING", {"variable": variable})
    assert variable in refused.value.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AGENTTRADER_BUS", "pigeon"),
        ("AGENTTRADER_CLOCK", "cuckoo"),
        ("AGENTTRADER_BROKER_TIMEOUT", "0"),
        ("AGENTTRADER_BROKER_TIMEOUT", "soon"),
        ("AGENTTRADER_QUOTE_INTERVAL", "-1"),
        ("AGENTTRADER_TOKEN_SECONDS", "59"),
        ("AGENTTRADER_JWT_SECRET", ""),
        ("AGENTTRADER_WEBHOOK_SECRET", ""),
    ],
)
def test_settings_when_a_value_is_wrong_then_the_variable_is_named(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured) as refused:
        settings()
    assert refused.value.numbers == {"variable": variable}


def test_settings_when_shown_then_no_secret_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTTRADER_WEBHOOK_SECRET", "the webhook word")
    monkeypatch.setenv("AGENTTRADER_BUS_URL", "postgresql://bus:bus-word@127.0.0.1/postgres")
    found = settings()
    assert "word" not in f"{found!r} {found} {found.model_dump_json()}"


def test_settings_when_somebody_would_change_them_then_they_are_frozen() -> None:
    with pytest.raises(ValidationError):
        setattr(made_settings(), "broker_timeout", 1)  # noqa: B010 - plainly written, the type checker refuses it already
