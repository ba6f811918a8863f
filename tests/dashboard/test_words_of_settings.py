"""Words that follow the settings: the days of each stage of activity, and the name below messages."""

from __future__ import annotations

from cohort_core.config.settings import Preferences
from cohort_core.config.thresholds import Thresholds
from cohort_core.reports import catalog
from cohort_core.reports.labels import stage_words
from cohort_core.services.principal import CLI_OWNER
from cohort_core.services.services import Services
from cohort_core.services.workspace import Workspace
from cohort_core.store.classes import find_class
from tests.dashboard.conftest import page, shown
from tests.dashboard.test_packs import CLASS
from tests.dashboard.test_packs import copied as copied  # a fixture

LIMITS = Thresholds(cooling_days=5, quiet_days=9, gone_days=20)


def test_the_words_of_a_stage_have_the_days_of_the_settings(copied: Workspace) -> None:
    Services(copied).admin(CLI_OWNER).change_settings(Preferences(thresholds=LIMITS))
    class_id = find_class(copied.database, CLASS)
    health = catalog.student_health(copied.cohorts.cohort(class_id)).frame
    words = stage_words(LIMITS)
    test = page("risk", {"class": class_id})
    table = test.dataframe[0].value
    assert list(table["name"]) == list(health["name"])
    assert list(table["stage"]) == [words[stage] for stage in health["stage"]]
    days = {"cooling": 5, "quiet": 9, "gone": 20}
    for stage, silent in zip(health["stage"], health["days_silent"], strict=True):
        if stage in days:
            assert words[stage] == f"Silent for {days[stage]} days or more"
            assert silent >= days[stage]
    assert set(days) <= set(health["stage"])
    (chooser,) = (box for box in test.selectbox if box.label == "Activity")
    assert {words[stage] for stage in words} <= set(chooser.options)


def test_in_anonymous_mode_no_draft_names_the_mentor(copied: Workspace) -> None:
    Services(copied).admin(CLI_OWNER).change_settings(Preferences(mentor_name="Kim Berg"))
    for query, is_named in (({}, True), ({"anonymous": "1"}, False)):
        test = page("settings", {"part": "drafts", **query})
        assert not test.exception
        fields = [str(widget.value) for widget in (*test.text_input, *test.text_area, *test.code)]
        assert ("Kim" in f"{fields} {shown(test)}") == is_named
        assert test.text_input[0].disabled != is_named
