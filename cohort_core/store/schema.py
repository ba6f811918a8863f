"""The tables, as migrations. Never edit a released migration: add a new one.

``students``, ``assignments``, ``progressions`` and ``sync_history`` have the names and columns of the project
plan. The other tables and columns make the sync reliable:

* ``progressions`` holds live rows only. A row that OpenClass no longer has moves to ``tombstones`` after
  two clean passes, so no query has to exclude removed rows.
* A progression belongs to a class. Its id may not be unique among all classes.
* Emails may be missing, shared or change, so they are not a key.
* ``enrolments`` holds the roster as it was imported. Its lines are matched to students when it is read, so
  that it also fits students who appear later.
* ``imported_groups`` holds night and region of students as an earlier tool knew them. Unlike a line of the
  roster it enrols nobody: it counts for students with records who are not on the roster.
* ``grade`` is the number that OpenClass sent. Its scale is decided when a class is loaded: `grade_scales`.
* A line has a `stand_in_id`, under which its student is seen and hidden until records of them turn up. Then
  all that was kept under it moves to the id of OpenClass, and it stays in ``student_aliases``.
* ``earlier_enrolments`` holds the roster of before each import, ``roster_answers`` what a mentor said about
  lines: *enrol*, *leave*, or *same* with the student that the line means.
* ``contacts`` says when a mentor wrote or talked to a student, never what; ``marks`` are hides. A hide that a
  contact made keeps in ``earlier`` the hide that it replaced, as JSON, for undo.
* ``student_links`` lead students to their own page, ``student_sessions`` are browsers in which it is open,
  and ``help_requests`` are what they asked there. ``arrangement`` is how this computer's dashboard looks.
* ``accounts`` are people who may sign in. The row of a deleted account stays, so its name is never another's.
* ``destinations`` are places outside to which digests and events go. Their addresses and secrets are where
  the password is, under ``secret_ref``. ``outbox`` holds one row a message, ``deliveries`` one an attempt,
  and ``outbox_students`` says who is in a message. ``spells`` are the entries of triage, for events.
* Instants are text in UTC with milliseconds (``2025-12-11T23:02:51.781Z``), which people can read and which
  sorts by time.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from contextlib import closing

from sqlite_utils import Database, Migrations

from cohort_core.store.schema_check import normalised

migrations = Migrations("cohort_tracker")


@migrations()
def m001_first_schema(db: Database) -> None:
    """Create the tables of version 0.1."""
    for statement in _FIRST_SCHEMA.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m002_tokens_and_audit(db: Database) -> None:
    """Add API tokens and the audit log."""
    for statement in _TOKENS_AND_AUDIT.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m003_changes_by_run(db: Database) -> None:
    """Make finding the changes of a run fast."""
    db.execute("CREATE INDEX changes_by_run ON changes (run_id)")


@migrations()
def m004_repair_and_imported_groups(db: Database) -> None:
    """Repair homes of the first day, and add ``imported_groups``.

    On that day m001 was edited in place, so its earlier forms lack ``classes.position``, ``marks``,
    ``purged_students`` and ``purged_rows``. A table of another form is made anew with the rows that it has.
    It expects that foreign keys are not enforced meanwhile.
    """
    statements = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    with closing(Database(memory=True)) as model:
        for migration in (m001_first_schema, m002_tokens_and_audit, m003_changes_by_run):
            migration(model)
        wanted = model.execute(statements).fetchall()
        columns = {
            row[1]: [info[1] for info in model.execute(f"PRAGMA table_info({row[1]})")] for row in wanted
        }
    there = {name: normalised(sql) for _, name, _, sql in db.execute(statements).fetchall()}
    made = set()
    for kind, name, table, sql in sorted(wanted, key=lambda row: row[0] == "index"):
        if there.get(name) == normalised(sql) and table not in made:
            continue
        if kind == "index":
            db.execute(f"DROP INDEX IF EXISTS {name}")
            db.execute(sql)
        elif name not in there:
            db.execute(sql)
        else:
            made.add(name)
            old = {info[1] for info in db.execute(f"PRAGMA table_info({name})").fetchall()}
            kept = ", ".join(column for column in columns[name] if column in old)
            db.execute(f"CREATE TEMP TABLE old_rows AS SELECT {kept} FROM {name}")  # noqa: S608
            db.execute(f"DROP TABLE {name}")
            db.execute(sql)
            db.execute(f"INSERT INTO {name} ({kept}) SELECT {kept} FROM old_rows")  # noqa: S608
            db.execute("DROP TABLE old_rows")
    db.execute(_IMPORTED_GROUPS)


@migrations()
def m005_roster_imports(db: Database) -> None:
    """Keep earlier rosters, answers about lines, and aliases of students.

    Lines of before keep the ids under which students were seen, and count as confirmed.
    """
    for statement in _ROSTER_IMPORTS.split(";"):
        if statement.strip():
            db.execute(statement)
    identity = "student_id, email, first_name, last_name"
    lines = db.execute(f"SELECT id, {identity} FROM enrolments ORDER BY id").fetchall()  # noqa: S608
    db.conn.executemany(
        "UPDATE enrolments SET stand_in_id = ? WHERE id = ?",
        [(_stand_in_id_of_version_0_2(*line[1:]), line[0]) for line in lines],
    )
    db.execute(
        f"INSERT INTO roster_answers (class_id, {identity}, answer) "  # noqa: S608
        f"SELECT class_id, {identity}, 'enrol' FROM enrolments ORDER BY id"
    )


@migrations()
def m008_contacts(db: Database) -> None:
    """Add contacts, and more of what is noted with a hide."""
    for statement in _CONTACTS.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m009_closed_at(db: Database) -> None:
    """Add the instant at which a class was closed.

    Its contacts are kept for a year from then on.
    """
    db.execute("ALTER TABLE classes ADD COLUMN closed_at TEXT")


@migrations()
def m010_accounts(db: Database) -> None:
    """Add accounts, their sessions and invitations."""
    for statement in _ACCOUNTS.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m011_student_pages(db: Database) -> None:
    """Add students' links, sessions and requests for help, and the arrangement of the dashboard."""
    for statement in _STUDENT_PAGES.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def m012_messages(db: Database) -> None:
    """Add destinations, what is sent to them, and what was said about students already."""
    for statement in _MESSAGES.split(";"):
        if statement.strip():
            db.execute(statement)


def _stand_in_id_of_version_0_2(
    student_id: str | None, email: str | None, first_name: str | None, last_name: str | None
) -> str:
    """Return the id of version 0.2 for a student who is only on the roster."""

    def folded(text: str) -> str:
        return " ".join(unicodedata.normalize("NFC", text).casefold().split())

    if student_id:
        return student_id
    key = ("email", folded(email)) if email else ("name", folded(f"{first_name or ''} {last_name or ''}"))
    return f"roster-{hashlib.blake2b(chr(0).join(key).encode(), digest_size=8).hexdigest()}"


@migrations()
def m006_values_as_sent(db: Database) -> None:
    """Hold grades as OpenClass sent them, and no time at the epoch's zero.

    Before, a grade above 1 was divided by 100, and its original stood in ``raw_grade``. The next sync brings
    the same values, so it sees no change. Beside that, syncs note classes whose count at OpenClass does not
    fit what it sends.
    """
    _restore_logged_percentages(db)
    for table in ("progressions", "tombstones"):
        db.execute(f"UPDATE {table} SET grade = raw_grade WHERE raw_grade IS NOT NULL")  # noqa: S608
        db.execute(f"ALTER TABLE {table} DROP COLUMN raw_grade")
        for name in ("started_at", "completed_at", "reviewed_at"):
            db.execute(f"UPDATE {table} SET {name} = NULL WHERE {name} = '{_EPOCH}'")  # noqa: S608
    db.execute("ALTER TABLE classes ADD COLUMN misfit_syncs INTEGER NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE runs ADD COLUMN note TEXT")
    db.execute("ALTER TABLE runs ADD COLUMN unaccepted INTEGER NOT NULL DEFAULT 0")


_EPOCH = "1970-01-01T00:00:00.000Z"


def _restore_logged_percentages(db: Database) -> None:
    """Multiply the logged grades of records that had percentages by 100, as they were sent.

    The log does not say how a grade was sent, so the present record decides.
    """
    lines = db.execute(
        """
        SELECT c.id, c.kind = 'changed', r.raw_grade <= 2, c.old, c.new FROM changes c JOIN (
          SELECT class_id, id, raw_grade FROM progressions WHERE raw_grade IS NOT NULL
          UNION ALL SELECT class_id, id, raw_grade FROM tombstones WHERE raw_grade IS NOT NULL
        ) r ON r.class_id = c.class_id AND r.id = c.progression_id
        WHERE c.kind <> 'changed' OR c.field = 'grade'
        """
    ).fetchall()
    restored = [
        (*(_sent(text, is_number=is_number, has_bonus=has_bonus) for text in (old, new)), line_id)
        for line_id, is_number, has_bonus, old, new in lines
    ]
    db.conn.executemany("UPDATE changes SET old = ?, new = ? WHERE id = ?", restored)


def _sent(text: str | None, *, is_number: bool, has_bonus: bool) -> str | None:
    """Return a logged grade, or record with a grade, as it was sent.

    ``has_bonus`` is true if the record has a grade from 1 to 2 now: only such grades were divided then.
    """

    def multiplied(grade: float) -> float:
        return grade if has_bonus and grade > 0.02 else round(grade * 100, 9)

    if text is None:
        return None
    if is_number:
        return str(multiplied(float(text)))
    record = json.loads(text)
    if record["grade"] is not None:
        record["grade"] = multiplied(record["grade"])
    return json.dumps(record, allow_nan=False)


@migrations()
def m007_closed_classes(db: Database) -> None:
    """Add closed classes with their counts, and new versions of the risk score."""
    for statement in _CLOSED_CLASSES.split(";"):
        if statement.strip():
            db.execute(statement)


_FIRST_SCHEMA = """
CREATE TABLE classes (
  id TEXT PRIMARY KEY,
  friendly_id TEXT,
  name TEXT NOT NULL,
  is_published INTEGER,
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 0,
  timezone TEXT,
  starts_on TEXT,
  synced_at TEXT,
  revision INTEGER NOT NULL DEFAULT 0,
  clean_full_at TEXT,
  next_deep_page INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE units (
  class_id TEXT NOT NULL REFERENCES classes (id),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (class_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE unit_assignments (
  class_id TEXT NOT NULL REFERENCES classes (id),
  assignment_id TEXT NOT NULL,
  unit_position INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (class_id, assignment_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE students (
  id TEXT PRIMARY KEY,
  first_name TEXT,
  last_name TEXT,
  email TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
  id TEXT PRIMARY KEY,
  name TEXT,
  type TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE progressions (
  id TEXT NOT NULL,
  student_id TEXT NOT NULL REFERENCES students (id),
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  grade REAL,
  started_at TEXT,
  completed_at TEXT,
  reviewed_at TEXT,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  raw_grade REAL,
  is_suspect INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (class_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
  id TEXT NOT NULL,
  student_id TEXT NOT NULL REFERENCES students (id),
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  grade REAL,
  started_at TEXT,
  completed_at TEXT,
  reviewed_at TEXT,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  raw_grade REAL,
  removed_at TEXT NOT NULL,
  PRIMARY KEY (class_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE enrolments (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL REFERENCES classes (id),
  student_id TEXT,
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  night TEXT,
  region TEXT,
  enrolled_on TEXT,
  withdrawn_on TEXT
) STRICT;

CREATE TABLE mentors (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  night TEXT
) STRICT;

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  asked_by TEXT NOT NULL,
  state TEXT NOT NULL,
  is_full INTEGER NOT NULL DEFAULT 0,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  error_code TEXT,
  error TEXT
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id),
  class_id TEXT NOT NULL REFERENCES classes (id),
  state TEXT NOT NULL,
  kind TEXT,
  is_clean INTEGER,
  started_at TEXT,
  ended_at TEXT,
  pages INTEGER NOT NULL DEFAULT 0,
  page_total INTEGER,
  records INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error TEXT
) STRICT;
CREATE INDEX runs_by_job ON runs (job_id);
CREATE INDEX runs_by_class ON runs (class_id, id);

CREATE TABLE sync_history (
  id INTEGER PRIMARY KEY,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  page INTEGER NOT NULL,
  records_processed INTEGER NOT NULL,
  run_id INTEGER NOT NULL REFERENCES runs (id)
) STRICT;

CREATE TABLE quarantine (
  class_id TEXT NOT NULL REFERENCES classes (id),
  row_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  payload TEXT NOT NULL,
  first_run_id INTEGER NOT NULL REFERENCES runs (id),
  last_run_id INTEGER NOT NULL REFERENCES runs (id),
  PRIMARY KEY (class_id, row_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  class_id TEXT NOT NULL REFERENCES classes (id),
  changed_at TEXT NOT NULL,
  kind TEXT NOT NULL,
  progression_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  assignment_id TEXT NOT NULL,
  field TEXT,
  old TEXT,
  new TEXT
) STRICT;
CREATE INDEX changes_by_class ON changes (class_id, changed_at);

CREATE TABLE marks (
  class_id TEXT NOT NULL REFERENCES classes (id),
  student_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  until TEXT,
  made_at TEXT NOT NULL,
  PRIMARY KEY (class_id, student_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE purged_students (
  id_digest TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE purged_rows (
  class_id TEXT NOT NULL REFERENCES classes (id),
  row_digest TEXT NOT NULL,
  PRIMARY KEY (class_id, row_digest)
) STRICT, WITHOUT ROWID;
"""

_TOKENS_AND_AUDIT = """
CREATE TABLE tokens (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  class_ids TEXT,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT
) STRICT;
CREATE UNIQUE INDEX tokens_by_name ON tokens (name) WHERE revoked_at IS NULL;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
"""

_IMPORTED_GROUPS = """
CREATE TABLE imported_groups (
  class_id TEXT NOT NULL REFERENCES classes (id),
  student_id TEXT NOT NULL,
  night TEXT,
  region TEXT,
  PRIMARY KEY (class_id, student_id)
) STRICT, WITHOUT ROWID
"""

# The last statement: bands of classes that were synced before are moved by version 2 of the score.
_CLOSED_CLASSES = """
ALTER TABLE classes ADD COLUMN closed_on TEXT;

CREATE TABLE band_counts (
  class_id TEXT NOT NULL REFERENCES classes (id) ON DELETE CASCADE,
  quarter INTEGER NOT NULL,
  band TEXT NOT NULL,
  students INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  PRIMARY KEY (class_id, quarter, band)
) STRICT, WITHOUT ROWID;

CREATE TABLE score_changes (
  version INTEGER PRIMARY KEY,
  moved INTEGER,
  students INTEGER,
  seen_at TEXT
) STRICT;

INSERT INTO score_changes (version)
SELECT 2 WHERE EXISTS (SELECT 1 FROM classes WHERE synced_at IS NOT NULL);
"""

_ROSTER_IMPORTS = """
ALTER TABLE enrolments ADD COLUMN stand_in_id TEXT;

CREATE TABLE roster_imports (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL REFERENCES classes (id),
  made_at TEXT NOT NULL
) STRICT;
CREATE INDEX roster_imports_by_class ON roster_imports (class_id, id);

CREATE TABLE earlier_enrolments (
  id INTEGER PRIMARY KEY,
  import_id INTEGER NOT NULL REFERENCES roster_imports (id) ON DELETE CASCADE,
  student_id TEXT,
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  night TEXT,
  region TEXT,
  enrolled_on TEXT,
  withdrawn_on TEXT,
  stand_in_id TEXT
) STRICT;
CREATE INDEX earlier_enrolments_by_import ON earlier_enrolments (import_id);

CREATE TABLE roster_answers (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL REFERENCES classes (id),
  import_id INTEGER REFERENCES roster_imports (id) ON DELETE SET NULL,
  student_id TEXT,
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  answer TEXT NOT NULL,
  meant_id TEXT
) STRICT;
CREATE INDEX roster_answers_by_class ON roster_answers (class_id);

CREATE TABLE student_aliases (
  class_id TEXT NOT NULL REFERENCES classes (id),
  old_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  PRIMARY KEY (class_id, old_id)
) STRICT, WITHOUT ROWID;
"""

_CONTACTS = """
CREATE TABLE contacts (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  channel TEXT NOT NULL,
  kind TEXT,
  assignment_id TEXT,
  template TEXT,
  days INTEGER,
  note TEXT,
  deleted_at TEXT
) STRICT;
CREATE INDEX contacts_by_student ON contacts (class_id, student_id, at);

CREATE TABLE drafts (
  kind TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  who TEXT NOT NULL
) STRICT;

CREATE TABLE handover_notes (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL,
  group_id TEXT,
  student_id TEXT,
  question TEXT NOT NULL,
  text TEXT NOT NULL,
  who TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;
CREATE INDEX handover_notes_by_class ON handover_notes (class_id, student_id);

ALTER TABLE marks ADD COLUMN reason TEXT;
ALTER TABLE marks ADD COLUMN entry_kind TEXT;
ALTER TABLE marks ADD COLUMN entry_level TEXT;
ALTER TABLE marks ADD COLUMN who TEXT;
ALTER TABLE marks ADD COLUMN contact_id INTEGER;
ALTER TABLE marks ADD COLUMN earlier TEXT
"""

_ACCOUNTS = """
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  email TEXT COLLATE NOCASE,
  password_hash TEXT,
  role TEXT NOT NULL,
  class_ids TEXT,
  groups TEXT,
  is_active INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL,
  last_seen_at TEXT,
  deleted_at TEXT,
  totp_secret TEXT,
  oidc_issuer TEXT,
  oidc_subject TEXT,
  settings TEXT NOT NULL DEFAULT '{}',
  UNIQUE (oidc_issuer, oidc_subject)
) STRICT;

CREATE TABLE sessions (
  digest TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  opened_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  ends_at TEXT NOT NULL,
  label TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
  digest TEXT PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  ends_at TEXT NOT NULL,
  used_at TEXT
) STRICT, WITHOUT ROWID;
"""

_STUDENT_PAGES = """
CREATE TABLE student_links (
  digest TEXT PRIMARY KEY,
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  made_by TEXT NOT NULL,
  made_at TEXT NOT NULL,
  ends_at TEXT NOT NULL,
  revoked_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE student_sessions (
  digest TEXT PRIMARY KEY,
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  link TEXT,
  opened_at TEXT NOT NULL,
  ends_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE help_requests (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  assignment_id TEXT,
  text TEXT,
  at TEXT NOT NULL,
  answered_at TEXT,
  who TEXT
) STRICT;
CREATE INDEX help_requests_by_student ON help_requests (class_id, student_id);

CREATE TABLE arrangement (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  settings TEXT NOT NULL
) STRICT
"""

_MESSAGES = """
CREATE TABLE destinations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
  class_ids TEXT,
  names TEXT NOT NULL,
  at TEXT NOT NULL,
  days TEXT NOT NULL,
  timezone TEXT,
  events TEXT NOT NULL,
  allow_private INTEGER NOT NULL DEFAULT 0,
  is_on INTEGER NOT NULL DEFAULT 1,
  notice TEXT,
  made_at TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  who TEXT NOT NULL,
  secret_ref TEXT NOT NULL UNIQUE
) STRICT;
CREATE UNIQUE INDEX destinations_by_name ON destinations (coalesce(account_id, 0), name COLLATE NOCASE);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  destination_id INTEGER NOT NULL REFERENCES destinations (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT,
  made_at TEXT NOT NULL,
  claimed_by TEXT,
  claimed_until TEXT,
  next_try_at TEXT,
  tries INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL,
  answer TEXT,
  UNIQUE (destination_id, key)
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, next_try_at);

CREATE TABLE outbox_students (
  outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  PRIMARY KEY (outbox_id, class_id, student_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_students_by_student ON outbox_students (class_id, student_id);

CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  outcome TEXT NOT NULL,
  answer TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_by_message ON deliveries (outbox_id);

CREATE TABLE spells (
  class_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  since TEXT NOT NULL,
  is_announced INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (class_id, student_id, kind)
) STRICT, WITHOUT ROWID;

ALTER TABLE classes ADD COLUMN events_revision INTEGER;
ALTER TABLE classes ADD COLUMN events_basis TEXT
"""
