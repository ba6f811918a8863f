"""Which classes to follow, and how their syncs went."""

import pandas as pd
import streamlit as st

from cohort_core import dashboard
from cohort_core.dashboard import history, words
from cohort_core.dashboard.errors import guarded
from cohort_core.store.classes import ClassStatus, set_active

MOST_SYNCS = 20

with dashboard.begin("classes", needs_class=False) as view:
    if not view.classes:
        st.info("There are no classes yet: Cohort Tracker does not know your school.")
        dashboard.link("connect", "Connect to your school, or try the practice school")
        st.stop()

    def switch(status: ClassStatus) -> None:
        with guarded("classes", stop=False):
            set_active(view.workspace.database, [status.id], active=not status.is_active)

    def look_for_classes() -> None:
        with guarded("classes", stop=False) as told:
            view.workspace.refresh_classes()
        st.session_state["classes-told"] = (
            told[0] if told else "This is every class that OpenClass lists for you."
        )

    st.caption(
        "Active classes are synced and can be chosen in the sidebar. One that you deactivate keeps its data."
    )
    for status in view.classes:
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key=f"class-{status.id}"
        ):
            with st.container(width="stretch", gap=None):
                st.text(status.name)
                st.caption(words.literal(history.class_words(status)))
            st.toggle(
                "Active",
                value=status.is_active,
                key=f"active-{status.id}-{status.is_active}",
                on_change=switch,
                args=(status,),
            )
    st.button("Look for new classes", on_click=look_for_classes, icon=":material/refresh:")
    if told := st.session_state.pop("classes-told", None):
        st.info(words.literal(told))

    st.subheader("Syncs", anchor=False)
    jobs = view.workspace.jobs(MOST_SYNCS)
    if not jobs:
        st.info("Nothing has been synced yet. Press Sync now in the sidebar.")
        st.stop()
    if problem := history.latest_problem(jobs):
        st.warning(words.literal(problem))
    st.dataframe(
        pd.DataFrame(history.rows(jobs)),
        column_config=history.COLUMNS,
        hide_index=True,
        placeholder="–",
        key="syncs",
        alt="The latest syncs, class by class, newest first",
    )
