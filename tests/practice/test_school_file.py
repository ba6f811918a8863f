"""`practice-server --data FILE`: a file is served as it stands, also as it changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cohort_core.errors import BadInput
from cohort_core.practice.school_file import FileSchool
from cohort_core.practice.server import Running, running
from tests.cases.upstream import base_class, odd_classes
from tests.practice.conftest import Reader

NewReader = Callable[[Running], Reader]


def _served(path: Path, new_reader: NewReader, read: Callable[[Reader], Any]) -> Any:
    with running(FileSchool(path)) as server:
        reader = new_reader(server)
        assert reader.log_in().ok
        return read(reader)


def test_the_classes_of_the_file_are_served_as_they_stand(tmp_path: Path, new_reader: NewReader) -> None:
    path = tmp_path / "data.json"
    classes = [odd_classes.odd_class(name) for name in odd_classes.ODDITIES]
    base_class.write(classes, path)

    def read(reader: Reader) -> None:
        listed = json.loads(reader.get("/v1/classes").json()["result"]["objects"])["data"]
        for item, entry in zip(classes, listed, strict=True):
            wanted = {key: value for key, value in item.items() if key != "progressions"}
            assert entry == {"_id": {"$oid": item["id"]}, "is_published": True, **wanted}
            rows = reader.all_rows(item["id"], 50)
            assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, item["progressions"]))

    _served(path, new_reader, read)


def test_a_change_of_the_file_is_served_and_a_half_written_one_is_not(
    tmp_path: Path, new_reader: NewReader
) -> None:
    path = tmp_path / "data.json"
    item = base_class.base_class()
    base_class.write([item], path)

    def read(reader: Reader) -> None:
        assert len(reader.all_rows(item["id"])) == 82
        item["progressions"].pop()
        base_class.write([item], path)
        assert len(reader.all_rows(item["id"])) == 81
        path.write_text('{"classes": [', "utf-8")
        assert len(reader.all_rows(item["id"])) == 81

    _served(path, new_reader, read)


def test_ids_and_entries_of_any_form_are_served(tmp_path: Path, new_reader: NewReader) -> None:
    path = tmp_path / "data.json"
    odd = [{"id": None, "name": "Half \ud800"}, 5, {**base_class.base_class(), "id": "a/b?c"}]
    path.write_text(json.dumps({"classes": odd}), "utf-8")

    def read(reader: Reader) -> None:
        listed = json.loads(reader.get("/v1/classes").json()["result"]["objects"])["data"]
        assert [entry["id"] if isinstance(entry, dict) else entry for entry in listed] == [None, 5, "a/b?c"]
        assert listed[0]["name"] == "Half \ud800"
        assert len(reader.all_rows("a%2Fb%3Fc")) == 82
        assert reader.get("/v1/classes/a%2Fb%3Fc").ok

    _served(path, new_reader, read)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("[]", 'has no list "classes"')],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "data.json"
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(BadInput, match=reason):
        FileSchool(path)


def test_the_command_line_names_the_file_that_it_cannot_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cohort_core.cli", "practice-server", "--port", "0", "--data", "none.json"],
        cwd=tmp_path,
        env=os.environ | {"COHORT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "none.json cannot be read" in done.stderr
