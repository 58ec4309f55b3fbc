"""Where a webhook may be sent: to public addresses, and to the very one that was looked at.

A trader names the host, so the host is not to be trusted: it may name a machine of ours, or another one each time that
it is asked for. It is resolved once, every address is judged, and the connection goes to a judged address, not to the
name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import httpcore

from functions.core.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Where the internet is; what is translated into IPv4 stands for another address and is judged as none.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_TRANSLATED = (ipaddress.ip_network("2002::/16"), ipaddress.ip_network("192.88.99.0/24"))
# A cloud's own services at an address that looks public.
_PLATFORM = (ipaddress.ip_address("168.63.129.16"),)
# A name that answers late keeps its thread, and none of those that call the ledger.
_RESOLVING = 32


class AddressRefused(Refused):
    """The host is at an address to which nothing is sent."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet's: neither private, local, shared, reserved nor for many."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    translated = any(address in network for network in _TRANSLATED if network.version == address.version)
    return address.is_global and not address.is_multicast and not translated and address not in _PLATFORM


async def addresses_of(host: str, port: int) -> Sequence[str]:
    """Every address of a host, as the system resolves it. Raises OSError where there is none."""
    found = await asyncio.get_running_loop().run_in_executor(_resolvers(), _resolved, host, port)
    return list(dict.fromkeys(found))


def _resolved(host: str, port: int) -> list[str]:
    return [str(place[0]) for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@cache
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_RESOLVING, thread_name_prefix="resolving")


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to judged addresses only. TLS is done for the name by who asked for the connection."""

    def __init__(self, loopback: bool, encrypted: bool, resolve: Resolve) -> None:
        """`loopback`: this machine itself may be reached as well; without TLS nothing else is."""
        self._loopback = loopback
        self._encrypted = encrypted
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's own shape
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises AddressRefused where one of the host's addresses is not for us; one would be enough to reach it."""
        found = [ipaddress.ip_address(each.partition("%")[0]) for each in await self._resolve(host, port)]
        if not found:
            raise OSError(f"{host} has no address")
        if not all(self._may_be_reached(address) for address in found):
            # Which one is not said: a trader learns nothing of the network that this runs in.
            raise AddressRefused("ADDRESS_REFUSED", "the host is not, or not only, at public addresses")
        failed: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in found:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None  # noqa: S101 - there was an address
        raise failed

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the port's own shape
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket file is of this machine."""
        raise AddressRefused("ADDRESS_REFUSED", "a webhook is no socket of this machine")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _may_be_reached(self, address: Address) -> bool:
        return (self._encrypted and is_public(address)) or (self._loopback and address.is_loopback)
