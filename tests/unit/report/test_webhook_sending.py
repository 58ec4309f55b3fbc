"""One attempt of a webhook: only to judged addresses, under the right name; little is read and nothing followed."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from functions.core.ledger.webhooks import ClaimedDelivery
from functions.report.webhooks.addresses import Resolve, is_public
from functions.report.webhooks.sending import Outcome, send
from tests.unit.report.webhook_receiver import Receiver, plain, receiving, trusting

HOST = "hook.example"
EVENT = UUID("11111111-1111-4111-8111-111111111111")
LONG = 60.0
"""Longer than any test takes: what is not about time does not depend on it."""


def delivery(url: str) -> ClaimedDelivery:
    return ClaimedDelivery(
        delivery_id=EVENT,
        attempt=1,
        event_id=EVENT,
        url=url,
        body='{"id": "ü"}',
        timestamp="1700000000",
        signature="ab" * 32,
        failing=False,
    )


class Names:
    """A name service that gives another answer each time; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def to(url: str, names: Names | None = None, loopback: bool = True, seconds: float = LONG) -> Outcome:
    more: dict[str, Any] = {} if names is None else {"resolve": names.resolve}
    return await send(delivery(url), loopback=loopback, seconds=seconds, trust=trusting(), **more)


def here() -> Names:
    return Names(["127.0.0.1"])


# --- where to -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address that is judged
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::ffff:127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_address_when_it_is_not_one_of_the_internets_then_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_address_when_it_is_one_of_the_internets_then_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"], ["fe80::1%eth0"]],
)
async def test_send_when_any_address_of_the_host_is_not_public_then_nothing_connects(addresses: list[str]) -> None:
    async with receiving(plain()) as receiver:
        outcome = await to(f"https://{HOST}:{receiver.port}/", Names(addresses), loopback=False)
    assert outcome == Outcome(None, "ADDRESS_REFUSED: the host is not, or not only, at public addresses.")
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "localhost", "[::1]", "[::ffff:127.0.0.1]"]
)
async def test_send_when_this_machine_is_written_in_another_way_then_refused_all_the_same(host: str) -> None:
    async with receiving(plain()) as receiver:
        outcome = await to(f"https://{host}:{receiver.port}/", loopback=False)
    assert outcome.error is not None
    assert outcome.error.startswith("ADDRESS_REFUSED")
    assert receiver.connections == 0


async def test_send_when_this_machine_is_allowed_then_a_private_network_still_is_not() -> None:
    outcome = await to(f"https://{HOST}/", Names(["192.168.1.1"]), loopback=True)
    assert outcome.error is not None
    assert outcome.error.startswith("ADDRESS_REFUSED")


async def test_send_when_the_name_moves_after_it_was_judged_then_the_judged_address_is_connected_to() -> None:
    """DNS rebinding: the second answer would lead elsewhere, and nobody asks for it."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    async with receiving(plain(), tls=HOST) as receiver:
        assert (await to(f"https://{HOST}:{receiver.port}/", names)).status == 200
        assert names.asked == [HOST]
        # The next attempt is judged anew; no connection was kept that would spare it.
        again = await to(f"https://{HOST}:{receiver.port}/", names)
    assert again.error is not None
    assert again.error.startswith("ADDRESS_REFUSED")
    assert receiver.connections == 1


async def test_send_when_the_first_address_does_not_answer_then_the_next_judged_one_is_tried() -> None:
    async with receiving(plain(), tls=HOST) as receiver:
        outcome = await to(f"https://{HOST}:{receiver.port}/", Names(["127.0.0.9", "127.0.0.1"]))
    assert outcome.status == 200


async def test_send_when_a_proxy_is_in_the_environment_then_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(plain()) as proxy, receiving(plain(), tls=HOST) as receiver:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        assert (await to(f"https://{HOST}:{receiver.port}/", here())).status == 200
    assert (proxy.connections, receiver.connections) == (0, 1)


async def test_send_when_it_is_not_https_then_only_to_this_machine_where_that_is_allowed() -> None:
    async with receiving(plain()) as receiver:
        url = f"http://{HOST}:{receiver.port}/"
        assert (await to(url, here(), loopback=False)).error == "ADDRESS_REFUSED: a webhook is https."
        public = await to(url, Names(["93.184.216.34"]), loopback=True)
        assert public.error == "ADDRESS_REFUSED: the host is not, or not only, at public addresses."
        assert (await to(url, here(), loopback=True)).status == 200


async def test_send_when_the_host_has_no_address_then_it_says_so() -> None:
    outcome = await to(f"https://{HOST}/", Names([]))
    assert outcome.error == f"NOT_CONNECTED: {HOST} has no address"


# --- what is sent -------------------------------------------------------------------------------------------------


async def test_send_when_it_arrives_then_signed_with_its_name_in_tls_and_host() -> None:
    async with receiving(plain("204 No Content"), tls=HOST) as receiver:
        outcome = await to(f"https://{HOST}:{receiver.port}/a%20path?key=1", here())
    assert outcome == Outcome(204, None, "")
    head = receiver.heads[0]
    assert head.startswith("POST /a%20path?key=1 HTTP/1.1\r\n")
    for line in (
        f"Host: {HOST}:{receiver.port}",
        "Content-Type: application/json",
        f"X-AgentTrader-Event-Id: {EVENT}",
        "X-AgentTrader-Timestamp: 1700000000",
        f"X-AgentTrader-Signature: {'ab' * 32}",
    ):
        assert f"\r\n{line}\r\n" in head
    assert receiver.bodies == ['{"id": "ü"}'.encode()]
    assert receiver.names == [HOST]


async def test_send_when_the_certificate_is_of_another_name_then_nothing_is_sent() -> None:
    async with receiving(plain(), tls="other.example") as receiver:
        outcome = await to(f"https://{HOST}:{receiver.port}/", here())
    assert outcome.error is not None
    assert outcome.error.startswith("NOT_CONNECTED: ")
    assert "certificate" in outcome.error
    assert receiver.bodies == []


async def test_send_when_nobody_known_has_signed_the_certificate_then_nothing_is_sent() -> None:
    resolve: Resolve = here().resolve
    async with receiving(plain(), tls=HOST) as receiver:
        url = f"https://{HOST}:{receiver.port}/"
        outcome = await send(delivery(url), loopback=True, seconds=LONG, resolve=resolve)
    assert outcome.error is not None
    assert "certificate" in outcome.error
    assert receiver.bodies == []


# --- what comes back ----------------------------------------------------------------------------------------------


async def test_send_when_it_is_redirected_then_not_followed_and_not_arrived() -> None:
    async with receiving(plain()) as elsewhere:
        place = f"Location: http://127.0.0.1:{elsewhere.port}/"
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            async with receiving(plain(status, "", place)) as receiver:
                outcome = await to(f"http://{HOST}:{receiver.port}/", here())
            assert outcome.error is not None
            assert outcome.error.startswith("REDIRECTED: ")
            assert outcome.status == int(status[:3])
    assert elsewhere.connections == 0


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "410 Gone", "500 Internal Server Error"])
async def test_send_when_it_is_not_taken_then_status_and_the_beginning_of_the_answer(status: str) -> None:
    async with receiving(plain(status, "because\x00 of\n" + "x" * 1000)) as receiver:
        outcome = await to(f"http://{HOST}:{receiver.port}/", here())
    assert outcome.status == int(status[:3])
    assert outcome.response == "because  of " + "x" * 188


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"y" * 1024 + b"\r\n")
        await writer.drain()


async def test_send_when_the_answer_never_ends_then_only_its_beginning_is_read() -> None:
    async with receiving(_endless) as receiver:
        outcome = await to(f"http://{HOST}:{receiver.port}/", here())
    assert outcome == Outcome(200, None, "y" * 200)


async def _silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _drop_by_drop(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Header: ")
    while True:
        writer.write(b"z")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [_silent, _drop_by_drop])
async def test_send_when_the_answer_does_not_come_in_time_then_given_up(answer: Any) -> None:
    """Each drop comes quickly: the time is for all of it, not for a step."""
    async with receiving(answer) as receiver:
        outcome = await to(f"http://{HOST}:{receiver.port}/", here(), seconds=0.2)
    assert outcome == Outcome(None, "TOO_SLOW: there was no whole answer within 0.2 seconds.")


async def _nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"nonsense\r\n\r\n")
    await writer.drain()


async def _nothing(writer: asyncio.StreamWriter) -> None:
    del writer


@pytest.mark.parametrize("answer", [_nonsense, _nothing])
async def test_send_when_the_answer_is_none_then_it_says_so(answer: Any) -> None:
    async with receiving(answer) as receiver:
        outcome = await to(f"http://{HOST}:{receiver.port}/", here())
    assert outcome.status is None
    assert outcome.error is not None
    assert outcome.error.startswith("NO_ANSWER: ")


async def test_send_when_nobody_listens_then_it_says_so() -> None:
    async with receiving(plain()) as receiver:
        closed: Receiver = receiver
    outcome = await to(f"http://{HOST}:{closed.port}/", here())
    assert outcome.error is not None
    assert outcome.error.startswith("NOT_CONNECTED: ")
