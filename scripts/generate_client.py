"""Writes the models and operations of local/client from docs/openapi.json. `--check` only says whether they are stale.

The models are made by datamodel-code-generator, the operations here.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.client_operations import operations

PROJECT = Path(__file__).resolve().parents[1]
DOCUMENT = PROJECT / "docs" / "openapi.json"
CLIENT = PROJECT / "local" / "client"
_HEAD = '"""What {what}. Made from docs/openapi.json by `make api`."""\n\n'
_MODEL_OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=pydantic_v2.BaseModel",
    "--base-class=local.client.model.Model",
    "--target-python-version=3.11",
    "--use-annotated",
    "--enum-field-as-literal=all",
    "--collapse-root-models",
    "--strict-nullable",
    # What an address is, the API says.
    "--type-mappings=string+email=string",
    "--use-double-quotes",
    "--formatters=builtin",
    "--disable-timestamp",
    "--disable-warnings",
)


def generated(document: dict[str, Any]) -> dict[str, str]:
    """The text of each generated file by its name."""
    named = with_names(document)
    return {
        "models.py": _formatted(_HEAD.format(what="the API takes and answers") + _models(named)),
        "operations.py": _formatted(_HEAD.format(what="the API does") + operations(named)),
    }


def with_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document with a name for every body and answer that has none: each becomes a model."""
    named = copy.deepcopy(document)
    schemas: dict[str, Any] = named.setdefault("components", {}).setdefault("schemas", {})
    for operation in (each for methods in named["paths"].values() for each in methods.values()):
        title = operation["operationId"][0].upper() + operation["operationId"][1:]
        places = [(f"{title}Body", operation.get("requestBody", {}))]
        places += [
            (f"{title}Answer", answer) for status, answer in operation["responses"].items() if status.startswith("2")
        ]
        for name, place in places:
            content = place.get("content", {}).get("application/json")
            if content and "$ref" not in content["schema"]:
                schemas[name] = content["schema"]
                content["schema"] = {"$ref": f"#/components/schemas/{name}"}
    return named


def _models(document: dict[str, Any]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "openapi.json", Path(folder) / "models.py"
        # Paths are not read for models, and what refuses is read by problems.py.
        source.write_text(json.dumps(document | {"paths": {}}))
        command = [sys.executable, "-m", "datamodel_code_generator", f"--input={source}", f"--output={made}"]
        subprocess.run([*command, *_MODEL_OPTIONS], check=True, cwd=folder)
        return made.read_text().split("\n\n", 1)[1]


def _formatted(code: str) -> str:
    for arguments in (["check", "--fix", "--quiet", "--select=I,UP,F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename=local/client/made.py", "-"]
        code = subprocess.run(command, input=code, capture_output=True, text=True, check=True, cwd=PROJECT).stdout
    return code


def main() -> int:
    """Writes or checks the files. Returns 0 where they are up to date, 1 where the check found one stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail where a file is stale; write nothing")
    check = parser.parse_args().check
    stale = []
    for name, code in generated(json.loads(DOCUMENT.read_text(encoding="utf-8"))).items():
        file = CLIENT / name
        if not check:
            file.write_text(code, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != code:
            stale.append(name)
    if stale:
        print(f"local/client: {' and '.join(stale)} stale: run `make api`", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
