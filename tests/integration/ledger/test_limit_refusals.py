"""What a limit may be is what its kind says: scope, symbol, parameters, act, source, and which way is looser."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from tests.integration.ledger.desk import Desk
from tests.integration.ledger.ledger import Ledger, call, refused
from tests.integration.ledger.people import CLAIM, SECOND_FACTOR, ask, new_administrator, signed_in

FLOOR, SECTORS = "a_floor_of_a_test", "a_sector_share_of_a_test"


@pytest.fixture(autouse=True, scope="module")
def kinds(ledger: Ledger) -> None:
    """A watch where a larger number is the stricter one, and a rule that needs data."""
    ledger.run(
        "insert into public.risk_limit_kinds (name, family, unit, scopes, tighter, parameters, acts, source, summary) "
        "values (%s, 'watch', 'dollars', '{account,strategy}', 'higher', %s, '{warn,flatten}', null, 'A test.'), "
        "(%s, 'rule', 'percent', '{account,symbol}', 'lower', '{}', '{}', 'sectors', 'A test.')",
        FLOOR,
        Jsonb({"within_minutes": {"unit": "minutes", "default": "60", "summary": "A test."}}),
        SECTORS,
    )


def said(desk: Desk, name: str = FLOOR, value: str = "10", **more: Any) -> dict[str, Any]:
    unit = "dollars" if name == FLOOR else "percent"
    asked = {"p_scope": "account", "p_scope_id": desk.account, "p_name": name, "p_value": value, "p_unit": unit}
    return asked | more


def set_limit(desk: Desk, **more: Any) -> UUID:
    return UUID(str(desk.ledger.call("set_limit", "authenticated", desk.user, **said(desk, **more))))


def kept(desk: Desk, limit: UUID) -> tuple[Any, ...]:
    query = "select trim_scale(value)::text, parameters, act from public.risk_limits where id = %s"
    (row,) = desk.ledger.rows(query, limit)
    return row


def test_limit_when_it_has_parameters_and_an_act_then_they_are_kept_and_its_history_shows_them(desk: Desk) -> None:
    limit = set_limit(desk, p_parameters={"within_minutes": "30"}, p_act="flatten")
    assert kept(desk, limit) == ("10", {"within_minutes": "30"}, "flatten")
    set_limit(desk, value="11", p_parameters={"within_minutes": "45"}, p_act="warn")
    set_limit(desk, value="12")
    query = (
        "select trim_scale(value_before)::text, trim_scale(value)::text, parameters, act "
        "from public.risk_limit_versions where limit_id = %s order by version"
    )
    assert desk.ledger.rows(query, limit) == [
        (None, "10", {"within_minutes": "30"}, "flatten"),
        ("10", "11", {"within_minutes": "45"}, "warn"),
        ("11", "12", {}, None),
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"within_hours": "1"},
        {"within_minutes": "-1"},
        {"within_minutes": "soon"},
        {"within_minutes": "NaN"},
        {"within_minutes": None},
        {"within_minutes": "30", "more": "1"},
    ],
)
def test_limit_when_a_parameter_is_none_of_its_kind_or_no_number_then_refused(
    desk: Desk, parameters: dict[str, Any]
) -> None:
    with refused("BAD_LIMIT_PARAMETER", 422):
        set_limit(desk, p_parameters=parameters)


@pytest.mark.parametrize("act", ["deactivate", "shout"])
def test_limit_when_its_kind_cannot_act_so_then_refused(desk: Desk, act: str) -> None:
    with refused("BAD_LIMIT_ACT", 422):
        set_limit(desk, p_act=act)


@pytest.mark.parametrize("where", [{"p_scope": "user"}, {"p_symbol": "SPY"}])
def test_limit_when_its_kind_is_not_set_there_then_refused(desk: Desk, where: dict[str, Any]) -> None:
    more = {"p_scope_id": desk.user} if "p_scope" in where else {}
    with refused("BAD_LIMIT_SCOPE", 422):
        set_limit(desk, **where, **more)


def test_limit_when_nobody_has_its_data_then_refused_until_somebody_enters_it(desk: Desk) -> None:
    with refused("SOURCE_NOT_CONFIGURED", 422) as error:
        set_limit(desk, name=SECTORS)
    assert "sectors" in str(error.value.diag.message_detail)
    with desk.ledger.session() as session:
        session.execute("update public.instruments set sector = 'Funds' where symbol = 'SPY'")
        call(session, "set_limit", "authenticated", desk.user, **said(desk, SECTORS, p_symbol="SPY"))
        session.rollback()


def _as_administrator(desk: Desk, person: UUID, claims: dict[str, Any], **more: Any) -> None:
    with signed_in(desk.ledger, person, **CLAIM, **claims) as connection:
        given = said(desk, **more)
        if "p_parameters" in given:
            given["p_parameters"] = Jsonb(given["p_parameters"])
        ask(connection, "set_limit", **given)


@pytest.mark.parametrize(
    ("change", "loosens"),
    [
        ({"value": "11"}, False),
        ({"value": "10"}, False),
        ({"value": "9"}, True),
        ({"value": "11", "p_act": "flatten"}, True),
        ({"value": "11", "p_parameters": {"within_minutes": "5"}}, True),
    ],
)
def test_limit_when_larger_is_stricter_then_only_lowering_or_another_act_needs_a_second_factor(
    desk: Desk, change: dict[str, Any], loosens: bool
) -> None:
    person = new_administrator(desk.ledger)
    _as_administrator(desk, person, SECOND_FACTOR)
    if loosens:
        with refused("SECOND_FACTOR_NEEDED", 403):
            _as_administrator(desk, person, {}, **change)
        _as_administrator(desk, person, SECOND_FACTOR, **change)
    else:
        _as_administrator(desk, person, {}, **change)
    # The trader loosens nothing of it, and tightens it no more than before.
    with refused("ADMINISTRATOR_NEEDED", 403):
        set_limit(desk, value="100")
