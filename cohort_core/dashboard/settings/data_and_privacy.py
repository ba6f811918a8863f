"""Pseudonyms for everybody, the data folder, backups, and the check-up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from cohort_core.clock import local_time, utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard.components import lists
from cohort_core.dashboard.components.text import count, literal, markup, size, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.services.folder import Finding

FILE_DESCRIPTIONS = {
    "cohort.db": "Everything that was synced or imported",
    "cohort.db-wal": "Part of the database while it is open",
    "cohort.db-shm": "Part of the database while it is open",
    "cohort.db.lock": "Lets one program write at a time",
    "sync.lock": "Lets one sync run at a time",
    "config.toml": "These settings",
    "credentials.json": "Your password",
    "pseudonyms.key": "The secret from which pseudonyms come",
    "visits.json": "When you last looked at a class",
    "cohort.log": "Where something went wrong, without students' data",
    "guarded": "Remembers that tokens protect the data",
    "purge.unfinished": "A purge that has to be done once more",
    "cohort.before-restore.db": "The database before a backup was put back",
}
_NOTICE, _FINDINGS = "data-notice", "data-findings"


def show(view: View) -> None:
    home = admin_of(view).home
    if notice := st.session_state.pop(_NOTICE, None):
        good, sentence = notice
        (st.success if good else st.error)(literal(sentence))
    st.header("Privacy", anchor=False)
    _ask_anonymous(view)
    st.header("Your data", anchor=False)
    _show_folder(home, anonymous=view.reader.anonymous)
    st.header("Backup", anchor=False)
    st.caption(
        "A copy of the database goes into the folder backups inside the data folder, where only you can read "
        "it. It is no download, since a browser would leave your students' data among the downloads. Copy it "
        "to another disk now and then; `cohort-tracker restore FILE` puts it back."
    )
    st.button("Make a backup", icon=":material/save:", on_click=_back_up, args=(view,))
    st.header("Check-up", anchor=False)
    st.caption("Looks at settings, files, database, syncs and OpenClass, and says what to do.")
    if st.button("Check now", icon=":material/stethoscope:"):
        with st.spinner("Looking…"):
            st.session_state[_FINDINGS] = list(
                admin_of(view).examine(with_upstream=view.reader.is_connected())
            )
    if findings := st.session_state.get(_FINDINGS):
        _show_findings(findings, home, anonymous=view.reader.anonymous)


def _ask_anonymous(view: View) -> None:
    is_on = view.reader.is_always_anonymous
    is_fixed = "anonymous" in set_by_environment()
    st.toggle(
        "Pseudonyms for everybody, always",
        value=is_on,
        key=f"anonymous-always-{is_on}",
        on_change=_save_anonymous,
        args=(view, not is_on),
        disabled=is_fixed,
        help="For a talk or a shared screen: in every page, address, answer and file, whoever asks. The "
        "switch in the sidebar does the same for your browser alone.",
    )
    if is_fixed:
        st.caption("It is set by the environment of the server; change it there.")


def _save_anonymous(view: View, wanted: bool) -> None:
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(Preferences(anonymous=wanted))
    if problems:
        st.session_state[_NOTICE] = (False, problems[0])


def _show_folder(home: Home, *, anonymous: bool) -> None:
    files = home.files() if home.folder.is_dir() else []
    sizes = {path: path.stat().st_size for path in files if path.exists()}
    total = f"{count(len(sizes), 'file')}, {size(sum(sizes.values()))}"
    # On most computers the path of the folder contains the mentor's name.
    st.text(f"{total}." if anonymous else f"{home.folder}: {total}.")
    with st.expander("Files"):
        rows = [
            {
                "File": str(path.relative_to(home.folder)),
                "What it is": _describe_file(path, home),
                "Size": size(number),
            }
            for path, number in sizes.items()
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt="The files of the data folder")


def _describe_file(path: Path, home: Home) -> str:
    return "A backup" if path.parent == home.backups else FILE_DESCRIPTIONS.get(path.name, "")


def _back_up(view: View) -> None:
    with guarded("backup", stop=False) as problems:
        now = local_time(utc_now())
        file = admin_of(view).back_up_here(now)
        done = f"Backed up to {file.relative_to(admin_of(view).home.folder)} ({size(file.stat().st_size)})."
    st.session_state[_NOTICE] = (False, problems[0]) if problems else (True, done)


def _show_findings(findings: Sequence[Finding], home: Home, *, anonymous: bool) -> None:
    rows = []
    for finding in findings:
        result = f"{upper_first(finding.topic)}: {finding.result}"
        parts = [result, finding.advice or ""]
        if anonymous:
            parts = [part.replace(str(home.folder), "the data folder") for part in parts]
        mark = lists.mark("✓", "Well", "#3f8f86") if finding.is_well else lists.mark("!", "To do", "#c8452b")
        rows.append(f"<dt>{mark}</dt><dd>{markup(parts[0])}<div class='ct-why'>{markup(parts[1])}</div></dd>")
    st.html(f"<dl class='ct-facts ct-marked'>{''.join(rows)}</dl>")
