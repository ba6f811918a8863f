"""The present drafts of messages: people's own templates, and ours for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cohort_core.reports.drafts import OURS, Template
from cohort_core.store.drafts import SavedDraft


@dataclass(frozen=True)
class Draft:
    """The present template of a kind, and who wrote it when. ``changed_at`` is UTC text."""

    kind: str
    template: Template
    is_ours: bool = True
    changed_at: str | None = None
    who: str | None = None


def present_drafts(saved: Mapping[str, SavedDraft]) -> dict[str, Draft]:
    """Return the draft of each kind, given those that were saved."""
    drafts = {kind: Draft(kind, template) for kind, template in OURS.items()}
    for kind in drafts.keys() & saved.keys():
        row = saved[kind]
        template = Template(row.subject, row.body)
        drafts[kind] = Draft(kind, template, is_ours=False, changed_at=row.changed_at, who=row.who)
    return drafts
