"""The processes of the local cloud: their commands, what they wait for, and when they count as ready."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psycopg

from functions.core.wiring import wiring
from local.stack import HOST, PROJECT, Stack
from local.supervisor import tools
from local.supervisor.broker_keys import accounts_file, tastytrade_accounts_file
from local.supervisor.environment import (
    Setup,
    edge_environment,
    function_environment,
    part_environment,
    simulators,
    worker_environment,
)
from local.supervisor.part import Node, Part
from local.supervisor.preparation import preparation

_CONNECT_SECONDS = 2


def catalogue(stack: Stack, setup: Setup) -> list[Node]:
    """Every step and part of the local cloud, with what each waits for."""
    platform = part_environment(stack)
    function = function_environment(stack, setup)
    return [*preparation(stack, setup), *_platform(stack, setup, platform), *_functions(stack, setup, function)]


def _platform(stack: Stack, setup: Setup, environment: dict[str, str]) -> list[Node]:
    port = stack.port
    node = tools.node() or "node"
    deno = tools.deno() or "deno"
    source = PROJECT / "local"
    return [
        Part(
            "postgres",
            _python(
                "local.postgres",
                "--data",
                str(stack.postgres_data),
                "--port",
                str(port("postgres")),
                *(["--throw-away"] if setup.throw_away else []),
            ),
            environment,
            port("postgres"),
            health=_accepts_queries(stack),
            missing=tools.missing("postgres"),
        ),
        Part(
            "gateway",
            (
                node,
                str(source / "gateway" / "main.ts"),
                "--port",
                str(port("gateway")),
                "--realtime",
                stack.url("realtime"),
                "--edge",
                stack.url("edge"),
            ),
            environment,
            port("gateway"),
            health="/health",
            after=("migrations",),
            missing=tools.missing("node"),
        ),
        Part(
            "realtime",
            (node, str(source / "realtime" / "main.ts"), "--port", str(port("realtime"))),
            environment,
            port("realtime"),
            health="/health",
            after=("migrations",),
            missing=tools.missing("node"),
        ),
        Part(
            "edge",
            (
                deno,
                "run",
                "--no-prompt",
                # Fetched by `make setup`; a cloud starts without a network.
                "--cached-only",
                "--frozen",
                "--config",
                str(PROJECT / "supabase" / "functions" / "deno.json"),
                "--allow-net",
                "--allow-env",
                "--allow-read",
                str(source / "edge" / "main.ts"),
                "--port",
                str(port("edge")),
                "--functions",
                str(PROJECT / "supabase" / "functions"),
            ),
            edge_environment(stack, setup),
            port("edge"),
            health="/",
            missing=tools.missing("deno"),
        ),
        Part(
            "dashboard",
            (
                node,
                str(source / "dashboard" / "main.ts"),
                "--port",
                str(port("dashboard")),
                "--files",
                str(PROJECT / "dashboard" / "dist"),
                "--supabase",
                stack.url("gateway"),
            ),
            environment | {"SUPABASE_ANON_KEY": stack.publishable_key},
            port("dashboard"),
            health="/health",
            missing=tools.missing("node"),
        ),
        Part(
            "webhooks",
            _python("local.webhooks", "--port", str(port("webhooks"))),
            environment,
            port("webhooks"),
            health="/health",
            after=("migrations",),
        ),
        Part(
            "bus",
            _python("local.bus", "--port", str(port("bus")), "--functions-url", stack.url("functions")),
            environment | {"AGENTTRADER_BUS_DATABASE_URL": stack.dispatcher_url},
            port("bus"),
            health="/health",
            after=("bus-schema",),
        ),
        Part(
            "hotstore",
            _python("local.hotstore", "--port", str(port("hotstore"))),
            environment,
            port("hotstore"),
            health="/health",
        ),
        Part(
            "archive",
            _python("local.archive", "--port", str(port("archive")), "--data", str(stack.archive_data)),
            environment,
            port("archive"),
            health="/",
        ),
        Part(
            "scheduler",
            _python(
                "local.scheduler",
                "--port",
                str(port("scheduler")),
                "--functions-url",
                stack.url("functions"),
                "--hotstore-url",
                stack.url("hotstore"),
                "--clock",
                "external" if setup.clock == "replay" else "system",
            ),
            environment,
            port("scheduler"),
            health="/health",
            after=("hotstore",),
        ),
        *(_simulator(stack, setup, environment, name) for name in simulators(setup.broker)),
    ]


def _simulator(stack: Stack, setup: Setup, environment: dict[str, str], name: str) -> Part:
    return Part(
        name,
        _python(
            f"local.simulators.{name}",
            "--port",
            str(stack.port(name)),
            "--seed",
            str(setup.seed),
            "--pace",
            "lockstep",
            "--accounts",
            str(accounts_file(stack) if name == "alpaca" else tastytrade_accounts_file(stack)),
            *(["--tape", setup.tape] if setup.tape else []),
        ),
        environment,
        stack.port(name),
        health="/control/state",
    )


def _functions(stack: Stack, setup: Setup, environment: dict[str, str]) -> list[Node]:
    needed = ("gateway", "bus", "hotstore", *simulators(setup.broker))
    runner = Part(
        "functions",
        _python("local.runner", "--port", str(stack.port("functions"))),
        environment,
        stack.port("functions"),
        health="/health",
        # It imports much and connects to nothing until it is called, so it starts at once.
        outlives=("bus", "scheduler", "webhooks"),
    )
    workers = [
        Part(
            name,
            _python("functions.worker", name),
            # One process of each name runs here, so a restarted one may take its lease back at once.
            worker_environment(environment, function.secrets)
            | {"AGENTTRADER_WORKER_ID": f"local:{name}"}
            | dict(setup.extra),
            after=needed,
        )
        for name, function in wiring().functions.items()
        if function.trigger == "worker"
    ]
    return [runner, *workers]


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *arguments)


def _accepts_queries(stack: Stack) -> Callable[[], bool]:
    """A port that accepts connections is not enough: Postgres does so while it still recovers."""

    def check() -> bool:
        try:
            with psycopg.connect(
                host=HOST,
                port=stack.port("postgres"),
                user="postgres",
                password=stack.secrets.postgres_password,
                dbname="postgres",
                connect_timeout=_CONNECT_SECONDS,
            ):
                return True
        except psycopg.OperationalError:
            return False

    return check
