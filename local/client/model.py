"""What every model of the client shares, and how a body is written."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from functions.core.money import text


class Model(BaseModel):
    """An answer may have fields that this version does not know. A field whose name is a Python keyword ends in `_`.

    What a command does not use is not built: there are hundreds.
    """

    model_config = ConfigDict(extra="ignore", populate_by_name=True, defer_build=True)


def written(body: BaseModel) -> bytes:
    """JSON of the fields that were given: amounts as text without exponent, so that not a digit is lost."""
    return json.dumps(body.model_dump(by_alias=True, exclude_unset=True), default=wire_text).encode()


def wire_text(value: Any) -> str:
    """A value as the API reads it in bodies, queries and paths."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date | UUID | str | int):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written on this wire")
