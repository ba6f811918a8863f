"""The present drafts of messages: people's own templates, and ours for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cohort_core.clock import utc_now
from cohort_core.reports.drafts import OURS, Template, check_kind, check_template
from cohort_core.services.principal import Principal
from cohort_core.store import audit, drafts
from cohort_core.store.database import Database, utc_text
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
    present = {kind: Draft(kind, template) for kind, template in OURS.items()}
    for kind in present.keys() & saved.keys():
        row = saved[kind]
        template = Template(row.subject, row.body)
        present[kind] = Draft(kind, template, is_ours=False, changed_at=row.changed_at, who=row.who)
    return present


def save_draft(database: Database, principal: Principal, kind: str, subject: str, body: str) -> Draft:
    """Save a template of a message in place of the present one; return it.

    Raises ``BadInput`` for an unknown kind, a text that is empty or too long, and for braces that are no
    placeholder.
    """
    check_kind(kind)
    template = check_template(subject, body)
    saved = SavedDraft(kind, template.subject, template.body, utc_text(utc_now()), principal.actor)
    with database.writing() as connection:
        drafts.save_draft(connection, saved)
        audit.add_event(connection, principal.who, "draft", kind)
    return Draft(kind, template, is_ours=False, changed_at=saved.changed_at, who=saved.who)


def reset_draft(database: Database, principal: Principal, kind: str) -> Draft:
    """Go back to our own template of a kind; return it.

    Raises ``BadInput`` for an unknown kind.
    """
    check_kind(kind)
    with database.writing() as connection:
        if drafts.delete_draft(connection, kind):
            audit.add_event(connection, principal.who, "draft reset", kind)
    return Draft(kind, OURS[kind])
