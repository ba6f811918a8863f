"""Any bytes give a roster or a sentence, and what a program wrote is read back."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cohort_core.errors import BadInput
from cohort_core.imports.code_pages import ENCODINGS
from cohort_core.imports.roster_lines import RosterLine, read_mentors_file, read_roster_file
from tests.imports.odd_files import archive, csv_file, sheet

HEADER = ["Email", "First name", "Last name", "Night"]
DEEP = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
parts_of_files = st.sampled_from(
    [
        b"email,first_name,last_name\n", b"Email;Name;Night\r\n", b"\xff\xfe", b"\xef\xbb\xbf", b"PK\x03\x04",
        b"sep=;\n", b'"', b",", b";", b"\t", b"\n", b"\r", b"\0", b"\x87\xe1\xa3", "Łü".encode(), b"a@x.org",
        b"46266", b"01/09/2026", b"enrolled_on,email\n", b"<", b"'=", b"\xd0\xcf\x11\xe0", b"Student,Test",
    ]
)  # fmt: skip
any_file = st.binary(max_size=200) | st.lists(parts_of_files | st.binary(max_size=6), max_size=40).map(
    b"".join
)


@DEEP
@given(any_file, st.sampled_from([None, *ENCODINGS]), st.sampled_from([None, "day_first", "month_first"]))
@example(b"", None, None)
@example(b"email\n" + b'"\n' * 300, None, None)
@example(b"email\n" + b"a" * 200_000, None, None)
@example(b"first_name\n\x81\x8d", "Shift JIS", None)
@example("email,enrolled_on\na@x.org,٤٦٢٦٦\nb@x.org,²²²²²\n".encode(), None, None)
def test_any_bytes_give_a_roster_or_a_sentence(content: bytes, encoding: str | None, order: None) -> None:
    with suppress(BadInput):
        file = read_roster_file(
            content, "The file", names_in_class=["Łukasz"], encoding=encoding, date_order=order
        )
        numbers = [line.line for line in file.lines] + [bad.line for bad in file.not_used]
        assert len(numbers) == len(set(numbers))
        assert all(line.student_id or line.email or line.first_name or line.last_name for line in file.lines)
    with suppress(BadInput):
        read_mentors_file(content, "The file", encoding=encoding)


@DEEP
@given(st.data())
def test_a_damaged_workbook_gives_a_roster_or_a_sentence(data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(sheet(HEADER, ["a@x.org", "Wu", "Li", 46266]))) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    name = data.draw(st.sampled_from(sorted(parts)))
    place = data.draw(st.integers(0, len(parts[name])))
    damage = data.draw(st.binary(max_size=3) | st.sampled_from([b'"', b"<", b"999999999", b"XFD1"]))
    skipped = data.draw(st.integers(0, 40))
    parts[name] = parts[name][:place] + damage + parts[name][place + skipped :]
    if data.draw(st.booleans()):
        del parts[data.draw(st.sampled_from(sorted(parts)))]
    with suppress(BadInput):
        read_roster_file(archive(parts), "The file")


letters = st.characters(codec="cp1252", categories=("Lu", "Ll"))
words = st.text(letters, min_size=2, max_size=12)
names = st.builds(lambda first, *rest: " ".join((first, *rest)), words, words) | words
nights = st.sampled_from(["Tuesday", "Thursday, late", 'the "quiet" one', "7; or 8", "=1+1", "a|b"])
rows = st.lists(st.tuples(names, names, nights), min_size=1, max_size=6)
EXCEL = {"delimiter": ";", "lineterminator": "\r\n"}
DIALECTS = {
    "comma": {},
    "semicolon": EXCEL,
    "tab": {"delimiter": "\t"},
    "pipe": {"delimiter": "|", "lineterminator": "\n"},
    "all in quotation marks": {"quoting": 1},
    "returns alone": {"lineterminator": "\r"},
}


def _expected(people: list[tuple[str, str, str]]) -> list[RosterLine]:
    return [
        RosterLine(number, email=f"s{number}@x.org", first_name=first, last_name=last, night=night)
        for number, (first, last, night) in enumerate(people, start=2)
    ]


def _table(people: list[tuple[str, str, str]]) -> list[list[str]]:
    return [HEADER, *([f"s{number}@x.org", *person] for number, person in enumerate(people, start=2))]


def _with_real_names(people: list[tuple[str, str, str]]) -> bool:
    """Leave out texts that stand for nothing, and those that look like letters written twice."""
    return not any(
        "Ã" in text or "Â" in text or text.casefold() in {"n/a", "test", "student", "total"}
        for person in people
        for text in person
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=15, deadline=None)
@given(people=rows.filter(_with_real_names))
def test_what_csv_writes_is_read_back(
    dialect: str, encoding: str, people: list[tuple[str, str, str]]
) -> None:
    content = csv_file(_table(people), encoding, **DIALECTS[dialect])  # type: ignore[arg-type]
    known_names = [name for first, last, _ in people for name in (first, last)]
    file = read_roster_file(content, "The file", names_in_class=known_names)
    assert file.lines == _expected(people)
    assert not file.not_used


def _openpyxl_sheet(*table: list[str]) -> bytes:
    book = openpyxl.Workbook()
    for row, cells in enumerate(table, start=1):
        for column, text in enumerate(cells, start=1):
            cell = book.active.cell(row, column, text)
            cell.data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize("write", [sheet, _openpyxl_sheet], ids=["xlsxwriter", "openpyxl"])
@settings(max_examples=15, deadline=None)
@given(people=rows.filter(lambda people: _with_real_names(people) and "=" not in str(people)))
def test_what_a_workbook_holds_is_read_back(write: type, people: list[tuple[str, str, str]]) -> None:
    file = read_roster_file(write(*_table(people)), "The file")
    assert file.lines == _expected(people)
    assert not file.not_used
