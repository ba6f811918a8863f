"""Digests for Microsoft Teams: an Adaptive Card for a Workflows webhook."""

from __future__ import annotations

from typing import Any

from cohort_core.notify.digest import Digest, Line


def payload(digest: Digest) -> dict[str, Any]:
    """Return the message.

    All text of others is in rich text, which reads no Markdown and no mentions.
    """
    body = [_paragraph([_run(f"⚠ {text}", weight="Bolder", color="Attention")]) for text in digest.warnings]
    body.append(_paragraph([_run(digest.headline, weight="Bolder", size="Medium")]))
    body += [_paragraph([_run(text)]) for text in digest.notes]
    body += [_paragraph(_line(student)) for student in digest.students]
    if digest.rest:
        body.append(_paragraph([_run(digest.rest, isSubtle=True)]))
    if digest.footer:
        body.append(_paragraph([_run(digest.footer, isSubtle=True, size="Small")]))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    if digest.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the overview", "url": digest.url}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _line(student: Line) -> list[dict[str, Any]]:
    name = _run(f"• {student.name}", weight="Bolder")
    if student.url:
        name["selectAction"] = {"type": "Action.OpenUrl", "url": student.url}
    new = [_run(" new", color="Accent", weight="Bolder")] if student.is_new else []
    return [name, *new, _run(f": {student.reason}")]


def _paragraph(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "spacing": "Small", "inlines": runs}


def _run(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **style}
