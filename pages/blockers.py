"""The assignments in which the class is held up, and who is stuck in them."""

from cohort_core.charts import assignment_charts
from cohort_core.dashboard.components import downloads, lists, tables
from cohort_core.dashboard.layout import begin, part
from cohort_core.dashboard.sections import blockers
from cohort_core.reports import catalog
from cohort_core.reports.labels import STATES

with begin("blockers") as view:
    in_order = catalog.in_course_order(catalog.blockers(view.cohort))
    course_chart = assignment_charts.course(in_order.frame, len(view.cohort.students))
    downloads.heading(
        view,
        "The course so far",
        report=in_order,
        ask=blockers.in_order,
        scene=blockers.course_chart,
        name="course",
        help="For each assignment: how many of all students completed it, are in progress or are stuck.",
    )
    lists.legend({state: STATES[state][:2] for state in ("completed", "in_progress", "stuck")})
    tables.chart(
        course_chart,
        alt="Share of students who completed, are in progress or are stuck, by assignment in course order",
        key="course",
        opens={"assignment_id": "assignment"},
    )
    blockers.name_unclear_grades(in_order)
    part(blockers.show_ranking, view)
    blockers.show_all(view, in_order)
    part(blockers.show_sections, view)
