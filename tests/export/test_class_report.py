"""The class report, read back from the PDF."""

from __future__ import annotations

import io
import itertools
import re
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
import requests

from cohort_core.config.thresholds import Thresholds
from cohort_core.errors import NotInstalled
from cohort_core.export import pdf
from cohort_core.export.pdf import _scale, class_report, content
from cohort_core.metrics.cohort import build, judged_by
from cohort_core.reports.band_meaning import LIMITS, meanings
from cohort_core.store.class_data import ClassData, empty
from cohort_core.store.closing import BandTotal
from tests.api.conftest import Service
from tests.export.conftest import CLASS_ID, Identifying, text_of
from tests.export.test_files import run
from tests.metrics.school import data_of, work

EVIL = "![x](http://127.0.0.1:9/p.png) **b** <script>alert(1)</script> $x$ :red[r] #panic() \\ _ ` @a <l>"
NAMES = [
    EVIL,
    "Siobhán O'Brien",
    "Nguyễn Thị Hồng Nhung",
    "Łukasz Wiśniewski",
    "Ольга Кузнецова",
    "Γιώργος Παπαδόπουλος",
    'Jürgen "Jü" Müller-Lüdenscheidt',
]
BEYOND = ["李 小龙", "محمد الفارسي", "😀", "\u202eRTL\u202c", "a\x00b\x07", "\u200b", "x" * 400]


def opened(file: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(file), strict=True)


def resources(page: pypdf.PageObject, kind: str) -> Any:
    """Return the fonts or colour spaces of a page by name."""
    all_kinds: Any = page["/Resources"]
    return all_kinds[kind]


def words(file: bytes) -> str:
    """Return the text of all pages on a single line, since a name may be broken between two lines."""
    return " ".join(" ".join(page.extract_text() for page in opened(file).pages).split())


def class_of(names: list[str], name: str = "Class", others: int = 5) -> ClassData:
    """Return a class of people who only started the first lesson, and others who completed all."""
    rows = []
    for number in range(others):
        for lesson in range(8):
            day = f"2025-03-{3 + lesson:02} 10:00"
            rows.append(work(f"done-{number}", f"a{lesson}", day, day.replace("10:", "11:"), 0.8))
    for number, _ in enumerate(names):
        rows.append(work(f"s{number}", "a0", "2025-03-03 10:00"))
    class_data = data_of(rows, synced_at="2025-04-20T00:00:00Z")
    by_id = {f"s{number}": student_name for number, student_name in enumerate(names)}
    first_names = class_data.students["student_id"].map(lambda student_id: by_id.get(student_id, student_id))
    return replace(
        class_data, name=name, students=class_data.students.assign(first_name=first_names.astype("str"))
    )


def test_it_says_what_the_reports_say(service: Service) -> None:
    cohort = service.workspace.cohorts.cohort(CLASS_ID)
    file = class_report(cohort)
    data = content(cohort)
    text = words(file)
    for heading in ("Summary", "Who needs attention", "Blockers", "Trends", "What the words mean"):
        assert heading in text
    for student in data["attention"]["rows"]:
        assert student["name"] in text
        assert all(reason in text for reason in student["reasons"])
    assert all(sentence in text for sentence in data["summary"])
    assert all(" ".join(blocker["name"].split()) in text for blocker in data["blockers"])
    assert data["as_of"] in text
    assert all(meaning in text for _, meaning in data["definitions"])
    assert "*" not in str(data["definitions"])


def test_it_says_what_may_be_said_about_a_band(service: Service) -> None:
    cohort = service.workspace.cohorts.cohort(CLASS_ID)
    text = words(class_report(cohort))
    for sentence in (*meanings().of.values(), *LIMITS):
        assert sentence in text
    said = meanings([BandTotal("high", 2, 14, 9)])
    assert "; in your 2 finished classes 9 of 14." in words(class_report(cohort, said))
    other = judged_by(cohort, Thresholds(high_gap=12))
    assert "such students were lost" not in words(class_report(other))


def test_it_is_a_paper_of_numbered_pages(service: Service) -> None:
    cohort = service.workspace.cohorts.cohort(CLASS_ID)
    document = opened(class_report(cohort))
    count = len(document.pages)
    assert 3 <= count <= 8
    for number, page in enumerate(document.pages, start=1):
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        text = page.extract_text()
        assert f"Page {number} of {count}" in text
        assert cohort.class_data.name in text
        assert "Contains personal data" in text
    assert document.metadata is not None
    assert document.metadata.title == f"Class report: {cohort.class_data.name}"


def test_it_is_black_on_white_without_links(service: Service) -> None:
    document = opened(class_report(service.workspace.cohorts.cohort(CLASS_ID)))
    for page in document.pages:
        assert "/Annots" not in page
        assert not page.images
        # Colours have one number, grey, so that nothing is lost on a black-and-white printer.
        spaces = resources(page, "/ColorSpace")
        assert {space.get_object()[1].get_object()["/N"] for space in spaces.values()} == {1}
        contents = page.get_contents()
        assert contents is not None
        drawn = contents.get_data().decode("latin-1")
        assert not re.search(r" (?:rg|RG|k|K)\s", drawn)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there_to_the_letter(name: str) -> None:
    text = words(class_report(build(class_of([name], name=name))))
    assert text.count(" ".join(name.split())) >= 3


def test_every_font_is_inside() -> None:
    document = opened(class_report(build(class_of(NAMES))))
    for page in document.pages:
        fonts = resources(page, "/Font")
        for font in fonts.values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(inner.get_object())


@pytest.mark.parametrize("name", BEYOND)
def test_any_name_can_be_typeset(name: str) -> None:
    assert len(opened(class_report(build(class_of([name, "Ann"])))).pages) >= 1


def test_an_endless_word_stays_on_the_page() -> None:
    for page in opened(class_report(build(class_of(["x" * 400])))).pages:
        for line in page.extract_text().splitlines():
            assert line.count("x") < 100


def test_a_class_with_nothing_in_it() -> None:
    for class_data in (empty("c", name="New class"), class_of([])):
        text = words(class_report(build(class_data)))
        assert "What the words mean" in text
    assert "Nothing to report yet" in words(class_report(build(empty("c", name="New class"))))


def test_a_large_class_ends_somewhere() -> None:
    cohort = build(class_of([f"Student {number}" for number in range(90)], others=200))
    assert (len(content(cohort)["attention"]["rows"]), content(cohort)["attention"]["more"]) == (25, 65)
    assert "And 65 more students at critical or high risk" in words(class_report(cohort))
    assert len(opened(class_report(cohort)).pages) < 10


def test_past_days_and_groups(service: Service) -> None:
    address = f"{service.url}/classes/{CLASS_ID}/report.pdf"
    query = {"as_of": "2026-10-15", "group": "Tuesday"}
    answer = requests.get(address, params=query, timeout=10)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="sd-cohort-12-report.pdf"'
    text = words(answer.content)
    assert "Thursday 15 October 2026, 23:59 (America/New_York)" in text
    assert "· Tuesday" in text
    assert "Night: Thursday" not in text
    assert service.refused(f"/classes/{CLASS_ID}/report.pdf", group="Sunday")["parameter"] == "group"
    assert service.refused("/classes/none/report.pdf")["code"] == "unknown_class"


def test_without_the_typesetter_it_says_what_to_install(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(NotInstalled, match="pip install"):
        pdf.class_report(build(empty("c")))
    problem = service.refused(f"/classes/{CLASS_ID}/report.pdf")
    assert (problem["status"], problem["code"]) == (501, "not_installed")


def test_the_command(service: Service, identifying: Identifying, tmp_path: Path) -> None:
    out = tmp_path / "report.pdf"
    done = run(service, "report", "--class-id", CLASS_ID, "--out", str(out), "--anonymous")
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = text_of(out.read_bytes())
    assert "Names are pseudonyms." in text
    assert not identifying.found_in(text)


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 4, 5, 7, 9, 12, 99, 130, 3553, 100_000])
def test_scales_are_round_and_reach_the_largest_value(largest: int) -> None:
    scale = _scale(largest)
    assert scale[0] == 0
    assert scale[-1] >= largest > scale[-2] or largest == 0
    assert 2 <= len(scale) <= 6
    assert len({after - before for before, after in itertools.pairwise(scale)}) == 1


def test_the_first_page_is_for_a_director_and_names_no_student(service: Service) -> None:
    cohort = service.workspace.cohorts.cohort(CLASS_ID)
    file = class_report(cohort)
    data = content(cohort)
    first = " ".join(opened(file).pages[0].extract_text().split())
    for label in ("Average grade", "Average completion", "Students by risk level", "A week ago"):
        assert label in first
    assert all(sentence in first for sentence in data["summary"])
    assert data["attention"]["rows"]
    names = [*cohort.students["name"], *cohort.students["first_name"].dropna()]
    assert not [name for name in names if len(name) > 3 and name in first]
    assert "Who needs attention" in opened(file).pages[1].extract_text()
