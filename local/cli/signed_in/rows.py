"""Rows of the API as a table for people, and as one JSON object for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rich import box
from rich.table import Table

from functions.core.errors import BadInput
from functions.core.money import text
from local.cli.screen import Screen, cell

R = TypeVar("R", bound=BaseModel)


def show(screen: Screen, name: str, rows: Iterable[R], columns: Mapping[str, Callable[[R], Any]], most: int) -> None:
    """The first `most` rows; says where there are more."""
    given = iter(rows)
    taken = list(islice(given, most))
    more = next(given, None) is not None
    table = Table(box=box.SIMPLE)
    for column in columns:
        # An id is typed or copied into the next command: it stays in one piece.
        table.add_column(column, overflow="fold", no_wrap=column in ("order", "id"))
    for row in taken:
        table.add_row(*(said(value(row)) for value in columns.values()))
    screen.show(table)
    if more:
        screen.say(f"There are more; ask for them with --last {2 * most}.")
    screen.result({name: [plain(row) for row in taken], "more": more})


def asked(model: type[R], given: Mapping[str, Any]) -> R:
    """What a command line said, as the API takes it. Raises BadInput BAD_VALUE with every field that is not right."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise BadInput("BAD_VALUE", "; ".join(wrong)) from error


def said(value: Any) -> str:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(str(one) for one in value)
    return cell(value)


def plain(row: BaseModel) -> dict[str, Any]:
    """As the API wrote it: amounts and times as text."""
    return {name: _plain(value) for name, value in row.model_dump(by_alias=True).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
