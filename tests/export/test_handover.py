"""The handover: each student, the contacts and what came of them, the answers, and who is hidden and why."""

from __future__ import annotations

from datetime import date
from io import BytesIO

import pypdf

from cohort_core.export import handover
from cohort_core.metrics.cohort import Cohort
from cohort_core.practice.school import hex_id, row_id
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from tests.sync.conftest import SyncedClass
from tests.sync.conftest import synced as synced  # a fixture

WHO, OTHER = hex_id("student", "student 1"), hex_id("student", "student 2")


def made(synced: SyncedClass, *, anonymous: bool = False) -> tuple[Cohort, str]:
    reader = Services(synced.workspace).reader(CLI_OWNER, anonymous=anonymous)
    cohort, notes = reader.cohort(synced.id), reader.handover_notes(synced.id)
    parts = (cohort, reader.contact_frame(synced.id), reader.holding_hides(cohort), notes)
    file = handover.handover(*parts, anonymous=anonymous)
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(file)).pages)
    return cohort, " ".join(text.split())


def test_it_says_what_was_promised_to_two_students(synced: SyncedClass) -> None:
    synced.sync()
    commands = Services(synced.workspace).commands(CLI_OWNER)
    commands.save_handover_note(synced.id, "promised", "A laptop until Christmas", student_id=WHO)
    commands.save_handover_note(synced.id, "promised", "Wrong", student_id=OTHER)
    commands.save_handover_note(synced.id, "promised", "A call on Fridays", student_id=OTHER)
    commands.save_handover_note(synced.id, "careful", "Two of them are brothers")
    commands.add_contact(synced.id, WHO, "email")
    commands.hide_student(synced.id, OTHER, "done", date(2099, 1, 1))
    cohort, text = made(synced)
    names = cohort.students["name"]
    after_who, after_other = (text.split(f"{names[who]} ", 2)[-1] for who in (WHO, OTHER))
    assert "What was promised: A laptop until Christmas" in after_who
    assert "(email): too early to tell." in after_who
    assert "What was promised: A call on Fridays" in after_other
    assert "Wrong" not in text
    assert "What to be careful with: Two of them are brothers" in text
    assert f"{names[OTHER]}: until Thursday 1 January 2099" in text
    reader = Services(synced.workspace).reader(CLI_OWNER)
    assert handover.gaps(cohort, reader.handover_notes(synced.id))["promised"] == len(names) - 2
    _, anonymous = made(synced, anonymous=True)
    for word in (names[WHO], "laptop", "brothers"):
        assert word not in anonymous


def test_what_was_promised_to_somebody_who_left_is_not_lost(synced: SyncedClass) -> None:
    synced.sync()
    services = Services(synced.workspace)
    name = services.reader(CLI_OWNER).cohort(synced.id).students["name"][WHO]
    services.commands(CLI_OWNER).save_handover_note(synced.id, "promised", "A reference", student_id=WHO)
    for record in [row for row in synced.school.rows(synced.id) if row["user"]["id"] == WHO]:
        synced.school.drop_row(synced.id, row_id(record))
    synced.sync(full=True)
    synced.sync(full=True, accept_removals=True)
    cohort, text = made(synced)
    assert WHO not in cohort.students.index
    assert f"{name} Not in the class on this day. What was promised: A reference" in text
