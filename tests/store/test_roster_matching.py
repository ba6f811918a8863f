"""A line of a roster means the person that a careful reader takes it for, or is a question."""

from __future__ import annotations

import pytest

from cohort_core.imports.near_matches import NearMatches
from cohort_core.store.identity import address, comparable
from cohort_core.store.records import Student
from cohort_core.store.roster import Enrolment
from cohort_core.store.roster_matching import LineMatch, match_lines

CLASS = [
    Student("0a", "Amara", "Okonjo-Bright", "amara.okonjo@example.org"),
    Student("0b", "Bela", "Kovács", "Bela.Kovacs@Example.org"),
    Student("0c", "Chi", None, "chi@example.org"),
    Student("0d", "Dana", "Whitlock", "dana+bootcamp@example.org"),
    Student("0e", "Eoin", "Ó Briain", "eoin@example.org"),
    Student("0f", "Farid", "Haddadi", None),
    Student("1a", "Jo", "Smith", "jo.smith1@example.org"),
    Student("1b", "Jo", "Smith", "jo.smith2@example.org"),
]


def line(name: str = "", email: str | None = None, student_id: str | None = None) -> Enrolment:
    """Make a line; the name is "First|Last"."""
    first, _, last = name.partition("|")
    return Enrolment(student_id=student_id, email=email, first_name=first or None, last_name=last or None)


def match(*lines: Enrolment, seen: list[Student] | None = None) -> list[LineMatch]:
    return match_lines(lines, CLASS if seen is None else seen)


def outcome(result: LineMatch) -> str:
    return result.student.id if result.state == "matched" and result.student else result.state


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        # An id that OpenClass does not know never stops the search.
        (line("Amara|Okonjo", "amara.okonjo@example.org", "2026-0001"), "0a"),
        (line("Farid|Haddadi", "farid@example.org", "6"), "0f"),
        (line("Somebody|Else", "nobody@example.org", "0d"), "0d"),
        # Ways to write an address.
        (line(email="Amara Okonjo <AMARA.okonjo@example.org>"), "0a"),
        (line(email="mailto:bela.kovacs@example.org"), "0b"),
        (line("Chi|X", "chi@example.org;"), "0c"),
        (line(email="\u200bchi@example.org\ufeff ,"), "0c"),
        # No address at all: the name decides.
        (line("Farid|Haddadi", "n/a"), "0f"),
        (line("Chi", "-"), "0c"),
        (line("Dana|Whitlock", "dana@home@example.org"), "0d"),
        # Ways to write a name.
        (line("Amara|Okonjo\u2011Bright"), "0a"),
        (line("AMARA|OKONJO\u2013BRIGHT"), "0a"),
        (line("Dana|Whitlock\u200b"), "0d"),
        (line("Eoin|O\u0301 Briain"), "0e"),
        (line("Eoin|O Briain"), "0e"),
        (line("Bela|Kovacs"), "0b"),
        (line("Kovacs|Béla"), "0b"),
        (line("Okonjo-Bright|Amara"), "0a"),
        (line("Dana Whitlock"), "0d"),
        (line("|Chi"), "0c"),
        # Two people with one name.
        (line("Jo|Smith"), "unclear"),
        (line("Jo|Smith", "JO.SMITH2@example.org"), "1b"),
        (line("Jo|Smith", "other@example.org"), "unclear"),
        (line("Zed|Newcomer", "zed@example.org"), "unseen"),
        (line(student_id="4711"), "unseen"),
        # The email of one and the name of another is a question, and another name alone is none.
        (line("Farid|Haddadi", "eoin@example.org"), "unclear"),
        (line("Owen|Brien", "eoin@example.org"), "0e"),
    ],
)
def test_one_line(entry: Enrolment, expected: str) -> None:
    assert outcome(match(entry)[0]) == expected


def test_accents_are_ignored_only_if_one_person_fits() -> None:
    two = [Student("1", "Zoë", "Muller", None), Student("2", "Zoe", "Müller", None)]
    assert outcome(match(line("Zoe|Muller"), seen=two)[0]) == "unclear"
    assert outcome(match(line("Zoe|Müller"), seen=two)[0]) == "2"
    assert (
        outcome(match(line("Lukasz|Wisniewski"), seen=[Student("3", "Łukasz", "Wiśniewski", None)])[0]) == "3"
    )


def test_of_two_people_with_one_address_the_name_says_who_is_who() -> None:
    mother, daughter = (
        Student("1", "Kim", "Tran", "tran@example.org"),
        Student("2", "Linh", "Tran", "tran@example.org"),
    )
    kim, linh, nameless = (
        line("Kim|Tran", "tran@example.org"),
        line("Linh|Tran", "tran@example.org"),
        line(email="tran@example.org"),
    )
    assert [outcome(result) for result in match(linh, kim, seen=[mother, daughter])] == ["2", "1"]
    assert [outcome(result) for result in match(linh, kim, seen=[mother])] == ["unseen", "1"]
    assert [outcome(result) for result in match(linh, kim, seen=[])] == ["unseen", "unseen"]
    assert outcome(match(nameless, seen=[mother, daughter])[0]) == "unclear"
    unclear = match(line("Ann|Tran", "tran@example.org"), line("Ben|Tran", "tran@example.org"), seen=[mother])
    assert [(result.state, result.other) for result in unclear] == [("unclear", 1), ("unclear", 0)]
    assert "email of line {other}" in unclear[0].reason


def test_a_name_of_two_students_with_an_email_of_neither() -> None:
    seen = [Student("1", "Jo", "Smith", "jo1@example.org"), Student("2", "Jo", "Smith", "jo2@example.org")]
    (with_email,) = match(line("Jo Smith", "jo3@example.org"), seen=seen)
    assert with_email.reason == "could mean 2 students with this name, and its email is neither's"
    (without,) = match(line("Jo Smith"), seen=seen)
    assert without.reason.endswith("add the email")


def test_a_second_line_for_a_person_names_the_first() -> None:
    first, second = match(line("Amara|Okonjo-Bright"), line(email="amara.okonjo@example.org"))
    assert (first.state, first.other, second.state) == ("repeated", 1, "matched")
    again = match(line("Zed|New", "zed@example.org"), line("Zed|New"), line(email="ZED@example.org"))
    assert [(result.state, result.other) for result in again] == [
        ("unseen", None),
        ("repeated", 0),
        ("repeated", 0),
    ]


def test_somebody_with_the_name_of_another_student_is_not_lost() -> None:
    only = [CLASS[6]]
    first, other = match(
        line("Jo|Smith", "jo.smith1@example.org"), line("Jo|Smith", "jo.smith9@example.org"), seen=only
    )
    assert (outcome(first), outcome(other), other.other) == ("1a", "unseen", 0)


def test_a_number_of_the_school_that_several_have_means_nothing() -> None:
    lines = [line("Ann|One", "ann@example.org", "0"), line("Ben|Two", "ben@example.org", "0")]
    assert [outcome(result) for result in match(*lines)] == ["unseen", "unseen"]


@pytest.mark.parametrize(
    ("entry", "suggested"),
    [
        (line("Amara|Okonjo-Brigth"), "0a"),
        (line("Amara|Okonjo"), "0a"),
        (line("A.|Okonjo-Bright"), "0a"),
        (line("Amara Joy|Okonjo-Bright"), "0a"),
        (line("Amara|Lindqvist"), "0a"),
        (line("Daniela|Whitlock"), "0d"),
        (line("Dana|Whitlok"), "0d"),
        (line("Eoin|O'Brien"), "0e"),
        (line("D|W", "dana@home.example"), "0d"),
        (line("X|Y", "amara.okonio@exmple.org"), "0a"),
        (line("Ines|Pereira"), None),
        (line("Kim|Tran", "family.tran@example.org"), None),
        (line("Zed|Newcomer", "zed@example.org"), None),
        (line("Student|12"), None),
    ],
)
def test_near_matches(entry: Enrolment, suggested: str | None) -> None:
    near = NearMatches([*CLASS, Student("9", "Student", "13", "student13@example.org")], [entry]).near(entry)
    assert (near and near.id) == suggested


def test_a_common_first_name_alone_suggests_nobody() -> None:
    others = [*CLASS, Student("9", "Amara", "Diaz", None)]
    entry = line("Amara|Lindqvist")
    assert NearMatches(others, [entry]).near(entry) is None
    assert NearMatches(CLASS, [entry, line("Amara|Novak")]).near(entry) is None


def test_comparable_texts() -> None:
    assert comparable("  O’Néill\u00ad\u00a0 ") == comparable("o'NE\u0301ILL")
    assert comparable(None) == comparable(" \u200b ") == ""
    assert address("n/a") == address("a b@c.org") == address("a@b@c") == address("@c.org") == ""
    assert address('"Tran, Kim" <kim@example.org>; ') == "kim@example.org"
