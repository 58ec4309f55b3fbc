"""The wiring table: a bad one gives a sentence, and the good one names everything that the code does."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from functions.core import events
from functions.core.bus import Bus
from functions.core.errors import BadInput, Misconfigured
from functions.core.wiring import (
    WIRING_FILE,
    Due,
    Function,
    ScheduleTrigger,
    TopicTrigger,
    WebhookTrigger,
    read,
    wiring,
)

ROOT = Path(__file__).resolve().parents[3]
DEFAULTS = "defaults: { memory: 256Mi, timeout: 60s, concurrency: 1, min_instances: 0, max_instances: 1 }\n"
TOPICS = "topics: { busy: { event: TradePlaced, ordered_by: trade_id } }\n"
FUNCTIONS = wiring().functions


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "top"),
        ("[]", "top"),
        (":\n  - {", "cannot be read"),
        (DEFAULTS, "topics"),
        (DEFAULTS + TOPICS, "functions"),
        (DEFAULTS + TOPICS + "functions: { f: { trigger: http } }", "functions.f.in"),
        (DEFAULTS + TOPICS + "functions: { f: { in: attic, trigger: http } }", "functions.f.in"),
        (DEFAULTS + TOPICS + "functions: { f: { in: risk } }", "functions.f.trigger"),
        (DEFAULTS + TOPICS + "functions: { f: { in: risk, trigger: telepathy } }", "functions.f.trigger"),
        (DEFAULTS + TOPICS + "functions: { f: { in: risk, trigger: { topic: none } } }", "'none'"),
        (DEFAULTS + TOPICS + "functions: { f: { in: risk, trigger: http, publishes: [none] } }", "'none'"),
        (DEFAULTS + TOPICS + "functions: { f: { in: risk, trigger: http, surprise: 1 } }", "surprise"),
        (
            DEFAULTS
            + TOPICS
            + "functions: { f: { in: risk, trigger: { schedule: { cron: '* * * * *', time_zone: UTC, "
            + "due: { session: close, offset: soon } } } } }",
            "offset",
        ),
    ],
)
def test_read_when_the_table_is_wrong_then_the_place_is_named(table: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wiring.yaml"
    path.write_text(table)
    with pytest.raises(Misconfigured) as refused:
        read(path)
    assert refused.value.code == "BAD_WIRING"
    assert refused.value.text.startswith("wiring.yaml")
    assert said in refused.value.text


def test_read_when_there_is_no_file_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.yaml cannot be read"):
        read(tmp_path / "none.yaml")


def test_due_when_it_is_before_the_close_then_minutes_are_negative() -> None:
    assert Due(session="close", offset="-15m").minutes == -15


def test_require_topic_when_it_is_not_in_the_table_then_the_known_ones_are_said() -> None:
    with pytest.raises(BadInput, match="trade-events"):
        wiring().require_topic("trade-evens")


def test_subscribers_when_a_topic_is_heard_then_they_are_found() -> None:
    assert set(wiring().subscribers("trade-events")) == {
        "submit_order",
        "evaluate_on_fills",
        "watch_on_fills",
        "break_on_trades",
        "settle_exits",
    }
    assert wiring().subscribers("alerts") == {}


def test_table_when_read_as_yaml_then_no_name_comes_twice() -> None:
    names: list[str] = []
    tree = yaml.compose(WIRING_FILE.read_text())
    assert isinstance(tree, yaml.MappingNode)
    for section, content in tree.value:
        if section.value in ("topics", "functions"):
            names += [f"{section.value}.{key.value}" for key, _ in content.value]
    assert len(names) == len(set(names))


# --- the table and the code ---------------------------------------------------------------------------------------


def _handlers(folder: str) -> dict[str, Any]:
    """The public functions that a folder's handlers.py defines."""
    module = import_module(f"functions.{folder}.handlers")
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


FOLDERS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handlers.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_when_it_is_in_the_table_then_its_entry_point_is_in_its_folder(name: str) -> None:
    function = FUNCTIONS[name]
    entry = _handlers(function.folder)[name]
    assert inspect.iscoroutinefunction(entry) is (function.trigger == "worker")
    assert len(inspect.signature(entry).parameters) == 1
    assert entry.__doc__


@pytest.mark.parametrize("folder", FOLDERS)
def test_function_when_it_is_woken_then_its_errors_are_told_by_the_one_rule_for_what_wakes_it(folder: str) -> None:
    handlers = ast.parse((ROOT / "functions" / folder / "handlers.py").read_text())
    told_by = {
        entry.name: [ast.unparse(decorator) for decorator in entry.decorator_list]
        for entry in handlers.body
        if isinstance(entry, ast.FunctionDef)
    }
    for name, function in FUNCTIONS.items():
        if function.folder == folder and function.trigger != "worker":
            asked = function.trigger == "http" or isinstance(function.trigger, WebhookTrigger)
            assert told_by[name] == ["answered" if asked else "delivered"], name


@pytest.mark.parametrize("folder", FOLDERS)
def test_handler_when_it_is_public_then_the_table_names_it(folder: str) -> None:
    assert set(_handlers(folder)) == {name for name, function in FUNCTIONS.items() if function.folder == folder}


def test_topic_when_it_is_in_the_table_then_its_event_and_its_ordering_key_exist() -> None:
    for name, topic in wiring().topics.items():
        for event, ordered_by in topic.keys.items():
            assert ordered_by in getattr(events, event).model_fields["data"].annotation.model_fields, (name, event)


def test_subscription_when_it_filters_then_the_types_are_those_of_the_topics_event() -> None:
    for name, function in FUNCTIONS.items():
        if isinstance(function.trigger, TopicTrigger):
            models = [getattr(events, event) for event in wiring().topics[function.trigger.topic].keys]
            kinds = {kind for model in models for kind in get_args(model.model_fields["type"].annotation)}
            assert set(function.trigger.only) <= kinds, name


def test_schedule_when_it_is_in_the_table_then_cron_and_time_zone_can_be_read() -> None:
    from zoneinfo import ZoneInfo

    from croniter import croniter

    for name, function in FUNCTIONS.items():
        if isinstance(function.trigger, ScheduleTrigger):
            assert croniter.is_valid(function.trigger.schedule.cron), name
            assert ZoneInfo(function.trigger.schedule.time_zone).key == function.trigger.schedule.time_zone


def _published(folder: str) -> Iterator[str]:
    """The topics that a folder's code hands to `publish`: names of constants of its modules, and texts."""
    for path in sorted((ROOT / "functions" / folder).rglob("*.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "publish":
                topic = node.args[0]
                if isinstance(topic, ast.Constant):
                    yield str(topic.value)
                elif isinstance(topic, ast.Name) and topic.id.isupper():
                    yield str(getattr(module, topic.id))
                else:
                    # Only the relay publishes what a row names; the outbox's topics are checked below.
                    assert folder == "relay", path


def _named(folder: str) -> set[str]:
    return {topic for function in FUNCTIONS.values() if function.folder == folder for topic in function.publishes}


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_when_its_code_publishes_then_the_table_says_so(folder: str) -> None:
    assert hasattr(Bus, "publish")
    published = set(_published(folder))
    assert published <= _named(folder)
    if folder != "relay":
        assert published == _named(folder)


def _first_argument(call: str) -> str:
    """The text up to the first comma outside of brackets."""
    depth = 0
    for index, letter in enumerate(call):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            return call[:index]
    raise AssertionError(call)


def test_outbox_when_the_ledger_writes_to_a_topic_then_the_relay_may_publish_it() -> None:
    emitted: set[str] = set()
    for path in (ROOT / "supabase" / "migrations").glob("*.sql"):
        for call in path.read_text().split("perform private.emit(")[1:]:
            emitted.update(re.findall(r"(?:^|then|else)\s*'([a-z-]+)'", _first_argument(call)))
    assert emitted >= {"trade-signals", "trade-events", "trade-controls", "alerts"}
    assert emitted <= _named("relay")
    for function in ("relay_outbox", "relay_unpublished"):
        assert set(FUNCTIONS[function].publishes) == _named("relay")


def test_secrets_when_a_folder_may_not_open_trading_keys_then_no_function_of_it_names_them() -> None:
    holders = {function.folder for function in FUNCTIONS.values() if "trading-key" in function.secrets}
    assert holders == {"execute"}


def test_worker_when_it_is_in_the_table_then_it_names_its_lease() -> None:
    workers: list[Function] = [function for function in FUNCTIONS.values() if function.trigger == "worker"]
    assert workers
    assert all(function.lease for function in workers)
