"""Plain English in code: names that say what they hold, docstrings that a stranger reads once.

Ruff checks that docstrings begin with a verb; here stand the rules that it does not know.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in ("cohort_core", "pages", "benchmarks", "docs", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
RIDDLES = frozenset({"told", "tell", "whom", "one", "found", "known"})
DIALECT = re.compile(r"\b(told|whom|the house|this house|the reach is)\b", re.IGNORECASE)
MAX_SUMMARY_WORDS = 15
QUESTION = re.compile(r"(who|whom|whoever|what|whatever|whether|that of|those of)\b", re.IGNORECASE)


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every name that the code binds, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name.strip("_")
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def docstrings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every docstring, also those behind attributes, with its line."""
    for node in ast.walk(tree):
        for child in getattr(node, "body", []) if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            value = child.value if isinstance(child, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield child.lineno, value.value


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield every comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_is_in_plain_english(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    wrong = [f"{line}: the name {name} says nothing" for line, name in names(tree) if name in RIDDLES]
    for line, docstring in docstrings(tree):
        summary = docstring.strip().split("\n\n")[0]
        if len(summary.split()) > MAX_SUMMARY_WORDS and path.is_relative_to(ROOT / "cohort_core"):
            wrong.append(f"{line}: a summary of more than {MAX_SUMMARY_WORDS} words")
        if QUESTION.match(summary):
            wrong.append(f"{line}: a docstring that begins with a question word")
    for line, prose in (*docstrings(tree), *comments(text)):
        wrong += [f"{line}: dialect, “{word[0]}”" for word in DIALECT.finditer(prose)]
    if path != Path(__file__):
        assert not wrong, "\n".join(wrong)
