"""Break the sync on purpose, one way at a time, and show which test notices it.

    python benchmarks/break_the_sync.py            all breakages, as a table
    python benchmarks/break_the_sync.py echo names only those whose name contains one of these words
    python benchmarks/break_the_sync.py --check    only check that all breakages fit the code, in a second

A breakage replaces text in a temporary copy of the package, which comes first on the path; the work tree is
never changed. The tests of the sync run against the copy until one fails. The script exits with 1 if no test
catches a breakage, or if its text is not in the code exactly once.
"""

from __future__ import annotations

import ast
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
TESTS = ("test_promises", "test_sync", "test_faults", "test_misfit", "test_canaries", "test_processes")
# The tests that are likely to catch a breakage of these files run first.
LIKELY = {
    "sources": ("test_faults", "test_canaries", "test_sync"),
    "sync/lock.py": ("test_processes", "test_sync"),
}
TIMEOUT_SECONDS = 300

ENGINE = "sync/engine.py"
LOCK = "sync/lock.py"
RECORDS = "store/records.py"
CLASSES = "store/classes.py"
DATABASE = "store/database.py"
LOADER = "store/class_data_loader.py"
RUNS = "store/sync_runs.py"
CLIENT = "sources/openclass/client.py"
PARSER = "sources/openclass/parser.py"
VALUES = "sources/values.py"

HALF_WAY = """\
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
"""


class Breakage(NamedTuple):
    """A replacement of text in a file of the package."""

    name: str
    file: str
    old: str
    new: str


BREAKAGES = (
    # Mistakes of the user's earlier tool
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
    # Conclusions from a pass
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
        PARSER,
        "            is_contradictory = is_contradictory or digests[key] != digest\n",
        "",
    ),
    Breakage(
        "believe two walks against the total at once",
        ENGINE,
        "if self._misfit_syncs >= classes.MISFIT_SYNCS and is_consistent:",
        "if is_consistent:",
    ),
    Breakage(
        "remove against the total without consent",
        ENGINE,
        "absent.second if self._accept_removals else []",
        "absent.second",
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
        "for row_id, is_suspect in absent if is_suspect]",
        "for row_id, is_suspect in absent]",
    ),
    Breakage(
        "never remove",
        RECORDS,
        "for row_id, is_suspect in absent if is_suspect]",
        "for row_id, is_suspect in absent if False]",
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
    Breakage("remove all without asking", ENGINE, " or removals == live > 0", " and removals != live"),
    Breakage("ask from a tenth on", ENGINE, "removals > MAX_SILENT", "removals >= MAX_SILENT"),
    Breakage(
        "take a class that is not there for an empty one",
        CLIENT,
        "            raise ClassInaccessible(",
        "            if query:\n"
        "                return Page(query['page'], 0, 1, False, [], [], [], [], {}, False)\n"
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
        PARSER,
        "            read = _bad_row(raw)\n",
        '            raise _changed("a bad row") from None\n',
    ),
    Breakage("drop bad rows", PARSER, "            bad_rows.append(read)\n", ""),
    Breakage(
        "forget that quarantined ids were seen",
        PARSER,
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
        "self._saved_students.update(student.id for student in students)",
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
        "show records of half a sync",
        LOADER,
        "WHERE run_id = ?2 AND kind",
        "WHERE 0 AND run_id = ?2 AND kind",
    ),
    Breakage(
        "show the units of half a sync",
        ENGINE,
        "        self._units = self._source.load_units(self._class_id)\n",
        "        self._units = self._source.load_units(self._class_id)\n"
        "        with self._transaction():\n            self._write_units()\n",
    ),
    Breakage(
        "tell the changes of half a sync",
        "store/changes.py",
        "WHERE state = 'running')",
        "WHERE state = 'none')",
    ),
    Breakage("show edits of half a sync", LOADER, "if record_id in places:", "if False:"),
    Breakage("show the last but one edit", LOADER, "ORDER BY id DESC", "ORDER BY id"),
    Breakage(
        "show students of half a sync",
        LOADER,
        'class_id, progressions["student_id"].unique()',
        'class_id, [row[0] for row in connection.execute("SELECT DISTINCT student_id FROM progressions")]',
    ),
    Breakage(
        "divide percent before they are stored",
        VALUES,
        "    return float(value)\n",
        "    return value / 100 if value > 1 else float(value)\n",
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
        PARSER,
        "json.loads(text, parse_int=_lenient_integer)",
        "json.loads(text)",
    ),
    Breakage(
        "believe any total",
        PARSER,
        "total: Annotated[StrictInt, Field(ge=0, le=MAX_RECORDS)]",
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
    Breakage("a full run never comes due", ENGINE, "timedelta(0) <= age <= MAX_FULL_AGE", "True"),
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
        "            sync_runs.save_history(",
        f"{HALF_WAY}            sync_runs.save_history(",
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
        "a commit that is none",
        DATABASE,
        'yield\n                connection.execute("COMMIT")',
        'yield\n                connection.execute("ROLLBACK")',
    ),
    Breakage(
        "no sync lock",
        LOCK,
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
        "retry=tenacity.retry_if_exception_type(_TransientFailure)",
        "retry=tenacity.retry_never",
    ),
    Breakage("try again for ever", CLIENT, " or self._budget_seconds <= 0", ""),
    Breakage("ignore Retry-After", CLIENT, "if retry_after is None:", "if True:"),
    Breakage(
        "obey any Retry-After",
        CLIENT,
        "min(retry_after, self._retry_policy.longest_retry_after_seconds)",
        "retry_after",
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
        '_changed("something that is not JSON")',
        '_changed(f"{body!r}")',
    ),
    Breakage(
        "tell the value in a reason",
        PARSER,
        "        return str(error)\n",
        "        return f'{value} {error}'\n",
    ),
    Breakage(
        "keep the token in the database",
        ENGINE,
        "            self._is_baseline = not",
        "            token = getattr(self._source, 'token', None)\n"
        "            self._connection.execute('UPDATE classes SET timezone = ?', (token,))\n"
        "            self._is_baseline = not",
    ),
)


class Outcome(NamedTuple):
    """The first test that failed for a breakage; None if no test did."""

    breakage: Breakage
    caught_by: str | None
    seconds: float


def copy_tree(folder: Path) -> None:
    """Copy everything that the tests need into a folder."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "browser"))
        else:
            shutil.copy(source, folder / name)


def broken_text(folder: Path, breakage: Breakage) -> str:
    """Return the content of the broken file.

    Raises ``ValueError`` if the text to replace is not in the file exactly once, and ``SyntaxError`` if the
    result is not Python.
    """
    text = (folder / "cohort_core" / breakage.file).read_text("utf-8")
    if text.count(breakage.old) != 1:
        raise ValueError(f"{breakage.name}: its text is {text.count(breakage.old)} times in {breakage.file}")
    broken = text.replace(breakage.old, breakage.new)
    if "contextlib.nullcontext" in broken:
        broken = broken.replace("import os\n", "import contextlib\nimport os\n", 1)
    ast.parse(broken)
    return broken


def check() -> int:
    """Check that every breakage fits the code, without running a test."""
    failures = []
    for breakage in BREAKAGES:
        try:
            broken_text(ROOT, breakage)
        except (ValueError, OSError, SyntaxError) as error:
            failures.append(f"{breakage.name}: {error}")
    print(f"{len(BREAKAGES) - len(failures)} of {len(BREAKAGES)} breakages fit the code.")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


def run_tests(folder: Path, file: str) -> str | None:
    """Run the tests until one fails; return its name, None if all pass."""
    likely = [name for part, names in LIKELY.items() if file.startswith(part) for name in names]
    tests = [f"tests/sync/{name}.py" for name in dict.fromkeys([*likely, *TESTS])]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests]
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {TIMEOUT_SECONDS} s"
    if ended.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) tests/sync/(\S+)", ended.stdout, re.MULTILINE)
    return failed.group(1) if failed else f"pytest ended with {ended.returncode}"


def try_breakage(breakage: Breakage | None) -> Outcome:
    """Run the tests against a broken copy; None leaves the copy as it is."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cohort-broken-") as name:
        folder = Path(name)
        copy_tree(folder)
        if breakage:
            path = folder / "cohort_core" / breakage.file
            path.write_text(broken_text(folder, breakage), "utf-8")
        caught_by = run_tests(folder, breakage.file if breakage else "")
    return Outcome(breakage or Breakage("nothing broken", "", "", ""), caught_by, time.monotonic() - began)


def main(words: list[str]) -> int:
    """Run the chosen breakages and print them as a table; return the exit code."""
    if words == ["--check"]:
        return check()
    chosen = [item for item in BREAKAGES if not words or any(word in item.name for word in words)]
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
