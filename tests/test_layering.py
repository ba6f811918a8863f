"""The edges that are no packages: what they may know. Import Linter watches cohort_core."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "pages").glob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def allowed(names: set[str], *rooms: str) -> bool:
    standard = ("__future__", *sys.stdlib_module_names - {"sqlite3"})
    return all(any(f"{name}.".startswith(f"{room}.") for room in (*standard, *rooms)) for name in names)


@pytest.mark.parametrize("page", [ROOT / "app.py", *PAGES], ids=lambda path: path.name)
def test_a_page_asks_reports_and_renders(page: Path) -> None:
    inner = ("dashboard", "charts", "reports", "rows", "errors")
    assert allowed(imported(page), "streamlit", *(f"cohort_core.{room}" for room in inner)), imported(page)


def test_the_api_asks_reports_and_sends() -> None:
    inner = ("answers", "reports", "exports", "class_report", "metrics.listing", "web", "store.runs")
    inner += ("workspace", "access", "acting", "journal", "store.tokens")
    names = imported(ROOT / "api.py")
    libraries = ("fastapi", "fastapi_offline", "starlette")
    assert allowed(names, *libraries, *(f"cohort_core.{room}" for room in inner)), names


def test_the_pages_folder_holds_pages_only() -> None:
    assert {path.stem for path in PAGES} >= {"overview", "blockers", "risk", "trends", "classes", "connect"}
    assert not (ROOT / "pages" / "__init__.py").exists()
