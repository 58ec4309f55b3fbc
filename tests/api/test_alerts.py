"""Alerts are listed and acknowledged by whom they are for."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.api.conftest import Caller
from tests.integration.ledger.ledger import Ledger


@pytest.fixture
def alert(owner: Caller, ledger: Ledger) -> UUID:
    """An open alert of the owner."""
    made = uuid4()
    ledger.run(
        "insert into public.alerts (id, user_id, code, severity, text, raised_at) "
        "values (%s, %s, 'MARGIN_LOW', 'critical', 'Look.', '2013-10-07T16:00:00.123456Z')",
        made,
        owner.id,
    )
    return made


def test_alert_when_acknowledged_then_the_first_to_see_it_stays_on_record(owner: Caller, alert: UUID) -> None:
    seen = owner.post(f"/alerts/{alert}/acknowledge")
    assert seen.status_code == 200
    assert seen.json()["acknowledged_by"] == f"user:{owner.id}"
    again = owner.post(f"/alerts/{alert}/acknowledge")
    assert again.json()["acknowledged_at"] == seen.json()["acknowledged_at"]
    opened = owner.get("/alerts", params={"open": "true", "limit": 200}).json()["data"]
    assert str(alert) not in {row["id"] for row in opened}


def test_alert_when_it_is_anothers_then_404(stranger: Caller, alert: UUID) -> None:
    for answer in (stranger.get(f"/alerts/{alert}"), stranger.post(f"/alerts/{alert}/acknowledge")):
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_ALERT")


def test_alerts_when_paged_then_each_once_and_narrowed_as_asked(owner: Caller, ledger: Ledger) -> None:
    ledger.run(
        "insert into public.alerts (id, user_id, code, severity, text, raised_at) "
        "select gen_random_uuid(), %s, 'PAGED', 'info', n::text, '2013-10-07T16:00:00.000001Z' "
        "from generate_series(1, 5) as n",
        owner.id,
    )
    asked = {"code": "PAGED", "limit": 2, "from": "2013-10-07T16:00:00Z", "until": "2013-10-07T16:00:01Z"}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = owner.get("/alerts", params=asked | ({"cursor": cursor} if cursor else {})).json()
        seen += [row["text"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == ["1", "2", "3", "4", "5"]


def test_alerts_when_a_field_is_not_known_then_422_names_it(owner: Caller) -> None:
    answer = owner.get("/alerts", params={"sverity": "info"})
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"field": "query.sverity", "reason": "is not known"}],
    )


def test_alert_when_a_key_only_reads_then_it_acknowledges_nothing(
    owner: Caller, key_of: Callable[..., Caller], alert: UUID
) -> None:
    refused = key_of(owner, "read").post(f"/alerts/{alert}/acknowledge")
    assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_NEEDED")
