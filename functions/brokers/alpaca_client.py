"""The Alpaca SDK as a transport: bounded in time, without its blind retries, its errors told apart by meaning."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from functions.brokers.errors import BadCredentials, NotConnected, NotSent, OutcomeUnknown, Rejected

if TYPE_CHECKING:
    from alpaca.common.rest import RESTClient

Answer = TypeVar("Answer")
_CONNECT_TIMEOUT = 5.0


def bound(client: RESTClient, timeout: float) -> None:
    """Gives every request a deadline and takes the SDK's own retries out.

    The SDK sets no timeout, and by default repeats a POST after a 504: that is how an order gets doubled.
    """
    client._retry = 0  # noqa: SLF001 - the constructor takes no zero
    session = client._session  # noqa: SLF001 - the only place where a timeout can be given
    session.request = functools.partial(session.request, timeout=(_CONNECT_TIMEOUT, timeout))  # type: ignore[method-assign]


async def read(call: Callable[[], Answer]) -> Answer:
    """A call that changes nothing. Raises NotConnected, BadCredentials, and Rejected for a definite no."""
    return await asyncio.to_thread(_read, call)


async def write(call: Callable[[], Answer]) -> Answer:
    """A call that may place or change an order. Raises Rejected, NotSent, OutcomeUnknown, BadCredentials."""
    return await asyncio.to_thread(_write, call)


def _read(call: Callable[[], Answer]) -> Answer:
    import requests
    from alpaca.common.exceptions import APIError

    try:
        return call()
    except APIError as error:
        status = error.status_code or 0
        if status == 401:
            raise BadCredentials("BAD_KEYS", "Alpaca does not accept the keys; enter them again") from error
        if 400 <= status < 500 and status not in (408, 429):
            raise _rejected(error, status) from error
        raise NotConnected("ALPACA_UNAVAILABLE", f"Alpaca answered {status}; it will be asked again") from error
    except (requests.RequestException, ValueError) as error:
        raise NotConnected("ALPACA_UNAVAILABLE", f"Alpaca did not answer: {type(error).__name__}") from error


def _write(call: Callable[[], Answer]) -> Answer:
    import requests
    from alpaca.common.exceptions import APIError

    try:
        return call()
    except APIError as error:
        status = error.status_code or 0
        if status == 401:
            raise BadCredentials("BAD_KEYS", "Alpaca does not accept the keys; enter them again") from error
        if status == 429:
            raise NotSent("RATE_LIMITED", "Alpaca asks to slow down", _retry_after(error)) from error
        if 400 <= status < 500 and status != 408:
            raise _rejected(error, status) from error
        raise OutcomeUnknown("NO_CLEAR_ANSWER", f"Alpaca answered {status}: the order may be live") from error
    except requests.ConnectTimeout as error:
        raise NotSent("NO_CONNECTION", "no connection to Alpaca in time; nothing was sent") from error
    except (requests.RequestException, ValueError) as error:
        # A reset connection or an unreadable body: the request may have been taken.
        raise OutcomeUnknown(
            "NO_ANSWER", f"no answer from Alpaca ({type(error).__name__}): the order may be live"
        ) from error


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
