"""The raw floor of what comes live: a bare subscription of supabase-js to the same topic, in Node."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from functions.core.errors import Unavailable
from local.stack import PROJECT, Stack
from local.supervisor import tools

Seen = tuple[float, str, int]
"""When (wall clock in milliseconds), which symbol, how many are held since."""


@contextmanager
def bare_subscription(stack: Stack, user: UUID) -> Iterator[Callable[[], list[Seen]]]:
    """Hears from now on; the call ends it and answers what it has heard. Raises Unavailable."""
    node = tools.node()
    if node is None:
        raise Unavailable("NO_NODE", "the bare subscription needs Node; run `make setup`")
    token = stack.token("authenticated", sub=str(user), aud="authenticated", aal="aal1", exp=int(time.time()) + 3600)
    settings = {"url": stack.url("gateway"), "key": stack.publishable_key, "token": token, "user": str(user)}
    with subprocess.Popen(
        [node, str(Path(__file__).with_name("floor.mjs"))],
        env=os.environ | {"DASHBOARD_PACKAGES": str(PROJECT / "dashboard" / "package.json")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def answer(line: str) -> str:
            if process.stdin is None or process.stdout is None:
                raise RuntimeError("the bare subscription was started without pipes")
            print(line, file=process.stdin, flush=True)
            return process.stdout.readline()

        try:
            if answer(json.dumps(settings)) != "joined\n":
                raise Unavailable("NOT_JOINED", "the bare subscription could not join its topic")
            yield lambda: [(at, symbol, quantity) for at, symbol, quantity in json.loads(answer(""))]
        finally:
            process.kill()
