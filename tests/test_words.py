"""One word for one thing: pages, charts and papers use the words of docs/words.md and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cohort_core.dashboard.page_words import CHECK_UP, WORDS, advice_for_page, for_page, is_for_terminal
from cohort_core.errors import leaves

ROOT = Path(__file__).parent.parent
ON_SCREEN = sorted(
    path
    for place in ("pages", "cohort_core/dashboard", "cohort_core/charts")
    for path in (ROOT / place).rglob("*.py")
    if path.name != "streamlit_config.py"
)
ON_PAPER = sorted((ROOT / "cohort_core/export").glob("*.typ"))
IN_SENTENCES = [
    ROOT / "cohort_core" / name
    for name in (
        "reports/labels.py",
        "reports/band_meaning.py",
        "metrics/reasons.py",
        "metrics/brief.py",
        "config/thresholds.py",
        "export/pdf.py",
        "export/director.py",
        "export/handover.py",
        "export/class_night.py",
    )
]
OTHER_WORDS = {
    r"\bsettle": "hide",
    r"\bmoved bands?\b": "changed risk level",
    r"\bmiddle of the class\b": "behind the class",
    r"\bclears? (up to|this|less)\b": "ends this",
    r"\bcooling\b": "silent for N days",
    r"\btriage\b": "Needs attention",
    r"\bvelocity\b": "work per week",
    r"\bRead everything\b": "Download everything again",
    r"\b(syncs?|back) by (itself|themselves)\b": "automatically",
    r"\bmarks lost\b|\bfull marks\b": "low grades, a full grade",
    r"\b(come|came) (this|that) far\b": "reached",
    r"\bgone silent\b": "Keeping up, but silent",
    r"\brisk bands?\b": "risk level",
    r"\bunits? of the course\b|\ball units\b": "section",
    r"\bwent wrong\b": "failed",
    r"\bactivate\b|\bactive class(es)?\b": "follow",
    r"\bfriendly id\b": "short name",
    r"\b(completions|assignments) a student\b": "per student",
    r"\benvironment\b": "where Cohort Tracker is started",
    r"\bpseudonyms for everybody\b": "Anonymous, always",
}
"""Patterns that no screen shows, with the word of docs/words.md."""
OF_TERMINAL = re.compile(r"cohort-tracker |\bCOHORT_[A-Z]|config\.toml|\bpip install\b|environment variable")


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that a person may read: those with a blank, without docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    silent = {
        id(child.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for child in node.body
        if isinstance(child, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent:
            text = node.value
            if (" " in text.strip() or text[:1].isupper()) and not text.lstrip().startswith(("<style", "(")):
                yield node.lineno, text


def wrong_words(text: str) -> list[str]:
    return [
        f"“{match[0]}”, better: {better}"
        for pattern, better in OTHER_WORDS.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", [*ON_SCREEN, *IN_SENTENCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_screens_use_the_words_of_the_product(path: Path) -> None:
    wrong = [f"{line}: {word}" for line, text in sentences(path) for word in wrong_words(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ON_PAPER, ids=lambda path: path.name)
def test_papers_use_the_words_of_the_product(path: Path) -> None:
    assert not wrong_words(path.read_text("utf-8"))


@pytest.mark.parametrize("path", ON_SCREEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_of_a_page_names_a_command_or_a_variable(path: Path) -> None:
    wrong = [f"{line}: {text}" for line, text in sentences(path) if OF_TERMINAL.search(text)]
    assert not wrong, "\n".join(wrong)


def raised_messages() -> Iterator[tuple[str, str]]:
    """Yield the message of every error that the program raises, and its code.

    Values that a message takes in are paths, since these are what a page must not show.
    """
    codes = {error.__name__: error.code for error in leaves()}
    for path in sorted((ROOT / "cohort_core").rglob("*.py")):
        if "cli" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in codes:
                for argument in node.args[:1]:
                    yield _filled_in(argument), codes[node.func.id]


def _filled_in(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "/home/ana/.local/share/tracker"
            for part in node.values
        )
    return ""


def test_no_error_reaches_a_page_with_a_command_a_file_or_a_variable() -> None:
    # Refusals of the system and of removals have a test below.
    messages = [
        (said, code)
        for said, code in raised_messages()
        if said and code not in {"system_refused", "removals_refused"}
    ]
    assert len(messages) > 80
    assert any(is_for_terminal(message) for message, _ in messages)
    for message, code in messages:
        said = for_page(message, code)
        assert said.strip(), message
        assert not is_for_terminal(said), (message, said)
        assert "  " not in said
        assert said.endswith((".", "?", "!", "…")) or not message.endswith("."), (message, said)


def test_an_error_keeps_what_is_for_a_page_too() -> None:
    assert for_page("Wait for it to end, or watch it with `cohort-tracker status`.") == "Wait for it to end."
    assert for_page(
        "/home/ana/x.db cannot be used (No space left). Free some, and try again.", "system_refused"
    ) == ("Cohort Tracker cannot use one of its files. Free some, and try again.")


def test_a_refused_removal_keeps_its_numbers() -> None:
    message = (
        "OpenClass no longer has 20 of the 43 records of this class, and nothing was removed here. If that "
        "is right, sync again with `cohort-tracker sync --accept-removals`."
    )
    assert for_page(message, "removals_refused") == (
        "OpenClass no longer has 20 of the 43 records of this class, and nothing was removed here. The page "
        "Classes asks what to do."
    )


def test_the_check_up_advises_without_commands() -> None:
    assert advice_for_page("Run `cohort-tracker sync`.", "syncs") == "Press Sync now."
    for sentence in (*(text for pair in WORDS.values() for text in pair), *CHECK_UP.values()):
        assert not is_for_terminal(sentence)
        assert not wrong_words(sentence)
