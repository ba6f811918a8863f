"""The practice school of the API's tests, and a search for its people in files."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pypdf
import pytest
import requests

from cohort_core.store.class_data import ClassData
from tests.api.conftest import Service, service

__all__ = ["service"]

CLASS_ID = "sd-cohort-12"


@pytest.fixture(scope="session")
def real(service: Service) -> ClassData:
    return service.workspace.cohorts.class_data(CLASS_ID)


@dataclass(frozen=True)
class Identifying:
    """Names, emails and ids of a class, which anonymous files must not contain."""

    words: frozenset[str]
    """The single words among them."""
    phrases: tuple[str, ...]
    """The others."""

    def found_in(self, text: str) -> set[str]:
        """Return those that stand in a text, not as a part of a longer word."""
        words = set(self.words.intersection(re.findall(r"\w+", text)))
        return words | {
            phrase
            for phrase in self.phrases
            if phrase in text and re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text)
        }


@pytest.fixture(scope="session")
def identifying(real: ClassData) -> Identifying:
    return identifying_of(real)


def identifying_of(real: ClassData) -> Identifying:
    columns = [real.students[name].dropna() for name in ("student_id", "first_name", "last_name", "email")]
    secrets = {word for column in columns for word in column} | set(real.progressions["id"])
    spellings = {unicodedata.normalize(form, word) for word in secrets for form in ("NFC", "NFD")}
    words = frozenset(word for word in spellings if re.fullmatch(r"\w+", word))
    return Identifying(words, tuple(spellings - words))


def text_of(file: bytes) -> str:
    """Return all text of a file: the parts of a workbook, or the pages and metadata of a PDF."""
    if file.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(file)) as parts:
            return "\n".join(parts.read(name).decode() for name in parts.namelist())
    if file.startswith(b"%PDF"):
        document = pypdf.PdfReader(io.BytesIO(file))
        return "\n".join([*(page.extract_text() for page in document.pages), str(document.metadata)])
    return file.decode("utf-8-sig")


@pytest.fixture
def destination(service: Service) -> Iterator[int]:
    """A place of messages, which is gone afterwards."""
    body = {"name": "team", "kind": "slack", "url": "http://127.0.0.1:9/"}
    answer = requests.post(f"{service.url}/destinations", json=body, timeout=20)
    assert answer.status_code == 201, answer.text
    number = answer.json()["destination"]
    yield number
    requests.delete(f"{service.url}/destinations/{number}", timeout=20)
