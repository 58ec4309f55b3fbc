"""The stack's configuration: ports, secrets, keys, and what each process is told."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from functions.core.errors import Misconfigured
from local.stack import PORT_OFFSETS, Stack
from local.supervisor.catalogue import catalogue
from local.supervisor.environment import Brokers, Setup, function_environment, part_environment


def test_stack_when_created_twice_then_its_secrets_stay(tmp_path: Path) -> None:
    first = Stack.create(tmp_path / "s", 26000)
    assert Stack.create(tmp_path / "s", 26000).secrets == first.secrets
    assert Stack.load(tmp_path / "s").secrets == first.secrets


def test_stack_when_created_then_only_its_owner_reads_the_secrets(tmp_path: Path) -> None:
    stack = Stack.create(tmp_path / "s", 26000)
    assert (stack.state / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert stack.state.stat().st_mode & 0o077 == 0o011


def test_stack_when_two_are_created_then_they_share_no_secret(tmp_path: Path) -> None:
    one, two = Stack.create(tmp_path / "a", 26000), Stack.create(tmp_path / "b", 26000)
    assert one.secrets.jwt_secret != two.secrets.jwt_secret
    assert one.secrets.postgres_password != two.secrets.postgres_password


def test_stack_when_nothing_was_started_then_load_says_so(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="agenttrader up"):
        Stack.load(tmp_path / "none")


def test_stack_when_the_folder_is_of_an_earlier_version_then_what_it_lacks_is_made_and_kept(tmp_path: Path) -> None:
    first = Stack.create(tmp_path / "s", 26000)
    path = first.state / "secrets.json"
    path.write_text(json.dumps({n: v for n, v in json.loads(path.read_text()).items() if "tastytrade" not in n}))
    second = Stack.create(tmp_path / "s", 26000)
    assert second.secrets.jwt_secret == first.secrets.jwt_secret
    assert second.secrets.tastytrade_secret
    assert Stack.load(tmp_path / "s").secrets == second.secrets


def test_catalogue_when_a_broker_is_chosen_then_its_simulator_runs_and_workers_wait_for_it(tmp_path: Path) -> None:
    stack = Stack.create(tmp_path / "s", 26000)
    chosen: dict[Brokers, set[str]] = {
        "alpaca": {"alpaca"},
        "tastytrade": {"tastytrade"},
        "both": {"alpaca", "tastytrade"},
    }
    for broker, names in chosen.items():
        nodes = {node.name: node for node in catalogue(stack, Setup(broker=broker))}
        assert set(nodes) & {"alpaca", "tastytrade"} == names
        assert names <= set(nodes["stream_trade_updates"].after)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"jwt_secret": 1}'])
def test_stack_when_the_secrets_file_is_damaged_then_the_sentence_says_what_to_do(tmp_path: Path, text: str) -> None:
    Stack.create(tmp_path / "s", 26000)
    (tmp_path / "s" / "secrets.json").write_text(text)
    with pytest.raises(Misconfigured, match="remove the state folder"):
        Stack.create(tmp_path / "s", 26000)


@pytest.mark.parametrize("base", [0, 1023, 32768, 32760, 70000, -1])
def test_stack_when_the_port_base_is_out_of_range_then_it_is_refused(tmp_path: Path, base: int) -> None:
    with pytest.raises(Misconfigured, match="AGENTTRADER_PORT_BASE"):
        Stack.create(tmp_path / "s", base)


def test_stack_when_the_port_base_is_no_number_then_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTTRADER_PORT_BASE", "many")
    with pytest.raises(Misconfigured, match="'many'"):
        Stack.create(tmp_path / "s")


def test_stack_when_ports_are_laid_out_then_none_is_used_twice() -> None:
    assert len(set(PORT_OFFSETS.values())) == len(PORT_OFFSETS)


def test_keys_when_minted_then_they_carry_their_role(tmp_path: Path) -> None:
    stack = Stack.create(tmp_path / "s", 26000)
    claims = jwt.decode(stack.publishable_key, stack.secrets.jwt_secret, algorithms=["HS256"])
    assert claims["role"] == "anon"
    assert jwt.decode(stack.service_key, stack.secrets.jwt_secret, algorithms=["HS256"])["role"] == "service_role"


def test_environment_when_made_for_a_function_then_it_holds_neither_superuser_nor_service_key(tmp_path: Path) -> None:
    stack = Stack.create(tmp_path / "s", 26000)
    values = "\n".join(function_environment(stack, Setup()).values())
    assert stack.secrets.postgres_password not in values
    assert stack.service_key not in values


def test_environment_when_an_outer_stack_is_set_then_nothing_of_it_leaks_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTTRADER_DATABASE_URL", "postgresql://elsewhere")
    monkeypatch.setenv("AGENTTRADER_DATA", "/data")
    stack = Stack.create(tmp_path / "s", 26000)
    assert "AGENTTRADER_DATABASE_URL" not in function_environment(stack, Setup())
    assert part_environment(stack)["AGENTTRADER_DATABASE_URL"] == stack.database_url
    assert function_environment(stack, Setup())["AGENTTRADER_DATA"] == "/data"
