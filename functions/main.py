"""The only source file that the framework loads, in the cloud and here.

It reads FUNCTION_TARGET and imports that one entry point by its absolute name, so that a cold start imports what this
function needs and nothing else, and no module is ever imported under two names.
"""

from __future__ import annotations

import os
from importlib import import_module

import functions_framework

from functions.core.errors import Misconfigured
from functions.core.wiring import DeadLetterTrigger, ScheduleTrigger, TopicTrigger, wiring


def _register(target: str) -> None:
    try:
        function = wiring().functions[target]
    except KeyError:
        raise Misconfigured("UNKNOWN_FUNCTION", f"functions.yaml has no function {target!r}") from None
    if function.trigger == "worker":
        raise Misconfigured("NOT_A_FUNCTION", f"{target} is a worker: run `python -m functions.worker {target}`")
    entry = getattr(import_module(f"functions.{function.folder}.handlers"), target)
    woken_by_event = isinstance(function.trigger, TopicTrigger | ScheduleTrigger | DeadLetterTrigger)
    register = functions_framework.cloud_event if woken_by_event else functions_framework.http
    globals()[target] = register(entry)


_register(os.environ.get("FUNCTION_TARGET", ""))
