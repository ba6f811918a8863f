"""Commands of an administrator: settings, tokens, classes, rosters, the data itself.

Each writes its own audit line. What a mentor does every day is in `commands.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohort_core.clock import utc_now
from cohort_core.config import credentials
from cohort_core.config.paths import Home
from cohort_core.config.settings import Preferences, merge_preferences, set_by_environment, settings_lock
from cohort_core.errors import BadInput, NotAllowed
from cohort_core.services.drafts import Draft, reset_draft, save_draft
from cohort_core.services.principal import Principal
from cohort_core.services.workspace import Workspace
from cohort_core.sources import source_class
from cohort_core.store import audit, classes, guard, maintenance, roster, tokens

if TYPE_CHECKING:
    import pandas as pd

    from cohort_core.config.settings import Settings
    from cohort_core.imports.roster_files import MentorsPlan, ReadingChoices
    from cohort_core.imports.roster_plan import Choices, RosterPlan
    from cohort_core.imports.rust_tool import ImportResult
    from cohort_core.services.folder import Finding
    from cohort_core.sources.base import KnownSchool
    from cohort_core.store.purge import Purged
    from cohort_core.store.records import Student
    from cohort_core.store.roster_imports import EarlierRoster
    from cohort_core.store.tokens import Token


@dataclass(frozen=True)
class AdminCommands:
    """The actions of an administrator: settings, connection, classes, rosters, tokens, the data itself."""

    _workspace: Workspace = field(repr=False)
    principal: Principal

    def __post_init__(self) -> None:
        """Raise ``NotAllowed`` for a principal that is no administrator."""
        if not self.principal.may_administer:
            raise NotAllowed("This takes the role admin. Ask an administrator.")

    # Tokens and audit

    def tokens(self) -> list[Token]:
        """Return all tokens, revoked ones included, in the order of their creation."""
        return tokens.load_tokens(self._workspace.database)

    def create_token(
        self,
        name: str,
        role: str,
        references: Sequence[str] | None = None,
        expires: str | None = None,
        *,
        show: Callable[[str], None] | None = None,
    ) -> tuple[Token, str]:
        """Return a new token and its secret, which nobody can read again.

        ``show`` prints the secret; if that fails, no token is made.
        """
        lifetime = None if expires is None else tokens.parse_lifetime(expires)
        secret = tokens.create_token(
            *(self._workspace.database, name, role, references),
            lifetime=lifetime,
            asked_by=self.principal.who,
            now=utc_now(),
            show=show,
        )
        digest = tokens.digest(secret)
        (token,) = (token for token in self.tokens() if token.digest == digest)
        return token, secret

    def revoke_token(self, name: str) -> None:
        """Revoke a token. Raises ``BadInput`` if there is none of this name."""
        tokens.revoke_token(self._workspace.database, name, asked_by=self.principal.who, now=utc_now())

    def open_again(self) -> None:
        """Let this computer in without tokens, although those that protected it are lost."""
        guard.open_again(self._workspace.database, asked_by=self.principal.who)

    def is_closed(self) -> bool:
        """Return True if tokens protected this home and are lost."""
        return guard.is_closed(self._workspace.database)

    def events(self, limit: int | None = None) -> list[audit.Event]:
        """Return the latest audit events, newest first; all by default."""
        database = self._workspace.database
        return audit.load_events(database, limit) if database.exists else []

    # Settings and connection

    def settings(self) -> Preferences:
        """Return the settings that can be changed while the program runs."""
        return self._workspace.preferences()

    def all_settings(self) -> Settings:
        """Return all settings, those of the connection included; never the password."""
        return self._workspace.settings()

    def fixed_settings(self) -> list[str]:
        """Return the names of the settings that the environment gives, which no change moves."""
        return sorted(set_by_environment())

    def change_settings(self, wanted: Preferences) -> None:
        """Save the settings that are set in `wanted`, single thresholds too.

        Raises ``BadInput`` for values that cannot be used.
        """
        if not wanted.model_fields_set:
            return
        with settings_lock(self._workspace.home):
            whole = merge_preferences(wanted, self._workspace.preferences())
            self._workspace.change_preferences(whole, asked_by=self.principal.who)

    def connect(
        self, *, api_base: str, app_id: str, origin: str, email: str, password: str
    ) -> tuple[list[classes.ListedClass], str]:
        """Log in, list the classes, and save settings and password. See `Workspace.connect`."""
        return self._workspace.connect(
            api_base=api_base,
            app_id=app_id,
            origin=origin,
            email=email,
            password=password,
            asked_by=self.principal.who,
        )

    def schools(self) -> Mapping[str, KnownSchool]:
        """Return the schools that can be chosen by name."""
        return source_class().schools()

    def use_practice_school(self) -> list[classes.ListedClass]:
        """Connect to a practice school that runs in this process, with its rosters."""
        return self._workspace.use_practice_school(asked_by=self.principal.who)

    def password_place(self) -> str | None:
        """Return where the password is kept, in words, or None if it is gone."""
        return credentials.password_place(self._workspace.home)

    # Drafts of messages

    def save_draft(self, kind: str, subject: str, body: str) -> Draft:
        """Save a template of a message, as a mentor does."""
        return save_draft(self._workspace.database, self.principal, kind, subject, body)

    def reset_draft(self, kind: str) -> Draft:
        """Go back to our own template of a kind, as a mentor does."""
        return reset_draft(self._workspace.database, self.principal, kind)

    # Classes and rosters

    def refresh_classes(self) -> list[classes.ListedClass]:
        """Load and save the school's present list of classes."""
        return self._workspace.refresh_classes()

    def set_active(self, references: Sequence[str], *, active: bool) -> list[str]:
        """Follow classes, or follow them no more; returns their ids. Raises ``UnknownClass``."""
        class_ids = self._workspace.set_active(references, active=active)
        if class_ids:
            self._audit("classes", f"{'activated' if active else 'deactivated'} {', '.join(class_ids)}")
        return class_ids

    def calendars(self) -> dict[str, classes.Calendar]:
        """Return the time zone and first day of each class, by its id."""
        return classes.load_calendars(self._workspace.database)

    def save_calendar(self, class_id: str, calendar: classes.Calendar) -> None:
        """Save the time zone and first day of a class."""
        classes.save_calendar(self._workspace.database, class_id, calendar)
        self._audit("calendar", f"class {class_id}")

    def mentors(self) -> list[roster.Mentor]:
        """Return the mentors of the last import."""
        return roster.load_mentors(self._workspace.database)

    def plan_students(
        self,
        content: bytes,
        class_reference: str | None = None,
        *,
        name: str = "The file",
        reading: ReadingChoices | None = None,
        choices: Choices | None = None,
        is_added: bool = False,
    ) -> RosterPlan:
        """Return what an import of this roster would do.

        A class may be named by id, friendly id or name. Raises ``BadInput`` if the content is no roster, and
        ``UnknownClass``.
        """
        from cohort_core.imports import roster_files, roster_planner

        database = self._workspace.database
        file = roster_files.read_roster(database, content, name, class_reference, reading)
        return roster_planner.plan_roster(database, file, class_reference, choices=choices, is_added=is_added)

    def band_moves(self, plan: RosterPlan) -> dict[str, pd.DataFrame]:
        """Return the students who would change their risk band by an import, as `band_moves` does.

        By the id of each class of the plan that was synced.
        """
        from cohort_core.metrics.band_moves import band_moves
        from cohort_core.metrics.cohort import build
        from cohort_core.store.class_data_loader import with_roster

        moves = {}
        for class_id, part in plan.by_class.items():
            cohort = self._workspace.cohorts.cohort(class_id)
            if cohort.class_data.synced_at is not None and not self._workspace.cohorts.is_anonymous():
                data = with_roster(self._workspace.database, cohort.class_data, part.after)
                moves[class_id] = band_moves(cohort, build(data, thresholds=cohort.thresholds))
        return moves

    def keep_roster(self, plan: RosterPlan) -> bool:
        """Write a plan, and return whether a line of it is used.

        Without such a line no roster changes, but the answers are kept.
        """
        from cohort_core.imports import roster_plan

        is_written = roster_plan.keep(self._workspace.database, plan)
        if is_written:
            how = "added" if plan.is_added else "replaced"
            self._audit("import", f"roster, {plan.used} lines, {how}, class {', '.join(plan.by_class)}")
        elif plan.left_out_now:
            about = f"{plan.left_out_now} lines left out, class {', '.join(plan.by_class)}"
            self._audit("import", f"roster unchanged, {about}")
        return is_written

    def undo_roster(self, class_reference: str | None = None) -> tuple[str, int]:
        """Bring the roster of before the last import back.

        Returns the id of the class and the number of lines. Without a class it is the only one with an
        import. Raises ``BadInput`` if there is none or several.
        """
        from cohort_core.store import roster_imports

        database = self._workspace.database
        if class_reference is not None:
            class_id = classes.find_class_by_name(database, class_reference)
        else:
            class_ids = roster_imports.classes_with_earlier_rosters(database)
            if len(class_ids) > 1:
                raise BadInput(
                    "Several classes have an imported roster. Say which one.", parameter="class_id"
                )
            if not class_ids:
                raise BadInput("There is no earlier roster left to bring back.", parameter="class_id")
            class_id = class_ids[0]
        lines = roster_imports.undo_import(database, class_id).lines
        self._audit("import undone", f"roster, {lines} lines, class {class_id}")
        return class_id, lines

    def earlier_rosters(self, class_id: str) -> list[EarlierRoster]:
        """Return the rosters of a class that can be brought back, the latest first."""
        from cohort_core.store import roster_imports

        with self._workspace.database.reading() as connection:
            return roster_imports.load_earlier_rosters(connection, class_id)

    def unseen_lines(self, class_id: str) -> list[tuple[roster.Enrolment, Student | None]]:
        """Return the lines that mean nobody at OpenClass, each with a near match."""
        from cohort_core.imports import unseen_lines

        return unseen_lines.unseen_lines(self._workspace.database, class_id)

    def change_unseen(
        self, class_id: str, *, removed: Iterable[str] = (), same: dict[str, str] | None = None
    ) -> int:
        """Take lines that mean nobody off the roster, or give them a student.

        Both by stand-in ids. Returns how many changed.
        """
        from cohort_core.imports import unseen_lines

        changed = unseen_lines.change_unseen(self._workspace.database, class_id, removed=removed, same=same)
        if changed:
            self._audit("import", f"roster, {changed} lines settled, class {class_id}")
        return changed

    def plan_mentors(self, content: bytes) -> MentorsPlan:
        """Return what an import of these mentors would do."""
        from cohort_core.imports import roster_files

        return roster_files.plan_mentors(content)

    def import_mentors(self, content: bytes, name: str = "The file") -> MentorsPlan:
        """Import mentors, in place of those of before."""
        from cohort_core.imports import roster_files

        plan = roster_files.import_mentors(self._workspace.database, content, name)
        self._audit("import", f"mentors, {len(plan.mentors)} lines")
        return plan

    def import_rust_tool(self, file: Path) -> ImportResult:
        """Take over the database of the earlier Rust tool."""
        from cohort_core.imports.rust_tool import import_rust_db

        with self._sync_lock():
            result = import_rust_db(self._workspace.database, file)
        self._audit("import", "database of the Rust tool")
        return result

    # The data itself

    @property
    def home(self) -> Home:
        """The folder that holds the data."""
        return self._workspace.home

    def back_up(self, file: Path, *, replace: bool = False) -> int:
        """Copy the database into a private file; returns its bytes."""
        return maintenance.backup(
            self._workspace.database, file, replace=replace, asked_by=self.principal.who
        )

    def back_up_here(self, now: datetime) -> Path:
        """Copy the database into the folder of backups; returns the file."""
        return maintenance.back_up_here(self._workspace.database, now, asked_by=self.principal.who)

    def restore(self, file: Path) -> Path | None:
        """Replace the database by a backup; return the copy of the database before."""
        with self._sync_lock():
            return maintenance.restore(self._workspace.database, file, asked_by=self.principal.who)

    def student_file(self, student_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return everything that is kept about a person, by table.

        Raises ``BadInput`` if nobody has this id, and in anonymous mode, as the file would undo it.
        """
        from cohort_core import sources
        from cohort_core.store.student_file import load_student_file

        if self._workspace.cohorts.is_anonymous():
            raise BadInput(
                "Pseudonyms are on, and this file has names. Switch them off first.", parameter="anonymous"
            )
        file = load_student_file(
            self._workspace.database, student_id, read_person=sources.source_class().read_person
        )
        self._audit("student file", f"{sum(map(len, file.values()))} rows")
        return file

    def purge_student(self, student_id: str) -> Purged:
        """Erase a student, and keep them away from later syncs."""
        from cohort_core.services.purge import purge_student

        with self._sync_lock():
            return purge_student(self._workspace.database, student_id, asked_by=self.principal.who)

    def allow_return(self, student_id: str) -> None:
        """Let a purged student come back with the next sync."""
        from cohort_core.store.purge import allow_return

        with self._sync_lock():
            allow_return(self._workspace.database, student_id, asked_by=self.principal.who)

    def examine(self, *, with_upstream: bool = True) -> Iterable[Finding]:
        """Look at settings, files, database, syncs and the school."""
        from cohort_core.services.doctor import examine

        return examine(self._workspace.home, with_upstream=with_upstream)

    @contextmanager
    def _sync_lock(self) -> Iterator[None]:
        from cohort_core.sync.lock import acquire_lock

        with acquire_lock(self._workspace.database):
            yield

    def _audit(self, action: str, detail: str) -> None:
        audit.save_event(self._workspace.database, self.principal.who, action, detail)
