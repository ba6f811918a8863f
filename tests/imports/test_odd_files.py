"""Files as programs and people make them: exports of learning platforms, forms, meetings, spreadsheets."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.imports.roster_lines import RosterFile, read_roster_file
from tests.imports.odd_files import (
    archive,
    csv_file,
    hand_made,
    microsoft_forms,
    sheet,
    with_a_cell_far_away,
    with_formulas,
    with_part,
    workbook,
)

AMARA = {"first_name": "Amara", "last_name": "Okonjo-Bright", "email": "amara@example.org"}
BELA = {"first_name": "Bela", "last_name": "Kovács", "email": "bela@example.org"}
CHI = {"first_name": "Chi", "email": "chi@example.org"}
NAMES = ("first_name", "last_name")


def people(file: RosterFile) -> list[dict[str, str]]:
    """Return the texts of each line that are there."""
    return [
        {name: text for name, text in vars(line).items() if text and name != "line"} for line in file.lines
    ]


def only(person: dict[str, str], *names: str) -> dict[str, str]:
    return {name: person[name] for name in names}


READ: dict[str, tuple[bytes, list[dict[str, str]], dict[str, Any]]] = {
    "Blackboard, UTF-16 with tabs": (
        csv_file(
            [
                ["Last Name", "First Name", "Username", "Student ID", "Week 1 [Total Pts: 10 Score] |1234"],
                ["Okonjo-Bright", "Amara", "aokonjo", "000123", "8"],
                ["PreviewUser", "x", "school_previewuser", "", ""],
            ],
            "utf-16",
            delimiter="\t",
            quoting=csv.QUOTE_ALL,
        ),
        [only(AMARA, *NAMES) | {"student_id": "000123"}],
        {"encoding": "UTF-16", "ignored_columns": ["Week 1 [Total Pts: 10 Score] |1234"]},
    ),
    "Google Classroom": (
        csv_file(
            [
                ["Last Name", "First Name", "Email Address", "Homework"],
                ["Date", "", "", "2026-10-01"],
                ["Points", "", "", "100"],
                ["Class average", "", "", "80"],
                ["Okonjo-Bright", "Amara", "amara@example.org", "90"],
            ]
        ),
        [AMARA],
        {},
    ),
    "Canvas, German": (
        "\ufeffStudent;ID;SIS User ID;SIS Login ID;Section;Current Score\r\n"
        "    Points Possible;;;;;(read only)\r\n"
        '"Okonjo-Bright, Amara";201;S1;amara@example.org;Tuesday;9\r\n'
        '"Kovács, Bela";202;S2;bela;Tuesday;\r\n'
        "Test Student;300;;abcdef01;Tuesday;\r\n".encode(),
        [
            AMARA | {"student_id": "201", "night": "Tuesday"},
            only(BELA, *NAMES) | {"student_id": "202", "night": "Tuesday"},
        ],
        {"ignored_columns": ["Current Score"]},
    ),
    "Google Forms": (
        csv_file(
            [
                ["Timestamp", "Email Address", "What is your full name?", "Which night suits you?", "More?"],
                [
                    "2026/09/01 9:00:12 am",
                    "amara@example.org",
                    "Amara Okonjo-Bright",
                    "Tuesday",
                    "A dog,\na cat",
                ],
                ["9/1/2026 10:00:00", "bela@example.org", "Kovács, Bela", "Thursday", ""],
            ]
        ),
        [AMARA, BELA],
        {"night_candidates": ["Which night suits you?"]},
    ),
    "Microsoft Forms": (
        workbook(microsoft_forms),
        [AMARA | {"student_id": "1"}, BELA | {"student_id": "2"}],
        {"night_candidates": ["Which class night can you attend?"]},
    ),
    "Teams, attendance with sections": (
        "1. Summary\nMeeting title\tEvening A\nStart time\t9/1/26, 6:00:00 PM\n\n2. Participants\n"
        "Name\tFirst Join\tEmail\tRole\nAmara Okonjo-Bright\t9/1/26\tamara@example.org\tPresenter\n".encode(
            "utf-16"
        ),
        [AMARA],
        {"assumptions": ["The header is line 6; what is above it was skipped."]},
    ),
    "a workbook made by hand": (
        workbook(hand_made),
        [
            AMARA | {"student_id": "123456789012", "enrolled_on": "2026-09-01", "night": "Tuesday"},
            BELA | {"student_id": "5"},
        ],
        {
            "sheet": "Autumn 2026",
            "sheets": ["Autumn 2026", "Numbers"],
            "ignored_columns": ["Notes", "(column G)"],
        },
    ),
    "formulas": (workbook(with_formulas), [only(AMARA, "first_name", "email")], {}),
    "cells far away": (
        workbook(with_a_cell_far_away),
        [AMARA, {"email": "bela@example.org"}],
        {},
    ),
    "pandas": (
        b",email,first_name,last_name,night\n0,amara@example.org,Amara,Okonjo-Bright,nan\n",
        [AMARA],
        {"ignored_columns": ["(column A)"]},
    ),
    "Numbers, with a title and a total": (
        b"Table 1\nFIRST NAME:,LAST NAME:,EMAIL*\nAmara,Okonjo-Bright,amara@example.org\nTotal: 1,,\n",
        [AMARA],
        {},
    ),
    "500 blank lines at the end": (
        b"email;first name;last name;night\r\namara@example.org;Amara;Okonjo-Bright;\r\n" + b";;;\r\n" * 500,
        [AMARA],
        {"not_used": []},
    ),
    "the end of a DOS file": (
        b"email,first name,last name\r\namara@example.org,Amara,Okonjo-Bright\r\n\x1a",
        [AMARA],
        {"not_used": []},
    ),
    "line ends of Windows, written twice": (
        b"email,first_name,last_name\r\r\namara@example.org,Amara,Okonjo-Bright\r\r\n",
        [AMARA],
        {},
    ),
    "a blank before each quotation mark": (
        b'Name, Email, Night\n"Okonjo-Bright, Amara", "amara@example.org", "Tuesday, late"\n',
        [AMARA | {"night": "Tuesday, late"}],
        {},
    ),
    "a list of addresses": (
        "Email\namara@example.org;\nBela Kovács <bela@example.org>\n".encode(),
        [{"email": "amara@example.org"}, BELA],
        {},
    ),
    "a list of names": (
        "Name\nOkonjo-Bright, Amara\nBela Kovács\nChi (she/her)\n".encode(),
        [only(AMARA, *NAMES), only(BELA, *NAMES), {"first_name": "Chi"}],
        {},
    ),
    "pasted from a spreadsheet": (
        'Name\tE-Mail\nOkonjo-Bright, Amara\tamara@example.org\n"Bela" Kovács\tbela@example.org\n'.encode(),
        [AMARA, BELA],
        {},
    ),
    "a separator at the end of the header alone": (
        b"email,first_name,last_name,\namara@example.org,Amara,Okonjo-Bright\n",
        [AMARA],
        {},
    ),
    "a table of Markdown": (
        b"| Email | Name |\n|-------|------|\n| amara@example.org | Amara Okonjo-Bright |\n",
        [AMARA],
        {},
    ),
    "a table that begins in the second column": (
        b",,,\n,Email,Name,\n,amara@example.org,Amara Okonjo-Bright,\n",
        [AMARA],
        {"ignored_columns": []},
    ),
    "the header of each page": (
        b"Email,Name\namara@example.org,Amara Okonjo-Bright\nEmail,Name\nchi@example.org,Chi\n",
        [AMARA, CHI],
        {},
    ),
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read(name: str) -> None:
    content, expected, about = READ[name]
    file = read_roster_file(content, "The file")
    assert people(file) == expected
    assert {key: getattr(file, key) for key in about} == about
    assert not file.not_used


REFUSED = {
    "nothing": (b" \r\n", "is empty"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"old format \(\.xls\)"),
    "a locked workbook": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "password",
    ),
    "OpenDocument": (archive({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "as XLSX or"),
    "a binary workbook": (archive({"xl/workbook.bin": "x"}), r"\.xlsb"),
    "Word": (archive({"[Content_Types].xml": "<a/>", "word/document.xml": "<a/>"}), "as XLSX or"),
    "half a workbook": (workbook(hand_made)[:3000], "damaged"),
    "half a sheet": (
        with_part(workbook(hand_made), "xl/worksheets/sheet2.xml", lambda part: part[:300]),
        "cannot be read",
    ),
    "a web page": (b"\r\n<html><table><tr><td>Email</td></tr></table></html>", "web page"),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "is a PDF, whatever"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
    "UTF-16 that does not say so": ("email\tname\nchi@example.org\tChi\n".encode("utf-16-le"), "UTF-16"),
    "people without a header": (b"amara@example.org,Amara,Okonjo-Bright\n", "No line names the columns"),
    "a workbook without people": (sheet(["Colour", "Size"], ["red", 1]), "No line names the columns"),
    "too many lines": (b"email\n" + b"".join(b"s%d@example.org\n" % i for i in range(50_001)), "50,000"),
    "nothing but blank lines": (b"email\n" + b"\n" * 1_048_577, "50,000"),
    "too many rows": (sheet(["email"], *([f"s{i}@example.org"] for i in range(50_001))), "50,000"),
    "a file of another kind": (b"email\n" + b"x" * 10 * 1024 * 1024, "too large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_sentence(name: str) -> None:
    content, sentence = REFUSED[name]
    with pytest.raises(BadInput, match=sentence) as refused:
        read_roster_file(content, "The file")
    assert refused.value.message.endswith(".")


def test_a_workbook_that_unpacks_to_too_much_is_not_unpacked() -> None:
    bomb = archive({"xl/workbook.xml": "<a/>", "xl/worksheets/sheet1.xml": bytes(101 << 20)})
    assert len(bomb) < 1 << 20
    with pytest.raises(BadInput, match="too much"):
        read_roster_file(bomb, "The file")


@pytest.mark.parametrize(
    "entity", ['<!ENTITY x SYSTEM "file:///etc/hostname">', '<!ENTITY x "ha">'], ids=["a file", "a text"]
)
def test_a_workbook_reads_no_entity(entity: str) -> None:
    strings = (
        f'<?xml version="1.0"?><!DOCTYPE s [{entity}]>'
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&x;</t></si></sst>'
    )
    content = with_part(
        sheet(["Email"], ["a@example.org"]), "xl/sharedStrings.xml", lambda _: strings.encode()
    )
    with pytest.raises(BadInput, match="cannot be read"):
        read_roster_file(content, "The file")
