"""Digests for Discord: embeds for a webhook, at most 6,000 characters over all of them."""

from __future__ import annotations

import re
from typing import Any

from cohort_core.notify.digest import Digest, Line

MAX_TOTAL = 6000
MAX_DESCRIPTION = 4096
MAX_TITLE = 256
COLOUR, WARNING = 0x2F6FB0, 0xC0392B


def payload(digest: Digest) -> dict[str, Any]:
    """Return the message. It pings nobody, whatever it says."""
    title = digest.headline
    top = "\n".join([*(f"⚠️ {escaped(text)}" for text in digest.warnings), *map(escaped, digest.notes)])
    if len(title) > MAX_TITLE:
        top, title = "\n".join(filter(None, (escaped(title), top))), "Cohort Tracker"
    budget = min(MAX_DESCRIPTION, MAX_TOTAL - len(title) - len(digest.footer) - 300) - len(top)
    lines, shown = [], 0
    for student in digest.students:
        text = _line(student)
        budget -= len(text) + 1
        if budget < 0:
            break
        lines.append(text)
        shown += 1
    left = digest.more + len(digest.students) - shown
    if left:
        lines.append(f"and {left:,} more")
    embed: dict[str, Any] = {
        "title": title,
        "description": "\n".join(filter(None, (top, *lines)))[:MAX_DESCRIPTION],
        "color": WARNING if digest.warnings else COLOUR,
    }
    if digest.url:
        embed["url"] = digest.url
    if digest.footer:
        embed["footer"] = {"text": digest.footer}
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def escaped(text: str) -> str:
    """Escape the signs of Markdown, mentions and links."""
    return re.sub(r"([\\*_~`|>\[\]()#@<:-])", r"\\\1", text)


def _line(student: Line) -> str:
    name = escaped(student.name)
    if student.url:
        name = f"[{name}](<{student.url}>)"
    return f"• {name}{' **new**' if student.is_new else ''}: {escaped(student.reason)}"
