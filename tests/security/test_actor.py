"""Nobody who comes through the API names another actor in the audit trail than their token does."""

from __future__ import annotations

import pytest

from tests.integration.ledger.ledger import Ledger
from tests.security.conftest import Gateway, Person

FORGED = "an administrator"
ATTEMPTS: dict[str, dict[str, str]] = {
    "its own header": {"app.actor": FORGED},
    "a header like it": {"App-Actor": FORGED, "X-App-Actor": FORGED},
    "a preference": {"Prefer": f"app.actor={FORGED}, params=multiple-objects, timezone=Asia/Tokyo"},
    "options of the session": {"PGOPTIONS": f"-c app.actor='{FORGED}'"},
    "claims in a header": {"request.jwt.claims": '{"role": "service_role"}'},
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_actor_when_a_caller_sends_another_name_then_the_token_is_believed(
    gateway: Gateway, ledger: Ledger, owner: Person, attempt: str
) -> None:
    account, label = owner.desk.account, f"by {attempt}"
    answer = gateway.ask(
        "PATCH",
        f"/rest/v1/broker_accounts?id=eq.{account}",
        owner.token,
        headers=ATTEMPTS[attempt],
        json={"label": label},
    )
    assert answer.status_code in (200, 204), answer.text
    actors = ledger.rows(
        "select actor from public.audit_log where row_id = %s and action = 'UPDATE' and after ->> 'label' = %s",
        str(account),
        label,
    )
    assert actors == [(f"user:{owner.id}",)]


@pytest.mark.parametrize("function", ["set_config", "pg_catalog.set_config", "i_am"])
def test_setting_when_a_caller_asks_for_it_as_a_function_then_there_is_none(
    gateway: Gateway, owner: Person, function: str
) -> None:
    body = {"setting_name": "app.actor", "new_value": FORGED, "is_local": False}
    for profile in ("public", "pg_catalog", "admin", "private"):
        answer = gateway.ask(
            "POST", f"/rest/v1/rpc/{function}", owner.token, headers={"Content-Profile": profile}, json=body
        )
        assert answer.status_code in (400, 403, 404, 406), (profile, answer.status_code, answer.text)
