"""One student: where they stand, what they are stuck on, when to catch them."""

from dataclasses import replace

import streamlit as st

from cohort_core import charts, dashboard, reports
from cohort_core.charts import BANDS
from cohort_core.dashboard import downloads, message, person, picking, tables, words


def every_assignment(view: dashboard.View, assignments: reports.Report) -> None:
    downloads.menu(view, report=assignments)
    tables.show(
        person.told(assignments.frame),
        assignments.row,
        person.ASSIGNMENTS,
        key="assignments",
        alt="Every assignment in course order",
        opens="assignment",
    )


def what_they_did(view: dashboard.View, student_id: str) -> None:
    timeline = reports.student_timeline(view.cohort, student_id)
    downloads.menu(view, report=timeline)
    person.timeline(timeline, view.cohort.tz)


with dashboard.begin("student") as view:
    student_id = picking.student(view)
    cohort = view.cohort
    health = reports.student(cohort, student_id).record()
    st.subheader(words.literal(health["name"]), anchor=False)
    person.head(cohort, health)

    assignments = reports.student_assignments(cohort, student_id)
    stuck, missing = person.stuck(assignments.frame), person.missing(assignments.frame)
    message.show(cohort, health, list(stuck["name"]), list(missing["name"]), mail=not view.reader.anonymous)

    meaning = words.meanings(reports.StudentHealthRow)
    pace = reports.pace(cohort, student_id).record()
    forecast = reports.forecast(cohort, student_id).record()
    with st.container(horizontal=True, key="headline"):
        st.metric(
            "Completed", f"{health['completed']} of {health['total']}", help=meaning["completed"], width=140
        )
        st.metric("Average grade", words.percent(health["avg_grade"]), help=meaning["avg_grade"], width=140)
        st.metric("Risk", f"{health['risk_score']:.0f} points", help=meaning["risk_score"], width=140)
        st.metric(
            "Pace",
            person.pace_words(pace["pace_percentile"]),
            help=words.meanings(reports.PaceRow)["pace_percentile"],
            width=150,
        )
        st.metric(
            "Finishes",
            person.forecast_words(forecast),
            help="At the pace of the last four active weeks.",
            width=220,
        )

    history, habits = reports.risk_history(cohort, student_id), reports.habits(cohort, student_id)
    risks = charts.risk_history(history.frame)
    hours = charts.habits(habits.frame) if habits.frame[["started", "completed"]].to_numpy().any() else None
    left, right = st.columns(2, gap="large")
    with left:
        downloads.heading(view, "Stuck in", report=replace(assignments, frame=stuck), name="student-stuck")
        if stuck.empty:
            st.caption("Nothing at the moment.")
        else:
            # Whole days, as wherever they are told in words.
            whole = stuck.assign(days=stuck["days"] // 1)
            tables.show(whole, assignments.row, person.STUCK, key="stuck", alt="Stuck in", opens="assignment")
        downloads.heading(
            view,
            person.missing_words(len(missing), len(stuck)),
            report=replace(assignments, frame=missing),
            name="student-missing",
            help="What half of the class or more has completed and this student has not, in course order, "
            "without what they are stuck in.",
        )
        if missing.empty:
            st.caption("Nothing that half of the class has completed.")
        else:
            tables.show(
                person.told(missing),
                assignments.row,
                person.MISSING,
                key="missing",
                alt="Missing",
                opens="assignment",
            )
    with right:
        downloads.heading(
            view,
            "Risk, week by week",
            report=history,
            picture=risks,
            title=f"{health['name']}: risk, week by week",
        )
        tables.picture(
            risks,
            alt=f"Risk points at the end of each week; now {BANDS[health['risk']].label}",
        )
        downloads.heading(
            view,
            "When they work",
            report=habits if hours else None,
            picture=hours,
            name="student-habits",
            title=f"{health['name']}: when they work",
            help="Starts and completions by hour of the week.",
        )
        if hours:
            tables.picture(hours, alt="Starts and completions by hour")
        else:
            st.caption("Nothing yet.")
    dashboard.folded(
        "Every assignment, in course order", "every-assignment", every_assignment, view, assignments
    )
    dashboard.folded("What they did, newest first", "what-they-did", what_they_did, view, student_id)
