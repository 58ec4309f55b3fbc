"""The edge runtime: functions behind one port, each in a worker of its own, and the first function, `health`."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx

from tests.contract.supabase.small_cloud import WAIT_SECONDS, Cloud, sign
from tests.machine import free_port


def test_edge_when_a_function_breaks_and_is_mended_then_the_mended_one_answers(cloud: Cloud, tmp_path: Path) -> None:
    function = tmp_path / "shaky" / "index.ts"
    function.parent.mkdir()
    port = free_port()
    with cloud.edge(port, tmp_path):
        address = f"http://127.0.0.1:{port}/functions/v1/shaky/deeper?a=1"
        assert httpx.get(address).status_code == 404
        function.write_text("throw new Error('broken at its top level');")
        broken = _get_until(address, 500)
        assert (broken.json()["code"], "broken at its top level" in broken.json()["message"]) == ("BOOT_ERROR", True)
        answer = "Response.json([new URL(r.url).pathname, Deno.env.get('SUPABASE_URL')])"
        function.write_text(f"Deno.serve((r) => {answer});")
        assert _get_until(address, 200).json() == ["/shaky/deeper", cloud.url]
        # A fault outside a request ends the function's worker; the runtime and the next request go on.
        fault = "queueMicrotask(() => { throw new Error('late'); });"
        function.write_text(f"Deno.serve(() => {{ {fault} return new Promise(() => {{}}); }});")
        assert _get_until(address, 502).json()["code"] == "WORKER_ERROR"
        function.write_text("Deno.serve(() => new Response('well again'));")
        assert _get_until(address, 200).text == "well again"


def test_edge_when_its_port_is_taken_then_it_says_so_and_exits_3(cloud: Cloud, tmp_path: Path) -> None:
    done = subprocess.run(
        cloud.edge_command(cloud.edge_port, tmp_path), capture_output=True, text=True, timeout=WAIT_SECONDS, check=False
    )
    assert done.returncode == 3
    assert f"port {cloud.edge_port}, which the edge runtime needs, is taken" in done.stderr


def test_edge_health_when_the_token_is_missing_or_forged_then_the_caller_is_not_signed_in(cloud: Cloud) -> None:
    for token in (None, "a.b.c", sign({"role": "authenticated", "exp": 1})):
        answer = httpx.get(f"{cloud.url}/functions/v1/health", headers=cloud.headers(token))
        assert (answer.status_code, answer.json()["code"]) == (401, "NOT_SIGNED_IN")


def _get_until(address: str, status: int) -> httpx.Response:
    """The first answer of that status: a changed file reaches the runtime by a notice of the file system."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        answer = httpx.get(address, timeout=WAIT_SECONDS)
        if answer.status_code == status:
            return answer
        assert time.monotonic() < deadline, f"{answer.status_code}: {answer.text}"
        time.sleep(0.02)
