"""`agenttrader strategy ...`, and a new package from its skeleton to the catalogue."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.strategy.catalogue import kinds
from local.cli.app import run
from local.cli.exits import Exit

ROOT = Path(__file__).resolve().parents[3]
NAME = "new_in_a_test"


@dataclass(frozen=True)
class Package:
    """A package as `strategy new` wrote it, and where it was installed."""

    folder: Path
    site: Path

    def python(self, *arguments: str, path: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in path)}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("new")
    assert run(["strategy", "new", NAME, "--folder", str(folder)]) == Exit.FINE
    made = Package(folder / NAME, folder / "site")
    # Without the network: hatchling is here already.
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile"]
    done = made.python("-m", "pip", "install", *options, "--target", str(made.site), ".", path=())
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def test_new_when_written_then_it_is_one_module_with_its_test(package: Package) -> None:
    files = {"README.md", "pyproject.toml", f"{NAME}.py", f"test_{NAME}.py"}
    assert files <= {each.name for each in package.folder.iterdir()}


def test_new_when_installed_then_its_own_test_passes(package: Package) -> None:
    done = package.python("-m", "pytest", "-q", "-p", "no:cacheprovider", path=(package.site, ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_new_when_installed_then_the_catalogue_has_it_with_its_package(package: Package) -> None:
    command = "from local.cli.app import run; import sys; sys.exit(run(['strategy', 'list', '--json']))"
    done = package.python("-c", command, path=(package.site, ROOT))
    assert done.returncode == 0, done.stderr
    found = {each["kind"]: each for each in json.loads(done.stdout)["kinds"]}
    assert found[NAME] == {"kind": NAME, "title": "New in a test", "from": "new-in-a-test 0.1.0"}
    assert found["rsi_reversion"]["from"] == "built-in"


def test_new_when_its_folder_exists_then_nothing_is_overwritten(
    package: Package, capsys: pytest.CaptureFixture[str]
) -> None:
    module = package.folder / f"{NAME}.py"
    before = module.read_text()
    assert run(["strategy", "new", NAME, "--folder", str(package.folder.parent)]) == Exit.WRONG_USE
    assert "FOLDER_EXISTS" in capsys.readouterr().err
    assert module.read_text() == before


@pytest.mark.parametrize("name", ["My_breakout", "1st", "a-b", "class", "json", "functions", "rsi_reversion"])
def test_new_when_the_name_cannot_be_one_then_exit_2_and_nothing_is_written(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["strategy", "new", name, "--folder", str(tmp_path)]) == Exit.WRONG_USE
    assert "BAD_NAME" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_new_when_there_is_no_such_folder_then_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["strategy", "new", NAME, "--folder", str(tmp_path / "absent")]) == Exit.WRONG_USE
    assert "NO_FOLDER" in capsys.readouterr().err


def test_list_when_asked_then_every_kind_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["strategy", "list"]) == Exit.FINE
    shown = capsys.readouterr().out
    assert all(kind in shown for kind in kinds())


def test_check_when_valid_then_it_says_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["strategy", "check", "rsi_reversion", "--symbols", "SPY,QQQ"]) == Exit.FINE
    assert capsys.readouterr().out == (
        "rsi_reversion: the config is valid. It needs 1Min bars of SPY, QQQ, 16 to warm up.\n"
    )


def test_check_when_much_is_wrong_then_exit_1_and_all_of_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    config = '{"period": 1, "oversold": 99, "surprise": 2}'
    arguments = ["strategy", "check", "rsi_reversion", "--config", config, "--symbols", "not a symbol", "--json"]
    assert run(arguments) == Exit.CHECK_FAILED
    result = json.loads(capsys.readouterr().out)
    assert result["valid"] is False
    fields = [problem["field"] for problem in result["problems"]]
    assert fields == ["period", "oversold", "surprise", "symbols"]


def test_check_when_config_and_symbols_do_not_fit_each_other_then_it_is_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["strategy", "check", "momentum_rotation", "--config", '{"hold": 3}']) == Exit.CHECK_FAILED
    assert "hold: expected at most as many as it has symbols, 1" in capsys.readouterr().out
