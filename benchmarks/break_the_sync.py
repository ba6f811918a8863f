"""Breaks the sync on purpose, one way at a time, and shows which test notices.

    python benchmarks/break_the_sync.py            all breakages, as a table
    python benchmarks/break_the_sync.py echo names only those whose name holds one of these words

Each breakage is a replacement of text in a temporary copy of the package, which stands first on the path; the
work tree is never touched. The tests of the sync run against the copy until one fails. One that nothing
catches, or that no longer fits the code, ends the script with 1.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("cohort_core", "tests", "pages", "api.py", "app.py", "pyproject.toml")
TESTS = ("test_promises", "test_sync", "test_faults", "test_canaries", "test_processes")
# Where it is likely to be caught, which is tried first.
LIKELY = {"openclass": ("test_faults", "test_canaries", "test_sync"), "sync/claim.py": ("test_sync",)}
SECONDS = 240

ENGINE = "sync/engine.py"
CLAIM = "sync/claim.py"
RECORDS = "store/records.py"
CLASSES = "store/classes.py"
DATABASE = "store/database.py"
LOAD = "store/load.py"
RUNS = "store/runs.py"
CLIENT = "openclass/client.py"
WIRE = "openclass/wire.py"
VALUES = "openclass/values.py"


HALF_WAY = """\
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
"""


class Breakage(NamedTuple):
    name: str
    file: str
    old: str
    new: str


BREAKAGES = (
    # The user's earlier tool
    Breakage("skip known ids", RECORDS, "elif old == row:", "elif True:"),
    Breakage(
        "stop at the first known page",
        ENGINE,
        "if not page.can_load_more or not page.digests:",
        "if not page.can_load_more or not page.digests or not _effect.differs:",
    ),
    Breakage(
        "resume at the page number after an interruption",
        ENGINE,
        "        walk = _Walk()\n        number = 0\n",
        "        walk = _Walk()\n        number = self._connection.execute(\n"
        "            'SELECT coalesce((SELECT pages FROM runs WHERE class_id = ? AND id < ? '\n"
        "            'AND state <> ? ORDER BY id DESC LIMIT 1), 0)',\n"
        "            (self._class_id, self._run.id, 'done'),\n"
        "        ).fetchone()[0]\n",
    ),
    # A pass and what it proves
    Breakage(
        "trust any pass",
        ENGINE,
        "        return (\n            self.first_page is not None\n",
        "        return True or (\n            self.first_page is not None\n",
    ),
    Breakage(
        "trust the last of four passes",
        ENGINE,
        "            if walk.is_clean(first_page_again):",
        "            if walk.is_clean(first_page_again) or _ == MAX_WALKS - 1:",
    ),
    Breakage("drop the total check", ENGINE, "            and self.totals == {len(self.digests)}\n", ""),
    Breakage(
        "compare with the last total alone",
        ENGINE,
        "and self.totals == {len(self.digests)}",
        "and first_page_again.total == len(self.digests)",
    ),
    Breakage(
        "allow that the total changes",
        ENGINE,
        "and self.totals == {len(self.digests)}",
        "and len(self.digests) in self.totals",
    ),
    Breakage(
        "do not compare page 0 again",
        ENGINE,
        "            and first_page_again.digests == self.first_page.digests\n",
        "",
    ),
    Breakage(
        "allow one id with two contents in two pages",
        ENGINE,
        "                self.is_contradictory = True",
        "                pass",
    ),
    Breakage(
        "allow one id with two contents in one page",
        WIRE,
        "            is_contradictory = is_contradictory or digests[key] != digest\n",
        "",
    ),
    Breakage("walk only once", ENGINE, "MAX_WALKS = 4", "MAX_WALKS = 1"),
    Breakage("believe the page size asked for", ENGINE, "page.total / page.size", "page.total / 200"),
    Breakage(
        "end at a page that is not full",
        ENGINE,
        "if not page.can_load_more or not page.digests:",
        "if len(page.digests) < 200:",
    ),
    # Removal
    Breakage(
        "remove after one pass",
        RECORDS,
        "for one, is_suspect in absent if is_suspect]",
        "for one, is_suspect in absent]",
    ),
    Breakage(
        "never remove",
        RECORDS,
        "for one, is_suspect in absent if is_suspect]",
        "for one, is_suspect in absent if False]",
    ),
    Breakage(
        "no resurrection",
        RECORDS,
        "        if old is None:\n",
        "        if old is None and connection.execute(\n"
        "            'SELECT 1 FROM tombstones WHERE class_id = ? AND id = ?', (context.class_id, row.id)\n"
        "        ).fetchone():\n            continue\n"
        "        elif old is None:\n",
    ),
    Breakage(
        "once suspect, always suspect",
        RECORDS,
        "                revived.append(row.id)",
        "                pass",
    ),
    Breakage(
        "a bad row stays suspect",
        RECORDS,
        "    revived.extend(bad.key for bad in bad_rows)\n",
        "",
    ),
    Breakage(
        "remove much without asking",
        ENGINE,
        "if not is_large or self._accept_removals:",
        "if True:",
    ),
    Breakage("remove all without asking", ENGINE, " or going == live > 0", " and going != live"),
    Breakage("ask from a tenth on", ENGINE, "going > LARGEST_SILENT", "going >= LARGEST_SILENT"),
    Breakage(
        "take a class that is not there for an empty one",
        CLIENT,
        "            raise ClassInaccessible(",
        "            if query:\n"
        "                return wire.Page(query['page'], 0, 1, False, [], [], [], [], {}, False)\n"
        "            raise ClassInaccessible(",
    ),
    Breakage(
        "keep the tombstone of a row that is back",
        RECORDS,
        "DELETE FROM tombstones WHERE class_id = ? AND id IN",
        "SELECT id FROM tombstones WHERE class_id = ? AND id IN",
    ),
    # Bad rows
    Breakage(
        "abort the page on a bad row",
        WIRE,
        "            read = _bad_row(raw)\n",
        '            raise _changed("a bad row") from None\n',
    ),
    Breakage("drop bad rows", WIRE, "            bad_rows.append(read)\n", ""),
    Breakage(
        "forget that quarantined ids were seen",
        WIRE,
        "            bad_rows.append(read)\n",
        "            bad_rows.append(read)\n            del digests[key]\n",
    ),
    Breakage(
        "forget the last good version of a bad row",
        RECORDS,
        "    revived.extend(bad.key for bad in bad_rows)\n",
        "    connection.executemany('DELETE FROM progressions WHERE class_id = ? AND id = ?',\n"
        "                           [(context.class_id, bad.key) for bad in bad_rows])\n",
    ),
    Breakage(
        "never release from quarantine",
        RECORDS,
        "    _delete_quarantine(connection, context.class_id, mended)\n",
        "",
    ),
    Breakage(
        "keep bad rows that upstream dropped",
        ENGINE,
        "            records.forget_absent_quarantine(self._connection, self._class_id, seen)\n",
        "",
    ),
    Breakage("keep the first payload of a bad row", RECORDS, "payload = excluded.payload, ", ""),
    # What is stored
    Breakage("ignore changed names", RECORDS, "if held.get(row[0]) != row}", "if row[0] not in held}"),
    Breakage("keep a new name from other classes", RECORDS, "    if ids:\n", "    if False:\n"),
    Breakage(
        "let the oldest name win",
        ENGINE,
        "self._known_students.update(one.id for one in students)",
        "pass",
    ),
    Breakage("count every row as changed", RECORDS, "elif old == row:", "elif False:"),
    Breakage("ignore reviews", RECORDS, "elif old == row:", "elif old[:6] == row[:6]:"),
    Breakage(
        "ignore grades",
        RECORDS,
        "assignment_id = excluded.assignment_id, grade = excluded.grade,",
        "assignment_id = excluded.assignment_id,",
    ),
    Breakage(
        "remember no changes",
        RECORDS,
        "    _save_changes(connection, changes)\n    _save_quarantine",
        "    _save_quarantine",
    ),
    Breakage(
        "publish what a killed run read without a word",
        RUNS,
        """        _publish(connection)
        connection.execute(
            "UPDATE runs SET state = 'interrupted'""",
        """        connection.execute(
            "UPDATE runs SET state = 'interrupted'""",
    ),
    Breakage(
        "publish what a failed run read without a word",
        RUNS,
        "        _publish(connection)\n        update_run(",
        "        update_run(",
    ),
    Breakage(
        "publish what a cancelled run read without a word",
        RUNS,
        """        _publish(connection)
        connection.execute(
            \"\"\"
            UPDATE runs SET state = ?, ended_at = ?, error_code""",
        """        connection.execute(
            \"\"\"
            UPDATE runs SET state = ?, ended_at = ?, error_code""",
    ),
    Breakage(
        "show records of half a sync", LOAD, "WHERE run_id = ?2 AND kind", "WHERE 0 AND run_id = ?2 AND kind"
    ),
    Breakage(
        "show the units of half a sync",
        ENGINE,
        "        self._units = self._upstream.load_units(self._class_id)\n",
        "        self._units = self._upstream.load_units(self._class_id)\n"
        "        with self._transaction():\n            self._write_units()\n",
    ),
    Breakage(
        "tell the changes of half a sync",
        "store/changes.py",
        "WHERE state = 'running')",
        "WHERE state = 'none')",
    ),
    Breakage("show edits of half a sync", LOAD, "if one in places:", "if False:"),
    Breakage("show the last but one edit", LOAD, "ORDER BY id DESC", "ORDER BY id"),
    Breakage(
        "show students of half a sync",
        LOAD,
        'progressions["student_id"].unique()',
        '[row[0] for row in connection.execute("SELECT DISTINCT student_id FROM progressions")]',
    ),
    Breakage(
        "keep percent as they are",
        VALUES,
        "(value / 100, float(value)) if value > 1",
        "(float(value), float(value)) if value > 1",
    ),
    Breakage(
        "take times without a zone for local ones",
        VALUES,
        "instant = instant.replace(tzinfo=UTC)",
        "instant = instant.astimezone()",
    ),
    Breakage("keep names as they were composed", VALUES, 'unicodedata.normalize("NFC", value)', "value"),
    Breakage("keep null characters", VALUES, 'if "\\0" in value:', "if False:"),
    Breakage("keep half characters", VALUES, 'value.encode("utf-8")', 'value.encode("utf-8", "replace")'),
    Breakage(
        "refuse a page with a huge integer",
        WIRE,
        "json.loads(text, parse_int=_lenient_integer)",
        "json.loads(text)",
    ),
    Breakage(
        "believe any total",
        WIRE,
        "total: Annotated[StrictInt, Field(ge=0, le=MOST_RECORDS)]",
        "total: StrictInt",
    ),
    # Incremental runs
    Breakage(
        "an incremental run does not compare with the total",
        ENGINE,
        "if held == total and not effect.differs:",
        "if not effect.differs:",
    ),
    Breakage(
        "an incremental run reads page 0 alone",
        ENGINE,
        "if held == total and not effect.differs:",
        "if held == total:",
    ),
    Breakage(
        "an incremental run never looks deeper",
        ENGINE,
        "        return self._look_deeper(number, page, next_deep_page)",
        "        return True",
    ),
    Breakage(
        "the deeper page is always the same",
        ENGINE,
        "if last_read < next_deep_page < page_total else",
        "if False else",
    ),
    Breakage("a full run never comes due", ENGINE, "timedelta(0) <= age <= FULL_AT_LEAST_EVERY", "True"),
    Breakage("believe a clock that was set back", ENGINE, "timedelta(0) <= age <=", "age <="),
    Breakage(
        "an interrupted run leaves the trust of the one before",
        CLASSES,
        '    connection.execute("UPDATE classes SET clean_full_at = NULL WHERE id = ?", (class_id,))\n',
        "",
    ),
    Breakage(
        "an unverified run is trusted",
        ENGINE,
        "self._end(is_clean=False, clean_full_at=None)",
        "self._end(is_clean=False, clean_full_at=utc_text(self._now()))",
    ),
    # Transactions, locks and processes
    Breakage(
        "commit nothing on cancel",
        ENGINE,
        "            raise SyncCancelled\n",
        "            self._connection.execute('DELETE FROM progressions')\n            raise SyncCancelled\n",
    ),
    Breakage(
        "never look whether to stop", ENGINE, "        if self._is_cancelled():\n", "        if False:\n"
    ),
    Breakage(
        "rows and progress in two transactions",
        ENGINE,
        "            runs.save_history(",
        f"{HALF_WAY}            runs.save_history(",
    ),
    Breakage(
        "students in a transaction of their own",
        ENGINE,
        "            effect = records.save_page(",
        f"{HALF_WAY}            effect = records.save_page(",
    ),
    Breakage(
        "tell of a page before it is stored",
        ENGINE,
        "        now = self._now()\n        context = records.RunContext(",
        "        self._on_page()\n        now = self._now()\n        context = records.RunContext(",
    ),
    Breakage(
        "a commit that is none", DATABASE, 'connection.execute("COMMIT")', 'connection.execute("ROLLBACK")'
    ),
    Breakage(
        "no claim",
        CLAIM,
        "return FileLock(home.sync_lock, mode=",
        "return FileLock(home.folder / str(id(home)), mode=",
    ),
    Breakage(
        "BEGIN without IMMEDIATE and without the lock",
        DATABASE,
        'self._write_lock():\n            connection.execute("BEGIN IMMEDIATE")',
        'contextlib.nullcontext():\n            connection.execute("BEGIN")',
    ),
    Breakage(
        "one class that fails ends the sync",
        "sync/jobs.py",
        "                    errors.append(error)\n",
        "                    raise\n",
    ),
    # HTTP
    Breakage("ignore the page echo", CLIENT, "if page.number != number:", "if False:"),
    Breakage("follow redirects", CLIENT, "allow_redirects=False", "allow_redirects=True"),
    Breakage(
        "try logins again",
        CLIENT,
        'status, body = self._send("POST", "/v1/auth/login", form=form)',
        'status, body = self._with_retries(lambda: self._send("POST", "/v1/auth/login", form=form))',
    ),
    Breakage("log in again for each class", CLIENT, "            self._failed_login = error\n", ""),
    Breakage(
        "a token that ends is the end",
        CLIENT,
        "        except _TokenRefused:\n            self.log_in()\n",
        "        except _TokenRefused:\n            raise LoginRefused('No.') from None\n",
    ),
    Breakage(
        "never try again",
        CLIENT,
        "retry=tenacity.retry_if_exception_type(_Passing)",
        "retry=tenacity.retry_never",
    ),
    Breakage("try again for ever", CLIENT, " or self._budget_seconds <= 0", ""),
    Breakage(
        "ignore Retry-After", CLIENT, "return jitter if asked is None else", "return jitter if True else"
    ),
    Breakage(
        "obey any Retry-After", CLIENT, "min(asked, self._patience.longest_retry_after_seconds)", "asked"
    ),
    Breakage(
        "read no Retry-After that is a date",
        CLIENT,
        "    at = at if at.tzinfo",
        "    return None\n    at = at if at.tzinfo",
    ),
    Breakage("no pace", CLIENT, "time.monotonic() + self._seconds_between_requests", "0.0"),
    Breakage(
        "believe the header's charset",
        CLIENT,
        "return response.status_code, self._body(response)",
        "return response.status_code, self._body(response).decode(response.encoding or 'utf-8').encode()",
    ),
    Breakage(
        "wait until a chunk is full",
        CLIENT,
        "response.raw.read1(64 * 1024, decode_content=True)",
        "response.raw.read(64 * 1024, decode_content=True)",
    ),
    Breakage(
        "a body of any duration",
        CLIENT,
        "            if time.monotonic() > until:\n                raise requests.Timeout\n",
        "",
    ),
    Breakage(
        "a body that was cut is whole",
        CLIENT,
        "except (requests.ConnectionError, requests.Timeout, BodyError) as error:",
        "except (requests.ConnectionError, requests.Timeout) as error:",
    ),
    # Secrets
    Breakage(
        "log the token",
        CLIENT,
        '        headers = {"bearer"',
        "        import logging\n"
        "        logging.getLogger(__name__).debug('%s %s', path, self.token)\n"
        '        headers = {"bearer"',
    ),
    Breakage(
        "tell the body in an error",
        CLIENT,
        'raise _Passing(_changed("something that is not JSON")) from None',
        'raise _Passing(_changed(f"{body!r}")) from None',
    ),
    Breakage(
        "tell the value in a reason",
        WIRE,
        "        return str(error)\n",
        "        return f'{value} {error}'\n",
    ),
    Breakage(
        "keep the token in the database",
        ENGINE,
        "            self._is_baseline = not",
        "            token = getattr(self._upstream, 'token', None)\n"
        "            self._connection.execute('UPDATE classes SET timezone = ?', (token,))\n"
        "            self._is_baseline = not",
    ),
)


class Outcome(NamedTuple):
    breakage: Breakage
    caught_by: str | None
    seconds: float


def copy_tree(folder: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
        else:
            shutil.copy(source, folder / name)


def break_it(folder: Path, breakage: Breakage) -> None:
    """Raises ``ValueError`` if the text to replace is not there exactly once."""
    path = folder / "cohort_core" / breakage.file
    text = path.read_text("utf-8")
    if text.count(breakage.old) != 1:
        raise ValueError(
            f"{breakage.name}: its text stands {text.count(breakage.old)} times in {breakage.file}"
        )
    broken = text.replace(breakage.old, breakage.new)
    if "contextlib.nullcontext" in broken:
        broken = broken.replace("import os\n", "import contextlib\nimport os\n", 1)
    path.write_text(broken, "utf-8")


def run_tests(folder: Path, file: str) -> str | None:
    """The first test that fails; None if all pass."""
    likely = [name for part, names in LIKELY.items() if file.startswith(part) for name in names]
    tests = [f"tests/sync/{name}.py" for name in dict.fromkeys([*likely, *TESTS])]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {SECONDS} s"
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) tests/sync/(\S+)", done.stdout, re.MULTILINE)
    return failed.group(1) if failed else f"pytest ended with {done.returncode}"


def try_breakage(breakage: Breakage | None) -> Outcome:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cohort-broken-") as name:
        folder = Path(name)
        copy_tree(folder)
        if breakage:
            break_it(folder, breakage)
        caught_by = run_tests(folder, breakage.file if breakage else "")
    return Outcome(breakage or Breakage("nothing broken", "", "", ""), caught_by, time.monotonic() - began)


def main(words: list[str]) -> int:
    chosen = [one for one in BREAKAGES if not words or any(word in one.name for word in words)]
    failures = []
    sound = try_breakage(None)
    print(f"| {'breakage':52} | caught by | s |\n|{'-' * 54}|---|---|", flush=True)
    print(f"| {'nothing broken':52} | {sound.caught_by or 'all pass'} | {sound.seconds:.0f} |", flush=True)
    for breakage in chosen:
        try:
            outcome = try_breakage(breakage)
        except ValueError as error:
            failures.append(str(error))
            continue
        if outcome.caught_by is None:
            failures.append(f"{breakage.name}: caught by nothing")
        print(
            f"| {breakage.name:52} | {outcome.caught_by or 'NOTHING'} | {outcome.seconds:.0f} |", flush=True
        )
    print(f"\n{len(chosen) - len(failures)} of {len(chosen)} breakages caught.")
    for failure in failures:
        print(failure)
    return 1 if failures or sound.caught_by else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
