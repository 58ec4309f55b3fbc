"""One attempt: the signed body to the address, and what came back. Nothing is followed, and little is read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httpcore

from functions.core.ledger.webhooks import ClaimedDelivery
from functions.report.webhooks.addresses import AddressRefused, CheckedNetwork, Resolve, addresses_of

KEPT_CHARACTERS = 200
# UTF-8 has at most four bytes for a character.
_READ_BYTES = 4 * KEPT_CHARACTERS
_OK = range(200, 300)
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt went. `error` is CODE: sentence, None where it arrived; `status` is None without an answer."""

    status: int | None
    error: str | None
    response: str | None = None


async def send(
    delivery: ClaimedDelivery,
    *,
    loopback: bool,
    seconds: float,
    resolve: Resolve = addresses_of,
    trust: ssl.SSLContext | None = None,
) -> Outcome:
    """Sends a delivery once, within `seconds` for all of it. Every failure is an outcome.

    No proxy of the environment is used, no connection kept and no redirect followed: each of them would lead elsewhere
    than to the address that was judged.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _send(delivery, loopback, resolve, trust or _public_authorities())
    except TimeoutError:
        return Outcome(None, f"TOO_SLOW: there was no whole answer within {seconds:g} seconds.")
    except AddressRefused as error:
        return Outcome(None, f"{error.code}: {error.text}.")
    except (httpcore.ConnectError, httpcore.ConnectTimeout, OSError, UnicodeError) as error:
        return Outcome(None, f"NOT_CONNECTED: {_said(error)}")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
        return Outcome(None, f"NO_ANSWER: {_said(error)}")


async def _send(delivery: ClaimedDelivery, loopback: bool, resolve: Resolve, trust: ssl.SSLContext) -> Outcome:
    parts = urlsplit(delivery.url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise AddressRefused("ADDRESS_REFUSED", "a webhook is https")
    network = CheckedNetwork(loopback, parts.scheme == "https", resolve)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    url = httpcore.URL(scheme=parts.scheme, host=host, port=parts.port, target=target)
    async with (
        httpcore.AsyncConnectionPool(ssl_context=trust, max_keepalive_connections=0, network_backend=network) as pool,
        pool.stream(
            "POST",
            url,
            headers=_headers(delivery, parts.netloc),
            content=delivery.body.encode(),
            # The certificate is the name's, whatever address it is at.
            extensions={"sni_hostname": host.rstrip(".")},
        ) as answer,
    ):
        response = await _beginning(answer)
        return Outcome(answer.status, _refusal(answer.status), response)


def _headers(delivery: ClaimedDelivery, host: str) -> Mapping[bytes | str, bytes | str]:
    return {
        "Host": host,
        "Content-Type": "application/json",
        "User-Agent": "AgentTrader-Webhooks/1",
        "X-AgentTrader-Event-Id": str(delivery.event_id),
        "X-AgentTrader-Timestamp": delivery.timestamp,
        "X-AgentTrader-Signature": delivery.signature,
    }


async def _beginning(answer: httpcore.Response) -> str:
    read = b""
    async for part in answer.aiter_stream():
        read += part
        if len(read) >= _READ_BYTES:
            break
    # What Postgres cannot keep as text, or would not be text on a page.
    shown = "".join(each if each.isprintable() else " " for each in read[:_READ_BYTES].decode(errors="replace"))
    return shown[:KEPT_CHARACTERS]


def _refusal(status: int) -> str | None:
    if status in _OK:
        return None
    if status in _REDIRECTS:
        return f"REDIRECTED: the answer was {status}, and redirects are not followed; enter the address itself."
    return f"NOT_TAKEN: the answer was {status}; one of the 200s says that the event has arrived."


def _said(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]


@cache
def _public_authorities() -> ssl.SSLContext:
    return httpcore.default_ssl_context()
