"""The Alpaca SDK as a transport: bounded in time, without its blind retries, its errors told apart by meaning."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown, Rejected
from functions.brokers.guard import Guard
from functions.brokers.reading import mapping, rows, words

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

_CONNECT_TIMEOUT = 5.0
_PAGE = 100


class AlpacaClient:
    """One client of the SDK. Calls of the urgent lane are not held back by the rate budget nor by the breaker."""

    def __init__(self, sdk: RESTClient, timeout: float, guard: Guard | None = None) -> None:
        self._sdk = sdk
        self._guard = guard
        _bound(sdk, timeout)

    async def read(
        self, path: str, query: Mapping[str, Any] | None = None, *, version: str | None = None, urgent: bool = False
    ) -> Any:
        """A GET. Raises NotConnected, BadCredentials, and Rejected for a definite no."""
        return await asyncio.to_thread(self._read, path, query, version, urgent)

    async def write(self, method: str, path: str, body: dict[str, Any] | None = None, *, urgent: bool = False) -> Any:
        """A call that may place or change an order. Raises Rejected, NotSent, OutcomeUnknown, BadCredentials."""
        return await asyncio.to_thread(self._write, method, path, body, urgent)

    async def executions(self, since: datetime) -> list[Any]:
        """The executions after `since`, as activities. Raises as `read`, and BadResponse."""
        return await self._activity_pages("/account/activities/FILL", {}, since)

    async def other_activities(self, since: datetime) -> list[Any]:
        """The activities after `since` that are no executions. Raises as `read`, and BadResponse."""
        return await self._activity_pages("/account/activities", {"category": "non_trade_activity"}, since)

    async def _activity_pages(self, path: str, query: Mapping[str, Any], since: datetime) -> list[Any]:
        """Rows of the activity list, oldest first, all pages."""
        found: list[Any] = []
        page: dict[str, Any] = {**query, "after": since.isoformat(), "direction": "asc", "page_size": _PAGE}
        while True:
            answer = rows(await self.read(path, page))
            found.extend(answer)
            if len(answer) < _PAGE:
                return found
            page["page_token"] = words(mapping(answer[-1]), "id")

    def close(self) -> None:
        """Gives the connections back; safe to call twice."""
        self._sdk._session.close()  # noqa: SLF001 - the SDK offers no other way

    def _read(self, path: str, query: Mapping[str, Any] | None, version: str | None, urgent: bool) -> Any:
        import requests
        from alpaca.common.exceptions import APIError

        guard = self._guard
        if guard is not None:
            guard.admit(urgent=urgent)
        try:
            options = {} if version is None else {"api_version": version}
            answer = self._sdk.get(path, dict(query) if query else None, **options)
        except APIError as error:
            status = error.status_code or 0
            self._note(status, error)
            if status == 401:
                raise BadCredentials("BAD_KEYS", "Alpaca does not accept the keys; enter them again") from error
            if 400 <= status < 500 and status not in (408, 429):
                raise _rejected(error, status) from error
            raise NotConnected("ALPACA_UNAVAILABLE", f"Alpaca answered {status}; it will be asked again") from error
        except (requests.RequestException, ValueError) as error:
            self._note(0, None)
            raise NotConnected("ALPACA_UNAVAILABLE", f"Alpaca did not answer: {type(error).__name__}") from error
        if guard is not None:
            guard.answered()
        return answer

    def _write(self, method: str, path: str, body: dict[str, Any] | None, urgent: bool) -> Any:
        import requests
        from alpaca.common.exceptions import APIError

        guard = self._guard
        if guard is not None:
            try:
                guard.admit(urgent=urgent)
            except NotConnected as error:
                raise NotSent(error.code, f"{error.text}; nothing was sent") from error
        try:
            answer = self._sdk._request(method, path, body)  # noqa: SLF001 - what its verbs call
        except APIError as error:
            status = error.status_code or 0
            self._note(status, error)
            if status == 401:
                raise BadCredentials("BAD_KEYS", "Alpaca does not accept the keys; enter them again") from error
            if status == 429:
                raise NotSent("RATE_LIMITED", "Alpaca asks to slow down", _retry_after(error)) from error
            if 400 <= status < 500 and status != 408:
                raise _rejected(error, status) from error
            raise OutcomeUnknown("NO_CLEAR_ANSWER", f"Alpaca answered {status}: the order may be live") from error
        except requests.ConnectTimeout as error:
            self._note(0, None)
            raise NotSent("NO_CONNECTION", "no connection to Alpaca in time; nothing was sent") from error
        except (requests.RequestException, ValueError) as error:
            # A reset connection or an unreadable body: the request may have been taken.
            self._note(0, None)
            raise OutcomeUnknown(
                "NO_ANSWER", f"no answer from Alpaca ({type(error).__name__}): the order may be live"
            ) from error
        if guard is not None:
            guard.answered()
        return answer

    def _note(self, status: int, error: Any) -> None:
        """Tells the guard what a failure says of the broker: a no is an answer too."""
        if self._guard is None:
            return
        if status == 429:
            self._guard.slowed(_retry_after(error))
        elif 400 <= status < 500 and status != 408:
            self._guard.answered()
        else:
            self._guard.failed()


def _bound(client: RESTClient, timeout: float) -> None:
    """Gives every request a deadline and takes the SDK's own retries out.

    The SDK sets no timeout, and by default repeats a POST after a 504: that is how an order gets doubled.
    """
    client._retry = 0  # noqa: SLF001 - the constructor takes no zero
    session = client._session  # noqa: SLF001 - the only place where a timeout can be given
    session.request = functools.partial(session.request, timeout=(_CONNECT_TIMEOUT, timeout))  # type: ignore[method-assign]


def _rejected(error: Any, status: int) -> Rejected:
    code, text = str(status), str(error)
    try:
        code, text = str(error.code), str(error.message)
    except (ValueError, KeyError, TypeError):
        text = text[:200]  # not JSON: a proxy's page
    return Rejected(code, text, http_status=status)


def _retry_after(error: Any) -> float | None:
    response = getattr(error, "response", None)
    value = response.headers.get("Retry-After") if response is not None else None
    return float(value) if value and value.isdigit() else None
