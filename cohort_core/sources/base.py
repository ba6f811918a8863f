"""A learning management system as the sync sees it: a `Source` and its pages.

Engine, jobs and services know this module alone. `cohort_core.sources` chooses the class behind it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from cohort_core.config.settings import Settings
from cohort_core.errors import NotConnected
from cohort_core.store.classes import ListedClass, Unit
from cohort_core.store.records import Assignment, BadRow, Progression, Student


@dataclass(frozen=True)
class SourceInfo:
    """The facts about a source that do not need a login.

    ``label`` is its name in sentences. ``required_settings`` are the names of the settings that a login needs
    beside the password. ``is_newest_first`` is True if the latest completion is on page 0, so that a sync
    may stop at rows that it holds, and that the names in the first row of a person or an assignment are the
    latest. Every sync of any other source reads all pages, and its names must be the same in all rows.
    """

    label: str
    required_settings: tuple[str, ...]
    is_newest_first: bool

    def missing_settings(self, settings: Settings) -> list[str]:
        """Return the names of the required settings that are not there."""
        return [name for name in self.required_settings if not getattr(settings, name)]


@dataclass(frozen=True)
class KnownSchool:
    """A school whose values for a login are public."""

    origin: str
    app_id: str


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a source.

    ``attempts`` includes the first try. ``budget_seconds`` limits all waiting between tries of one session.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 20.0
    request_seconds: float = 60.0
    attempts: int = 6
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 20.0
    longest_retry_after_seconds: float = 60.0
    budget_seconds: float = 180.0


class Login:
    """The settings and the password with which a session begins.

    Raises ``NotConnected``, which names what is missing.
    """

    def __init__(self, info: SourceInfo, settings: Settings, password: str | None) -> None:
        missing = info.missing_settings(settings)
        if not password:
            missing.append("password")
        if missing:
            names = ", ".join(name.replace("_", " ") for name in missing)
            raise NotConnected(
                f"Cohort Tracker does not know your school yet (missing: {names}). Run "
                "`cohort-tracker init`, or open the dashboard and connect there."
            )
        self.settings = settings
        self.password = str(password)


class Page(NamedTuple):
    """One page of records, validated row by row, in the order of the source."""

    number: int
    total: int
    """The source's own count of all records of the class."""
    size: int
    can_load_more: bool
    rows: list[Progression]
    bad_rows: list[BadRow]
    students: list[Student]
    assignments: list[Assignment]
    digests: dict[str, int]
    """A hash of the content of each row, good or bad, by its key."""
    is_contradictory: bool
    """True if the page holds one key with two contents. The first of them counts."""


class Subject(NamedTuple):
    """Whose a record is, and of which assignment."""

    student: Student | None
    assignment: Assignment | None


class Source(ABC):
    """A session with a learning management system.

    It must not be used by several threads at once. ``is_cancelled`` is asked before each request and while
    the session waits; once it returns True, the session raises ``SyncCancelled``. All methods that ask the
    source for something raise ``UpstreamError``.
    """

    info: ClassVar[SourceInfo]
    address: str
    """Where the source is, in words or as a web address."""

    def __init__(
        self,
        login: Login,
        *,
        token: str | None = None,
        retry_policy: RetryPolicy | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.token = token
        self._login = login
        self._retry_policy = retry_policy or RetryPolicy()
        self._is_cancelled = is_cancelled

    @staticmethod
    def schools() -> Mapping[str, KnownSchool]:
        """Return the schools that a mentor can choose by name."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close files and connections."""

    @abstractmethod
    def log_in(self) -> str:
        """Log in and return the token.

        It spares the next session of this process a login. A failed login is never sent again: each later
        call raises the same error.
        """

    @abstractmethod
    def list_classes(self) -> list[ListedClass]:
        """Load the classes that the account may see."""

    @abstractmethod
    def load_units(self, class_id: str) -> list[Unit]:
        """Load the units of a class, in course order.

        Raises ``ClassInaccessible`` if the class does not exist or is not ours.
        """

    @abstractmethod
    def load_page(self, class_id: str, number: int) -> Page:
        """Load a page of records; pages count from 0.

        A page after the last has no rows. Raises ``ClassInaccessible`` if the class does not exist or is not
        ours.
        """

    @staticmethod
    def read_subject(payload: str) -> Subject:
        """Read the student and the assignment that a bad row names.

        Each is None where it names none. Their ids are empty if the payload has none.
        """
        return Subject(None, None)

    @staticmethod
    @abstractmethod
    def read_person(payload: str) -> tuple[str | None, str | None]:
        """Read the student's id and email in the payload of a bad row.

        Each is None unless it is text.
        """
