"""Drafts, praise, the class night, the handover and the counts by reason, on their pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pypdf
import pytest
from streamlit.testing.v1 import AppTest

from cohort_core.clock import utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import Preferences
from cohort_core.dashboard.components.text import literal
from cohort_core.dashboard.files.questions import SHEETS, Question, Selection, Step, answer
from cohort_core.dashboard.sections.hides import Notice
from cohort_core.practice.school import MemorySchool, progression
from cohort_core.practice.server import running
from cohort_core.reports import catalog
from cohort_core.reports.drafts import OURS
from cohort_core.services.principal import CLI_OWNER, OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.audit import load_events
from cohort_core.store.classes import find_class, set_active
from cohort_core.store.maintenance import backup
from tests.conftest import FAST_RETRIES
from tests.dashboard.conftest import Use, page, shown

CLASS = "sd-cohort-12"


@pytest.fixture
def copied(practised: Workspace, tmp_path: Path, use: Use) -> Iterator[Workspace]:
    """The practice school in a home of its own, which a test may change."""
    home = Home(tmp_path / "home")
    home.ensure()
    backup(practised.database, home.database, asked_by="test")
    workspace = Workspace(home, retry_policy=FAST_RETRIES)
    use(workspace)
    yield workspace
    workspace.stop()


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label.startswith(label)).click().run()


def sheet_of(workspace: Workspace, name: str, class_id: str, *, anonymous: bool = False) -> str:
    """Return the text of a PDF as the link of a page makes it."""
    services = Services(workspace)
    question = Question(name, Step.of(SHEETS["report"][1]), Selection(class_id), anonymous, extension="pdf")
    file = answer(question, services, services.reader(OWNER, anonymous=anonymous))
    pages = pypdf.PdfReader(BytesIO(file)).pages
    assert name == "handover" or len(pages) == 1
    return " ".join(" ".join(item.extract_text() for item in pages).split())


# Drafts


def test_a_draft_is_changed_with_a_live_example_and_reset(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    test = page("settings", {"part": "drafts"})
    assert not test.exception
    assert "How are you" in str(test.text_input[1].value)
    assert "Hi Amara," in test.code[0].value
    assert "{" not in test.code[0].value
    assert not test.code[0].value.endswith("Kim Berg")
    test.text_input[0].set_value("Kim Berg").run()
    assert test.code[0].value.endswith("Kim Berg")
    test.text_area[0].set_value("Dear {first_name},\nsee you!\n{mentor}").run()
    assert test.code[0].value == "Dear Amara,\nsee you!\nKim Berg"
    test = press(test, "Save")
    assert "Saved the draft" in test.success[0].value
    reader = Services(copied).reader(CLI_OWNER)
    assert reader.drafts()["never_started"].template.body == "Dear {first_name},\nsee you!\n{mentor}"
    assert reader.drafts()["never_started"].who == "dashboard"
    idle = catalog.triage([reader.cohort(class_id)], limit=1000).frame.query("kind == 'never_started'")
    if not idle.empty:
        student = page("student", {"class": class_id, "student": idle["student_id"].iloc[0]})
        assert "see you!\nKim Berg" in student.code[0].value
    # In anonymous mode the mentor has no name either.
    assert "Kim" not in page("settings", {"part": "drafts", "anonymous": "1"}).code[0].value
    test = press(test, "Reset to ours")
    assert reader.drafts()["never_started"].template == OURS["never_started"]
    actions = [(event.who, event.action) for event in load_events(copied.database, 3)]
    assert actions == [("dashboard", "draft reset"), ("dashboard", "draft"), ("dashboard", "settings")]


def test_a_draft_that_cannot_be_used_says_why_and_changes_nothing(copied: Workspace) -> None:
    test = page("settings", {"part": "drafts"})
    test.text_area[0].set_value("Hi {name}").run()
    assert "placeholder that does not exist" in test.warning[0].value
    test = press(test, "Save")
    assert "placeholder that does not exist" in test.error[0].value
    assert Services(copied).reader(CLI_OWNER).drafts()["never_started"].is_ours


# The class night


def student_of(box: Any) -> str:
    """Return the student of a tick, whose key is such as tick-first-ID-0."""
    return str(box.key).split("-", 2)[2].rsplit("-", 1)[0]


def test_a_tick_is_a_talk_and_can_be_taken_back(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    test = page("class_night", {"class": class_id})
    assert not test.exception
    box = test.checkbox[0]
    student = student_of(box)
    names = [link.proto.label for link in test.main.get("page_link")]
    box.check().run()
    (contact,) = copied.cohorts.load_contacts()
    assert (contact.student_id, contact.channel, contact.who) == (student, "met", "dashboard")
    # Nobody jumps away under the finger.
    assert [link.proto.label for link in test.main.get("page_link")] == names
    ticked = [box for box in test.checkbox if box.value]
    assert {student_of(box) for box in ticked} == {student}
    ticked[0].uncheck().run()
    assert copied.cohorts.load_contacts() == []
    assert not any(box.value for box in test.checkbox)


def test_the_next_opening_has_the_talks_of_today_apart(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    test = page("class_night", {"class": class_id})
    box = test.checkbox[0]
    student = student_of(box)
    test = box.check().run()
    # A full run of the same page, as after a sync, moves nobody.
    assert student_of(test.run().checkbox[0]) == student
    test = page("class_night", {"class": class_id})
    assert student_of(test.checkbox[0]) != student
    assert "Talked to today (1)" in [header.value for header in test.header]
    (ticked,) = [box for box in test.checkbox if box.value]
    assert student_of(ticked) == student
    test = ticked.uncheck().run()
    assert copied.cohorts.load_contacts() == []
    assert student_of(test.checkbox[0]) == student


def test_several_who_had_a_message_this_week_are_named_and_left_out(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    cohort = copied.cohorts.cohort(class_id)
    assignment_id = catalog.reteach(cohort).frame["assignment_id"].iloc[0]
    states = catalog.assignment_students(cohort, assignment_id).frame
    stuck = states[states["state"] == "stuck"]
    first, name = stuck["student_id"].iloc[0], stuck["name"].iloc[0]
    commands = Services(copied).commands(OWNER)
    commands.add_contact(class_id, first, "call")
    address = {"class": class_id, "assignment": assignment_id}
    test = page("assignment", address, ["write-to"])
    assert literal(f"{name}: Called today") in shown(test)
    assert f"— {name} —" not in test.code[0].value
    assert test.code[0].value.count("\n\n— ") == len(stuck) - 2
    switch = next(toggle for toggle in test.main.toggle if toggle.label.startswith("Leave out 1 student"))
    assert f"— {name} —" in switch.set_value(False).run().code[0].value
    # What was noted here a moment ago takes nobody out of the text that is being copied.
    test = page("assignment", address, ["write-to"])
    press(test, "I wrote to them")
    assert len({contact.student_id for contact in copied.cohorts.load_contacts()}) == len(stuck)
    assert test.code[0].value.count("\n\n— ") == len(stuck) - 2
    # At the next opening all of them had one.
    assert "Nobody is left to write to." in shown(page("assignment", address, ["write-to"]))


def test_a_closed_class_keeps_the_last_contact_on_student_risk(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    student = copied.cohorts.cohort(class_id).students.iloc[0]
    Services(copied).commands(OWNER).add_contact(class_id, str(student.name), "email")
    copied.close_class(CLASS, None, None)
    rows = page("risk", {"class": class_id}).dataframe[0].value
    assert "wrote today" in rows.set_index("name").loc[student["name"], "contact"]


def test_no_risk_no_grade_and_no_tick_of_another_day(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    text = re.sub(
        "<style.*?</style>", "", shown(page("class_night", {"class": class_id})), flags=re.S
    ).lower()
    for word in ("critical", "high risk", "on pace", "points", "%"):
        assert word not in text.replace("without risk or grades", ""), word
    past = (utc_now() - timedelta(days=9)).date().isoformat()
    assert not page("class_night", {"class": class_id, "as_of": past}).checkbox


# The handover


def test_gaps_and_answers_of_the_handover(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    reader = Services(copied).reader(CLI_OWNER)
    names = reader.cohort(class_id).students["name"]
    test = page("handover", {"class": class_id})
    assert not test.exception
    assert f"What was promised: no answer for {len(names)} of {len(names)} students" in shown(test)
    student = str(names.index[0])
    test.selectbox(key="handover-about").set_value(student).run()
    promised = next(area for area in test.text_area if area.label == "What was promised")
    promised.set_value("A call on Friday").run()
    test = press(test, "Save")
    assert "Saved for the handover" in test.success[0].value
    assert f"What was promised: no answer for {len(names) - 1} of {len(names)} students" in shown(test)
    (note,) = reader.handover_notes(class_id)
    assert (note.student_id, note.text, note.who) == (student, "A call on Friday", "dashboard")
    assert "What was promised: A call on Friday" in sheet_of(copied, "handover", class_id)
    assert "Friday" not in sheet_of(copied, "handover", class_id, anonymous=True).split("pseudonyms")[1]
    hidden = page("handover", {"class": class_id, "anonymous": "1"})
    assert not hidden.text_area
    assert "A call on Friday" not in shown(hidden)


def places(test: AppTest, kind: str) -> list[tuple[int, ...]]:
    """Return where the elements of a kind stand in the page, as the browser counts."""

    def walk(block: Any, path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        for place, child in block.children.items():
            if child.type == kind:
                yield (*path, place)
            if hasattr(child, "children"):
                yield from walk(child, (*path, place))

    return list(walk(test.main, ()))


@pytest.mark.parametrize("name", ["handover", "settings", "overview"])
def test_a_notice_moves_nothing(copied: Workspace, name: str) -> None:
    test = page(name, {"class": find_class(copied.database, CLASS), "part": "drafts", "scope": "this"})
    before = places(test, "text_area"), places(test, "page_link")[:1]
    if name == "overview":
        test.session_state["hide-notice"] = Notice("Ana is hidden.", "c1", "s1")
        test = test.run()
        assert "Ana is hidden" in shown(test)
    else:
        test = press(test, "Save")
        assert test.success
    assert (places(test, "text_area"), places(test, "page_link")[:1]) == before


def answer_about(test: AppTest, subject: str) -> str:
    """Choose a subject, and return what stands in the first field."""
    test.selectbox(key="handover-about").set_value(subject).run()
    return str(test.text_area[0].value)


def test_an_answer_that_is_not_saved_yet_waits_for_its_student(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    reader = Services(copied).reader(CLI_OWNER)
    ana, ben = (str(student_id) for student_id in reader.cohort(class_id).students.index[:2])
    test = page("handover", {"class": class_id})
    answer_about(test, ana)
    test.text_area[0].set_value("Calls in the morning")
    assert answer_about(test, ben) == ""
    assert answer_about(test, ana) == "Calls in the morning"
    press(test, "Save")
    # Taken back on purpose, it does not come again.
    test.text_area[0].set_value("")
    press(test, "Save")
    assert not reader.handover_notes(class_id)
    answer_about(test, ben)
    assert answer_about(test, ana) == ""
    # What was typed about one class never stands under another.
    answer_about(test, "class")
    test.text_area[0].set_value("Only this class").run()
    test.sidebar.selectbox(key="class-widget").set_value(find_class(copied.database, "web-cohort-3")).run()
    assert answer_about(test, "class") == ""


# Closing


@pytest.mark.parametrize(("answer_of_mentor", "kept"), [(None, 1), ("Delete them now", 0)])
def test_closing_a_class_asks_what_stays_of_contacts(
    copied: Workspace, answer_of_mentor: str | None, kept: int
) -> None:
    class_id = find_class(copied.database, CLASS)
    assert not page("classes", unfold=[f"close-{class_id}"]).radio
    student = str(copied.cohorts.cohort(class_id).students.index[0])
    Services(copied).commands(CLI_OWNER).add_contact(class_id, student, "met")
    test = page("classes", unfold=[f"close-{class_id}"])
    if answer_of_mentor:
        test.radio(key=f"contacts-{class_id}").set_value(answer_of_mentor).run()
    test = press(test, "Close the class")
    assert not test.exception
    assert len(copied.cohorts.load_contacts()) == kept


# Trends and the director's page


def test_counts_by_reason_stand_beside_the_usual_rate(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    lazy = page("trends", {"class": class_id})
    assert "Usual rate without a message" not in str(lazy.dataframe)
    opened = page("trends", {"class": class_id}, unfold=["contacts-by-kind"])
    assert set(opened.dataframe[-1].value["share"]) == {"no messages"}
    part = Services(copied).reader(CLI_OWNER).class_triage(class_id)
    entry = next(entry for entry in part.entries if entry.kind == "risk")
    Services(copied).commands(CLI_OWNER).add_contact(class_id, entry.student_id or "", "email", kind="risk")
    records = page("trends", {"class": class_id}).dataframe[-1].value.to_dict("records")
    row = next(record for record in records if (record["kind"], record["days"]) == ("At risk", 7))
    assert (row["contacts"], row["share"]) == (1, "too early to tell")
    assert " of " in str(row["usual_share"])


def test_the_directors_page_begins_where_the_last_one_ended(copied: Workspace) -> None:
    class_id = find_class(copied.database, CLASS)
    reader = Services(copied).reader(CLI_OWNER)
    first = reader.director_page(class_id)
    assert first.is_first
    past = (utc_now() - timedelta(days=9)).date().isoformat()
    reader.record_director_page(reader.cohort(class_id, past))
    text = sheet_of(copied, "director", class_id)
    second = reader.director_page(class_id)
    assert second.before.as_of == reader.cohort(class_id, past).as_of
    # Made twice on one day, it begins at the same instant.
    assert not second.is_first
    assert "what changed since" in text
    assert "No names of students." in text
    for name in reader.cohort(class_id).students["name"]:
        assert name not in text
    assert reader.director_page(class_id, group="Tuesday").is_first


# Praise


def test_who_deserves_a_word_is_listed_until_somebody_writes(
    tmp_path: Path, use: Use, workspace: Workspace
) -> None:
    school, now = MemorySchool(), utc_now()
    rows = []
    for student in range(6):
        for number in range(4):
            ago = timedelta(days=30) if number == 0 or student else timedelta(days=4 - number, hours=1)
            at = (now - ago + timedelta(hours=number)).isoformat()
            rows.append(
                progression(
                    f"{student}-{number}",
                    student=f"s{student}",
                    assignment=f"a{number}",
                    started=at,
                    completed=at,
                )
            )
    class_id = school.add_class("Class", rows=rows)
    with running(school) as upstream:
        workspace.connect_to_practice(upstream.url, asked_by="test")
        set_active(workspace.database, [class_id], active=True)
        workspace.prepare_sync(asked_by="test").run()
        use(workspace)
        (row,) = catalog.praise(workspace.cohorts.cohort(class_id)).records()
        assert row["completed"] == 3
        key = f"praise-{class_id}-{row['student_id']}"
        test = page("overview", {"class": class_id}, unfold=[key])
        assert not test.exception
        assert "3 completed in 7 days, after 2" in shown(test)
        assert any("well done" in code.value for code in test.code)
        test = press(test, "Copy and note it")
        (contact,) = workspace.cohorts.load_contacts()
        assert contact.template == "praise"
        assert "3 completed in 7 days" not in shown(test)
        # Praise hides nobody from the list of those who need attention.
        assert workspace.cohorts.load_hides() == []


def test_a_name_of_several_lines_is_refused() -> None:
    for name in ("a\nb", "x" * 81):
        with pytest.raises(ValueError, match="one line"):
            Preferences(mentor_name=name)
    assert Preferences(mentor_name=" Kim ").mentor_name == "Kim"
    assert Preferences(mentor_name=" ").mentor_name is None
