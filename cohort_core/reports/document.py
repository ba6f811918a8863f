"""Generate docs/metrics.md from the reports and their row models.

Run `python -m cohort_core.reports.document > docs/metrics.md`.
"""

from __future__ import annotations

from inspect import cleandoc

from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.reports.band_meaning import LIMITS, meanings
from cohort_core.reports.catalog import REPORTS
from cohort_core.reports.report import type_name, unit
from cohort_core.reports.row_models import RiskBandRow, Row


def markdown() -> str:
    """Return docs/metrics.md, which explains every number in the words of the code."""
    parts = [_DOCUMENT_HEAD]
    for name, spec in REPORTS.items():
        parts += [
            f"## {spec.title}",
            f"`{name}`",
            cleandoc(spec.function.__doc__ or ""),
            _field_table(spec.row),
        ]
    parts += [_BANDS_HEAD, _band_table(), _limits(), _field_table(RiskBandRow)]
    return "\n\n".join([*parts, _THRESHOLDS_HEAD, _threshold_table()]) + "\n"


_DOCUMENT_HEAD = """\
# What every number means

Generated from `cohort_core/reports`; do not edit. The dashboard, the JSON API and the exports show the
same reports, so these definitions hold for all of them.

- **As of**: every report is about one instant, by default the end of the class's last successful sync. A date
  means the end of that day in the class's time zone. Nothing after that instant is seen.
- **Student**: someone on the roster or seen in a progression, from the roster's day of enrolment (without
  one, from the class's start) until the day of withdrawal.
- **Record**: a student and an assignment. Of several attempts, the earliest start and completion count, the
  latest review, and the grade of the latest completion that has one.
- **Completed**: completed by *as of*. **In progress**: begun by then and not completed. A grade and a review
  are seen from the completion on.
- **Group**: a class night or a region. Counts, rates and times are the group's own; whether a student is
  stuck or at risk is measured against the whole class, so that choosing a group never changes it.
- **Type**: a kind of assignment. Counts are then about that type alone; numbers about one student (risk,
  reasons, activity) or about one assignment stay the same.
- **Name**: first and last name, else the first part of the email, never an id. Equal names in a class get
  the first part of their email beside them, the whole email where that is equal too, else a number.
- **Scale of grades**: OpenClass sends a bare number, so the assignment decides, by all records that the
  class has now. *share*: none above 1.001; such a grade counts as 1. *share_with_bonus*: none above 2, and at
  most a fifth above 1.001; these are shown as they are, and count as 1. *percent*: otherwise, if fewer than a
  fifth are up to 1.001; then 1 is one percent. *unclear*: else; the smaller part counts in no number, and
  Blockers name it. Of two equal parts the percentages stay if any is above 2. A 0 is 0 on every scale, so it
  speaks neither for nor against percent, and is never left out.
- **Course order**: the units of the course; then assignments outside of them by their median completion,
  their median start, and their name, with numbers as numbers, from all records that the class has now.
- **Beginning**: a class begins with its first record, or on the day that is set for it. One record, or up to
  one in twenty, with a year or more between it and all others, is no beginning.
- **By default**: a number that is one of the thresholds at the end, which a mentor can set otherwise.
- Shares, rates and grades run from 0 to 1; only the grade of a single record may have a bonus. A mean over
  nothing is null, never 0."""


_BANDS_HEAD = """\
## Risk bands

`GET /risk-bands`

What may be said about the students of a band. [risk.md](risk.md) has the test behind it. Once a class is
closed, its own counts are added: of the students of the band, on the last day of each quarter of the course,
how many were lost. From 20 students on the two are joined to one share, (k·μ + lost)/(k + students), with
μ, k: critical .94, 4; high .67, 12; medium .43, 12; low .17, 21. With other thresholds for bands than the
default ones nothing is said about shares. The score and its bands never change by it."""


_THRESHOLDS_HEAD = """\
## Thresholds

The limits at which bands, stages and rankings begin. You can set them on the page *Settings*, which shows
beforehand which students would move, as `[thresholds]` in `config.toml`, or in the environment, as
`COHORT_THRESHOLDS__CRITICAL_GAP=40`. They hold for every page, API response, file and report alike. The risk
score itself cannot be set: it was tested as it is."""


def _threshold_table() -> str:
    lines = ["| threshold | by default | meaning |", "|---|---|---|"]
    for name, field in Thresholds.model_fields.items():
        lines.append(f"| `{name}` | {getattr(DEFAULTS, name):g} | {field.description} |")
    return "\n".join(lines)


def _band_table() -> str:
    lines = ["| band | what may be said |", "|---|---|"]
    return "\n".join([*lines, *(f"| {band} | {meaning} |" for band, meaning in meanings().of.items())])


def _limits() -> str:
    return "\n".join(f"- {limit}" for limit in LIMITS)


def _field_table(row: type[Row]) -> str:
    lines = ["| field | type | unit | meaning |", "|---|---|---|---|"]
    for name, field in row.model_fields.items():
        lines.append(f"| `{name}` | {type_name(field.annotation)} | {unit(field)} | {field.description} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(), end="")
