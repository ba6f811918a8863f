"""The practice school itself: three invented classes, three real ones, and a clock."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cohort_core.clock import utc_now
from cohort_core.errors import BadInput
from cohort_core.practice import APP_ID, DEFAULT_DAY, DEFAULT_SEED, EMAIL, ORIGIN, PASSWORD, people
from cohort_core.practice.bootcamp import PLANS, Bootcamp, Student
from cohort_core.practice.history import Chronicle, instant
from cohort_core.practice.oulad import CODES, Replay
from cohort_core.practice.school import Row, hex_id, row_id

STEP = timedelta(minutes=10)
"""The step in which school time advances from the opening on.

So a sync right after another brings nothing new, and rows do not change while their pages are read.
"""


class PracticeSchool:
    """A school that depends on ``seed``, opening instant and time zone alone.

    It opens when it is made, at ``clock()``. ``day`` is the day of the real courses on that date. Students
    of the bootcamp classes work by the local time of ``timezone``, an IANA name; raises ``BadInput`` for
    any other text.
    """

    def __init__(
        self,
        seed: int = DEFAULT_SEED,
        *,
        day: int = DEFAULT_DAY,
        timezone: str = "UTC",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.app_id = APP_ID
        self.origin = ORIGIN
        self._seed = seed
        self._clock = clock
        self.opened = clock()
        try:
            zone = ZoneInfo(timezone)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise BadInput(
                f"There is no time zone {timezone!r}. Give a name such as Europe/Lisbon.",
                parameter="timezone",
            ) from error
        self.bootcamps = [Bootcamp(plan, seed, self.opened, zone) for plan in PLANS]
        self.replays = [Replay(code, seed, self.opened, day) for code in CODES]
        self._offered: dict[str, _Bootcamp | _Replay] = {}
        # What nobody needs to look at first comes last.
        published = [bootcamp for bootcamp in self.bootcamps if bootcamp.plan.is_published]
        others = [bootcamp for bootcamp in self.bootcamps if not bootcamp.plan.is_published]
        self._offered |= {bootcamp.id: _Bootcamp(bootcamp) for bootcamp in published}
        self._offered |= {replay.id: _Replay(replay) for replay in self.replays}
        self._offered |= {bootcamp.id: _Bootcamp(bootcamp) for bootcamp in others}
        self._put: dict[str, dict[str, Row]] = {}
        self._merged: dict[str, tuple[list[Row], list[Row]]] = {}
        self._lock = threading.RLock()

    def now(self) -> datetime:
        """Return school time: the opening, or a whole number of steps after it."""
        return self.opened + (self._clock() - self.opened) // STEP * STEP

    def login(self, email: str, password: str) -> Row | None:
        if (email.strip().lower(), password) != (EMAIL, PASSWORD):
            return None
        first, _, last = people.MENTORS[0][0].partition(" ")
        return {"id": hex_id(self._seed, "mentor"), "email": EMAIL, "first_name": first, "last_name": last}

    def classes(self) -> list[Row]:
        return [offered.source.as_class() for offered in self._offered.values()]

    def units(self, class_id: str) -> list[Row]:
        return self._offered[class_id].source.units()

    def rows(self, class_id: str) -> list[Row]:
        """Return the progressions at school time, which the caller must not change.

        They are made at the first request for a class.
        """
        with self._lock:
            rows = self._offered[class_id].chronicle.rows(instant(self.now()))
            put = self._put.get(class_id)
            if not put:
                return rows
            merged = self._merged.get(class_id)
            if merged is None or merged[0] is not rows:
                merged = (rows, [*(row for row in rows if row_id(row) not in put), *put.values()])
                self._merged[class_id] = merged
            return merged[1]

    def put_row(self, class_id: str, row: Row) -> None:
        with self._lock:
            put = self._put.setdefault(class_id, {})
            put[row_id(row) or f"nameless {len(put)}"] = row
            self._merged.pop(class_id, None)

    def rosters(self) -> list[str]:
        return [bootcamp.id for bootcamp in self.bootcamps]

    def roster(self, class_id: str) -> list[dict[str, str]]:
        with self._lock:
            return self._offered[class_id].roster(self.now())

    def mentors(self) -> list[dict[str, str]]:
        return [{"name": name, "night": night} for name, night in people.MENTORS]


class _Bootcamp:
    def __init__(self, source: Bootcamp) -> None:
        self.source = source

    @cached_property
    def _written(self) -> tuple[Chronicle, list[Student]]:
        histories, students = self.source.histories()
        return Chronicle(histories), students

    @property
    def chronicle(self) -> Chronicle:
        return self._written[0]

    def roster(self, now: datetime) -> list[dict[str, str]]:
        """Return the roster with composed letters, as people type them, whatever upstream sends."""
        return [
            {
                "email": student.person.email,
                "first_name": unicodedata.normalize("NFC", student.person.first_name),
                "last_name": unicodedata.normalize("NFC", student.person.last_name),
                "night": student.night,
                "region": student.region,
                "enrolled_on": student.enrolled_on.isoformat(),
                "withdrawn_on": student.withdrawn_on.isoformat() if student.withdrawn_on else "",
                "class": self.source.plan.friendly_id,
            }
            for student in self._written[1]
        ]


class _Replay:
    def __init__(self, source: Replay) -> None:
        self.source = source

    @cached_property
    def chronicle(self) -> Chronicle:
        return Chronicle(self.source.histories())

    def roster(self, now: datetime) -> list[dict[str, str]]:
        return self.source.roster(now)
