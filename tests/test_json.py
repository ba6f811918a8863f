"""JSON that the program writes is JSON: never NaN, which most readers refuse."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "cohort_core"
# The practice school and the digests of upstream rows write what OpenClass does; their texts stay here.
LEFT_OUT = {"practice/protocol.py", "sources/openclass/parser.py", "http/uvicorn_protocol.py"}
SOURCES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


@pytest.mark.parametrize("name", [name for name in SOURCES if name not in LEFT_OUT])
def test_no_number_that_is_none_reaches_json(name: str) -> None:
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"json.dump", "json.dumps"}:
            assert any(keyword.arg == "allow_nan" for keyword in node.keywords), node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "to_json":
            assert any(keyword.arg == "inf_nan_mode" for keyword in node.keywords), node.lineno
