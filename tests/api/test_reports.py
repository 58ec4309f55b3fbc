"""Daily reports and what the brokers said: read by whose they are, to the last digit, in every version."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest

from tests.api.conftest import Caller
from tests.integration.ledger.desk import NOON, Desk, open_session
from tests.integration.ledger.ledger import Ledger


@pytest.fixture(scope="module")
def reported(sign_up: Callable[[str], Caller], ledger: Ledger) -> Caller:
    """Somebody whose account has a report in two versions."""
    person = sign_up("reported")
    desk = person.desk
    assert isinstance(desk, Desk)
    open_session(desk)
    desk.hold("10")
    desk.activity("transfer_out", "transfer", symbol="SPY", quantity="-1")
    desk.activity("dividend", "dividend", symbol="SPY", amount="1")
    ledger.call(
        "record_account_snapshot", "fn_execute", p_account_id=desk.account, p_as_of=NOON, p_cash="1", p_equity="1"
    )
    ledger.call("write_daily_report", "fn_report", p_account_id=desk.account, p_date="2013-10-07")
    # A fill that is told after the report: the report of its day is corrected.
    _, order = desk.working(quantity="3", symbol="IWM")
    desk.fill(order, "3", "20.0000000001", symbol="IWM", external_id=f"late {order}")
    ledger.call("write_daily_report", "fn_report", p_account_id=desk.account, p_date="2013-10-07")
    return person


def test_report_when_corrected_then_the_newest_is_read_and_every_version_kept(reported: Caller) -> None:
    assert reported.desk is not None
    asked = {"broker_account_id": str(reported.desk.account), "from": "2013-10-07", "until": "2013-10-07"}
    (report,) = reported.get("/reports", params=asked).json()["data"]
    assert (report["report_date"], report["report_version"]) == ("2013-10-07", 2)
    path = f"/reports/{report['id']}"
    lines = {line["symbol"]: line for line in reported.get(path).json()["lines"]}
    assert (lines["IWM"]["cost_basis"], lines["IWM"]["close"]) == ("60.0000000003", None)
    kept = reported.get(f"{path}/versions").json()["data"]
    assert [version["report_version"] for version in kept] == [2, 1]
    assert [{line["symbol"] for line in version["lines"]} for version in kept] == [{"SPY", "IWM"}, {"SPY"}]
    assert kept[0]["realised_pnl"] == report["realised_pnl"]


def test_report_when_downloaded_then_as_csv_or_json(reported: Caller) -> None:
    report = reported.get("/reports").json()["data"][0]
    path = f"/reports/{report['id']}"
    told = reported.get(f"{path}/download")
    assert (told.headers["Content-Type"], told.status_code) == ("text/csv; charset=utf-8", 200)
    assert 'filename="report-2013-10-07' in told.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(told.text)))
    lines = reported.get(path).json()["lines"]
    assert rows == [{name: value or "" for name, value in line.items()} for line in lines]
    assert reported.get(f"{path}/download", params={"format": "json"}).json() == reported.get(path).json()


def test_report_when_it_is_anothers_then_404(reported: Caller, stranger: Caller) -> None:
    path = f"/reports/{reported.get('/reports').json()['data'][0]['id']}"
    for more in ("", "/versions", "/download"):
        answer = stranger.get(path + more)
        assert (answer.status_code, answer.json()["code"]) == (404, "NO_SUCH_REPORT")


def test_report_when_a_key_is_for_reports_alone_then_it_reads_reports_and_nothing_else(
    reported: Caller, key_of: Callable[..., Caller]
) -> None:
    program = key_of(reported, "reports")
    (report,) = program.get("/reports").json()["data"]
    assert program.get(f"/reports/{report['id']}").json()["lines"]
    assert program.get(f"/reports/{report['id']}/versions").status_code == 200
    assert program.get("/statements/balances").json()["data"]
    assert program.get("/alerts").status_code == 403
    assert key_of(reported, "trade").get("/reports").status_code == 403


def test_statements_when_read_then_what_the_broker_said_of_own_accounts(reported: Caller, stranger: Caller) -> None:
    assert reported.desk is not None
    of_account = {"broker_account_id": str(reported.desk.account)}
    (balance,) = reported.get("/statements/balances", params=of_account).json()["data"]
    assert (balance["cash"], balance["buying_power"]) == ("1", None)
    kinds = {one["kind"] for one in reported.get("/statements/activities", params=of_account).json()["data"]}
    assert kinds >= {"transfer_out", "dividend"}
    (paid,) = reported.get("/statements/cash", params=of_account).json()["data"]
    assert (paid["kind"], paid["amount"]) == ("dividend", "1")
    for what in ("balances", "activities", "cash"):
        assert stranger.get(f"/statements/{what}", params=of_account).json()["data"] == []
