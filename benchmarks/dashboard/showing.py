"""The numbers of the dashboard as tables, each beside its goal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.dashboard import bundle, burst, latency, lighthouse
from benchmarks.dashboard.run import Dashboard


def show(found: Dashboard) -> None:
    console = Console()
    for table in (_entry(found), _latency(found), _storm(found), _lighthouse(found)):
        console.print(table)
    console.print(f"The machine's load in the minute before was {found.load}.")


def _table(title: str, caption: str, *columns: str) -> Table:
    table = Table(title=title, caption=caption, min_width=72)
    first, *numbers = columns
    table.add_column(first)
    for column in numbers:
        table.add_column(column, justify="right")
    return table


def _entry(found: Dashboard) -> Table:
    scripts = sum(file.gzip_bytes for file in found.entry if file.is_script)
    table = _table(
        "what index.html names, by gzip",
        f"scripts: {scripts / 1000:.1f} kB of at most {bundle.GOAL_BYTES / 1000:.0f}",
        "file",
        "kB",
    )
    for file in found.entry:
        table.add_row(file.name, f"{file.gzip_bytes / 1000:.1f}")
    return table


def _latency(found: Dashboard) -> Table:
    table = _table(
        "from the commit of a fill to the pixels of its position",
        f"goal: p95 of the whole below {latency.GOAL_MS} ms; ratio of the medians to the floor's",
        "way",
        "changes",
        "p50 ms",
        "p95 ms",
        "ratio",
    )
    for leg in found.latency:
        ratio = "" if leg.ratio is None else f"{leg.ratio:.2f}"
        table.add_row(leg.name, str(leg.count), f"{leg.p50_ms:.1f}", f"{leg.p95_ms:.1f}", ratio)
    return table


def _storm(found: Dashboard) -> Table:
    storm = found.storm
    table = _table(
        f"a storm of row changes, {storm.sent} in {storm.seconds:.0f} s over {storm.rows} rows",
        f"goal: p95 of a frame below {burst.GOAL_MS} ms, and every row right after the next snapshot",
        "what",
        "number",
    )
    for name, number in (
        ("messages that came to the page", str(storm.arrived)),
        ("messages that came to a bare subscription", str(storm.floor_arrived)),
        ("frames, and those that changed what is seen", f"{storm.frames}, {storm.frames_that_changed}"),
        ("messages for one of these", f"{storm.coalesced:.1f}"),
        ("frame, p50 / p95 / longest, ms", f"{storm.frame_p50_ms} / {storm.frame_p95_ms} / {storm.frame_max_ms}"),
        ("commit to a bare subscription, p50 / p95, ms", f"{storm.floor_lag_p50_ms} / {storm.floor_lag_p95_ms}"),
        ("commit to the page's socket, p50 / p95, ms", f"{storm.lag_p50_ms} / {storm.lag_p95_ms}"),
        ("commit to pixels of rows in sight, p50 / p95, ms", f"{storm.pixels_p50_ms} / {storm.pixels_p95_ms}"),
        ("rows as in the database, by messages alone", f"{storm.equal_before} of {storm.rows}"),
        ("rows as in the database, after the next snapshot", f"{storm.equal_after} of {storm.rows}"),
    ):
        table.add_row(name, number)
    return table


def _lighthouse(found: Dashboard) -> Table:
    goals = ", ".join(f"{name} {goal:.2f}" for name, goal in lighthouse.GOALS.items())
    table = _table(
        "Lighthouse, without a network",
        f"goal: {goals}, shift below {lighthouse.GOAL_SHIFT}; a phone is four times as slow, and is no goal",
        "page",
        "device",
        *lighthouse.GOALS,
        "shift",
        "met",
    )
    for one in found.lighthouse:
        numbers = (f"{one.scores[name]:.2f}" for name in lighthouse.GOALS)
        table.add_row(one.page, one.device, *numbers, f"{one.shift:.3f}", "yes" if one.is_met else "no")
    return table
