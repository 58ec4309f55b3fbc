"""How an entry point ends: done, try again, or never again. One rule for every function."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from functions.core.errors import Final, NotAuthorised, Temporary
from functions.core.ledger.errors import LedgerRefused
from functions.core.log import logger

Parameters = ParamSpec("Parameters")


def delivered(handler: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """For functions that a topic or a schedule wakes: what is raised makes the bus deliver again, later.

    A final error is logged as one and raised too: after its last delivery the message lies in the dead letters, where
    a person sees it. Nothing is swallowed.
    """

    @wraps(handler)
    def handle(*arguments: Parameters.args, **named: Parameters.kwargs) -> None:
        log = logger(handler.__name__)
        try:
            handler(*arguments, **named)
        except Temporary as error:
            log.warning("temporary", code=error.code, reason=str(error))
            raise
        except Final as error:
            log.error("final", code=error.code, reason=str(error))
            raise

    return handle


def answered(handler: Callable[[Any], dict[str, Any]]) -> Callable[[Any], tuple[dict[str, Any], int]]:
    """For functions that answer HTTP: a typed error becomes its status and {"code", "text"}.

    What the ledger refuses has the status that the ledger gave it.
    """

    @wraps(handler)
    def handle(request: Any) -> tuple[dict[str, Any], int]:
        log = logger(handler.__name__)
        try:
            return handler(request), 200
        except LedgerRefused as error:
            log.warning("refused", code=error.code, reason=str(error))
            return {"code": error.code, "text": error.text}, error.http_status
        except NotAuthorised as error:
            log.warning("not authorised", code=error.code)
            return {"code": error.code, "text": error.text}, 401
        except Temporary as error:
            log.warning("temporary", code=error.code, reason=str(error))
            return {"code": error.code, "text": error.text}, 503
        except Final as error:
            log.error("final", code=error.code, reason=str(error))
            return {"code": error.code, "text": error.text}, 422

    return handle
