"""Numbers in words: one rounding and one spelling, in Python as in a browser."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohort_core import formatting

ROOT = Path(__file__).parent.parent
SOURCES = [
    path
    for path in (*(ROOT / "cohort_core").rglob("*.py"), *(ROOT / "pages").glob("*.py"))
    if path.name != "formatting.py"
]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, "0 %"), (0.125, "13 %"), (0.145, "15 %"), (0.625, "63 %"), (0.845, "85 %"), (0.8449, "84 %")],
)
def test_halves_of_a_percent_are_rounded_up(share: float, expected: str) -> None:
    assert formatting.percent(share) == expected
    assert formatting.TABLE_PERCENT % formatting.round_half_up(100 * share) == expected
    script = formatting.AXIS_PERCENT.replace("datum.value", str(share)).replace("+ ' %'", "")
    assert f"{eval(script, {'floor': math.floor})} %" == expected  # noqa: S307


def test_what_is_missing_is_a_dash() -> None:
    for write in (formatting.percent, formatting.whole, formatting.one_decimal):
        assert [write(value) for value in (None, float("nan"))] == ["–", "–"]


def test_numbers() -> None:
    assert [formatting.whole(value) for value in (0.5, 1.4999, 2.5, 1234)] == ["1", "1", "3", "1,234"]
    assert [formatting.one_decimal(value) for value in (0.25, 0.15, 0.3, 1234.56)] == [
        *("0.3", "0.2", "0.3", "1,234.6"),
    ]
    assert [formatting.signed(value) for value in (3, -3, -1234)] == ["+3", "−3", "−1,234"]
    assert formatting.percent_range(0.5, 0.6) == "50–60 %"
    assert [formatting.size(value) for value in (1, 900, 12_500, 3_350_000)] == [
        *("1 byte", "900 bytes", "13 KB", "3.4 MB"),
    ]
    assert [formatting.seconds(value) for value in (0.25, 99, 100)] == ["0.3 s", "99.0 s", "2 minutes"]


def test_spans() -> None:
    assert [formatting.points(value) for value in (0, 1.2, 2.5)] == ["0 points", "1 point", "3 points"]
    assert [formatting.days(value) for value in (0.9, 1.9, 12)] == ["0 days", "1 day", "12 days"]
    assert [formatting.some_days(value) for value in (0.2, 1.5)] == ["less than a day", "2 days"]
    assert [formatting.days_ago(value) for value in (None, 0, 1, 12)] == [
        *("never", "today", "yesterday", "12 days ago"),
    ]


def test_a_change_is_what_a_reader_subtracts() -> None:
    # 62.4 % and 62.6 % are shown as 62 % and 63 %.
    assert formatting.percent_points(0.626, 0.624) == 1
    assert formatting.percent_points(None, 0.5) == formatting.percent_points(0.5, None) == 0
    assert [formatting.signed_points(number) for number in (1, -1, 4)] == [
        "+1 point",
        "−1 point",
        "+4 points",
    ]


def own_formats(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the places that round a number for words or write a percentage, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue):
            spec = node.format_spec.values if isinstance(node.format_spec, ast.JoinedStr) else []
            text = "".join(str(part.value) for part in spec if isinstance(part, ast.Constant))
            if re.search(r"\.\d+[efg%]?$|^[^%]*%$", text):
                yield node.lineno, f"the format {text}"
            for call in ast.walk(node.value):
                if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {"round", "floor"}:
                    yield node.lineno, "rounding inside a text"
        elif isinstance(node, ast.JoinedStr):
            for before, after in zip(node.values, node.values[1:], strict=False):
                is_text = isinstance(after, ast.Constant) and str(after.value).lstrip().startswith("%")
                if is_text and isinstance(before, ast.FormattedValue):
                    yield node.lineno, "a percentage"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.search(r"^[+,]*\.\d+[%f]$|^[0#,.]+%$|%\.\d+f|\{:[^}]*(%|\.\d+f)\}", node.value):
                yield node.lineno, f"the format {node.value}"
        elif isinstance(node, ast.Call) and re.search(r"(floor|int)\(.*\+ 0\.5\)", ast.unparse(node)):
            yield node.lineno, "rounding by hand"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_numbers_in_words_are_made_in_one_module(path: Path) -> None:
    places = dict(own_formats(ast.parse(path.read_text("utf-8"))))
    assert not places, "\n".join(f"{line}: {what}; use formatting.py" for line, what in places.items())


def test_the_check_finds_what_it_looks_for() -> None:
    for source in (
        *("f'{x:.0%}'", "f'{x:.1f} days'", "f'{round(x)}'", "f'{x} %'", "'.0%'", "'%.0f%%'", "'0.0%'"),
        "floor(x + 0.5)",
    ):
        assert dict(own_formats(ast.parse(source))), source
    for source in ("f'{day:%B %Y}'", "f'{x:,}'", "f'{x:g}'", "'100% of it'", "round(x, 1)"):
        assert not dict(own_formats(ast.parse(source))), source
