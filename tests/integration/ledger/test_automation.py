"""What outside senders may ask for: who is known by a signature, and each event is decided once."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.integration.ledger.desk import Desk, order_of
from tests.integration.ledger.ledger import Connection, become, call, refused

CLIENTS = 16
ORDER = {key: value for key, value in order_of().items() if key != "number"}


@dataclass
class Sender:
    """A source as its sender has it: its id and its secret."""

    desk: Desk
    id: UUID
    secret: str
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, desk: Desk, **more: Any) -> Sender:
        wanted = {
            "broker_account_id": str(desk.account),
            "name": str(uuid4()),
            "kind": "generic",
            "symbols": ["SPY"],
            "max_quantity": "100",
            "max_per_minute": 600,
        } | more
        made = desk.ledger.call("save_automation_source", "authenticated", desk.user, p_source=wanted)
        return cls(desk, UUID(made["source_id"]), made["secret"])

    def delivery(self, event: str | None = None, said: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """The arguments of a genuine delivery; anything may be said otherwise."""
        said = {"order": ORDER} if said is None else said
        body = json.dumps(said | {"event_id": event}).encode()
        at = str(more.pop("at", int(time.time())))
        signature = hmac.new(self.secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
        return {
            "p_source": str(self.id),
            "p_body": base64.b64encode(body).decode(),
            "p_timestamp": at,
            "p_signature": signature,
            "p_token": None,
            "p_event_id": None,
            "p_address": "198.51.100.7",
            "p_read": {
                "generic": said | {"event_id": event},
                "tradingview": {"problem": {"field": "body", "reason": "no"}},
            },
        } | more

    def send(self, event: str | None = None, said: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.desk.ledger.call(
            "take_delivery", "fn_automation", **self.delivery(event, said, **more)
        )
        return answer

    def change(self, **change: Any) -> Any:
        return self.desk.ledger.call(
            "save_automation_source",
            "authenticated",
            self.desk.user,
            p_source={"id": str(self.id)} | change,
            p_version=0,
        )

    def log(self) -> list[tuple[Any, ...]]:
        return self.desk.ledger.rows(
            "select outcome, split_part(refusal, ':', 1) from public.deliveries where source_id = %s "
            "order by created_at, id",
            self.id,
        )

    def trades(self) -> int:
        return int(
            self.desk.ledger.one(
                "select count(*) from public.trades where source = 'automation' and signal like %s",
                f"automation|{self.id}|%",
            )
        )


@pytest.fixture
def sender(desk: Desk) -> Sender:
    return Sender.of(desk)


# RFC 4231, test cases 1 to 7 (5 is of a cut result, and has its first 128 bits).
VECTORS = [
    ("0b" * 20, b"Hi There".hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        "0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    ("0c" * 20, b"Test With Truncation".hex(), "a3b6167473100ee06e0c796c2955552b"),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "aa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. "
        b"The key needs to be hashed before being used by the HMAC algorithm.".hex(),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


def test_hmac_when_asked_with_the_vectors_of_its_rfc_then_the_same(desk: Desk) -> None:
    for key, message, expected in VECTORS:
        found: str = desk.ledger.one(
            "select encode(private.hmac_sha256(decode(%s, 'hex'), decode(%s, 'hex')), 'hex')", key, message
        )
        assert found[: len(expected)] == expected


def test_delivery_when_genuine_then_its_trade_waits_for_risk_like_any_other(sender: Sender) -> None:
    answer = sender.send("e1")
    assert (answer["status"], answer["outcome"], answer["trade_status"]) == (202, "accepted", "pending")
    ((source, reason, user, actor),) = sender.desk.ledger.rows(
        "select t.source, t.reason, t.user_id, s.actor from public.trades as t "
        "join public.trade_transitions as s on s.trade_id = t.id and s.number = 1 where t.id = %s",
        answer["trade_id"],
    )
    assert (source, reason.split(":")[0], user, actor) == (
        "automation",
        "automation",
        sender.desk.user,
        "fn_automation",
    )
    assert sender.log() == [("accepted", None)]


def test_delivery_when_it_comes_again_then_answered_the_same_and_nothing_more_is_placed(sender: Sender) -> None:
    first, again = sender.send("e1"), sender.send("e1")
    assert (again["status"], again["outcome"], again["trade_id"]) == (200, "replayed", first["trade_id"])
    assert (sender.trades(), sender.log()) == (1, [("accepted", None), ("refused", "REPLAYED")])


def test_delivery_when_its_unsigned_id_is_changed_then_it_is_still_the_same_one(sender: Sender) -> None:
    """The id in the header is not signed: whoever caught a request could give it another."""
    sent = sender.delivery(None, p_event_id="e1")
    taken = [
        sender.desk.ledger.call("take_delivery", "fn_automation", **sent | {"p_event_id": e}) for e in ("e1", "e2")
    ]
    assert [answer["outcome"] for answer in taken] == ["accepted", "replayed"]
    assert sender.trades() == 1


def test_delivery_when_its_id_was_anothers_then_refused(sender: Sender) -> None:
    sender.send("e1")
    answer = sender.send("e1", {"order": ORDER | {"quantity": "5"}})
    assert (answer["status"], answer["code"]) == (409, "EVENT_ID_REUSED")
    answer = sender.send("e1", p_event_id="e2")
    assert (answer["status"], answer["code"]) == (422, "EVENT_ID_CONTRADICTS")
    assert sender.trades() == 1


def test_delivery_when_the_same_event_comes_from_sixteen_at_once_then_one_is_accepted(sender: Sender) -> None:
    sent = sender.delivery("e1")

    def deliver(connection: Connection) -> str:
        answer = call(connection, "take_delivery", "fn_automation", **sent)
        connection.commit()
        return str(answer["outcome"])

    outcome = sender.desk.ledger.at_once(*[deliver] * CLIENTS)
    assert sorted(outcome) == ["accepted"] + ["replayed"] * (CLIENTS - 1)
    assert sender.trades() == 1


_FORGED: dict[str, dict[str, Any]] = {
    "without signature": {"p_signature": None},
    "signature of nothing": {"p_signature": "0" * 64},
    "another body": {"p_body": base64.b64encode(b'{"order": {}}').decode()},
    "another time": {"p_timestamp": str(int(time.time()) + 1000)},
    "no time": {"p_timestamp": None},
    "a token for a signature": {"p_signature": None, "p_token": "att_" + "0" * 64},
}


@pytest.mark.parametrize("forgery", _FORGED)
def test_delivery_when_forged_then_it_is_answered_as_one_to_nobody(sender: Sender, forgery: str) -> None:
    answer = sender.send("e1", **_FORGED[forgery])
    nobody = [sender.send("e1", p_source=source) for source in (str(uuid4()), None, "no id")]
    assert (answer["status"], answer["code"]) == (401, "NOT_ACCEPTED")
    assert nobody == [answer] * 3
    assert (sender.trades(), sender.log()) == (0, [("refused", "BAD_SIGNATURE")])


@pytest.mark.parametrize("seconds", [-301, 301])
def test_delivery_when_signed_outside_of_five_minutes_then_refused(sender: Sender, seconds: int) -> None:
    answer = sender.send("e1", at=int(time.time()) + seconds + (1 if seconds > 0 else 0))
    assert (answer["status"], answer["code"]) == (422, "OUT_OF_WINDOW")
    assert sender.send("e2", at="soon")["code"] == "OUT_OF_WINDOW"
    assert sender.trades() == 0


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"symbol": "IWM"}, 403, "SYMBOL_NOT_ALLOWED"),
        ({"symbol": None}, 403, "SYMBOL_NOT_ALLOWED"),
        ({"quantity": "101"}, 403, "QUANTITY_NOT_ALLOWED"),
        ({"quantity": "NaN"}, 403, "QUANTITY_NOT_ALLOWED"),
        ({"quantity": None, "notional": "1000000"}, 422, "QUANTITY_NEEDED"),
        ({"quantity": "-5"}, 422, "BAD_ORDER"),
        ({"side": "hold"}, 422, "BAD_ORDER"),
    ],
)
def test_order_when_the_source_may_not_ask_for_it_then_refused_once_and_for_all(
    sender: Sender, order: dict[str, Any], status: int, code: str
) -> None:
    said = {"order": ORDER | order}
    answer = sender.send("e1", said)
    assert (answer["status"], answer["code"]) == (status, code)
    assert answer["todo"]
    assert (sender.trades(), sender.log()) == (0, [("refused", code)])
    assert sender.send("e1", said)["code"] == "REFUSED_BEFORE"


def test_order_when_it_says_more_than_it_may_then_that_is_not_heard(sender: Sender) -> None:
    other = Desk.open(sender.desk.ledger)
    answer = sender.send(
        "e1", {"order": ORDER | {"broker_account_id": str(other.account), "signal": "x", "good_until": "2099-01-01"}}
    )
    assert answer["status"] == 202
    ((account, signal),) = sender.desk.ledger.rows(
        "select broker_account_id, signal from public.trades where id = %s", answer["trade_id"]
    )
    assert (account, signal) == (sender.desk.account, f"automation|{sender.id}|e1")


def test_order_when_the_owner_is_halted_then_only_what_reduces_passes(sender: Sender) -> None:
    sender.desk.hold("10")
    sender.desk.close("user")
    assert sender.send("e1")["code"] == "GATE_CLOSED"
    closing = ORDER | {"side": "sell", "position_intent": "sell_to_close", "quantity": "10"}
    assert sender.send("e2", {"order": closing})["status"] == 202


def test_order_when_its_strategy_is_not_active_then_only_what_closes_passes(desk: Desk) -> None:
    sender = Sender.of(desk, strategy_id=str(desk.strategy))
    first = sender.send("e1")
    assert first["status"] == 202
    assert desk.ledger.one("select strategy_id from public.trades where id = %s", first["trade_id"]) == desk.strategy
    desk.ledger.run("update public.strategies set status = 'inactive' where id = %s", desk.strategy)
    assert sender.send("e2")["code"] == "STRATEGY_NOT_ACTIVE"
    closing = ORDER | {"side": "sell", "position_intent": "sell_to_close"}
    assert sender.send("e3", {"order": closing})["status"] == 202


def test_delivery_when_the_owner_is_shut_out_or_only_looks_on_then_nothing_is_placed(sender: Sender) -> None:
    ledger, user = sender.desk.ledger, sender.desk.user
    ledger.tamper("update public.profiles set desk_role = 'viewer' where user_id = %s", user)
    assert sender.send("e1")["code"] == "READ_ONLY_ROLE"
    ledger.tamper("update public.profiles set desk_role = 'trader', disabled = true where user_id = %s", user)
    assert sender.send("e1")["code"] == "USER_DISABLED"
    assert sender.trades() == 0


def test_source_when_disabled_then_it_takes_nothing_until_it_is_enabled(sender: Sender) -> None:
    sender.change(enabled=False)
    assert (sender.send("e1")["status"], sender.trades()) == (403, 0)
    sender.change(enabled=True)
    assert (sender.send("e1")["status"], sender.trades()) == (202, 1)


def test_delivery_when_there_are_too_many_then_refused_and_taken_later(desk: Desk) -> None:
    sender = Sender.of(desk, max_per_minute=1)
    assert sender.send("e1")["status"] == 202
    late = sender.send("e2")
    assert (late["status"], late["code"], 0 < late["retry_after"] <= 60) == (429, "TOO_MANY_EVENTS", True)
    assert sender.send("e1")["outcome"] == "replayed"  # Sent again, it takes nothing of the rate.
    desk.ledger.run("update private.rate_limits set tokens = 1 where bucket = %s", f"automation:{sender.id}")
    assert sender.send("e2")["status"] == 202


def test_refusals_when_there_is_a_flood_then_some_are_kept_and_all_are_counted(sender: Sender) -> None:
    flood = 50
    for number in range(flood):
        sender.send(f"e{number}", p_signature="0" * 64)
    counted, minutes = sender.desk.ledger.rows(
        "select sum(refused), count(*) from public.delivery_counts where source_id = %s", sender.id
    )[0]
    assert counted == flood
    assert len(sender.log()) <= 20 * minutes
    if minutes == 1:
        assert sender.desk.ledger.one(
            "select count(*) from public.alerts where code = 'AUTOMATION_FLOODED' and user_id = %s", sender.desk.user
        )
    assert sender.send("e0")["status"] == 202  # A flood keeps nobody out who is known.


def test_event_when_it_has_no_order_then_it_is_recorded_and_a_template_makes_one(desk: Desk) -> None:
    template = {
        "event": "model_score",
        "symbol": "SPY",
        "at_least": "0.8",
        "order": {"side": "buy", "position_intent": "buy_to_open", "quantity": "10"},
    }
    sender = Sender.of(desk, templates=[template])
    score: Callable[[str | None], dict[str, Any]] = lambda value: {  # noqa: E731 - three words
        "event": {"event": "model_score", "symbol": "SPY"} | ({"value": value} if value else {})
    }
    for number, (said, trades) in enumerate(
        [
            ({"event": {"event": "fomc_day"}}, 0),
            (score("0.79"), 0),
            (score(None), 0),
            (score("0.8"), 1),
            ({"event": {"event": "model_score", "symbol": "IWM", "value": "1"}}, 1),
        ]
    ):
        answer = sender.send(f"e{number}", said)
        assert (answer["status"], sender.trades(), answer["trade_id"] is not None) == (202, trades, number == 3)
    assert desk.ledger.one(
        "select event from public.deliveries where event_id = 'e1' and source_id = %s", sender.id
    ) == {
        "event": "model_score",
        "symbol": "SPY",
        "value": "0.79",
    }


def test_secret_when_rotated_then_the_old_one_is_good_for_a_little_longer(sender: Sender) -> None:
    old = sender.secret
    rotate = {"p_source_id": sender.id, "p_overlap_seconds": 600}
    made = sender.desk.ledger.call("rotate_automation_secret", "authenticated", sender.desk.user, **rotate)
    assert sender.send("e1")["status"] == 202
    sender.secret = made["secret"]
    assert sender.send("e2")["status"] == 202
    made = sender.desk.ledger.call(
        "rotate_automation_secret", "authenticated", sender.desk.user, **rotate | {"p_overlap_seconds": 0}
    )
    for gone in (old, sender.secret):
        sender.secret = gone
        assert sender.send("e3")["status"] == 401
    sender.secret = made["secret"]
    assert sender.send("e3")["status"] == 202


def test_secret_when_made_then_it_is_in_no_row_that_anybody_reads(sender: Sender) -> None:
    ledger = sender.desk.ledger
    for table in ("public.automation_sources", "public.audit_log", "private.outbox"):
        assert ledger.one(f"select count(*) from {table} as t where t::text like %s", f"%{sender.secret}%") == 0  # noqa: S608
    weak = Sender.of(sender.desk, authentication="url_token", networks=["198.51.100.0/24"], max_per_minute=10)
    kept = ledger.rows("select secret, token_hash from private.automation_secrets where source_id = %s", weak.id)
    assert kept == [(None, sha256(weak.secret.encode()).digest())]


def test_token_when_sent_from_its_network_in_time_then_taken_and_else_not(desk: Desk) -> None:
    weak = Sender.of(desk, authentication="url_token", networks=["198.51.100.0/24"], max_per_minute=10)

    def send(event: str, **more: Any) -> dict[str, Any]:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + more.pop("late", 0)))
        given = {"p_signature": None, "p_timestamp": None, "p_token": weak.secret}
        return weak.send(event, {"order": ORDER, "sent_at": at}, **given | more)

    assert send("e1")["status"] == 202
    assert send("e2", p_address="::ffff:198.51.100.9")["status"] == 202
    for wrong in ({"p_token": None}, {"p_token": "att_0"}, {"p_address": "203.0.113.9"}, {"p_address": "unknown"}):
        assert send("e3", **wrong)["status"] == 401
    assert send("e3", late=-400)["code"] == "OUT_OF_WINDOW"
    assert weak.send("e4")["status"] == 401  # A signature by the token is none.
    assert weak.trades() == 2


def test_delivery_when_changed_or_deleted_then_refused(sender: Sender) -> None:
    sender.send("e1")
    for statement in ("update public.deliveries set event_id = 'e2'", "delete from public.deliveries"):
        with refused("APPEND_ONLY", 409):
            sender.desk.ledger.run(statement)


def test_source_when_it_cannot_sign_then_it_needs_networks_and_a_low_rate(desk: Desk) -> None:
    weak = {"authentication": "url_token", "networks": ["203.0.113.0/24"], "max_per_minute": 10}
    Sender.of(desk, **weak)
    looser: list[dict[str, Any]] = [{"networks": []}, {"networks": ["0.0.0.0/0"]}, {"max_per_minute": 60}]
    for loose in looser:
        with refused("BAD_SOURCE", 422) as error:
            Sender.of(desk, **(weak | loose))
        assert "weak_source_is_fenced" in str(error.value)


def test_source_when_its_account_or_strategy_is_anothers_then_not_found(desk: Desk) -> None:
    other = Desk.open(desk.ledger)
    with refused("NO_SUCH_ACCOUNT", 404):
        Sender.of(desk, broker_account_id=str(other.account))
    with refused("NO_SUCH_STRATEGY", 404):
        Sender.of(desk, strategy_id=str(other.strategy))
    sender = Sender.of(desk)
    with refused("NO_SUCH_SOURCE", 404):
        desk.ledger.call("rotate_automation_secret", "authenticated", other.user, p_source_id=sender.id)
    with refused("NO_SUCH_SOURCE", 404):
        desk.ledger.call("save_automation_source", "authenticated", other.user, p_source={"id": str(sender.id)})
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        desk.ledger.run(
            "update public.automation_sources set strategy_id = %s where id = %s", other.strategy, sender.id
        )


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"kind": "tradingview"}, "SOURCE_IS_FIXED", 409),
        ({"authentication": "url_token"}, "SOURCE_IS_FIXED", 409),
        ({"symbols": []}, "BAD_SOURCE", 422),
        ({"max_quantity": "NaN"}, "BAD_SOURCE", 422),
        ({"max_per_minute": 601}, "BAD_SOURCE", 422),
        ({"networks": ["everywhere"]}, "BAD_SOURCE", 422),
        ({"templates": [{"event": "x", "order": {"broker_account_id": "1"}}]}, "BAD_TEMPLATE", 422),
        ({"templates": [{"event": "x", "at_least": "much", "order": {}}]}, "BAD_TEMPLATE", 422),
        ({"templates": {}}, "BAD_TEMPLATE", 422),
    ],
)
def test_source_when_changed_to_what_it_may_not_be_then_refused(
    sender: Sender, change: dict[str, Any], code: str, status: int
) -> None:
    with refused(code, status):
        sender.change(**change)


def test_source_when_a_program_makes_or_rotates_one_then_refused(sender: Sender) -> None:
    """Who may act in one's name is a person's to say."""
    for statement in (
        "select public.save_automation_source('{}')",
        f"select public.rotate_automation_secret('{sender.id}')",
    ):
        with refused("SCOPE_NEEDED", 403), sender.desk.ledger.session() as connection:
            become(
                connection, "authenticated", sender.desk.user, scopes=["read", "trade", "strategies", "risk", "reports"]
            )
            connection.execute(statement.encode())


def test_source_when_changed_meanwhile_then_the_later_change_is_refused(sender: Sender) -> None:
    said = {"p_source": {"id": str(sender.id), "max_quantity": "5"}, "p_version": 1}
    assert sender.desk.ledger.call("save_automation_source", "authenticated", sender.desk.user, **said)["version"] == 2
    with refused("CHANGED_MEANWHILE", 412):
        sender.desk.ledger.call("save_automation_source", "authenticated", sender.desk.user, **said)
