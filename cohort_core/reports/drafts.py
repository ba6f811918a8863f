"""The drafts of messages: a template for each reason, and how a template is filled.

A template is plain text. Each placeholder stands for a value of the student; a line with a placeholder
that has no value is left out. Without a first name the greeting is "Hi,".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cohort_core.errors import BadInput

PLACEHOLDERS = {
    "first_name": "the student's first name",
    "assignment": "the assignment that the message is about",
    "days": "for how long it has been so, such as 12 days (not in Behind)",
    "missing": "up to two assignments that most of the class has completed and the student has not",
    "mentor": "your name",
}
MAX_SUBJECT, MAX_BODY = 200, 2000
SUBJECT = "How are you getting on?"
"""The subject of our own drafts."""
_NAMES = "|".join(PLACEHOLDERS)
_PLACEHOLDER = re.compile(rf"\{{({_NAMES})\}}")
_IN_BRACES = re.compile(r"\{([^{}\n]*)\}")
_WORDS = re.compile(r"[^\W\d](?:[\w -]*\w)?")
_ALMOST = re.compile(rf"\{{\s*(?:{_NAMES})\b|\b(?:{_NAMES})\s*\}}")
_NAME = re.compile(r"[^\S\n]*\{first_name\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True)
class Template:
    """Subject and body of a draft, with placeholders."""

    subject: str
    body: str


def _template(*lines: str) -> Template:
    return Template(SUBJECT, "\n".join(["Hi {first_name},", *lines, "{mentor}"]))


OURS = {
    "never_started": _template(
        "I have not seen you in the course yet, and wanted to ask how you are.",
        "Most of the class began with {assignment}.",
        "What would help you to begin?",
    ),
    "silent": _template(
        "I have not seen you in the course for {days}. Is everything all right?",
        "When you are back, {assignment} is a good place to go on.",
    ),
    "silent_and_stuck": _template(
        "I have not seen you in the course for {days}. Is everything all right?",
        "If it was {assignment} that stopped you: I am glad to look at it with you.",
    ),
    "stuck": _template(
        "I saw that {assignment} has kept you busy for a while. What holds you up? I am glad to look at it "
        "with you."
    ),
    "behind": _template(
        "Most of the class is through with {missing}, which you have not finished.",
        "Is there something that gets in your way? I am glad to help.",
    ),
    "back_again": _template(
        "It is good to see you back in the course.",
        "When you are ready for more, {assignment} is a good place to go on.",
        "Is there anything that I can help with?",
    ),
    "praise": _template(
        "I saw your work on {assignment}, and wanted to say well done.",
        "How is it going, and is there anything that you would like to look at more closely?",
    ),
}
"""The template of each kind, as long as nobody has written another."""

KINDS = {
    "never_started": "Never started",
    "silent": "Silent",
    "silent_and_stuck": "Silent and stuck",
    "stuck": "Stuck",
    "behind": "Behind",
    "back_again": "Back again",
    "praise": "Praise",
}


def check_kind(kind: str) -> None:
    """Raise ``BadInput`` if there is no draft of this kind."""
    if kind not in OURS:
        raise BadInput(f"There is no such draft. Choose one of: {', '.join(OURS)}.", parameter="kind")


def check_template(subject: str, body: str, allowed: Collection[str] | None = None) -> Template:
    """Return a template without blanks around it.

    `allowed` are the placeholders of a message that is written for once; in it other braces are plain text,
    such as those of code. A draft that is kept has all placeholders and no other brace. Raises ``BadInput``
    for an empty or too long text, a subject of several lines, an unknown placeholder, and a brace that may be
    part of none.
    """
    template = Template(subject.strip(), body.replace("\r\n", "\n").replace("\r", "\n").strip())
    if not template.subject or "\n" in template.subject or len(template.subject) > MAX_SUBJECT:
        raise BadInput(
            f"Write the subject in one line of 1 to {MAX_SUBJECT} characters.", parameter="subject"
        )
    if not template.body or len(template.body) > MAX_BODY:
        raise BadInput(f"Write a message of 1 to {MAX_BODY:,} characters.", parameter="body")
    for parameter, text in vars(template).items():
        word = "message" if parameter == "body" else parameter
        if _CONTROL.search(text):
            raise BadInput(
                f"The {word} has a character that cannot be shown. Type it anew.", parameter=parameter
            )
        names = ", ".join(f"{{{name}}}" for name in allowed or PLACEHOLDERS)
        inside = [words for words in _IN_BRACES.findall(text) if words not in (allowed or PLACEHOLDERS)]
        if any(allowed is None or _WORDS.fullmatch(words) for words in inside):
            raise BadInput(
                f"The {word} has a placeholder that does not exist. Use these alone: {names}.",
                parameter=parameter,
            )
        rest = _PLACEHOLDER.sub("", text)
        if _ALMOST.search(rest) or (allowed is None and set("{}") & set(rest)):
            raise BadInput(
                f"The {word} has a brace that belongs to no placeholder. Take it out, or write one of "
                f"these: {names}.",
                parameter=parameter,
            )
    return template


def fill(template: Template, values: Mapping[str, str | None]) -> Template:
    """Return subject and body with the values of a student.

    `values` are texts by placeholder; None means that there is no value. A subject of which nothing is left
    becomes that of our own templates.
    """
    subject, body = (_filled(text, values) for text in (template.subject, template.body))
    return Template(" ".join(subject.split()) or SUBJECT, body)


def _filled(text: str, values: Mapping[str, str | None]) -> str:
    if not values.get("first_name"):
        text = _NAME.sub("", text)
    lines = [
        _PLACEHOLDER.sub(lambda match: values[match[1]] or "", line)
        for line in text.split("\n")
        if all(values.get(name) for name in _PLACEHOLDER.findall(line))
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
