"""What the API does. Made from docs/openapi.json by `make api`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, cast
from uuid import UUID

from local.client import models
from local.client.wire import Wire, segment, version


class Operations:
    """One method for each operation. Each raises Temporary where it may work later, Final where it will not."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_alerts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        open: Literal["true", "false"] | None = None,
        severity: Literal["info", "warning", "critical"] | None = None,
        code: str | None = None,
        broker_account_id: UUID | None = None,
    ) -> models.AlertPage:
        """Your alerts, the newest first."""
        return self._wire.model(
            models.AlertPage,
            "GET",
            "/api/alerts",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "open": open,
                "severity": severity,
                "code": code,
                "broker_account_id": broker_account_id,
            },
        )

    def all_alerts(
        self,
        *,
        from_: datetime | None = None,
        until: datetime | None = None,
        open: Literal["true", "false"] | None = None,
        severity: Literal["info", "warning", "critical"] | None = None,
        code: str | None = None,
        broker_account_id: UUID | None = None,
    ) -> Iterator[models.Alert]:
        """Every row of `list_alerts`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_alerts(
                from_=from_,
                until=until,
                open=open,
                severity=severity,
                code=code,
                broker_account_id=broker_account_id,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_alert(self, id: UUID) -> models.Alert:
        """One alert."""
        return self._wire.model(models.Alert, "GET", f"/api/alerts/{segment(id)}")

    def acknowledge_alert(self, id: UUID, *, idempotency_key: str | None = None) -> models.Alert | None:
        """Says that an alert was seen; the first to say so stays on record."""
        return cast(
            "models.Alert | None",
            self._wire.one_of(
                {200: models.Alert, 204: None},
                "POST",
                f"/api/alerts/{segment(id)}/acknowledge",
                headers={"idempotency-key": idempotency_key},
                once=True,
            ),
        )

    def create_api_key(self, body: models.NewApiKey, *, idempotency_key: str | None = None) -> models.MadeApiKey:
        """Make a key for a program. It is shown once; sent again with the same Idempotency-Key the request is refused, and no second key is made."""
        return self._wire.model(
            models.MadeApiKey,
            "POST",
            "/api/api-keys",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_api_keys(self, *, limit: int | None = None, cursor: str | None = None) -> models.ApiKeyPage:
        """Your keys, the newest first, revoked and expired ones among them; never the keys themselves."""
        return self._wire.model(models.ApiKeyPage, "GET", "/api/api-keys", query={"limit": limit, "cursor": cursor})

    def all_api_keys(self) -> Iterator[models.ApiKey]:
        """Every row of `list_api_keys`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_api_keys(limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_api_key(self, id: UUID) -> models.ApiKey:
        """What one key may do, and when it was last used."""
        return self._wire.model(models.ApiKey, "GET", f"/api/api-keys/{segment(id)}")

    def revoke_api_key(self, id: UUID) -> None:
        """End a key at once, also for what was begun with it. Safe to repeat."""
        self._wire.nothing("DELETE", f"/api/api-keys/{segment(id)}")

    def list_audit(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        table_name: str | None = None,
        row_id: str | None = None,
        action: Literal["INSERT", "UPDATE", "DELETE"] | None = None,
        chain: str | None = None,
    ) -> models.AuditLinkPage:
        """Every change of your rows, by whom, before and after; the newest first."""
        return self._wire.model(
            models.AuditLinkPage,
            "GET",
            "/api/audit",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "table_name": table_name,
                "row_id": row_id,
                "action": action,
                "chain": chain,
            },
        )

    def all_audit(
        self,
        *,
        from_: datetime | None = None,
        until: datetime | None = None,
        table_name: str | None = None,
        row_id: str | None = None,
        action: Literal["INSERT", "UPDATE", "DELETE"] | None = None,
        chain: str | None = None,
    ) -> Iterator[models.AuditLink]:
        """Every row of `list_audit`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_audit(
                from_=from_,
                until=until,
                table_name=table_name,
                row_id=row_id,
                action=action,
                chain=chain,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def create_automation_source(
        self, body: models.NewAutomationSource, *, idempotency_key: str | None = None
    ) -> models.AutomationSecret:
        """Lets an outside sender trade for you; its secret is shown this once."""
        return self._wire.model(
            models.AutomationSecret,
            "POST",
            "/api/automation-sources",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_automation_sources(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> models.AutomationSourcePage:
        """Your automation sources."""
        return self._wire.model(
            models.AutomationSourcePage, "GET", "/api/automation-sources", query={"limit": limit, "cursor": cursor}
        )

    def all_automation_sources(self) -> Iterator[models.AutomationSource]:
        """Every row of `list_automation_sources`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_automation_sources(limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_automation_source(self, id: UUID) -> models.AutomationSource:
        """One automation source."""
        return self._wire.model(models.AutomationSource, "GET", f"/api/automation-sources/{segment(id)}")

    def change_automation_source(
        self, id: UUID, body: models.AutomationSourceSettings, *, if_match: int | str
    ) -> models.AutomationSource:
        """Changes what a source may ask for; its account, kind and authentication stay."""
        return self._wire.model(
            models.AutomationSource,
            "PUT",
            f"/api/automation-sources/{segment(id)}",
            headers={"if-match": version(if_match)},
            body=body,
        )

    def disable_automation_source(self, id: UUID) -> None:
        """Disables a source: nothing more of it is taken. It and what it sent stay on record."""
        self._wire.nothing("DELETE", f"/api/automation-sources/{segment(id)}")

    def rotate_automation_secret(
        self, id: UUID, body: models.AutomationRotation, *, idempotency_key: str | None = None
    ) -> models.AutomationSecret:
        """Gives a source a new secret, shown this once; the one before is good for a little longer."""
        return self._wire.model(
            models.AutomationSecret,
            "POST",
            f"/api/automation-sources/{segment(id)}/rotate",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_deliveries(
        self,
        id: UUID,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        outcome: Literal["accepted", "refused"] | None = None,
    ) -> models.DeliveryPage:
        """What a source has sent, and why it was refused where it was."""
        return self._wire.model(
            models.DeliveryPage,
            "GET",
            f"/api/automation-sources/{segment(id)}/deliveries",
            query={"limit": limit, "cursor": cursor, "outcome": outcome},
        )

    def all_deliveries(
        self, id: UUID, *, outcome: Literal["accepted", "refused"] | None = None
    ) -> Iterator[models.Delivery]:
        """Every row of `list_deliveries`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_deliveries(id, outcome=outcome, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def count_refused_deliveries(
        self, id: UUID, *, limit: int | None = None, cursor: str | None = None
    ) -> models.RefusedCountPage:
        """How many events of a source were not looked at, by the minute: of a flood not each is kept."""
        return self._wire.model(
            models.RefusedCountPage,
            "GET",
            f"/api/automation-sources/{segment(id)}/refused",
            query={"limit": limit, "cursor": cursor},
        )

    def all_count_refused_deliveries(self, id: UUID) -> Iterator[models.RefusedCount]:
        """Every row of `count_refused_deliveries`, page by page."""
        cursor: str | None = None
        while True:
            page = self.count_refused_deliveries(id, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def request_backtest(self, body: models.GivenBacktest, *, idempotency_key: str | None = None) -> models.Backtest:
        """Asks for a run over history: of a strategy, or of a kind with a configuration."""
        return self._wire.model(
            models.Backtest,
            "POST",
            "/api/backtests",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_backtests(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        status: Literal["queued", "running", "done", "failed", "canceled"] | None = None,
        strategy_id: UUID | None = None,
        kind: str | None = None,
    ) -> models.BacktestPage:
        """Your runs, the newest first."""
        return self._wire.model(
            models.BacktestPage,
            "GET",
            "/api/backtests",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "status": status,
                "strategy_id": strategy_id,
                "kind": kind,
            },
        )

    def all_backtests(
        self,
        *,
        from_: datetime | None = None,
        until: datetime | None = None,
        status: Literal["queued", "running", "done", "failed", "canceled"] | None = None,
        strategy_id: UUID | None = None,
        kind: str | None = None,
    ) -> Iterator[models.Backtest]:
        """Every row of `list_backtests`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_backtests(
                from_=from_, until=until, status=status, strategy_id=strategy_id, kind=kind, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_backtest(self, id: UUID) -> models.Backtest:
        """One run: how far it is, and what came out."""
        return self._wire.model(models.Backtest, "GET", f"/api/backtests/{segment(id)}")

    def list_trials(
        self, id: UUID, *, limit: int | None = None, cursor: str | None = None, fold: int | None = None
    ) -> models.TrialPage:
        """Each configuration that an optimisation tried, and what came out."""
        return self._wire.model(
            models.TrialPage,
            "GET",
            f"/api/backtests/{segment(id)}/trials",
            query={"limit": limit, "cursor": cursor, "fold": fold},
        )

    def all_trials(self, id: UUID, *, fold: int | None = None) -> Iterator[models.Trial]:
        """Every row of `list_trials`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_trials(id, fold=fold, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def cancel_backtest(self, id: UUID, *, idempotency_key: str | None = None) -> models.Backtest:
        """Ends a run that is queued or running; one that is over stays as it was."""
        return self._wire.model(
            models.Backtest,
            "POST",
            f"/api/backtests/{segment(id)}/cancel",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def list_blackouts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        symbol: str | None = None,
        kind: Literal["earnings", "expiry", "ex_dividend", "other"] | None = None,
        on: date | None = None,
        removed: Literal["true", "false"] | None = None,
    ) -> models.BlackoutPage:
        """The dates on which your orders open nothing new: your own, and everybody's."""
        return self._wire.model(
            models.BlackoutPage,
            "GET",
            "/api/risk/blackouts",
            query={"limit": limit, "cursor": cursor, "symbol": symbol, "kind": kind, "on": on, "removed": removed},
        )

    def all_blackouts(
        self,
        *,
        symbol: str | None = None,
        kind: Literal["earnings", "expiry", "ex_dividend", "other"] | None = None,
        on: date | None = None,
        removed: Literal["true", "false"] | None = None,
    ) -> Iterator[models.Blackout]:
        """Every row of `list_blackouts`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_blackouts(symbol=symbol, kind=kind, on=on, removed=removed, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def set_blackout(self, body: models.GivenBlackout, *, idempotency_key: str | None = None) -> models.Blackout:
        """Enters days on which nothing new is opened, of a symbol or of everything."""
        return self._wire.model(
            models.Blackout,
            "POST",
            "/api/risk/blackouts",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def remove_blackout(self, id: UUID) -> None:
        """Removes dates; those that were removed before stay so."""
        self._wire.nothing("DELETE", f"/api/risk/blackouts/{segment(id)}")

    def list_breaches(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        limit_id: UUID | None = None,
        name: str | None = None,
        happened: Literal["warned", "breached", "worse", "recovered"] | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
    ) -> models.BreachPage:
        """What broke your limits, what was done about it, and when it had recovered; the newest first."""
        return self._wire.model(
            models.BreachPage,
            "GET",
            "/api/risk/breaches",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "limit_id": limit_id,
                "name": name,
                "happened": happened,
                "broker_account_id": broker_account_id,
                "strategy_id": strategy_id,
            },
        )

    def all_breaches(
        self,
        *,
        from_: datetime | None = None,
        until: datetime | None = None,
        limit_id: UUID | None = None,
        name: str | None = None,
        happened: Literal["warned", "breached", "worse", "recovered"] | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
    ) -> Iterator[models.Breach]:
        """Every row of `list_breaches`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_breaches(
                from_=from_,
                until=until,
                limit_id=limit_id,
                name=name,
                happened=happened,
                broker_account_id=broker_account_id,
                strategy_id=strategy_id,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def link_broker_account(
        self, body: models.NewBrokerAccount, *, idempotency_key: str | None = None
    ) -> models.BrokerAccount:
        """Link an account by its number. Nothing is sent on it before a trading credential was entered and verified."""
        return self._wire.model(
            models.BrokerAccount,
            "POST",
            "/api/broker-accounts",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_broker_accounts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["active", "unlinked"] | None = None,
    ) -> models.BrokerAccountPage:
        """Your accounts, the newest first, unlinked ones among them."""
        return self._wire.model(
            models.BrokerAccountPage,
            "GET",
            "/api/broker-accounts",
            query={"limit": limit, "cursor": cursor, "status": status},
        )

    def all_broker_accounts(
        self, *, status: Literal["active", "unlinked"] | None = None
    ) -> Iterator[models.BrokerAccount]:
        """Every row of `list_broker_accounts`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_broker_accounts(status=status, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_sealing_key(self, *, purpose: Literal["trading", "data"] | None = None) -> models.SealingKey:
        """The public key to seal a credential with, before it is sent."""
        return self._wire.model(
            models.SealingKey, "GET", "/api/broker-accounts/sealing-key", query={"purpose": purpose}
        )

    def get_broker_account(self, id: UUID) -> models.BrokerAccount:
        """One account; its ETag is its version."""
        return self._wire.model(models.BrokerAccount, "GET", f"/api/broker-accounts/{segment(id)}")

    def change_broker_account(
        self, id: UUID, body: models.BrokerAccountChange, *, if_match: int | str
    ) -> models.BrokerAccount:
        """Enter a sealed credential, for the first time or again, or rename the account. The credential before is gone; a trading one is verified at once."""
        return self._wire.model(
            models.BrokerAccount,
            "PUT",
            f"/api/broker-accounts/{segment(id)}",
            headers={"if-match": version(if_match)},
            body=body,
        )

    def unlink_broker_account(self, id: UUID, *, reason: str | None = None) -> None:
        """Unlink the account: its credentials and its consent to live trading are wiped, its history stays. Refused while anything is open on it."""
        self._wire.nothing("DELETE", f"/api/broker-accounts/{segment(id)}", query={"reason": reason})

    def relink_broker_account(self, id: UUID, *, idempotency_key: str | None = None) -> models.BrokerAccount:
        """Use an unlinked account again: its credentials are to be entered anew, live trading to be confirmed anew."""
        return self._wire.model(
            models.BrokerAccount,
            "POST",
            f"/api/broker-accounts/{segment(id)}/relink",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def verify_broker_account(self, id: UUID, *, idempotency_key: str | None = None) -> models.LinkVerdict:
        """Have the broker asked again with the credential that is there, where it was refused or not answered. What is verified stays so."""
        return self._wire.model(
            models.LinkVerdict,
            "POST",
            f"/api/broker-accounts/{segment(id)}/verify",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def confirm_live_trading(
        self, id: UUID, body: models.LiveConsent, *, idempotency_key: str | None = None
    ) -> models.LiveConfirmed:
        """Agree to live trading on a live account for some days: with a second factor, and the account's number typed out."""
        return self._wire.model(
            models.LiveConfirmed,
            "POST",
            f"/api/broker-accounts/{segment(id)}/confirm-live",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def withdraw_live_trading(self, id: UUID, *, idempotency_key: str | None = None) -> None:
        """No more entries on a live account from now on; needs no second factor, and exits still pass."""
        self._wire.nothing(
            "POST",
            f"/api/broker-accounts/{segment(id)}/withdraw-live",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def list_live_confirmations(
        self, id: UUID, *, limit: int | None = None, cursor: str | None = None
    ) -> models.LiveConfirmationPage:
        """Who agreed to live trading on the account and when, and who withdrew it, the newest first: that one counts."""
        return self._wire.model(
            models.LiveConfirmationPage,
            "GET",
            f"/api/broker-accounts/{segment(id)}/live-confirmations",
            query={"limit": limit, "cursor": cursor},
        )

    def all_live_confirmations(self, id: UUID) -> Iterator[models.LiveConfirmation]:
        """Every row of `list_live_confirmations`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_live_confirmations(id, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_balance(self, id: UUID) -> models.Balance:
        """What the broker last said of the account's money; 404 while it has said nothing."""
        return self._wire.model(models.Balance, "GET", f"/api/broker-accounts/{segment(id)}/balance")

    def exercise_option(
        self, symbol: str, body: models.NewExercise, *, idempotency_key: str | None = None
    ) -> models.Exercise:
        """Asks the broker to exercise all contracts of a held option, or to leave them to expire."""
        return self._wire.model(
            models.Exercise,
            "POST",
            f"/api/positions/{segment(symbol)}/exercise",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_exercises(
        self,
        *,
        broker_account_id: UUID | None = None,
        symbol: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.ExercisePage:
        """What was asked about options, and what became of it; the newest first."""
        return self._wire.model(
            models.ExercisePage,
            "GET",
            "/api/exercises",
            query={"broker_account_id": broker_account_id, "symbol": symbol, "limit": limit, "cursor": cursor},
        )

    def all_exercises(
        self, *, broker_account_id: UUID | None = None, symbol: str | None = None
    ) -> Iterator[models.Exercise]:
        """Every row of `list_exercises`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_exercises(broker_account_id=broker_account_id, symbol=symbol, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_exercise(self, id: UUID) -> models.Exercise:
        """One request about an option."""
        return self._wire.model(models.Exercise, "GET", f"/api/exercises/{segment(id)}")

    def list_exits(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["armed", "triggered", "done", "canceled"] | None = None,
        symbol: str | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
    ) -> models.ExitPage:
        """The exits of your positions, the newest first."""
        return self._wire.model(
            models.ExitPage,
            "GET",
            "/api/risk/exits",
            query={
                "limit": limit,
                "cursor": cursor,
                "status": status,
                "symbol": symbol,
                "broker_account_id": broker_account_id,
                "strategy_id": strategy_id,
            },
        )

    def all_exits(
        self,
        *,
        status: Literal["armed", "triggered", "done", "canceled"] | None = None,
        symbol: str | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
    ) -> Iterator[models.Exit]:
        """Every row of `list_exits`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_exits(
                status=status,
                symbol=symbol,
                broker_account_id=broker_account_id,
                strategy_id=strategy_id,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def set_exit(self, body: models.GivenExit) -> models.Exit:
        """Arms the exit of a position, or changes the one that is armed."""
        return self._wire.model(models.Exit, "PUT", "/api/risk/exits", body=body)

    def get_exit(self, id: UUID) -> models.Exit:
        """One exit."""
        return self._wire.model(models.Exit, "GET", f"/api/risk/exits/{segment(id)}")

    def cancel_exit(self, id: UUID) -> models.Exit:
        """Takes an armed exit away, and with it the order that rests for it at the broker."""
        return self._wire.model(models.Exit, "DELETE", f"/api/risk/exits/{segment(id)}")

    def list_factors(self) -> models.Factors:
        """Your second factors, oldest first."""
        return self._wire.model(models.Factors, "GET", "/api/auth/factors")

    def enroll_factor(self, body: models.NewFactor, *, idempotency_key: str | None = None) -> models.EnrolledFactor:
        """Begins a second factor. Give the secret to an authenticator app, then verify with its code."""
        return self._wire.model(
            models.EnrolledFactor,
            "POST",
            "/api/auth/factors",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def verify_factor(self, id: UUID, body: models.FactorCode) -> models.Session:
        """Shows the second factor: the answer's tokens are of level aal2, and stay so when refreshed."""
        return self._wire.model(models.Session, "POST", f"/api/auth/factors/{segment(id)}/verify", body=body)

    def remove_factor(self, id: UUID) -> None:
        """Removes a second factor; a verified one only in a session that has shown it."""
        self._wire.nothing("DELETE", f"/api/auth/factors/{segment(id)}")

    def list_gates(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        scope: Literal["global", "user", "account", "strategy"] | None = None,
        closed: Literal["true", "false"] | None = None,
    ) -> models.GatePage:
        """The gates that your orders pass: everybody's, your own, your accounts' and your strategies'."""
        return self._wire.model(
            models.GatePage,
            "GET",
            "/api/risk/gates",
            query={"limit": limit, "cursor": cursor, "scope": scope, "closed": closed},
        )

    def all_gates(
        self,
        *,
        scope: Literal["global", "user", "account", "strategy"] | None = None,
        closed: Literal["true", "false"] | None = None,
    ) -> Iterator[models.Gate]:
        """Every row of `list_gates`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_gates(scope=scope, closed=closed, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_halts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        scope: Literal["global", "user", "account", "strategy"] | None = None,
        gate_key: str | None = None,
    ) -> models.HaltPage:
        """The halts in force on your orders, and what is still open behind each."""
        return self._wire.model(
            models.HaltPage,
            "GET",
            "/api/risk/halts",
            query={"limit": limit, "cursor": cursor, "scope": scope, "gate_key": gate_key},
        )

    def all_halts(
        self, *, scope: Literal["global", "user", "account", "strategy"] | None = None, gate_key: str | None = None
    ) -> Iterator[models.Halt]:
        """Every row of `list_halts`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_halts(scope=scope, gate_key=gate_key, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def engage_halt(self, body: models.GivenHalt, *, idempotency_key: str | None = None) -> models.EngagedGate:
        """Engages the kill switch of a scope: no new entries from this moment; exits and cancels still pass."""
        return self._wire.model(
            models.EngagedGate,
            "POST",
            "/api/risk/halts",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_halt_events(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        gate_key: str | None = None,
    ) -> models.HaltEventPage:
        """What closed and opened the gates, by whom and why, and how flattening went; the newest first."""
        return self._wire.model(
            models.HaltEventPage,
            "GET",
            "/api/risk/halts/history",
            query={"limit": limit, "cursor": cursor, "from": from_, "until": until, "gate_key": gate_key},
        )

    def all_halt_events(
        self, *, from_: datetime | None = None, until: datetime | None = None, gate_key: str | None = None
    ) -> Iterator[models.HaltEvent]:
        """Every row of `list_halt_events`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_halt_events(from_=from_, until=until, gate_key=gate_key, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def lift_halt(
        self, gate_key: str, body: models.GivenLift, *, idempotency_key: str | None = None
    ) -> models.GateState:
        """Lifts a halt, with a reason and a second factor."""
        return self._wire.model(
            models.GateState,
            "POST",
            f"/api/risk/halts/{segment(gate_key)}/lift",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_limits(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        scope: Literal["global", "user", "account", "strategy"] | None = None,
        name: str | None = None,
        symbol: str | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
        removed: Literal["true", "false"] | None = None,
    ) -> models.LimitPage:
        """The limits that are set on you, your accounts and strategies, and everybody's."""
        return self._wire.model(
            models.LimitPage,
            "GET",
            "/api/risk/limits",
            query={
                "limit": limit,
                "cursor": cursor,
                "scope": scope,
                "name": name,
                "symbol": symbol,
                "broker_account_id": broker_account_id,
                "strategy_id": strategy_id,
                "removed": removed,
            },
        )

    def all_limits(
        self,
        *,
        scope: Literal["global", "user", "account", "strategy"] | None = None,
        name: str | None = None,
        symbol: str | None = None,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
        removed: Literal["true", "false"] | None = None,
    ) -> Iterator[models.Limit]:
        """Every row of `list_limits`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_limits(
                scope=scope,
                name=name,
                symbol=symbol,
                broker_account_id=broker_account_id,
                strategy_id=strategy_id,
                removed=removed,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def set_limit(self, body: models.GivenLimit) -> models.Limit | None:
        """Sets a limit of a scope, from this moment on."""
        return cast(
            "models.Limit | None",
            self._wire.one_of({200: models.Limit, 204: None}, "PUT", "/api/risk/limits", body=body),
        )

    def get_limit(self, id: UUID) -> models.Limit:
        """One limit."""
        return self._wire.model(models.Limit, "GET", f"/api/risk/limits/{segment(id)}")

    def remove_limit(self, id: UUID) -> None:
        """Removes a limit; one that was removed before stays so."""
        self._wire.nothing("DELETE", f"/api/risk/limits/{segment(id)}")

    def list_limit_versions(
        self,
        id: UUID,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
    ) -> models.LimitVersionPage:
        """Every change of a limit, by whom, before and after; the newest first."""
        return self._wire.model(
            models.LimitVersionPage,
            "GET",
            f"/api/risk/limits/{segment(id)}/history",
            query={"limit": limit, "cursor": cursor, "from": from_, "until": until},
        )

    def all_limit_versions(
        self, id: UUID, *, from_: datetime | None = None, until: datetime | None = None
    ) -> Iterator[models.LimitVersion]:
        """Every row of `list_limit_versions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_limit_versions(id, from_=from_, until=until, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_limit_kinds(self) -> models.LimitKinds:
        """Every limit that can be set: its unit, its default, where it may be set, and which way is stricter."""
        return self._wire.model(models.LimitKinds, "GET", "/api/risk/limit-kinds")

    def list_options(
        self,
        symbol: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: date | None = None,
        until: date | None = None,
        right: Literal["call", "put"] | None = None,
        strike_from: Decimal | None = None,
        strike_until: Decimal | None = None,
    ) -> models.OptionContractPage:
        """The options listed on an underlying, by expiry and strike, each with its latest quote and the feed's greeks."""
        return self._wire.model(
            models.OptionContractPage,
            "GET",
            f"/api/market-data/options/{segment(symbol)}",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "right": right,
                "strike_from": strike_from,
                "strike_until": strike_until,
            },
        )

    def all_options(
        self,
        symbol: str,
        *,
        from_: date | None = None,
        until: date | None = None,
        right: Literal["call", "put"] | None = None,
        strike_from: Decimal | None = None,
        strike_until: Decimal | None = None,
    ) -> Iterator[models.OptionContract]:
        """Every row of `list_options`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_options(
                symbol,
                from_=from_,
                until=until,
                right=right,
                strike_from=strike_from,
                strike_until=strike_until,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_option_chain(self, symbol: str, *, at: datetime | None = None) -> models.OptionChain:
        """The whole chain as it was taken at the end of a bar: the newest one, or the newest by a moment."""
        return self._wire.model(
            models.OptionChain, "GET", f"/api/market-data/options/{segment(symbol)}/chain", query={"at": at}
        )

    def place_order(self, body: models.NewOrder, *, idempotency_key: str | None = None) -> models.PlacedOrder:
        """Places an order: it is judged by risk and sent; sent again with the same Idempotency-Key, it is the same order."""
        return self._wire.model(
            models.PlacedOrder,
            "POST",
            "/api/orders",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def cancel_all_orders(
        self, *, broker_account_id: UUID | None = None, symbol: str | None = None
    ) -> models.CancelledOrders:
        """Asks for every order of the caller's that is not over to be cancelled, exits included."""
        return self._wire.model(
            models.CancelledOrders,
            "DELETE",
            "/api/orders",
            query={"broker_account_id": broker_account_id, "symbol": symbol},
        )

    def replace_order(
        self, id: UUID, body: models.OrderChange, *, if_match: int | str, idempotency_key: str | None = None
    ) -> models.PlacedOrder:
        """Asks that a new order takes the place of a working one; what is left out stays."""
        return self._wire.model(
            models.PlacedOrder,
            "PUT",
            f"/api/orders/{segment(id)}",
            headers={"idempotency-key": idempotency_key, "if-match": version(if_match)},
            once=True,
            body=body,
        )

    def cancel_order(self, id: UUID) -> models.CancelledOrder:
        """Asks for an order to be cancelled; one that is over already stays as it is."""
        return self._wire.model(models.CancelledOrder, "DELETE", f"/api/orders/{segment(id)}")

    def request_password_reset(self, body: models.PasswordReset) -> None:
        """Mails a code to the address, if somebody has signed up with it. The answer is the same if not."""
        self._wire.nothing("POST", "/api/auth/password-reset", body=body, signed_in=False)

    def verify_password_reset(self, body: models.PasswordResetCode) -> models.Session:
        """Signs in by the mailed code; then set a new password, with a second factor shown where there is one."""
        return self._wire.model(models.Session, "POST", "/api/auth/password-reset/verify", body=body, signed_in=False)

    def change_password(self, body: models.PasswordChange) -> None:
        """Sets a new password, and ends every other session of yours."""
        self._wire.nothing("PUT", "/api/auth/password", body=body)

    def list_daily_pnl(
        self,
        *,
        broker_account_id: UUID | None = None,
        from_: date | None = None,
        to: date | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.DailyPnlPage:
        """Profit and loss of each account and session, as it was last reported; the newest first."""
        return self._wire.model(
            models.DailyPnlPage,
            "GET",
            "/api/pnl/daily",
            query={"broker_account_id": broker_account_id, "from": from_, "to": to, "limit": limit, "cursor": cursor},
        )

    def all_daily_pnl(
        self, *, broker_account_id: UUID | None = None, from_: date | None = None, to: date | None = None
    ) -> Iterator[models.DailyPnl]:
        """Every row of `list_daily_pnl`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_daily_pnl(
                broker_account_id=broker_account_id, from_=from_, to=to, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_current_pnl(self, *, broker_account_id: UUID | None = None) -> models.CurrentPnl:
        """What is won or lost now, at the latest marks. What has no mark has no result."""
        return self._wire.model(
            models.CurrentPnl, "GET", "/api/pnl/current", query={"broker_account_id": broker_account_id}
        )

    def list_positions(
        self,
        *,
        broker_account_id: UUID | None = None,
        closed: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.PositionPage:
        """What is held, at its latest mark; by symbol."""
        return self._wire.model(
            models.PositionPage,
            "GET",
            "/api/positions",
            query={"broker_account_id": broker_account_id, "closed": closed, "limit": limit, "cursor": cursor},
        )

    def all_positions(
        self, *, broker_account_id: UUID | None = None, closed: bool | None = None
    ) -> Iterator[models.Position]:
        """Every row of `list_positions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_positions(broker_account_id=broker_account_id, closed=closed, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_positions(self, symbol: str, *, broker_account_id: UUID | None = None) -> models.Positions:
        """The positions in one symbol, one for each account that holds or has held it."""
        return self._wire.model(
            models.Positions, "GET", f"/api/positions/{segment(symbol)}", query={"broker_account_id": broker_account_id}
        )

    def close_position(
        self, symbol: str, body: models.NewClose, *, idempotency_key: str | None = None
    ) -> models.PlacedOrder:
        """Closes a position, or part of it, by an order that only reduces."""
        return self._wire.model(
            models.PlacedOrder,
            "POST",
            f"/api/positions/{segment(symbol)}/close",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def preview_order(self, body: models.NewOrder) -> models.OrderPreview:
        """Evaluates an order by every rule and the ledger's re-check. Nothing is placed."""
        return self._wire.model(models.OrderPreview, "POST", "/api/orders/preview", body=body)

    def preview_risk(self, body: models.NewOrder) -> models.OrderPreview:
        """Evaluates an order by every rule and the ledger's re-check. Nothing is placed."""
        return self._wire.model(models.OrderPreview, "POST", "/api/risk/preview", body=body)

    def get_history(
        self,
        symbol: str,
        *,
        from_: datetime,
        until: datetime,
        limit: int | None = None,
        cursor: str | None = None,
        timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"] | None = None,
        adjusted: Literal["raw", "split", "total"] | None = None,
    ) -> models.History:
        """The stored bars that start in a range, oldest first; a gap stays a gap."""
        return self._wire.model(
            models.History,
            "GET",
            f"/api/market-data/history/{segment(symbol)}",
            query={
                "limit": limit,
                "cursor": cursor,
                "timeframe": timeframe,
                "from": from_,
                "until": until,
                "adjusted": adjusted,
            },
        )

    def all_get_history(
        self,
        symbol: str,
        *,
        from_: datetime,
        until: datetime,
        timeframe: Literal["1Min", "5Min", "15Min", "1Hour", "1Day"] | None = None,
        adjusted: Literal["raw", "split", "total"] | None = None,
    ) -> Iterator[models.Bar]:
        """Every row of `get_history`, page by page."""
        cursor: str | None = None
        while True:
            page = self.get_history(
                symbol, timeframe=timeframe, from_=from_, until=until, adjusted=adjusted, limit=1000, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_profile(self) -> models.Profile:
        """Your name, time zone, desk and rights."""
        return self._wire.model(models.Profile, "GET", "/api/user/profile")

    def change_profile(self, body: models.ProfileChange, *, if_match: int | str) -> models.Profile:
        """Changes your name and time zone."""
        return self._wire.model(
            models.Profile, "PUT", "/api/user/profile", headers={"if-match": version(if_match)}, body=body
        )

    def get_quote(self, symbol: str) -> models.Quote:
        """The last best bid and ask of a share or an option, how old it is, and who told it."""
        return self._wire.model(models.Quote, "GET", f"/api/market-data/quotes/{segment(symbol)}")

    def list_reports(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: date | None = None,
        until: date | None = None,
        broker_account_id: UUID | None = None,
    ) -> models.ReportPage:
        """The daily reports of your accounts, the newest session first."""
        return self._wire.model(
            models.ReportPage,
            "GET",
            "/api/reports",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "broker_account_id": broker_account_id,
            },
        )

    def all_reports(
        self, *, from_: date | None = None, until: date | None = None, broker_account_id: UUID | None = None
    ) -> Iterator[models.Report]:
        """Every row of `list_reports`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_reports(
                from_=from_, until=until, broker_account_id=broker_account_id, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_report(self, id: UUID) -> models.ReportDetail:
        """One report, by strategy and symbol."""
        return self._wire.model(models.ReportDetail, "GET", f"/api/reports/{segment(id)}")

    def list_report_versions(
        self, id: UUID, *, limit: int | None = None, cursor: str | None = None
    ) -> models.ReportVersionPage:
        """Every version of a report, the newest first."""
        return self._wire.model(
            models.ReportVersionPage,
            "GET",
            f"/api/reports/{segment(id)}/versions",
            query={"limit": limit, "cursor": cursor},
        )

    def all_report_versions(self, id: UUID) -> Iterator[models.ReportVersion]:
        """Every row of `list_report_versions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_report_versions(id, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def download_report(self, id: UUID, *, format: Literal["json", "csv"] | None = None) -> models.ReportDetail | bytes:
        """One report as a file: JSON as it is read, or its lines as CSV."""
        return cast(
            "models.ReportDetail | bytes",
            self._wire.one_of(
                {200: models.ReportDetail}, "GET", f"/api/reports/{segment(id)}/download", query={"format": format}
            ),
        )

    def list_risk_decisions(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        trade_id: UUID | None = None,
        rule: str | None = None,
        verdict: Literal["allow", "deny", "reduce"] | None = None,
    ) -> models.RiskDecisionPage:
        """The rules' verdicts on your orders, the newest first."""
        return self._wire.model(
            models.RiskDecisionPage,
            "GET",
            "/api/risk/decisions",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "trade_id": trade_id,
                "rule": rule,
                "verdict": verdict,
            },
        )

    def all_risk_decisions(
        self,
        *,
        from_: datetime | None = None,
        until: datetime | None = None,
        trade_id: UUID | None = None,
        rule: str | None = None,
        verdict: Literal["allow", "deny", "reduce"] | None = None,
    ) -> Iterator[models.RiskDecision]:
        """Every row of `list_risk_decisions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_risk_decisions(
                from_=from_, until=until, trade_id=trade_id, rule=rule, verdict=verdict, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def sign_up(self, body: models.SignUp) -> models.SignedUp:
        """Makes a person's login; by invitation, where sign-up is closed."""
        return self._wire.model(models.SignedUp, "POST", "/api/auth/signup", body=body, signed_in=False)

    def login(self, body: models.Login) -> models.Session:
        """Signs in by address and password. Where `factors` is not empty, verify one for what needs a second factor."""
        return self._wire.model(models.Session, "POST", "/api/auth/login", body=body, signed_in=False)

    def refresh_session(self, body: models.Refresh) -> models.Session:
        """The session's next tokens; its level stays."""
        return self._wire.model(models.Session, "POST", "/api/auth/refresh", body=body, signed_in=False)

    def logout(self, body: models.Logout) -> None:
        """Ends sessions: their refresh tokens buy nothing more. An access token counts until it expires."""
        self._wire.nothing("POST", "/api/auth/logout", body=body)

    def list_balances(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        broker_account_id: UUID | None = None,
    ) -> models.BalancePage:
        """Cash, equity and buying power of your accounts, each time the broker said something new; the newest first."""
        return self._wire.model(
            models.BalancePage,
            "GET",
            "/api/statements/balances",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "broker_account_id": broker_account_id,
            },
        )

    def all_balances(
        self, *, from_: datetime | None = None, until: datetime | None = None, broker_account_id: UUID | None = None
    ) -> Iterator[models.Balance]:
        """Every row of `list_balances`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_balances(
                from_=from_, until=until, broker_account_id=broker_account_id, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_activities(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        broker_account_id: UUID | None = None,
    ) -> models.ActivityPage:
        """What the broker says happened in your accounts beside trades: transfers, dividends, expiries; the newest first."""
        return self._wire.model(
            models.ActivityPage,
            "GET",
            "/api/statements/activities",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "broker_account_id": broker_account_id,
            },
        )

    def all_activities(
        self, *, from_: datetime | None = None, until: datetime | None = None, broker_account_id: UUID | None = None
    ) -> Iterator[models.Activity]:
        """Every row of `list_activities`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_activities(
                from_=from_, until=until, broker_account_id=broker_account_id, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_cash_movements(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        broker_account_id: UUID | None = None,
    ) -> models.CashMovementPage:
        """Dividends, interest, fees, taxes, deposits and withdrawals of your accounts; the newest first."""
        return self._wire.model(
            models.CashMovementPage,
            "GET",
            "/api/statements/cash",
            query={
                "limit": limit,
                "cursor": cursor,
                "from": from_,
                "until": until,
                "broker_account_id": broker_account_id,
            },
        )

    def all_cash_movements(
        self, *, from_: datetime | None = None, until: datetime | None = None, broker_account_id: UUID | None = None
    ) -> Iterator[models.CashMovement]:
        """Every row of `list_cash_movements`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_cash_movements(
                from_=from_, until=until, broker_account_id=broker_account_id, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def create_strategy(self, body: models.NewStrategy, *, idempotency_key: str | None = None) -> models.Strategy:
        """Write a strategy as a draft. It is validated at once, and decides nothing before it is activated."""
        return self._wire.model(
            models.Strategy,
            "POST",
            "/api/strategies",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_strategies(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: Literal["draft", "active", "inactive", "halted"] | None = None,
        kind: str | None = None,
        broker_account_id: UUID | None = None,
        symbol: str | None = None,
    ) -> models.StrategyPage:
        """Your strategies, the newest first; deleted ones are not among them."""
        return self._wire.model(
            models.StrategyPage,
            "GET",
            "/api/strategies",
            query={
                "limit": limit,
                "cursor": cursor,
                "status": status,
                "kind": kind,
                "broker_account_id": broker_account_id,
                "symbol": symbol,
            },
        )

    def all_strategies(
        self,
        *,
        status: Literal["draft", "active", "inactive", "halted"] | None = None,
        kind: str | None = None,
        broker_account_id: UUID | None = None,
        symbol: str | None = None,
    ) -> Iterator[models.Strategy]:
        """Every row of `list_strategies`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_strategies(
                status=status, kind=kind, broker_account_id=broker_account_id, symbol=symbol, limit=200, cursor=cursor
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_strategy(self, id: UUID) -> models.Strategy:
        """One strategy; its ETag is its version."""
        return self._wire.model(models.Strategy, "GET", f"/api/strategies/{segment(id)}")

    def change_strategy(self, id: UUID, body: models.StrategyTerms, *, if_match: int | str) -> models.Strategy:
        """Replace what it does. Each change of configuration, symbols, timeframe or exits is a new version, which takes effect once it is found valid."""
        return self._wire.model(
            models.Strategy, "PUT", f"/api/strategies/{segment(id)}", headers={"if-match": version(if_match)}, body=body
        )

    def delete_strategy(self, id: UUID) -> None:
        """Delete a strategy: it stops deciding and gives its name free; its history stays. Refused while it has positions or working orders."""
        self._wire.nothing("DELETE", f"/api/strategies/{segment(id)}")

    def activate_strategy(
        self, id: UUID, body: models.Activation | None = None, *, idempotency_key: str | None = None
    ) -> models.Activated:
        """Start a strategy: it decides on bars that end from now on. Refused until its newest version is found valid and its account is verified."""
        return self._wire.model(
            models.Activated,
            "POST",
            f"/api/strategies/{segment(id)}/activate",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def deactivate_strategy(
        self, id: UUID, body: models.Deactivation, *, idempotency_key: str | None = None
    ) -> models.Deactivated:
        """Stop a strategy from deciding, and say what becomes of what it has open. To cancel or close, a key needs the scope trade or risk besides."""
        return self._wire.model(
            models.Deactivated,
            "POST",
            f"/api/strategies/{segment(id)}/deactivate",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def get_deactivation(self, id: UUID) -> models.DeactivationProgress:
        """How far the closing of a stopped strategy is; 404 where nothing is to be closed."""
        return self._wire.model(models.DeactivationProgress, "GET", f"/api/strategies/{segment(id)}/deactivation")

    def list_strategy_decisions(
        self,
        id: UUID,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        symbol: str | None = None,
        action: Literal["stay", "trade", "cancel"] | None = None,
    ) -> models.StrategyDecisionPage:
        """What it decided and why, the newest first; decisions not to trade are kept for some months."""
        return self._wire.model(
            models.StrategyDecisionPage,
            "GET",
            f"/api/strategies/{segment(id)}/decisions",
            query={"limit": limit, "cursor": cursor, "symbol": symbol, "action": action},
        )

    def all_strategy_decisions(
        self, id: UUID, *, symbol: str | None = None, action: Literal["stay", "trade", "cancel"] | None = None
    ) -> Iterator[models.StrategyDecision]:
        """Every row of `list_strategy_decisions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_strategy_decisions(id, symbol=symbol, action=action, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def list_strategy_versions(
        self, id: UUID, *, limit: int | None = None, cursor: str | None = None
    ) -> models.StrategyVersionPage:
        """Every edit of it as it was, the newest first."""
        return self._wire.model(
            models.StrategyVersionPage,
            "GET",
            f"/api/strategies/{segment(id)}/versions",
            query={"limit": limit, "cursor": cursor},
        )

    def all_strategy_versions(self, id: UUID) -> Iterator[models.StrategyVersion]:
        """Every row of `list_strategy_versions`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_strategy_versions(id, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_strategy_validation(self, id: UUID) -> models.StrategyValidation:
        """Whether its newest version can decide, or everything that is wrong with it. Pending for a moment after an edit."""
        return self._wire.model(models.StrategyValidation, "GET", f"/api/strategies/{segment(id)}/validation")

    def list_strategy_kinds(self) -> models.StrategyKinds:
        """The kinds of strategies there are, with the JSON Schema of each one's configuration."""
        return self._wire.model(models.StrategyKinds, "GET", "/api/strategy-kinds")

    def list_trades(
        self,
        *,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
        source: Literal["strategy", "manual", "automation", "risk", "external"] | None = None,
        symbol: str | None = None,
        status: Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ]
        | Literal["open"]
        | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        noted: Literal["true"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.TradePage:
        """Orders of every source, the newest first."""
        return self._wire.model(
            models.TradePage,
            "GET",
            "/api/trades",
            query={
                "broker_account_id": broker_account_id,
                "strategy_id": strategy_id,
                "source": source,
                "symbol": symbol,
                "status": status,
                "from": from_,
                "until": until,
                "noted": noted,
                "limit": limit,
                "cursor": cursor,
            },
        )

    def all_trades(
        self,
        *,
        broker_account_id: UUID | None = None,
        strategy_id: UUID | None = None,
        source: Literal["strategy", "manual", "automation", "risk", "external"] | None = None,
        symbol: str | None = None,
        status: Literal[
            "pending",
            "approved",
            "rejected",
            "submitting",
            "submitted",
            "partially_filled",
            "filled",
            "cancel_pending",
            "canceled",
            "replace_pending",
            "replaced",
            "expired",
            "unknown",
        ]
        | Literal["open"]
        | None = None,
        from_: datetime | None = None,
        until: datetime | None = None,
        noted: Literal["true"] | None = None,
    ) -> Iterator[models.Trade]:
        """Every row of `list_trades`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_trades(
                broker_account_id=broker_account_id,
                strategy_id=strategy_id,
                source=source,
                symbol=symbol,
                status=status,
                from_=from_,
                until=until,
                noted=noted,
                limit=200,
                cursor=cursor,
            )
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_trade(self, id: UUID) -> models.TradeDetail:
        """One trade with its legs, fills, steps, the verdicts of risk, and what was sent to the broker."""
        return self._wire.model(models.TradeDetail, "GET", f"/api/trades/{segment(id)}")

    def set_trade_note(self, id: UUID, body: models.GivenNote, *, if_match: int | str) -> models.TradeNote:
        """Writes your note of a trade; nothing decides by it."""
        return self._wire.model(
            models.TradeNote,
            "PUT",
            f"/api/trades/{segment(id)}/note",
            headers={"if-match": version(if_match)},
            body=body,
        )

    def watch_symbols(self, body: models.GivenWatched) -> models.Watched:
        """Has market data come for symbols that no strategy or position of anybody needs."""
        return self._wire.model(models.Watched, "PUT", "/api/market-data/watched", body=body)

    def get_watchlist(self) -> models.Watchlist:
        """The symbols that you keep in sight, in your order."""
        return self._wire.model(models.Watchlist, "GET", "/api/watchlist")

    def set_watchlist(self, body: models.GivenWatchlist, *, if_match: int | str) -> models.Watchlist:
        """Sets your watchlist, whole and in order."""
        return self._wire.model(
            models.Watchlist, "PUT", "/api/watchlist", headers={"if-match": version(if_match)}, body=body
        )

    def create_webhook(
        self, body: models.NewWebhook, *, idempotency_key: str | None = None
    ) -> models.WebhookWithSecret:
        """Enters an address that is told of your events, and shows its secret, once."""
        return self._wire.model(
            models.WebhookWithSecret,
            "POST",
            "/api/webhooks",
            headers={"idempotency-key": idempotency_key},
            once=True,
            body=body,
        )

    def list_webhooks(self, *, limit: int | None = None, cursor: str | None = None) -> models.WebhookPage:
        """Your webhooks, newest first."""
        return self._wire.model(models.WebhookPage, "GET", "/api/webhooks", query={"limit": limit, "cursor": cursor})

    def all_webhooks(self) -> Iterator[models.Webhook]:
        """Every row of `list_webhooks`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_webhooks(limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def get_webhook(self, id: UUID) -> models.Webhook:
        """One webhook."""
        return self._wire.model(models.Webhook, "GET", f"/api/webhooks/{segment(id)}")

    def change_webhook(self, id: UUID, body: models.ChangedWebhook, *, if_match: int | str) -> models.Webhook:
        """Changes a webhook, or switches it on or off."""
        return self._wire.model(
            models.Webhook, "PUT", f"/api/webhooks/{segment(id)}", headers={"if-match": version(if_match)}, body=body
        )

    def remove_webhook(self, id: UUID) -> None:
        """Ends a webhook and what is still to be sent to it."""
        self._wire.nothing("DELETE", f"/api/webhooks/{segment(id)}")

    def rotate_webhook_secret(self, id: UUID, *, idempotency_key: str | None = None) -> models.WebhookSecret:
        """Gives a webhook a new secret and shows it, once. What is sent from now on is signed with it."""
        return self._wire.model(
            models.WebhookSecret,
            "POST",
            f"/api/webhooks/{segment(id)}/rotate",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def test_webhook(self, id: UUID, *, idempotency_key: str | None = None) -> models.WebhookDelivery:
        """Sends an event of type webhook.test, without trying again; its delivery says how it went."""
        return self._wire.model(
            models.WebhookDelivery,
            "POST",
            f"/api/webhooks/{segment(id)}/test",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )

    def list_webhook_deliveries(
        self,
        id: UUID,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: Literal["queued", "sending", "delivered", "retrying", "dead"] | None = None,
    ) -> models.WebhookDeliveryPage:
        """What was sent to a webhook, or is to be, newest first."""
        return self._wire.model(
            models.WebhookDeliveryPage,
            "GET",
            f"/api/webhooks/{segment(id)}/deliveries",
            query={"limit": limit, "cursor": cursor, "state": state},
        )

    def all_webhook_deliveries(
        self, id: UUID, *, state: Literal["queued", "sending", "delivered", "retrying", "dead"] | None = None
    ) -> Iterator[models.WebhookDelivery]:
        """Every row of `list_webhook_deliveries`, page by page."""
        cursor: str | None = None
        while True:
            page = self.list_webhook_deliveries(id, state=state, limit=200, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def redeliver_webhook(
        self, id: UUID, delivery_id: UUID, *, idempotency_key: str | None = None
    ) -> models.WebhookDelivery:
        """Sends an event again, under the same id."""
        return self._wire.model(
            models.WebhookDelivery,
            "POST",
            f"/api/webhooks/{segment(id)}/deliveries/{segment(delivery_id)}/redeliver",
            headers={"idempotency-key": idempotency_key},
            once=True,
        )
