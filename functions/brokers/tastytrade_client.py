"""The tastytrade SDK's session as a transport: bounded in time, its errors told apart by HTTP status.

The SDK signs in, keeps its access token fresh and adds the headers; its errors do not carry the status, so the requests
go through its client and the answers are read here. The text that the SDK offers for keeping a session elsewhere holds
the refresh token in clear and belongs into no store of ours; `access_tokens` keeps the access token alone, sealed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from functions.brokers import reading
from functions.brokers.credentials import TastytradeLogin
from functions.brokers.errors import BadCredentials, BadResponse, NotConnected, NotSent, OutcomeUnknown, Rejected
from functions.core.errors import AgentTraderError, Misconfigured
from functions.core.settings import Settings

if TYPE_CHECKING:
    from httpx2 import Response
    from tastytrade import Session

    from functions.brokers.access_tokens import AccessTokens
    from functions.brokers.guard import Guard

LIVE_HOSTS: Final = frozenset({"api.tastyworks.com", "streamer.tastyworks.com"})
PAPER_HOSTS: Final = frozenset({"api.cert.tastyworks.com", "streamer.cert.tastyworks.com"})
LIVE_STREAMER: Final = "wss://streamer.tastyworks.com"
PAPER_STREAMER: Final = "wss://streamer.cert.tastyworks.com"

_CONNECT_TIMEOUT = 5.0
_PAGE = 200
_MOST_PAGES = 1000
_TOKEN_LEFT = 60.0
# What stands for a status where there was none.
_NO_ANSWER = 503
_REFUSED = BadCredentials("BAD_KEYS", "tastytrade does not accept the login; enter it again")


class Answer(NamedTuple):
    """What tastytrade answered: the `data` of its envelope, and its own time where it said one (to the second, UTC)."""

    data: Mapping[str, Any]
    told_at: datetime | None
    pages: int = 1


class TastytradeClient:
    """One login. Belongs to the event loop that first uses it.

    `guard` keeps the calls within a rate, and off a broker that is down; None for neither. Urgent calls are not held
    back. `tokens` is where access tokens of the login are shared; None for nowhere.
    """

    def __init__(
        self,
        login: TastytradeLogin,
        configuration: Settings,
        *,
        is_paper: bool,
        guard: Guard | None = None,
        tokens: AccessTokens | None = None,
    ) -> None:
        """Raises Misconfigured WRONG_ENDPOINT: a paper account never speaks to the live address, nor the reverse."""
        from httpx2 import Timeout
        from tastytrade import Session

        _require_endpoint(configuration, is_paper=is_paper)
        self.streamer_url = configuration.tastytrade_streamer_url or (PAPER_STREAMER if is_paper else LIVE_STREAMER)
        self._longest = configuration.broker_timeout
        self._session: Session = Session(
            login.client_secret.get_secret_value(),
            login.refresh_token.get_secret_value(),
            is_test=is_paper,
            timeout=Timeout(self._longest, connect=min(_CONNECT_TIMEOUT, self._longest)),
            event_hooks={"response": [self._notice]},
        )
        if configuration.tastytrade_url is not None:
            # The SDK's own way is a module's global, which every account of the process would share.
            self._session._client.base_url = configuration.tastytrade_url  # noqa: SLF001 - it takes no address
        self._guard, self._tokens = guard, tokens
        self._token_status = 0
        self._refused = False

    async def read(self, path: str, query: Mapping[str, Any] | None = None, *, urgent: bool = False) -> Answer:
        """A GET. Raises NotConnected, BadCredentials, and Rejected for a definite no."""
        return await self._read("GET", path, query, None, urgent=urgent)

    async def ask(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A POST that changes nothing (a dry run). Raises as `read`."""
        return await self._read("POST", path, None, body, urgent=False)

    async def read_pages(self, path: str, query: Mapping[str, Any], *, urgent: bool = False) -> list[Any]:
        """The items of all pages, in the order of the pages. Raises as `read`: never a part of the pages."""
        found: list[Any] = []
        for page in range(_MOST_PAGES):
            answer = await self.read(path, {"per-page": _PAGE, **query, "page-offset": page}, urgent=urgent)
            found.extend(items(answer))
            if page + 1 >= answer.pages:
                return found
        raise NotConnected("TOO_MANY_PAGES", f"tastytrade's list {path} has no end; it will be asked again")

    async def write(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, urgent: bool = False
    ) -> Answer:
        """A call that may place or change an order, sent once.

        Raises Rejected, NotSent, OutcomeUnknown, BadCredentials.
        """
        try:
            async with self._admitted(urgent=urgent):
                return await self._write(method, path, body)
        except NotConnected as error:
            raise NotSent(error.code, f"{error.text}; nothing was sent") from error

    async def _write(self, method: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        """Raises NotConnected where it did not come to the sending."""
        from httpx2 import ConnectError, ConnectTimeout, PoolTimeout

        await self._sign_in()
        try:
            response = await self._send(method, path, None, body)
        except (ConnectError, ConnectTimeout, PoolTimeout) as error:
            raise NotSent("NO_CONNECTION", "no connection to tastytrade; nothing was sent") from error
        except Exception as error:
            # Whatever went wrong: the request had left, and may have been taken.
            raise OutcomeUnknown(
                "NO_ANSWER", f"no answer from tastytrade ({type(error).__name__}): the order may be live"
            ) from error
        status = response.status_code
        if status == 401:
            await self._sign_in_again(NotSent)
            raise NotSent("TOKEN_EXPIRED", "tastytrade's token had run out; nothing was accepted")
        if status == 429:
            raise NotSent("RATE_LIMITED", "tastytrade asks to slow down", _retry_after(response))
        if 400 <= status < 500 and status != 408:
            raise rejection(response)
        try:
            if 200 <= status < 300:
                return _answer(response)
        except BadResponse as error:
            raise OutcomeUnknown(
                "UNREADABLE_ANSWER", f"tastytrade's answer cannot be read, the order may be live: {error.text}"
            ) from error
        raise OutcomeUnknown("NO_CLEAR_ANSWER", f"tastytrade answered {status}: the order may be live")

    async def token(self, *, fresh: bool = False) -> str:
        """The access token of the streams; `fresh` takes a new one. Raises NotConnected, BadCredentials."""
        await self._sign_in(force=fresh)
        return self._session.session_token

    async def aclose(self) -> None:
        await self._session._client.aclose()  # noqa: SLF001 - its context manager does no more

    async def _read(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, *, urgent: bool
    ) -> Answer:
        async with self._admitted(urgent=urgent):
            return await self._read_admitted(method, path, query, body)

    async def _read_admitted(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> Answer:
        from httpx2 import HTTPError

        try:
            await self._sign_in()
            response = await self._send(method, path, query, body)
            if response.status_code == 401:
                await self._sign_in_again(NotConnected)
                response = await self._send(method, path, query, body)
        except (HTTPError, TimeoutError) as error:
            raise NotConnected(
                "TASTYTRADE_UNAVAILABLE", f"tastytrade did not answer: {type(error).__name__}"
            ) from error
        status = response.status_code
        if status == 401:
            raise _REFUSED
        if 400 <= status < 500 and status not in (408, 429):
            raise rejection(response)
        try:
            if 200 <= status < 300:
                return _answer(response)
        except BadResponse as error:
            raise NotConnected("TASTYTRADE_UNAVAILABLE", f"tastytrade's answer cannot be read: {error.text}") from error
        raise NotConnected("TASTYTRADE_UNAVAILABLE", f"tastytrade answered {status}; it will be asked again")

    async def _send(self, method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> Response:
        try:
            # The client's own timeouts are per read: a server that trickles would never run into them.
            async with asyncio.timeout(self._longest + _CONNECT_TIMEOUT):
                response = await self._session._client.request(  # noqa: SLF001 - its calls hide the status
                    method, path, params=query, json=body
                )
        except Exception:
            if self._guard is not None:
                await asyncio.to_thread(self._guard.failed)
            raise
        if self._guard is not None:
            await self._told(self._guard, response)
        return response

    @contextlib.asynccontextmanager
    async def _admitted(self, *, urgent: bool) -> AsyncIterator[None]:
        """Around one call. A call that ended before anything was heard of the broker may have been the breaker's probe:
        the next one may then be it."""
        guard = self._guard
        if guard is None:
            yield
            return
        await asyncio.to_thread(guard.admit, urgent=urgent)
        try:
            yield
        except BaseException:
            if not urgent:
                guard.withdrawn()
            raise

    async def _told(self, guard: Guard, response: Response) -> None:
        """What an answer says of the broker: a no is an answer too."""
        await self._told_status(guard, response.status_code, _retry_after(response))

    async def _told_status(self, guard: Guard, status: int, retry_after: float | None = None) -> None:
        if status == 429:
            await asyncio.to_thread(guard.slowed, retry_after)
        elif status >= 500 or status == 408:
            await asyncio.to_thread(guard.failed)
        else:
            guard.answered()

    async def _sign_in(self, *, force: bool = False) -> None:
        """A token that is valid for another minute. Raises NotConnected, BadCredentials."""
        from httpx2 import HTTPError
        from tastytrade.utils import TastytradeError

        from functions.brokers.access_tokens import AccessToken

        if self._refused:
            # Failed logins lock the address out for hours: a login that was refused is not tried again.
            raise _REFUSED
        if not force and await self._take_shared_token():
            return
        before = self._session.session_token
        self._token_status = 0
        try:
            async with asyncio.timeout(self._longest + _CONNECT_TIMEOUT):
                await self._session.refresh(force)
        except (TastytradeError, HTTPError, TimeoutError, ValueError, KeyError, TypeError, AttributeError) as error:
            # The SDK fails in its own ways on an error whose form it does not know: the status says what it was.
            raise await self._not_signed_in(error) from error
        if self._tokens is not None and self._session.session_token != before:
            fresh = AccessToken(self._session.session_token, self._session.session_expiration)
            await asyncio.to_thread(self._tokens.put, fresh)

    async def _not_signed_in(self, error: Exception) -> NotConnected | BadCredentials:
        status = self._token_status
        if self._guard is not None:
            await self._told_status(self._guard, status or _NO_ANSWER)
        if status in (400, 401, 403):
            self._refused = True
            return _REFUSED
        said = f"answered {status}" if status else f"did not answer: {type(error).__name__}"
        return NotConnected("TASTYTRADE_UNAVAILABLE", f"tastytrade's sign-in {said}; it will be asked again")

    async def _take_shared_token(self) -> bool:
        """Whether the token at hand is good for another minute, or another process of this login had one that is."""
        session = self._session
        if time.time() < session.session_expiration - _TOKEN_LEFT:
            return True
        found = None if self._tokens is None else await asyncio.to_thread(self._tokens.get)
        if found is None:
            return False
        # What the SDK's own refresh does with the token that it gets.
        session.session_token, session.session_expiration = found.text, found.expires_at
        session._client.headers.update({"Authorization": f"Bearer {found.text}"})  # noqa: SLF001 - it offers no setter
        return True

    async def _sign_in_again(self, failure: type[NotSent] | type[NotConnected]) -> None:
        try:
            await self._sign_in(force=True)
        except NotConnected as error:
            raise failure(error.code, error.text) from error

    async def _notice(self, response: Response) -> None:
        if response.request.url.path.endswith("/oauth/token"):
            self._token_status = response.status_code


def items(answer: Answer) -> list[Any]:
    """The rows of a list. Raises NotConnected: an answer without them says nothing about what there is."""
    try:
        return reading.rows(answer.data.get("items"))
    except BadResponse as error:
        raise NotConnected("TASTYTRADE_UNAVAILABLE", f"tastytrade's list cannot be read: {error.text}") from error


def rejection(response: Response) -> Rejected:
    """tastytrade's no, in its own words: the first of several reasons gives the code, all of them the text."""
    status = response.status_code
    try:
        error = reading.mapping(reading.mapping(response.json()).get("error"))
        several = error.get("errors")
        reasons = [reading.mapping(row) for row in several] if isinstance(several, list) and several else [error]
        code = str(reasons[0].get("code") or reasons[0].get("domain") or status)
        said = "; ".join(str(row.get("message") or row.get("reason") or row.get("code")) for row in reasons)
    except (ValueError, BadResponse):
        return Rejected(str(status), response.text[:200], http_status=status)  # not JSON: a proxy's page
    return Rejected(code, said[:500], http_status=status)


def is_missing(error: AgentTraderError) -> bool:
    """Whether a read was refused because there is no such thing."""
    return error.numbers.get("http_status") == 404


def _answer(response: Response) -> Answer:
    if response.status_code == 204 or not response.content:
        return Answer({}, _told_at(response))
    try:
        body = response.json()
    except ValueError as error:
        raise BadResponse(f"expected JSON, was {response.text[:100]!r}", response.text) from error
    envelope = reading.mapping(body)
    pagination = envelope.get("pagination")
    pages = pagination.get("total-pages", 1) if isinstance(pagination, Mapping) else 1
    if not isinstance(pages, int):
        raise BadResponse(f"expected a number of pages, was {pages!r}", pagination)
    return Answer(reading.mapping(envelope.get("data")), _told_at(response), pages)


def _told_at(response: Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None


def _retry_after(response: Response) -> float | None:
    value = response.headers.get("Retry-After")
    return float(value) if value and value.isdigit() else None


def _require_endpoint(configuration: Settings, *, is_paper: bool) -> None:
    forbidden = LIVE_HOSTS if is_paper else PAPER_HOSTS
    for url in (configuration.tastytrade_url, configuration.tastytrade_streamer_url):
        host = (urlsplit(url).hostname or "").rstrip(".") if url is not None else ""
        if host in forbidden:
            kind = "paper" if is_paper else "live"
            raise Misconfigured("WRONG_ENDPOINT", f"a {kind} account must not reach {host}; see the settings")
