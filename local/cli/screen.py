"""What a command prints: for people with colours on a terminal only, for machines one JSON object on the last line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.status import Status

from functions.core.errors import AgentTraderError
from local.supervisor.notice import Notice


def someone_to_ask() -> bool:
    """Whether a person is at the keyboard."""
    return sys.stdin.isatty()


def cell(value: Any) -> str:
    """A value as a table shows it: times to the second, nothing for what is missing."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return "" if value is None else str(value)


@dataclass(slots=True)
class Screen:
    """`out` is for results. `aside` (stderr) is for what happens meanwhile, so that results can be piped."""

    as_json: bool
    out: Console
    aside: Console

    @classmethod
    def open(cls, as_json: bool) -> Screen:
        # rich leaves colours and animations out where there is no terminal.
        return cls(
            as_json, Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
        )

    def say(self, text: str) -> None:
        """A line for people; nothing in JSON mode, so that the JSON object stands alone."""
        if not self.as_json:
            self.out.print(text, markup=False)

    def note(self, text: str) -> None:
        """A line about progress, in both modes, beside the results."""
        self.aside.print(text, markup=False, style="dim")

    def show(self, renderable: Any) -> None:
        """A table or alike, for people."""
        if not self.as_json:
            self.out.print(renderable)

    def result(self, value: Any) -> None:
        """The JSON object of a command, on one line, in JSON mode."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, default=str) + "\n")
            sys.stdout.flush()

    def error(self, error: AgentTraderError) -> None:
        """The sentence on stderr; in JSON mode also {"error": {...}} as the result."""
        self.aside.print(f"{error.code}: {error.text}", markup=False, style="red")
        self.result({"error": {"code": error.code, "text": error.text, "numbers": error.numbers}})

    @contextmanager
    def waiting(self, text: str) -> Iterator[Status | None]:
        """Shows that something goes on: an animation on a terminal, one line elsewhere."""
        if self.aside.is_terminal:
            with self.aside.status(text) as status:
                yield status
        else:
            self.note(text)
            yield None

    def hear(self, notice: Notice) -> None:
        """Prints what the supervisor says. Crashes are loud and carry the log's last lines."""
        if notice.kind == "exited":
            self.aside.print(f"! {notice.name} {notice.text}", markup=False, style="bold red")
            for line in notice.lines:
                self.aside.print(f"    {line}", markup=False, style="dim")
        elif notice.kind == "note":
            self.aside.print(f"{notice.name}: {notice.text}", markup=False, style="yellow")
        elif notice.kind == "ready" and not self.as_json:
            self.note(f"  {notice.name} is ready ({notice.seconds:.1f} s)")
