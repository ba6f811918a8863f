"""Digests for Slack: Block Kit for an incoming webhook.

Slack refuses more than 50 blocks, more than 3,000 characters in a section, and some 13,000 in all.
"""

from __future__ import annotations

from typing import Any

from cohort_core.notify.digest import Digest, Line

MAX_SECTION = 3000
MAX_TOTAL = 12_000
MAX_FALLBACK = 2_000


def payload(digest: Digest) -> dict[str, Any]:
    """Return the message, with `text` beside the blocks for notifications."""
    blocks = [_section("\n".join(f":warning: {escaped(text)}" for text in digest.warnings))]
    blocks.append(_section(f"*{escaped(digest.headline)}*"))
    blocks.append(_section("\n".join(escaped(text) for text in digest.notes)))
    used, shown = 0, 0
    for student in digest.students:
        text = _line(student)
        used += len(text)
        if used > MAX_TOTAL - 5_000:
            break
        blocks.append(_section(text))
        shown += 1
    left = digest.more + len(digest.students) - shown
    rest = f"and {left:,} more" if left else ""
    home = _link(digest.url, "Open the overview") if digest.url else ""
    blocks.append(_section(" · ".join(filter(None, (rest, home)))))
    if digest.footer:
        footer = {"type": "mrkdwn", "text": escaped(digest.footer), "verbatim": True}
        blocks.append({"type": "context", "elements": [footer]})
    fallback = " ".join([*digest.warnings, digest.headline])
    return {
        "text": escaped(fallback)[:MAX_FALLBACK],
        "blocks": [block for block in blocks if block],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """Escape a text so that it neither pings nor links: `<!channel>` stays what it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> dict[str, Any]:
    # Verbatim: Slack makes no mentions or links of its own from what looks like some.
    words = {"type": "mrkdwn", "text": text[:MAX_SECTION], "verbatim": True}
    return {"type": "section", "text": words} if text else {}


def _line(student: Line) -> str:
    name = _link(student.url, student.name) if student.url else f"{_unstyled(student.name)}"
    return f"• {name}{' *new*' if student.is_new else ''}: {_unstyled(student.reason)}"


def _link(url: str, label: str) -> str:
    # A bar would end the address and begin the label.
    return f"<{escaped(url).replace('|', '%7C')}|{_unstyled(label)}>"


_SIGNS = str.maketrans({"*": "∗", "_": "\u02cd", "~": "∼", "`": "ˋ", "|": "∣"})


def _unstyled(text: str) -> str:
    """Escape a text of others, and replace the signs of styles, which Slack cannot escape."""
    return escaped(text).translate(_SIGNS)
