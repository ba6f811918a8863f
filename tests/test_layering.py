"""The imports of app.py, api.py and pages/. They are no packages, so Import Linter does not check them."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "pages").glob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the dotted names of everything that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def allowed(names: set[str], *packages: str) -> bool:
    """Return True if all names are in these packages or in the standard library, without sqlite3."""
    standard = ("__future__", *sys.stdlib_module_names - {"sqlite3"})
    return all(
        any(f"{name}.".startswith(f"{package}.") for package in (*standard, *packages)) for name in names
    )


@pytest.mark.parametrize("page", [ROOT / "app.py", *PAGES], ids=lambda path: path.name)
def test_a_page_asks_reports_and_renders(page: Path) -> None:
    inner = ("dashboard", "charts", "reports", "errors")
    assert allowed(imported(page), "streamlit", *(f"cohort_core.{package}" for package in inner)), imported(
        page
    )


def test_the_api_entry_composes_and_nothing_else() -> None:
    assert imported(ROOT / "api.py") == {"cohort_core.api.app.create_app"}


def test_the_pages_folder_holds_pages_only() -> None:
    assert {path.stem for path in PAGES} >= {"overview", "blockers", "risk", "trends", "classes", "connect"}
    assert not (ROOT / "pages" / "__init__.py").exists()
