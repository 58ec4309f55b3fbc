"""Entry points of `report`: thin; each calls one function of this folder."""

from __future__ import annotations

from typing import Any

from functions.core.handling import delivered
from functions.core.ledger.reporting import ReportLedger
from functions.core.ledger.webhooks import WebhookLedger
from functions.core.ports import ports
from functions.core.runtime import event_loop
from functions.report.daily_pnl import report_due_sessions

# Within the minute's timeout, with the last attempt's time to spare.
_SENDING_SECONDS = 40


@delivered
def daily_pnl(_message: Any) -> None:
    """Schedule: the daily report of every account, once per session, after its close."""
    reach = ports("report")
    report_due_sessions(ReportLedger(reach.ledger), reach.clock.now())


@delivered
def send_webhooks(_message: Any) -> None:
    """Topic webhook-deliveries: sends what traders' webhooks are to hear. The message says nothing; the rows do."""
    _send(stays=False)


@delivered
def send_due_webhooks(_message: Any) -> None:
    """Schedule: sends what no message brought out and what is to be tried again; forgets what is long over."""
    _send(stays=True)
    WebhookLedger(ports("report").ledger).prune_webhooks()


def _send(stays: bool) -> None:
    from functions.report.webhooks.delivering import Round

    reach = ports("report")
    event_loop.run(Round(WebhookLedger(reach.ledger), reach.settings, _SENDING_SECONDS, stays).run())
