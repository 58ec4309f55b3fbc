"""The worker as a process: killed, ended, doubled, started on a taken port, and Postgres going away under it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from local.webhooks.faults import Faults

_QUEUED = "select count(*) from net.http_request_queue"


def test_worker_when_killed_in_flight_then_begun_rows_are_dropped_and_unbegun_sent(
    own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    begun = database.value("select net.http_post(%s)", f"{receiver.url}/wait")
    eventually(lambda: receiver.paths == ["/wait"])
    own_worker.end(signal.SIGKILL)
    database.rows("select net.http_post(%s)", f"{receiver.url}/later")
    own_worker.start()
    eventually(lambda: database.value(_QUEUED) == 0)
    assert receiver.paths == ["/wait", "/later"]
    assert "not sent again" in database.response(begun)["error_msg"]


def test_worker_when_terminated_in_flight_then_waits_a_moment_for_the_response(
    own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    request_id = database.value("select net.http_post(%s)", f"{receiver.url}/wait")
    eventually(lambda: receiver.paths == ["/wait"])
    own_worker.process.send_signal(signal.SIGTERM)
    receiver.release.set()
    assert own_worker.process.wait(15) == 0
    assert database.response(request_id)["status_code"] == 200


def test_worker_when_second_one_starts_then_it_waits_for_the_first(
    own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    second = type(own_worker)(database.dsn, own_worker.log)
    second.start(healthy=False)
    try:
        database.rows("select net.http_post(%s)", f"{receiver.url}/wait")
        eventually(lambda: receiver.paths == ["/wait"])
        assert not second.is_healthy()
        receiver.release.set()
        eventually(lambda: database.value(_QUEUED) == 0)
        own_worker.end(signal.SIGKILL)
        eventually(second.is_healthy)
        database.rows("select net.http_post(%s)", f"{receiver.url}/next")
        eventually(lambda: receiver.paths == ["/wait", "/next"])
    finally:
        second.end()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_worker_when_postgres_restarts_then_serves_again(
    postgres: Any, own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None], how: signal.Signals
) -> None:
    own_worker.start()
    postgres.stop(how)
    eventually(lambda: own_worker.health() == 503)
    postgres.start()
    database.close()
    fresh = type(database)(database.dsn)
    fresh.rows("select net.http_post(%s)", f"{receiver.url}/back")
    eventually(lambda: receiver.paths == ["/back"])
    eventually(own_worker.is_healthy)
    fresh.close()


def test_response_when_postgres_is_away_then_recorded_after_it_is_back(
    postgres: Any, own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    request_id = database.value("select net.http_post(%s)", f"{receiver.url}/wait")
    eventually(lambda: receiver.paths == ["/wait"])
    database.close()
    postgres.stop()
    receiver.release.set()
    postgres.start()
    fresh = type(database)(database.dsn)
    eventually(lambda: fresh.value(_QUEUED) == 0)
    assert fresh.response(request_id)["status_code"] == 200
    assert receiver.paths == ["/wait"]
    fresh.close()


def test_worker_when_port_is_taken_then_exit_3_with_a_sentence(own_worker: Any) -> None:
    own_worker.start()
    done = subprocess.run(own_worker.command, env=own_worker.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert str(own_worker.port) in done.stderr


def test_faults_when_share_is_lost_then_exactly_the_drawn_ids_are_never_sent(
    own_worker: Any, database: Any, receiver: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start("--lose", "0.3", "--seed", "7")
    rows = database.rows("select n, net.http_post(%s || n) from generate_series(1, 100) as n", f"{receiver.url}/")
    eventually(lambda: database.value(_QUEUED) == 0)
    drawn = Faults(0.3, 7)
    kept = {f"/{number}" for number, request_id in rows if not drawn.loses(request_id)}
    assert set(receiver.paths) == kept
    assert 50 < len(kept) < 90
    lost = database.value("select count(*) from net._http_response where error_msg like 'lost on purpose%%'")
    assert lost == 100 - len(kept)


def test_slots_when_worker_is_killed_and_restarted_then_none_runs_twice(
    own_worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    database.rows("create table if not exists runs (slot timestamptz); truncate runs")
    job = database.value(
        "select cron.schedule('often', '1 second', 'insert into runs values (date_trunc(''second'', now()))')"
    )
    minutely = database.value("select cron.schedule('minutely', '* * * * *', 'select 1')")
    ran = "select count(*) from cron.job_run_details where jobid = %s"
    eventually(lambda: database.value(ran, job) >= 1)
    own_worker.end(signal.SIGKILL)
    own_worker.start()
    eventually(lambda: database.value(ran, job) >= 2)
    doubles = "select count(*) - count(distinct (jobid, scheduled_for)) from cron.job_run_details"
    assert database.value(doubles) == 0
    assert database.value(ran, minutely) <= 2


def test_run_when_worker_died_in_it_then_marked_failed_at_the_next_start(
    own_worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    own_worker.start()
    job = database.value("select cron.schedule('long', '1 second', 'select pg_sleep(60)')")
    running = "select count(*) from cron.job_run_details where jobid = %s and status = 'running'"
    eventually(lambda: database.value(running, job) == 1)
    database.rows("select cron.unschedule('long')")
    own_worker.end(signal.SIGKILL)
    own_worker.start()
    failed = "select count(*) from cron.job_run_details where jobid = %s and return_message like 'the worker ended%%'"
    eventually(lambda: database.value(failed, job) == 1)


def test_retention_when_worker_starts_then_old_runs_and_responses_are_gone(
    own_worker: Any, database: Any, eventually: Callable[..., None]
) -> None:
    database.rows(
        "insert into cron.job_run_details (jobid, scheduled_for)"
        " values (1, now() - interval '8 days'), (1, now() - interval '6 days')"
    )
    database.rows(
        "insert into net._http_response (id, created)"
        " values (-1, now() - interval '7 hours'), (-2, now() - interval '5 hours')"
    )
    own_worker.start()
    eventually(lambda: database.value("select count(*) from cron.job_run_details") == 1)
    eventually(lambda: database.rows("select id from net._http_response") == [(-2,)])
