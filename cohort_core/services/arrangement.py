"""How a person arranges the dashboard: sections and their order, never a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from cohort_core.config.settings import Preferences
from cohort_core.errors import BadInput
from cohort_core.services.principal import Principal
from cohort_core.services.workspace import Workspace
from cohort_core.store.arrangement import load_arrangement, save_arrangement
from cohort_core.store.audit import add_event

Section = Literal["week", "attention", "outcomes", "changes", "praise", "reteach", "progress"]
Theme = Literal["light", "dark"]
SECTIONS: tuple[Section, ...] = get_args(Section)
"""The sections of the Overview, in our own order."""
THEMES: tuple[Theme, ...] = get_args(Theme)
LENGTHS = (5, 7, 10, 15, 20, 30, 50)
"""Students that the list of the Overview may begin with."""
EVERYONE = ""
MAX_SIGN_OFF = 80


@dataclass(frozen=True)
class Arrangement:
    """The choices of a person; None stands for what we or an administrator chose.

    `class_id` and `group` are those of a page that no address asks for; EVERYONE is no group. `sections` is
    the order of all sections, `hidden` those that are not shown. `sign_off` stands above the name below a
    message.
    """

    class_id: str | None = None
    group: str | None = None
    sections: tuple[Section, ...] = SECTIONS
    hidden: tuple[Section, ...] = ()
    list_length: int | None = None
    sign_off: str | None = None
    theme: Theme | None = None

    @property
    def shown(self) -> list[Section]:
        """The sections that are shown, in their order."""
        return [name for name in self.sections if name not in self.hidden]

    def moved(self, section: Section, by: int) -> Arrangement:
        """Return it with a section moved up (-1) or down (1) by one place."""
        order = list(self.sections)
        place = order.index(section)
        order.insert(min(max(place + by, 0), len(order) - 1), order.pop(place))
        return replace(self, sections=tuple(order))


def read_arrangement(kept: Mapping[str, Any]) -> Arrangement:
    """Return the arrangement of what is kept.

    What this version does not know is left out, and a section that is new to it stands in its own place.
    """
    order = [name for name in kept.get("sections") or () if name in SECTIONS]
    for place, name in enumerate(SECTIONS):
        if name not in order:
            order.insert(place, name)
    length = kept.get("list_length")
    theme = kept.get("theme")
    return Arrangement(
        class_id=_text(kept.get("class_id")) or None,
        group=_text(kept.get("group")),
        sections=tuple(dict.fromkeys(order)),
        hidden=tuple(name for name in SECTIONS if name in (kept.get("hidden") or ())),
        list_length=length if length in LENGTHS else None,
        sign_off=_text(kept.get("sign_off")) or None,
        theme=next((name for name in THEMES if name == theme), None),
    )


@dataclass(frozen=True)
class OwnArrangement:
    """The arrangement of the person who signed in, or without accounts that of this computer."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def load(self) -> Arrangement:
        """Return the present arrangement."""
        if not self._workspace.database.exists:
            return Arrangement()
        with self._workspace.database.reading() as connection:
            return read_arrangement(load_arrangement(connection, self.principal.account_id))

    def change(self, **wanted: Any) -> Arrangement:
        """Change what is named, and return the whole arrangement.

        Raises ``BadInput`` for a length, a theme or a sign-off that cannot be used.
        """
        if wanted.get("list_length") not in (None, *LENGTHS):
            raise BadInput("Choose one of the lengths.", parameter="list_length")
        if wanted.get("theme") not in (None, *THEMES):
            raise BadInput("Choose light or dark.", parameter="theme")
        if "sign_off" in wanted:
            # The rules for a name: a line without control characters.
            try:
                wanted["sign_off"] = Preferences(mentor_name=wanted["sign_off"]).mentor_name
            except ValueError:
                raise BadInput(
                    f"Write one line of at most {MAX_SIGN_OFF} characters.", parameter="sign_off"
                ) from None
        return self._save(lambda present: replace(present, **wanted))

    def move(self, section: Section, by: int) -> Arrangement:
        """Move a section up (-1) or down (1)."""
        return self._save(lambda present: present.moved(section, by))

    def hide(self, section: Section, *, hidden: bool) -> Arrangement:
        """Hide a section, or show it again."""
        return self._save(
            lambda present: replace(
                present,
                hidden=tuple(
                    name for name in SECTIONS if (hidden if name == section else name in present.hidden)
                ),
            )
        )

    def reset(self) -> None:
        """Go back to what we and the administrator chose."""
        with self._workspace.database.writing() as connection:
            save_arrangement(connection, self.principal.account_id, None)
            add_event(connection, self.principal.who, "page arranged", "reset")

    def _save(self, change: Any) -> Arrangement:
        with self._workspace.database.writing() as connection:
            present = read_arrangement(load_arrangement(connection, self.principal.account_id))
            wanted: Arrangement = change(present)
            if wanted != present:
                save_arrangement(connection, self.principal.account_id, asdict(wanted))
                add_event(connection, self.principal.who, "page arranged")
        return wanted


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
