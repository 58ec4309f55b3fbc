"""What is in flight, in one SQL statement, so that nothing slips from one place to another while we look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg

# Quotes are coalesced by design: a waiting quote is no unfinished work, but while it waits a strategy or a watch may
# still act on it, so their queue counts as well.
_SNAPSHOT: Final = """
select bus.in_flight() as bus,
       (select count(*) from private.outbox where published_at is null and gave_up_at is null
          and (claimed_until > clock_timestamp() or next_attempt_at > clock_timestamp())) as outbox,
       (select count(*) from net.http_request_queue) as webhooks,
       (select count(*) from public.order_attempts where outcome is null and lease_until > clock_timestamp()) as leases,
       (select count(*) from public.broker_accounts as a
          where private.being_verified(a) and a.link_next_at > clock_timestamp()) as links,
       (select coalesce(jsonb_object_agg(c.worker || '/' || coalesce(a.account_id, c.stream), c.position), '{}')
          from private.stream_cursors as c left join public.broker_accounts as a on a.id::text = c.stream) as cursors,
       (select coalesce(jsonb_agg('stream_trade_updates/' || account_id), '[]')
          from public.broker_accounts where status = 'active' and link_state = 'verified')
       || (select coalesce(jsonb_agg('stream_market_data/' || symbol), '[]')
             from jsonb_array_elements_text(public.watched_symbols() -> 'symbols') as symbol) as followed,
       private.unfinished() as unfinished
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Counts of what is on its way, and of unfinished rows; how far the workers are.

    `cursors` are the workers' stored stream positions (UTC) by `worker/stream`; a stream of trade updates is named by
    the broker's account id. `followed` are the streams that the ledger has a use for.
    """

    in_flight: Mapping[str, int]
    cursors: Mapping[str, datetime]
    followed: frozenset[str]
    unfinished: Mapping[str, int]

    @property
    def quiet(self) -> bool:
        """Nothing is on its way. The streams are another question."""
        return not any(self.in_flight.values())

    def behind(self, positions: Mapping[str, datetime]) -> dict[str, str]:
        """The streams whose worker has not handled all that was sent: `worker/stream` -> a sentence.

        `positions` are the last positions sent, by stream.
        """
        late: dict[str, str] = {}
        for stream, sent in positions.items():
            if stream not in self.followed:
                continue
            handled = self.cursors.get(stream)
            if handled is None or handled < sent:
                late[stream] = f"sent {sent.isoformat()}, handled {handled.isoformat() if handled else 'nothing'}"
        return late


def take(connection: psycopg.Connection[Any]) -> Snapshot:
    """Reads a snapshot. `connection` is in autocommit mode. Raises psycopg.Error."""
    row = connection.execute(_SNAPSHOT).fetchone()
    if row is None:
        raise RuntimeError("a select without a table gave no row")
    bus, outbox, webhooks, leases, links, cursors, followed, unfinished = row
    return Snapshot(
        in_flight={"bus": bus, "outbox": outbox, "webhooks": webhooks, "leases": leases, "links": links},
        cursors={name: datetime.fromisoformat(at) for name, at in cursors.items()},
        followed=frozenset(followed),
        unfinished={name: int(count) for name, count in unfinished.items() if int(count)},
    )
