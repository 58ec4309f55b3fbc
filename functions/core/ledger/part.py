"""What every part of the ledger has: its transport, and the way to tell an administrator."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from functions.core.ledger.transport import Transport
from functions.core.log import logger

_log = logger("ledger")
Shape = TypeVar("Shape", bound="Row")
_TIME: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)


class Row(BaseModel):
    """A frozen row of an answer; columns that this version does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class LedgerPart:
    """The calls of one function folder, under its own role."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport.call

    def _each(self, shape: type[Shape], rows: list[Any]) -> list[Shape]:
        """The rows of many users, one by one: one that cannot be read is told to administrators, and blinds nobody."""
        found = []
        for row in rows:
            try:
                found.append(shape.model_validate(row))
            except ValidationError as error:
                where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
                _log.error("a row cannot be read", shape=shape.__name__, where=where)
                self.raise_alert(
                    "ROW_UNREADABLE",
                    "critical",
                    "A row of the ledger cannot be read and is passed over: nothing watches what it protects. Mend it.",
                    {"shape": shape.__name__, "where": where, "row": str(row)[:500]},
                    f"row-unreadable|{shape.__name__}|{where}",
                )
        return found

    def raise_alert(self, code: str, severity: str, text: str, numbers: dict[str, Any], name: str) -> None:
        """Tells the administrators, once for what `name` says. Severity: info, warning or critical."""
        self._call(
            "raise_alert",
            {"p_code": code, "p_severity": severity, "p_text": text, "p_numbers": numbers, "p_name": name},
        )


class StreamingPart(LedgerPart):
    """A part whose folder runs stream workers."""

    def stream_position(self, worker: str, stream: str) -> datetime | None:
        """How far a worker had got, event time in UTC; None where it never began."""
        return _TIME.validate_python(self._call("stream_position", {"p_worker": worker, "p_stream": stream}))

    def record_stream_position(self, worker: str, stream: str, position: datetime) -> None:
        """Says that everything up to this event time is handled; never moves back."""
        self._call(
            "record_stream_position", {"p_worker": worker, "p_stream": stream, "p_position": position.isoformat()}
        )

    def record_heartbeat(self, name: str, detail: dict[str, Any]) -> None:
        """Says that the worker is well."""
        self._call("record_heartbeat", {"p_name": name, "p_detail": detail})
