"""docs/api.md is what the running program answers."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_of_this_program() -> None:
    made = runpy.run_path(str(DOCS / "api_reference.py"))["markdown"]()
    assert (DOCS / "api.md").read_text("utf-8") == made, "run `make docs`"
