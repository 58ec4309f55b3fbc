"""One small Supabase for all contract tests of this folder."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.supervisor import tools
from tests.contract.supabase.small_cloud import PROJECT, WAIT_SECONDS, Cloud, fresh_cloud, sign

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """Postgres with bootstrap, auth's tables and the tests' schema; the gateway; the edge runtime. No realtime."""
    with fresh_cloud() as (made, _):
        subprocess.run([*made.gateway_command(made.port), "--prepare"], check=True, timeout=WAIT_SECONDS)
        with psycopg.connect(made.dsn, autocommit=True) as connection:
            connection.execute((HERE / "schema.sql").read_bytes())
        with made.gateway(), made.edge(made.edge_port, PROJECT / "supabase" / "functions"):
            yield made


@pytest.fixture(scope="session")
def supabase_js(cloud: Cloud) -> dict[str, Any]:
    """What supabase-js saw: the printed object of supabase_js.mjs."""
    node = tools.node()
    assert node is not None
    arguments = [cloud.url, cloud.anon_key, cloud.service_key, sign({"role": "fn_risk"})]
    done = subprocess.run(
        [node, str(HERE / "supabase_js.mjs"), *arguments],
        env=os.environ | {"LOCAL_PACKAGES": str(PROJECT / "local" / "package.json")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
