"""Each rule by which a roster is read: letters, lines, columns, cells, dates, names."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.imports.columns import meaning_of
from cohort_core.imports.people import read_email, split_name
from cohort_core.imports.roster_lines import RosterFile, RosterLine, read_mentors_file, read_roster_file
from tests.imports.odd_files import csv_file, sheet

OCTOBER = date(2026, 10, 16)


def read(content: bytes | str, **choices: Any) -> RosterFile:
    return read_roster_file(content.encode() if isinstance(content, str) else content, "The file", **choices)


def line(content: bytes | str, **choices: Any) -> RosterLine:
    """Return the only line of a file."""
    (found_line,) = read(content, **choices).lines
    return found_line


# Letters


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marks_and_utf8_are_certain(encoding: str) -> None:
    file = read("email;first_name\nł@example.org;Łukasz\n".encode(encoding))
    assert file.lines[0].first_name == "Łukasz"
    assert file.encoding_is_certain
    assert not file.assumptions


@pytest.mark.parametrize(
    ("label", "codec", "name"),
    [
        ("Windows-1252", "cp1252", "Kovács"),
        ("Mac Roman", "mac_roman", "Kovács"),
        ("Windows-1250", "cp1250", "Łukasz"),
        ("Windows-1251", "cp1251", "Иванов"),
        ("KOI8-R", "koi8_r", "Иванов"),
        ("DOS 850", "cp850", "Zoë"),
        ("DOS 852", "cp852", "Łukasz"),
        ("Windows-1253", "cp1253", "Παπαδόπουλος"),
        ("Windows-1254", "cp1254", "Işık"),
        ("GBK", "gbk", "王小明"),
        ("Shift JIS", "cp932", "山田"),
    ],
)
def test_names_of_the_class_decide_the_code_page(label: str, codec: str, name: str) -> None:
    content = f"last_name,email\n{name},x@example.org\n".encode(codec)
    file = read(content, names_in_class=["Amara", name])
    assert file.lines[0].last_name == name
    assert (file.encoding, file.encoding_is_certain) == (label, True)
    assert label in file.assumptions[0]


def test_a_name_without_accents_at_openclass_decides_too() -> None:
    content = "last_name\nKovács\n".encode("mac_roman")
    assert line(content, names_in_class=["Kovacs"]).last_name == "Kovács"


def test_a_name_that_fits_two_code_pages_leaves_the_other_lines_to_what_looks_like_names() -> None:
    content = "last_name\nKovács\nŁukasiński\n".encode("cp1250")
    file = read(content, names_in_class=["Kovács"])
    assert [row.last_name for row in file.lines] == ["Kovács", "Łukasiński"]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1252", "Müller"),
        ("cp1252", "Gonçalves"),
        ("cp1250", "Łukasz Wiśniewski"),
        ("cp1250", "Dvořák"),
        ("cp1250", "Kovačević"),
        ("cp1250", "Wiśniewski"),
        ("cp1252", "Lecœur"),
        ("cp1252", "Bjørnsson"),
        ("mac_roman", "Muñoz"),
        ("mac_roman", "Kovács"),
        ("cp1251", "Петров"),
        ("koi8_r", "Петров"),
        ("cp850", "Müller"),
        ("cp1253", "Παπαδόπουλος"),
        ("cp1257", "Bērziņš"),
        ("iso8859_2", "Žižková"),
        ("cp1252", "Amina N’diaye"),
        ("cp1252", "O’Brien"),
        ("mac_roman", "García"),
        ("mac_roman", "D’Angelo"),
    ],
)
def test_without_such_names_the_words_decide_and_a_mentor_is_asked_to_look(codec: str, name: str) -> None:
    ends = "\r\n" if codec.startswith("cp") else "\n"
    file = read(f"name;email{ends}{name};x@example.org{ends}".encode(codec))
    assert f"{file.lines[0].first_name} {file.lines[0].last_name or ''}".strip() == name
    assert not file.encoding_is_certain
    assert "look whether accents are right" in file.assumptions[0]


def test_a_mac_ends_its_lines_with_a_return_alone() -> None:
    assert line("name,email\rBjörk,b@example.org\r".encode("mac_roman")).first_name == "Björk"


def test_a_mentor_chooses_another_code_page() -> None:
    content = "last_name\nÉrosław\n".encode("cp1250")
    assert line(content, encoding="Windows-1250").last_name == "Érosław"
    with pytest.raises(BadInput, match="Windows-1252"):
        read(content, encoding="EBCDIC")


def test_a_bad_line_does_not_change_the_others() -> None:
    content = "last_name\nŁukasz\nİnan\n".encode() + "Müller\n".encode("cp1252") + "Žižek\n".encode()
    file = read(content)
    assert [row.last_name for row in file.lines] == ["Łukasz", "İnan", "Müller", "Žižek"]
    assert "line 4" in file.assumptions[0]
    assert not file.encoding_is_certain


def test_more_bad_lines_than_good_ones_do_not_change_these() -> None:
    content = "last_name\nŁukasz\n".encode() + "Müller\nGonçalves\n".encode("cp1252")
    file = read(content)
    assert [row.last_name for row in file.lines] == ["Łukasz", "Müller", "Gonçalves"]
    assert (file.encoding, file.encoding_is_certain) == ("Windows-1252", False)
    assert "line 2 as UTF-8" in file.assumptions[0]


def test_letters_that_were_written_twice_over_are_put_right() -> None:
    file = read("last_name\nKovÃ¡cs\nÂngela\nMartÃ\xadn\n")
    assert [row.last_name for row in file.lines] == ["Kovács", "Ângela", "Martín"]
    assert "put right" in file.assumptions[0]


# Lines


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator(separator: str) -> None:
    text = separator.join(["email", "last name", "night"]) + "\n" + separator.join(["a@x.org", "Wu", "Tue"])
    assert line(text) == RosterLine(2, email="a@x.org", last_name="Wu", night="Tue")


@pytest.mark.parametrize("separator", [",", ";", "^"])
def test_a_line_may_name_the_separator(separator: str) -> None:
    text = f"sep={separator}\r\nemail{separator}night\r\na@x.org{separator}Tue\r\n"
    assert line(text) == RosterLine(2, email="a@x.org", night="Tue")


def test_what_stands_above_the_header_is_skipped_and_counted() -> None:
    file = read("Evening A, autumn 2026,,\n\n,,\nemail,first_name,night\na@x.org,Wu,Tue\n")
    assert file.lines == [RosterLine(5, email="a@x.org", first_name="Wu", night="Tue")]
    assert file.assumptions == ["The header is line 4; what is above it was skipped."]


def test_lines_are_those_of_the_spreadsheet() -> None:
    text = 'email,notes\n"a@x.org","one\ntwo\r\nthree"\n\nb@x.org,\n,nobody\n'
    file = read(text)
    assert [row.line for row in file.lines] == [2, 4]
    assert [(row.line, row.reason[:12]) for row in file.not_used] == [(5, "names nobody")]
    assert [row.line for row in read(sheet(["email"], ["a@x.org"], [], ["b@x.org"])).lines] == [2, 4]


def test_a_header_with_line_breaks() -> None:
    assert line('"First\r\nname","Last\nname","E-\nmail"\nWu,Li,a@x.org\n') == RosterLine(
        2, email="a@x.org", first_name="Wu", last_name="Li"
    )


UNCLOSED = {
    "first cell": '"a@x.org,Wu,Li\nb@x.org,Bo,Ek\nc@x.org,"Cy",Ono\n',
    "last cell": 'a@x.org,Wu,"Li\nb@x.org,Bo,Ek\nc@x.org,Cy,"Ono"\n',
    "closed by another line's mark": 'a@x.org,Wu,"Li\nb@x.org,Bo,Ek\nc@x.org,Cy,Ono"\n',
    "until the end": 'a@x.org,"Wu,Li\nb@x.org,Bo,Ek\nc@x.org,Cy,Ono\n',
    "before cells in marks": 'a@x.org,"Wu,Li\nb@x.org,"Bo","Ek"\n"c@x.org","Cy","Ono"\n',
    "before empty cells": 'a@x.org,"Wu,Li\nb@x.org,"",""\nc@x.org,"",""\n',
}


@pytest.mark.parametrize("text", UNCLOSED.values(), ids=UNCLOSED)
def test_a_quotation_mark_that_is_not_closed_costs_its_line_alone(text: str) -> None:
    file = read("email,first_name,last_name\n" + text)
    assert [row.email for row in file.lines] == ["b@x.org", "c@x.org"]
    assert [row.line for row in file.lines] == [3, 4]
    assert [(row.line, "not closed" in row.reason) for row in file.not_used] == [(2, True)]


def test_a_quotation_mark_that_is_not_closed_in_a_file_of_names() -> None:
    file = read('Name,Night\n"Wu, Li,Tue\n"Ek, Bo",Wed\nCy,Thu\n')
    assert [row.first_name for row in file.lines] == ["Bo", "Cy"]
    assert [row.line for row in file.not_used] == [2]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("b@x.org,Bo", "has 2 cells and the header 4"),
        ("b@x.org", "has 1 cell and the header 4"),
        ("b@x.org,Bo,Ek,Tue,more", "has 5 cells and the header 4"),
        ("b@x.org;Bo;Ek;Tue", "has 1 cell and"),
        ('b@x.org,"B\no",Ek,Tue', "has a line break in “first_name”"),
        ('"b@x.\norg",Bo,Ek,Tue', "has a line break in “email”"),
        (f"b@x.org,{'B' * 201},Ek,Tue", "more than 200 characters in “first_name”"),
        (",,,Tue", "names nobody"),
    ],
)
def test_a_line_that_does_not_fit_is_reported_and_no_other(row: str, reason: str) -> None:
    file = read(f"email,first_name,last_name,night\na@x.org,Wu,Li,Tue\n{row}\nc@x.org,Cy,Ono,Tue\n")
    assert [(person.line, person.email) for person in file.lines] == [(2, "a@x.org"), (4, "c@x.org")]
    assert [(bad.line, reason in bad.reason) for bad in file.not_used] == [(3, True)]


def test_a_line_break_in_a_night_is_a_blank() -> None:
    assert line('email,night\na@x.org,"Tuesday\nevening"\n').night == "Tuesday evening"


def test_excel_leaves_out_blank_cells_of_sixteen_rows_together() -> None:
    rows = [
        "email,name,night",
        *(f"s{i}@x.org,S,Tue" for i in range(15)),
        *(f"t{i}@x.org,T" for i in range(20)),
    ]
    file = read("\n".join(rows))
    assert len(file.lines) == 35
    assert not file.not_used


# Columns


HEADERS = {
    "email": [
        "Email address", "E-mail", "Mail", "E-Mail-Adresse", "Adresse de courriel", "Correo electrónico",
        "Endereço de e-mail", "Indirizzo email", "E-mailadres", "Adres e-mail", "Email *", "EMAIL:",
        "Email (required)", "e_mail", "School email", "Student Email", "E-mail / Courriel", "Email 2",
        "What is your email address?",
    ],
    "login": ["SIS Login ID", "Username", "Benutzername"],
    "student_id": ["Student ID", "ID number", "SIS User ID", "ID", "student_id", "Matrikelnummer"],
    "last_name": [
        "Surname", "Family name", "Last name", "Nachname", "Nom de famille", "Apellidos", "Sobrenome",
        "Apelido", "Cognome", "Achternaam", "Nazwisko", "LAST_NAME", "Student last name", "Students surname",
    ],
    "first_name": ["Given name", "Forename", "First name", "Vorname", "Prénom", "Voornaam", "Imię"],
    "name": ["Name", "Nom", "Nombre", "Nome", "Naam"],
    "full_name": [
        "Full name", "Student", "Student name", "Vor- und Nachname", "Nombre completo", "Nome completo",
        "Nome e cognome", "Volledige naam", "Imię i nazwisko", "First name / Last name",
    ],
    "last_first": ["Last, First", "Nom et prénom", "Nachname, Vorname", "Sortable name"],
    "night": [
        "Group", "Groups", "Night", "Class night", "Section", "Cohort", "Gruppe", "Groupe", "Grupo",
        "Gruppo", "Groep", "Grupa", "class-night",
    ],
    "region": ["Region", "State", "Region/State", "Région", "Bundesland", "Provincia"],
    "class_name": ["class", "Class name", "Klasse"],
    "enrolled_on": ["enrolled_on", "Enrolment date", "Start date"],
    "withdrawn_on": ["withdrawn_on", "Withdrawal date"],
    "mentor_name": ["Mentor Name", "Mentor"],
    None: ["Roles", "Notes", "Parent email", "Mentor email", "Phone", "Quiz 1 (8812)", "Preferred name", ""],
}  # fmt: skip


@pytest.mark.parametrize(
    ("meaning", "header"), [(m, header) for m, many in HEADERS.items() for header in many]
)
def test_headers(meaning: str | None, header: str) -> None:
    assert meaning_of(header) == meaning
    assert meaning_of(header.upper()) == meaning
    assert meaning_of(f" {header}\u00a0") == meaning


def test_columns_that_were_not_used_are_named() -> None:
    file = read("Email,Roles,Mentor Name,,Night\na@x.org,Student,Mo,jotted,Tue\n")
    assert file.ignored_columns == ["Roles", "Mentor Name", "(column D)"]


def test_of_two_columns_of_a_meaning_the_first_filled_cell_counts() -> None:
    file = read("E-mail,Email address,Group,Night\nn/a,a@x.org,,Tue\nb@x.org,c@x.org,Wed,Tue\n")
    assert [(row.email, row.night) for row in file.lines] == [("a@x.org", "Tue"), ("b@x.org", "Wed")]


def test_a_question_is_offered_as_the_night() -> None:
    text = "Email,Which night suits you?,Notes\na@x.org,Tue,Wed\n"
    file = read(text)
    assert file.night_candidates == ["Which night suits you?"]
    assert file.ignored_columns == ["Which night suits you?", "Notes"]
    assert file.lines[0].night is None
    chosen = read(text, night_column="Which night suits you?")
    assert (chosen.lines[0].night, chosen.ignored_columns) == ("Tue", ["Notes"])
    assert line(text, night_column="Notes").night == "Wed"
    with pytest.raises(BadInput, match="no column"):
        read(text, night_column="Evening")


@pytest.mark.parametrize(
    "question",
    [
        "What evening would you prefer?",
        "Which day works best for you?",
        "Tuesday or Thursday?",
        "¿Qué noche prefieres?",
        "Quel soir ?",
    ],
)
def test_questions_about_the_night(question: str) -> None:
    assert read(f"Email;{question};Why?\na@x.org;Tue;x\n").night_candidates == [question]


@pytest.mark.parametrize(
    ("header", "cells", "expected"),
    [
        ("Name;Vorname", "Kovács;Bela", ("Bela", "Kovács")),
        ("Name;Surname", "Bela;Kovács", ("Bela", "Kovács")),
        ("Nombre;Apellidos", "Ana;García López", ("Ana", "García López")),
        ("Name;First name", "Kovács, Bela;Bela", ("Bela", "Kovács")),
        ("Name;Surname", "Bela Kovács;Kovács", ("Bela", "Kovács")),
        ("Name;First name;Last name", "Bela K.;Béla;Kovács", ("Béla", "Kovács")),
        ("Nom et prénom;x", "Ó BRIAIN Eoin;", ("Eoin", "Ó BRIAIN")),
        ("Last, First;x", "Ó Briain Eoin;", ("Eoin", "Ó Briain")),
    ],
)
def test_a_bare_name_is_what_the_columns_beside_it_leave(
    header: str, cells: str, expected: tuple[str, str]
) -> None:
    person = line(f"{header}\n{cells}\n")
    assert (person.first_name, person.last_name) == expected


def test_a_login_is_an_email_if_it_has_an_at_sign_and_else_a_number() -> None:
    file = read("Student,SIS Login ID\nA,a@x.org\nB,b17\n")
    assert [(row.email, row.student_id) for row in file.lines] == [("a@x.org", None), (None, "b17")]


def test_gradebook_rows_and_test_students_are_no_people() -> None:
    file = read(
        "Student,ID,SIS Login ID,Section,Quiz\n,,,,Manual Posting\n    Points Possible,,,,10.00\n"
        '"Student, Test",299,f00dfeed,A,\nTest Student,300,,A,\n"Okafor, Test",301,t@x.org,A,7\n'
    )
    assert [row.last_name for row in file.lines] == ["Okafor"]
    assert not file.not_used
    assert file.assumptions == ["Not people, and skipped: line 2, 3, 4, 5."]


# Cells


@pytest.mark.parametrize(
    ("cell", "email"),
    [
        ("Amara Okonjo <a@x.org>", "a@x.org"),
        ('"Okonjo, Amara" <a@x.org>', "a@x.org"),
        ("mailto:a@x.org?subject=Hi", "a@x.org"),
        ("MAILTO:a@x.org", "a@x.org"),
        ("a@x.org;", "a@x.org"),
        ("a@x.org, ", "a@x.org"),
        ("<a@x.org>;", "a@x.org"),
        ("Dana+Bootcamp@X.org", "Dana+Bootcamp@X.org"),
        ("a＠x.org", "a@x.org"),
        ("a@b@x.org", None),
        ("a@x.org; b@x.org", None),
        ("a x@x.org", None),
        ("@x.org", None),
        ("n/a", None),
        ("-", None),
        ("none", None),
        ("", None),
    ],
)
def test_email(cell: str, email: str | None) -> None:
    assert read_email(cell) == email


def test_a_line_without_a_real_email_is_about_its_name() -> None:
    assert line("email,first_name\nn/a,Chi\n") == RosterLine(2, first_name="Chi")


def test_an_address_may_hold_the_name() -> None:
    assert line('Email\n"Kovács, Bela <b@x.org>"\n') == RosterLine(
        2, email="b@x.org", first_name="Bela", last_name="Kovács"
    )
    assert line("Student,Night\nBela Kovács <b@x.org>,Tue\n").email == "b@x.org"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Okonjo-Bright, Amara", ("Amara", "Okonjo-Bright")),
        ("Amara Okonjo-Bright", ("Amara", "Okonjo-Bright")),
        ("Eoin Ó Briain", ("Eoin", "Ó Briain")),
        ("Chi", ("Chi", None)),
        ("Chi,", ("Chi", None)),
        ("Martin King, Jr.", ("Martin", "King Jr.")),
        ("King, Martin, Jr.", ("Martin Jr.", "King")),
        ("Amara Okonjo (she/her)", ("Amara", "Okonjo")),
        ("", (None, None)),
    ],
)
def test_a_whole_name(name: str, parts: tuple[str | None, str | None]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("\u00a0Tuesday\u200b", "Tuesday"),
        ("Tues\u00adday\ufeff", "Tuesday"),
        ("Tuesday\u00a0\u2003 evening", "Tuesday evening"),
        ("\u202aTuesday\u202c", "Tuesday"),
        ("'=Tuesday", "=Tuesday"),
        ("'+1", "+1"),
        ("'\t=1", "=1"),
        ("O'Brien", "O'Brien"),
        ('=""7pm""', "7pm"),
        ("Do\u0308nnerstag", "D\u00f6nnerstag".replace("\u00f6", "ö")),
        ("n/a", None),
        ("-", None),
        ("NULL", None),
    ],
)
def test_cells_are_clean(cell: str, text: str | None) -> None:
    assert line(f'email,night\na@x.org,"{cell}"\n').night == text


def test_null_is_a_name_all_the_same() -> None:
    assert line("first_name,last_name\nJennifer,Null\n").last_name == "Null"


# Dates


@pytest.mark.parametrize(
    "text",
    [
        "2026-09-01", "2026-09-01 00:00:00", "2026-09-01T00:00:00Z", "2026-09-01T00:00:00.000+02:00",
        "2026/9/1", "20260901", "46266", "46266.0", "1-Sep-2026", "1 Sept 26", "September 1, 2026",
        "Tue, Sep 1, 2026", "1st of September 2026", "1. September 2026", "1er septembre 2026",
        "1 de septiembre de 2026", "1 settembre 2026", "1 września 2026", "1 wrz 2026",
    ],
)  # fmt: skip
def test_a_date_without_doubt(text: str) -> None:
    file = read(csv_file([["email", "enrolled_on"], ["a@x.org", text]]))
    assert file.lines[0].enrolled_on == "2026-09-01"
    assert not file.dates_are_unclear
    assert not file.lost_dates


@pytest.mark.parametrize("text", ["01/09/2026", "1.9.2026", "1-9-26", "01/09/2026 00:00", "1. 9. 2026"])
@pytest.mark.parametrize(
    ("other", "order", "day"),
    [
        ("13/09/2026", "day_first", "2026-09-01"),
        ("09/13/2026", "month_first", "2026-01-09"),
    ],
)
def test_the_column_decides_the_order(text: str, other: str, order: str, day: str) -> None:
    file = read(f"email,enrolled_on,withdrawn_on\na@x.org,{text},\nb@x.org,,{other}\n")
    assert (file.lines[0].enrolled_on, file.date_order) == (day, order)
    assert "other dates" in file.assumptions[0]


def test_the_first_day_of_the_class_decides_the_order() -> None:
    text = "email,enrolled_on\na@x.org,01/09/2026\n"
    file = read(text, class_starts_on=OCTOBER)
    assert (file.lines[0].enrolled_on, file.date_order) == ("2026-09-01", "day_first")
    assert "first day of the class" in file.assumptions[0]
    assert line(text, class_starts_on=date(2026, 1, 12)).enrolled_on == "2026-01-09"


@pytest.mark.parametrize("starts_on", [None, OCTOBER])
def test_what_nothing_decides_is_one_question(starts_on: date | None) -> None:
    text = "email,enrolled_on\na@x.org,09/10/2026\nb@x.org,2026-10-01\nc@x.org,10/10/2026\n"
    file = read(text, class_starts_on=starts_on)
    assert file.dates_are_unclear
    assert file.date_order is None
    assert [row.enrolled_on for row in file.lines] == [None, "2026-10-01", "2026-10-10"]
    assert not file.lost_dates
    answered = read(text, class_starts_on=starts_on, date_order="month_first")
    assert (answered.lines[0].enrolled_on, answered.dates_are_unclear) == ("2026-09-10", False)


def test_columns_that_contradict_each_other_are_a_question_too() -> None:
    file = read("email,enrolled_on\na@x.org,13/09/2026\nb@x.org,09/13/2026\nc@x.org,09/10/2026\n")
    assert file.dates_are_unclear
    assert [row.enrolled_on for row in file.lines] == ["2026-09-13", "2026-09-13", None]


def test_of_two_emails_that_of_the_class_counts() -> None:
    text = "Personal email,School email\nmine@x.org,a@school.org\nother@x.org,b@school.org\n"
    file = read(text, emails_in_class=["A@school.org"])
    assert [row.email for row in file.lines] == ["a@school.org", "other@x.org"]


@pytest.mark.parametrize("header", ["Status", "Enrolment status", "Enrollment Status"])
def test_a_status_takes_nobody_out_but_is_said(header: str) -> None:
    file = read(f"email,{header}\na@x.org,Withdrawn\nb@x.org,Active\nc@x.org,inactive\nd@x.org,Inactive\n")
    assert len(file.lines) == 4
    assert file.assumptions == [
        f"The column {header} says Withdrawn for 1 student, Inactive for 2 students; "
        "a column Withdrawal date takes people out."
    ]
    assert not read(f"email,{header}\na@x.org,Active\n").assumptions


@pytest.mark.parametrize("text", ["soon", "31/02/2026", "2026", "1-Sep", "99999", "2026-13-45", "12"])
def test_a_date_that_cannot_be_read_costs_the_date(text: str) -> None:
    file = read(f"email,Enrolment date,night\na@x.org,{text},Tue\nb@x.org,2026-09-01,Tue\n")
    assert [(row.email, row.enrolled_on) for row in file.lines] == [
        ("a@x.org", None),
        ("b@x.org", "2026-09-01"),
    ]
    assert [(lost.line, "Enrolment date" in lost.reason) for lost in file.lost_dates] == [(2, True)]
    assert not file.not_used


# Sheets and mentors


def test_the_first_sheet_with_a_header_is_read_unless_a_mentor_chooses() -> None:
    from tests.imports.odd_files import workbook

    def fill(book: Any) -> None:
        book.add_worksheet("About").write(0, 0, "Evening A")
        for name in ("Spring", "Autumn"):
            page = book.add_worksheet(name)
            page.write_row(0, 0, ["email"])
            page.write_row(1, 0, [f"{name}@x.org"])

    content = workbook(fill)
    file = read(content)
    assert (file.sheet, file.sheets, file.lines[0].email) == (
        "Spring",
        ["About", "Spring", "Autumn"],
        "Spring@x.org",
    )
    assert file.assumptions == ["The sheet “Spring” was read, not “About”, “Autumn”."]
    assert line(content, sheet="Autumn").email == "Autumn@x.org"
    with pytest.raises(BadInput, match="Autumn"):
        read(content, sheet="Winter")


@pytest.mark.parametrize(
    "text",
    [
        "name,night\nMira Mentor,Tuesday\n,Thursday\n",
        "Mentor Name;Class night\nMira Mentor;Tuesday\n;Thursday\n",
        "Mentor\tGroup\tPhone\nMentor, Mira\tTuesday\t1\n\tThursday\t2\n",
        "Vorname|Nachname|Gruppe\nMira|Mentor|Tuesday\n||Thursday\n",
    ],
)
def test_mentors_are_read_alike(text: str) -> None:
    file = read_mentors_file(text.encode(), "The file")
    assert [(row.line, row.name, row.night) for row in file.lines] == [(2, "Mira Mentor", "Tuesday")]
    assert [(row.line, row.reason) for row in file.not_used] == [(3, "has no name")]
    assert file.ignored_columns == (["Phone"] if "Phone" in text else [])


def test_mentors_come_from_a_workbook_too() -> None:
    file = read_mentors_file(sheet(["Mentors of autumn"], [], ["Mentor", "Night"], ["Mira", "Tue"]), "x")
    assert [(row.line, row.name) for row in file.lines] == [(4, "Mira")]
    with pytest.raises(BadInput, match="among them name"):
        read_mentors_file(b"colour,size\nred,1\n", "The file")
