"""What the hook puts into every token: desk, role, and whether its holder administrates; and a profile's time zone."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.integration.ledger.desk import new_user
from tests.integration.ledger.ledger import Ledger, refused
from tests.integration.ledger.people import claims_for, new_viewer, signed_in


def test_token_when_its_holder_is_a_viewer_of_a_desk_then_it_says_so_and_keeps_what_auth_wrote(ledger: Ledger) -> None:
    viewer = new_viewer(ledger, str(uuid4()))
    claims = claims_for(ledger, viewer, aal="aal2", app_metadata={"provider": "email"})
    desk = ledger.one("select desk_id from public.profiles where user_id = %s", viewer)
    assert claims == {
        "sub": str(viewer),
        "aal": "aal2",
        "app_metadata": {"provider": "email", "desk_id": str(desk), "desk_role": "viewer"},
    }


@pytest.mark.parametrize("said", [{"administrator": True}, {"administrator": True, "desk_role": "trader"}])
def test_token_when_the_claim_stands_there_without_the_row_then_it_is_taken_out(
    ledger: Ledger, said: dict[str, object]
) -> None:
    claims = claims_for(ledger, new_user(ledger), app_metadata=said)
    assert claims["app_metadata"] == {"desk_id": None, "desk_role": "trader"}


def _move(ledger: Ledger, user: UUID, zone: str) -> None:
    with signed_in(ledger, user) as connection:
        connection.execute("update public.profiles set time_zone = %s where user_id = %s", [zone, user])


def test_time_zone_when_there_is_none_of_that_name_then_refused(ledger: Ledger) -> None:
    user = new_user(ledger)
    _move(ledger, user, "Asia/Tokyo")
    with refused("BAD_TIME_ZONE", 422):
        _move(ledger, user, "Mars/Olympus")
    assert ledger.one("select time_zone from public.profiles where user_id = %s", user) == "Asia/Tokyo"
