"""A small Supabase for the contract tests: Postgres, gateway and edge runtime, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt

from local.postgres import PostgresServer
from local.supervisor import tools
from tests.machine import free_port
from tests.throw_away_postgres import BOOTSTRAPPED, ThrowAwayPostgres, throw_away_postgres

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "a-secret-of-the-contract-tests-with-more-than-32-bytes"
WAIT_SECONDS = 30.0


def wait_until_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the process of {url} ended with code {process.returncode}")
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass  # Not listening yet.
        time.sleep(0.02)
    raise AssertionError(f"{url} did not answer within {WAIT_SECONDS} s")


def sign(claims: dict[str, Any]) -> str:
    """A token of this Supabase; valid for an hour unless the claims say otherwise."""
    now = int(time.time())
    return jwt.encode({"iat": now, "exp": now + 3600} | claims, SECRET, algorithm="HS256")


@dataclass
class Cloud:
    """Where everything is. `postgres` and `gateway` may be ended and started again by a test."""

    server: PostgresServer
    port: int
    edge_port: int
    realtime_port: int
    state: Path
    anon_key: str = field(default_factory=lambda: sign({"role": "anon", "iss": "supabase"}))
    service_key: str = field(default_factory=lambda: sign({"role": "service_role", "iss": "supabase"}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        return self.server.dsn()

    def headers(self, token: str | None = None) -> dict[str, str]:
        return {"apikey": self.anon_key} | ({"Authorization": f"Bearer {token}"} if token else {})

    def rpc(self, name: str, arguments: dict[str, Any] | None = None, token: str | None = None) -> httpx.Response:
        return httpx.post(
            f"{self.url}/rest/v1/rpc/{name}", json=arguments or {}, headers=self.headers(token), timeout=20
        )

    @contextmanager
    def gateway(self, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """A gateway process on the port, ended at the end."""
        port = port or self.port
        process = subprocess.Popen(self.gateway_command(port), env=self._environment())
        try:
            wait_until_answers(f"http://127.0.0.1:{port}/health", process)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=10)

    def gateway_command(self, port: int) -> list[str]:
        node = tools.node()
        assert node is not None
        command = [node, str(PROJECT / "local" / "gateway" / "main.ts"), "--port", str(port)]
        command += ["--database-url", self.dsn, "--storage-folder", str(self.state / "storage"), "--pool", "4"]
        command += ["--realtime", f"http://127.0.0.1:{self.realtime_port}"]
        return [*command, "--edge", f"http://127.0.0.1:{self.edge_port}"]

    @contextmanager
    def edge(self, port: int, functions: Path) -> Iterator[subprocess.Popen[bytes]]:
        """An edge runtime process that serves a folder of functions, ended at the end."""
        process = subprocess.Popen(self.edge_command(port, functions), env=self._environment())
        try:
            wait_until_answers(f"http://127.0.0.1:{port}/health", process)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=10)

    @staticmethod
    def edge_command(port: int, functions: Path) -> list[str]:
        deno = tools.deno()
        assert deno is not None
        command = [deno, "run", "--no-prompt", "--cached-only", "--frozen", "--allow-net=127.0.0.1", "--allow-env"]
        command += ["--allow-read", "--config", str(PROJECT / "supabase/functions/deno.json")]
        return [*command, str(PROJECT / "local/edge/main.ts"), "--port", str(port), "--functions", str(functions)]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTTRADER_")}
        own = {
            "AGENTTRADER_JWT_SECRET": SECRET,
            "SUPABASE_URL": self.url,
            "SUPABASE_ANON_KEY": self.anon_key,
            "DENO_DIR": str(PROJECT / ".tools/deno"),
            "DENO_NO_UPDATE_CHECK": "1",
        }
        return kept | own


@contextmanager
def fresh_cloud() -> Iterator[tuple[Cloud, ThrowAwayPostgres]]:
    """A new Postgres with the bootstrap, and where its gateway is to be; ended and removed at the end."""
    with throw_away_postgres(BOOTSTRAPPED) as running:
        yield Cloud(running.server, free_port(), free_port(), free_port(), running.folder), running
