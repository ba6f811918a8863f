"""Tables as files, read back as a spreadsheet reads them: over HTTP and from the command line."""

from __future__ import annotations

import csv
import io
import os
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests

from cohort_core.errors import BadInput
from cohort_core.export import tables
from cohort_core.reports import catalog
from cohort_core.reports.row_models import ProgressionRow, Row
from cohort_core.services.principal import OWNER
from cohort_core.services.reader import Reader
from tests.api.conftest import Service
from tests.export.conftest import CLASS_ID

XLSX = tables.KINDS["xlsx"].media_type
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Odd(Row):
    name: str | None
    amount: float | None
    is_it: bool
    names: list[str]


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
HARMLESS = [
    "Ann",
    'says "hi", twice',
    "two\nlines",
    "1=1",
    "'quoted",
    " =1",
    "![x](http://127.0.0.1:9/p.png)",
]


def odd(names: list[str]) -> tables.Table:
    rows = [{"name": name, "amount": -1.5, "is_it": True, "names": ["=A", "B"]} for name in names]
    return tables.Table("odd", Odd, [*rows, {"name": None, "amount": None, "is_it": False, "names": []}])


def read_csv(file: bytes) -> list[dict[str, str]]:
    assert file.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""), strict=True))


def read_sheets(file: bytes) -> list[Any]:
    sheets: list[Any] = openpyxl.load_workbook(io.BytesIO(file)).worksheets
    return sheets


@pytest.mark.parametrize("text", FORMULAS)
def test_csv_text_is_no_formula(text: str) -> None:
    row, empty = read_csv(tables.csv_bytes(odd([text])))
    # Also if the text begins where other programs end a cell.
    name = f"'{text[0]}'{text[1:]}" if text in ("\t=1", "\r=1") else f"'{text}"
    assert row == {"name": name, "amount": "-1.5", "is_it": "true", "names": "'=A; B"}
    assert empty == {"name": "", "amount": "", "is_it": "false", "names": ""}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_text_is_no_formula_where_cells_are_separated_otherwise(separator: str) -> None:
    """The spreadsheet of a German mentor reads semicolons as separators, whatever the file uses."""
    names = ['Ben;"=1+1;x', 'Ben;""=1+1', "Ben;=1+1;x", "Ben\n=1+1\n", "Ben\t@SUM(1)", "＝1+1", 'Ben";=1']
    lines = tables.csv_bytes(odd(names)).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(lines, newline=""), delimiter=separator) for cell in row]
    parts = [part.strip('"') for cell in cells for part in cell.splitlines()]
    assert any("1+1" in part for part in parts)
    assert not any(part.startswith(tables.FORMULA_STARTS) for part in parts if part != "-1.5")


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_comes_back_as_it_is(text: str) -> None:
    assert read_csv(tables.csv_bytes(odd([text])))[0]["name"] == text


def test_csv_lines_end_as_the_standard_says() -> None:
    file = tables.csv_bytes(odd(["a,b"]))
    assert file.decode("utf-8-sig") == ('name,amount,is_it,names\r\n"a,b",-1.5,true,\'=A; B\r\n,,false,\r\n')


@pytest.mark.parametrize("text", [*FORMULAS[:5], *HARMLESS, "http://127.0.0.1:9/", "x" * 40_000, "a\x00b"])
def test_a_workbook_has_text_and_never_a_formula_or_a_link(text: str) -> None:
    cells, _ = read_sheets(tables.xlsx_bytes(odd([text])))
    name, amount, is_it, names = cells[2]
    assert (name.data_type, amount.data_type, is_it.data_type, names.data_type) == ("s", "n", "b", "s")
    assert name.hyperlink is None
    if "\x00" not in text:
        assert name.value == text[:32_767]
    assert (amount.value, is_it.value, names.value) == (-1.5, True, "=A; B")
    assert cells.freeze_panes == "A2"


def test_a_workbook_has_real_times_and_definitions(service: Service) -> None:
    class_data = service.workspace.cohorts.class_data(CLASS_ID)
    report = catalog.progressions(class_data, status="completed")
    cells, definitions = read_sheets(tables.xlsx_bytes(report, {"Class": class_data.name}))
    head = [cell.value for cell in cells[1]]
    assert head == list(ProgressionRow.model_fields)
    first = dict(zip(head, [cell.value for cell in cells[2]], strict=True))
    record = report.records()[0]
    completed_at = datetime.fromisoformat(record["completed_at"]).replace(tzinfo=None)
    assert abs((first["completed_at"] - completed_at).total_seconds()) < 0.002
    assert first["grade"] == record["grade"]
    words = {row[0]: row[3] for row in definitions.iter_rows(values_only=True)}
    assert {name: words[name] for name in head} == {
        name: field.description for name, field in ProgressionRow.model_fields.items()
    }
    about = {row[0]: row[1] for row in definitions.iter_rows(max_row=2, values_only=True)}
    assert about == {"Report": "Progressions", "Class": class_data.name}


def table_paths(service: Service) -> list[str]:
    """Return the paths that send tables, by their own description."""
    paths = service.get("/openapi.json")["paths"]
    return [
        path
        for path, methods in paths.items()
        if "text/csv" in methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
    ]


def test_every_table_is_the_same_as_a_file(service: Service, destination: int) -> None:
    class_data = service.workspace.cohorts.class_data(CLASS_ID)
    ids = {
        "class_id": CLASS_ID,
        "student_id": class_data.progressions["student_id"].iloc[0],
        "assignment_id": class_data.assignments["assignment_id"].iloc[10],
        "destination": destination,
    }
    paths = table_paths(service)
    assert len(paths) > 30
    for path in paths:
        address = service.url + path.format(**ids)
        sent = requests.get(address, timeout=10).json()
        is_list = isinstance(sent, list) or "items" in sent
        query = {"limit": "30", "offset": "2"} if is_list else {}
        sent = requests.get(address, params=query, timeout=10).json()
        rows = [sent] if not is_list else sent["items"] if isinstance(sent, dict) else sent
        file = requests.get(f"{address}.csv", params=query, timeout=10)
        assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert file.headers["Content-Disposition"].endswith('.csv"')
        table = read_csv(file.content)
        assert len(table) == len(rows), path
        if rows:
            assert list(table[0]) == list(rows[0]), path
        book = requests.get(f"{address}.xlsx", params=query, timeout=10)
        assert book.headers["Content-Type"] == XLSX
        assert read_sheets(book.content)[0].max_row == len(rows) + 1, path


def test_numbers_of_a_csv_are_those_of_the_api(service: Service) -> None:
    path = f"/classes/{CLASS_ID}/metrics/student-health"
    table = read_csv(requests.get(f"{service.url}{path}.csv", timeout=10).content)
    for row, cells in zip(service.get(path), table, strict=True):
        assert float(cells["risk_score"]) == row["risk_score"]
        assert cells["reasons"] == "; ".join(row["reasons"])
        assert cells["name"].removeprefix("'") == row["name"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        (f"{XLSX}, */*", XLSX),
        ("text/plain, text/csv;q=0.5", "text/csv; charset=utf-8"),
        ("application/json, text/csv", "application/json"),
        (BROWSER, "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_accept_chooses_the_format(service: Service, accept: str, expected: str) -> None:
    address = f"{service.url}/classes/{CLASS_ID}/assignments"
    answer = requests.get(address, headers={"Accept": accept}, timeout=10)
    assert answer.headers["Content-Type"] == expected
    assert "Accept" in answer.headers["Vary"].split(", ")


def test_the_name_of_a_download_names_no_person(service: Service) -> None:
    student = service.workspace.cohorts.class_data(CLASS_ID).progressions["student_id"].iloc[0]
    address = f"{service.url}/classes/{CLASS_ID}/students/{student}/timeline.csv"
    answers = [requests.get(address, timeout=10)]
    disguised = service.workspace.cohorts.student_id_for(CLASS_ID, student, anonymous=True)
    address = f"{service.url}/classes/{CLASS_ID}/students/{disguised}/timeline.csv?anonymous=1"
    answers.append(requests.get(address, timeout=10))
    assert [answer.headers["Content-Disposition"] for answer in answers] == [
        'attachment; filename="sd-cohort-12-student-timeline.csv"',
        'attachment; filename="sd-cohort-12-student-timeline-anonymous.csv"',
    ]


def test_errors_stay_problems(service: Service) -> None:
    assert service.refused("/classes/none/students.csv")["code"] == "unknown_class"
    assert service.refused("/health.csv")["status"] == 404


@pytest.mark.parametrize(
    ("reference", "name", "expected"),
    [
        ("web-cohort-3", "student_health", "web-cohort-3-student-health.csv"),
        ('a"b/../\r\nc', "students", "a-b-c-students.csv"),
        (None, "classes", "classes.csv"),
        ("Ω", "stuck", "stuck.csv"),
    ],
)
def test_file_names(reference: str | None, name: str, expected: str) -> None:
    assert tables.file_name(reference, name, "csv") == expected


def run(service: Service, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COHORT_HOME": str(service.workspace.home.folder)}
    command = [sys.executable, "-m", "cohort_core.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_writes_what_the_api_sends(service: Service, tmp_path: Path) -> None:
    out = tmp_path / "health.csv"
    common = ("export", "--class-id", CLASS_ID, "--report", "student-health", "--out", str(out))
    done = run(service, *common, "--anonymous")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pseudonyms" in done.stdout
    address = f"{service.url}/classes/{CLASS_ID}/metrics/student-health.csv?anonymous=1"
    assert out.read_bytes() == requests.get(address, timeout=10).content
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    again = run(service, *common)
    assert again.returncode == 2
    assert "--force" in again.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["health.csv"]


@pytest.mark.parametrize(
    ("name", "more", "parameter"),
    [
        ("luck", {}, "report"),
        ("triage", {}, "report"),
        ("students", {"as_of": "2026-10-01"}, "as_of"),
        ("student-timeline", {}, "student_id"),
        ("blockers", {"student_id": "x"}, "student_id"),
        ("completion", {"since": "2026-10-01"}, "since"),
    ],
)
def test_a_report_refuses_parameters_that_do_not_fit(
    service: Service, name: str, more: dict[str, str], parameter: str
) -> None:
    with pytest.raises(BadInput) as raised:
        Reader(service.workspace, OWNER).report(name, CLASS_ID, **more)
    assert raised.value.details["parameter"] == parameter


def test_every_report_can_be_requested_by_its_name(service: Service) -> None:
    class_data = service.workspace.cohorts.class_data(CLASS_ID)
    ids = {
        "student_id": class_data.progressions["student_id"].iloc[0],
        "assignment_id": class_data.assignments["assignment_id"].iloc[3],
    }
    for name, spec in catalog.REPORTS.items():
        required = {parameter: ids[parameter] for parameter in spec.required}
        if spec.scope != "classes":
            assert Reader(service.workspace, OWNER).report(name, CLASS_ID, **required).row is spec.row
