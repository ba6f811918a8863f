"""A box or switch that nobody touched does nothing, also if Streamlit calls it.

After a change of the page Streamlit forgets the values of its boxes, while the browser still sends them. Then
each of them looks changed. `forget` brings that about without a browser, where it depends on timing.
"""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class
from tests.dashboard.conftest import page
from tests.dashboard.test_packs import CLASS, student_of
from tests.dashboard.test_packs import copied as copied  # a fixture


def forget(test: AppTest, widgets: Any) -> int:
    """Make Streamlit forget the present values of these widgets; return their number."""
    state = test._session_state._state
    for widget in widgets:
        # What the browser sends.
        widget.set_value(widget.value)
        state._new_widget_state.states.pop(widget.id, None)
        state._old_state.pop(widget.id, None)
    return len(widgets)


def test_one_tick_is_one_talk(copied: Workspace) -> None:
    test = page("class_night", {"class": find_class(copied.database, CLASS)})
    assert forget(test, test.checkbox) > 5
    student = student_of(test.checkbox[1])
    test.checkbox[1].check().run()
    assert not test.exception
    assert [contact.student_id for contact in copied.cohorts.load_contacts()] == [student]
    assert forget(test, test.checkbox) > 5
    test.run()
    assert [contact.student_id for contact in copied.cohorts.load_contacts()] == [student]


def test_one_switch_is_one_class(copied: Workspace) -> None:
    def active() -> list[str]:
        return [status.id for status in copied.cohorts.statuses() if status.is_active]

    before = active()
    test = page("classes")
    switches = [switch for switch in test.toggle if str(switch.key).startswith("active-")]
    assert forget(test, switches) > len(before)
    test.run()
    assert not test.exception
    assert active() == before
    switches = [switch for switch in test.toggle if str(switch.key).startswith("active-")]
    forget(test, switches)
    gone = str(switches[0].key).split("-")[1]
    switches[0].set_value(False).run()
    assert set(before) - set(active()) == {gone}
