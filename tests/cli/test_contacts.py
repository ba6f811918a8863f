"""Contacts, packs and the student file by the command line, as a process."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

from tests.cli.test_cli import Shell
from tests.cli.test_cli import shell as shell  # a fixture
from tests.cli.test_cli import upstream as upstream  # a fixture

CLASS = ("--class-id", "web-cohort-3")


def test_a_mentor_notes_looks_back_and_hands_over(shell: Shell, tmp_path: Path) -> None:
    shell.synced()
    table, sheet, night = (tmp_path / name for name in ("health.csv", "handover.pdf", "night.pdf"))
    shell.ok("export", *CLASS, "--report", "student-health", "--out", str(table))
    row = next(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    who = ("--student", row["student_id"])
    noted = json.loads(shell.ok("contact", "add", *CLASS, *who, "--note", "Asked for a call", "--json"))
    assert (noted["who"], noted["channel"], noted["note"]) == ("cli", "email", "Asked for a call")
    assert noted["hidden_until"]
    assert "Noted already" in shell.ok("contact", "add", *CLASS, *who, "--note", "Asked for a call")
    (listed,) = json.loads(shell.ok("contact", "list", *CLASS, *who, "--json"))
    assert listed == {key: value for key, value in noted.items() if key != "hidden_until"}
    (hidden,) = json.loads(shell.ok("contact", "list", "--anonymous", "--json"))
    assert hidden["note"] is None
    assert hidden["student_id"] != row["student_id"]
    shell.ok("export", *CLASS, "--report", "outcomes", "--out", str(table), "--force")
    assert "too_early" in table.read_text("utf-8-sig")
    shell.ok("handover-note", *CLASS, *who, "--question", "promised", "--text", "A laptop")
    assert "What was promised: no answer for" in shell.ok("handover", *CLASS, "--out", str(sheet))
    shell.ok("report", "--kind", "class-night", *CLASS, "--out", str(night))
    page = tmp_path / "director.pdf"
    shell.ok("report", "--kind", "director", *CLASS, "--names", "--out", str(page))
    assert shell.run("report", *CLASS, "--names", "--out", str(page)).returncode == 2
    shell.ok("export", *CLASS, "--report", "director", "--out", str(table), "--force")
    assert "avg_completion" in table.read_text("utf-8-sig")
    shell.ok("export", *CLASS, "--report", "praise", "--out", str(table), "--force")
    for file in (sheet, night, page):
        assert file.read_bytes().startswith(b"%PDF")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(shell.ok("student-file", *who))
    assert kept["contacts"][0]["note"] == "Asked for a call"
    assert kept["handover_notes"][0]["text"] == "A laptop"
    off = shell.run("student-link", "create", *CLASS, *who)
    assert (off.returncode, "An administrator switches it on" in off.stderr) == (2, True)
    shell.environment |= {"COHORT_STUDENT_PAGE": "1", "COHORT_PUBLIC_URL": "https://cohort.example.org"}
    address = shell.ok("student-link", "create", *CLASS, *who).strip()
    assert address.startswith("https://cohort.example.org/my-progress/open/")
    assert shell.ok("student-link", "end", *CLASS, *who) == "Ended.\n"
    (link,) = json.loads(shell.ok("student-link", "list", *CLASS, "--json"))
    assert (link["student_id"], link["made_by"], bool(link["revoked_at"])) == (who[1], "cli", True)
    assert address.rpartition("/")[2] not in json.dumps(link)
    shell.ok("contact", "delete", *CLASS, *who, str(noted["id"]))
    assert json.loads(shell.ok("contact", "list", "--json")) == []
    audit = shell.ok("audit")
    assert row["name"] not in audit
    assert row["student_id"] not in audit
    for words in (("contact", "list", *who), ("report", "--kind", "x", *CLASS, "--out", "y")):
        refused = shell.run(*words)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)


def test_drafts_are_written_and_reset(shell: Shell) -> None:
    shell.connected()
    assert "stuck (ours)" in shell.ok("draft", "list")
    shell.ok("draft", "set", "stuck", "--body", "Hi {first_name},\nhow are you?\n{mentor}")
    rows = {row["kind"]: row for row in json.loads(shell.ok("draft", "list", "--json"))}
    assert (rows["stuck"]["is_ours"], rows["stuck"]["who"]) == (False, "cli")
    assert rows["stuck"]["subject"] == "How are you getting on?"
    for words in (("set", "stuck", "--body", "Hi {name}"), ("set", "x", "--body", "Hi"), ("reset", "x")):
        refused = shell.run("draft", *words)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    shell.ok("draft", "reset", "stuck")
    assert "stuck (ours)" in shell.ok("draft", "list")


def test_contacts_of_a_closed_class_are_deleted_if_wanted(shell: Shell, tmp_path: Path) -> None:
    shell.synced()
    table = tmp_path / "health.csv"
    shell.ok("export", *CLASS, "--report", "student-health", "--out", str(table))
    student = next(csv.DictReader(table.read_text("utf-8-sig").splitlines()))["student_id"]
    shell.ok("contact", "add", *CLASS, "--student", student)
    close = ("class", "close", "web-cohort-3", "--by-roster")
    assert shell.run(*close, "--contacts", "burn").returncode == 2
    assert "Contacts and notes are kept for a year from today." in shell.ok(*close)
    shell.ok("class", "open", "web-cohort-3")
    assert "Contacts and notes are deleted." in shell.ok(*close, "--contacts", "delete")
    assert json.loads(shell.ok("contact", "list", "--json")) == []
