"""The synced practice school of the API's tests; who is in it, and ways to search a file for them."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from dataclasses import dataclass

import pypdf
import pytest

from cohort_core.store.class_data import ClassData
from tests.api.conftest import Service, service

__all__ = ["service"]

CLASS_ID = "sd-cohort-12"


@pytest.fixture(scope="session")
def real(service: Service) -> ClassData:
    return service.workspace.cohorts.class_data(CLASS_ID)


@dataclass(frozen=True)
class Identifying:
    """What may not be told of a class: names, emails and ids, of which those of one word are kept apart."""

    words: frozenset[str]
    phrases: tuple[str, ...]

    def found_in(self, text: str) -> set[str]:
        """Those that stand in a text, not as a part of a longer word."""
        found = self.words.intersection(re.findall(r"\w+", text))
        return found | {
            phrase
            for phrase in self.phrases
            if phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text)
        }


@pytest.fixture(scope="session")
def identifying(real: ClassData) -> Identifying:
    return identifying_of(real)


def identifying_of(real: ClassData) -> Identifying:
    columns = [real.students[name].dropna() for name in ("student_id", "first_name", "last_name", "email")]
    told = {word for column in columns for word in column} | set(real.progressions["id"])
    spellings = {unicodedata.normalize(form, word) for word in told for form in ("NFC", "NFD")}
    words = frozenset(word for word in spellings if re.fullmatch(r"\w+", word))
    return Identifying(words, tuple(spellings - words))


def text_of(file: bytes) -> str:
    """All text of an answer: of a workbook its parts, of a PDF its pages and what it says about itself."""
    if file.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(file)) as parts:
            return "\n".join(parts.read(name).decode() for name in parts.namelist())
    if file.startswith(b"%PDF"):
        document = pypdf.PdfReader(io.BytesIO(file))
        return "\n".join([*(page.extract_text() for page in document.pages), str(document.metadata)])
    return file.decode("utf-8-sig")
