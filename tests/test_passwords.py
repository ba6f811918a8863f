"""Passwords that are set: long enough, and not among those that everybody tries first."""

from __future__ import annotations

import pytest

from cohort_core.errors import BadInput
from cohort_core.services.passwords import check_password

EASY = (
    *("passwordpassword", "Password1234", "password2026", "P@ssw0rd1234", "letmeinletmein", "iloveyou1234"),
    *("123456789012", "qwertyuiop12", "1qaz2wsx3edc", "abcdefghijkl", "aaaaaaaaaaaa", "abcabcabcabc"),
    *("administrator", "unbelievable", "welcome12345", "changeme1234", "cohort-tracker", "liverpool123"),
    *("ana.berg-2026", "ANA.BERG@example.org", "ana.berg@example.org", "anaberganaberg", "ana.berg12345"),
)
GOOD = (
    "seven green bicycles",
    "correct horse battery staple",
    "hg7%kfdT29dj",
    "зима над тихим озером",
    "x" + "aK9 " * 60,
)


@pytest.mark.parametrize("password", EASY)
def test_a_password_that_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="too easy to guess") as error:
        check_password(password, name="ana.berg", email="ana.berg@example.org")
    assert password not in error.value.message


@pytest.mark.parametrize("password", GOOD)
def test_a_few_words_are_good(password: str) -> None:
    check_password(password, name="ana.berg", email="ana.berg@example.org")


@pytest.mark.parametrize("password", ["", "short words", "x7 " * 90])
def test_the_length_is_checked_first(password: str) -> None:
    with pytest.raises(BadInput, match="12 to 256"):
        check_password(password)


def test_the_words_of_one_person_are_not_those_of_the_next() -> None:
    with pytest.raises(BadInput):
        check_password("zanzibarwombatquokka", name="zanzibarwombatquokka")
    check_password("zanzibarwombatquokka", name="ben")
