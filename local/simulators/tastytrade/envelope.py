"""The envelopes around every answer: one object, a list, or a page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from local.simulators.tastytrade.wire import whole

Json = dict[str, Any]


def single(request: Request, data: Json, *, status: int = 200) -> JSONResponse:
    return JSONResponse({"data": data, "context": request.url.path}, status_code=status)


def listed(request: Request, items: Sequence[Json]) -> JSONResponse:
    return JSONResponse({"data": {"items": list(items)}, "context": request.url.path})


def paged(
    request: Request, items: Sequence[Json], *, default: int, most: int, at_most: int | None = None
) -> JSONResponse:
    """The page that `per-page` and `page-offset` ask for; `at_most` makes pages smaller than was asked for."""
    query = request.query_params
    size = whole(query.get("per-page"), "per-page", default=default, least=1, most=most)
    size = size if at_most is None else min(size, at_most)
    page = whole(query.get("page-offset"), "page-offset", default=0, least=0, most=1_000_000)
    first = page * size
    shown = list(items[first : first + size])
    return JSONResponse(
        {
            "data": {"items": shown},
            "context": request.url.path,
            "pagination": {
                "per-page": size,
                "page-offset": page,
                "item-offset": first,
                "total-items": len(items),
                "total-pages": max(1, -(-len(items) // size)),
                "current-item-count": len(shown),
                "previous-link": None,
                "next-link": None,
                "paging-link-template": None,
            },
        }
    )
