"""Find a student opens everybody of the class, whatever group is chosen."""

from __future__ import annotations

from urllib.parse import parse_qsl

from cohort_core.dashboard import url_state
from cohort_core.dashboard.components.text import literal
from cohort_core.metrics.groups import groups
from cohort_core.services.workspace import Workspace
from tests.dashboard.conftest import page


def test_a_student_of_another_group_is_found_and_opened(big: str, practised: Workspace) -> None:
    whole = practised.cohorts.cohort(big)
    chosen = groups(whole)[0].id
    inside = practised.cohorts.cohort(big, group=chosen).students.index
    # A name that several have, so that none of them opens at once.
    shared = whole.students.groupby("first_name").filter(lambda namesakes: len(namesakes) > 1)
    outside = shared[~shared.index.isin(inside)]
    test = page("blockers", {url_state.CLASS: big, url_state.GROUP: chosen})
    test.text_input(key="find").set_value(str(outside["first_name"].iloc[0])).run()
    assert not test.exception
    queries = [dict(parse_qsl(link.proto.query_string)) for link in test.sidebar.get("page_link")]
    hits = {
        query["student"]: query for query in queries if "student" in query and query[url_state.CLASS] == big
    }
    assert outside.index[0] in hits
    for student, query in hits.items():
        opened = page("student", query)
        assert not opened.info
        assert opened.header[0].value == literal(whole.students["name"][student])
