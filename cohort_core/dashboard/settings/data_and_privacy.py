"""Anonymous mode for everybody, the data folder, backups, and the check-up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from cohort_core.clock import local_time, utc_now
from cohort_core.config.paths import Home
from cohort_core.config.settings import Preferences, set_by_environment
from cohort_core.dashboard.components import lists, notices
from cohort_core.dashboard.components.text import count, markup, size, upper_first
from cohort_core.dashboard.errors import guarded
from cohort_core.dashboard.layout import View, admin_of
from cohort_core.dashboard.page_words import FIXED, advice_for_page, without_paths
from cohort_core.services.folder import Finding

FILE_DESCRIPTIONS = {
    "cohort.db": "Everything that was synced or imported",
    "cohort.db-wal": "Part of the database while it is open",
    "cohort.db-shm": "Part of the database while it is open",
    "cohort.db.lock": "Lets only one part of the program write",
    "sync.lock": "Lets one sync run at a time",
    "config.toml": "These settings",
    "credentials.json": "Your password",
    "secrets.key": "The key of second factors",
    "oidc-client.secret": "The secret of the school's sign-in",
    "pseudonyms.key": "The secret from which pseudonyms come",
    "visits.json": "When you last looked at a class",
    "cohort.log": "What failed and where, without students' data",
    "guarded": "Remembers that the data is protected",
    "purge.unfinished": "A purge that has to be done once more",
    "cohort.before-restore.db": "The database before a backup was put back",
}
_NOTICE, _FINDINGS = "data-notice", "data-findings"


def show(view: View) -> None:
    home = admin_of(view).home
    notices.show(_NOTICE)
    st.header("Privacy", anchor=False)
    _ask_anonymous(view)
    st.header("Your data", anchor=False)
    _show_folder(home, anonymous=view.reader.anonymous)
    st.header("Backup", anchor=False)
    st.caption(
        "A copy of all data goes into the folder for backups inside the data folder, where only you can read "
        "it. It is no download, since a browser would leave your students' data among the downloads. Copy it "
        "to another disk now and then. The guide says how to put it back."
    )
    st.button("Make a backup", icon=":material/save:", on_click=_back_up, args=(view,))
    st.header("Check-up", anchor=False)
    st.caption("Looks at settings, data, syncs and OpenClass, and says what to do.")
    if st.button("Check now", icon=":material/stethoscope:"):
        with st.spinner("Looking…"):
            st.session_state[_FINDINGS] = list(
                admin_of(view).examine(with_upstream=view.reader.is_connected())
            )
    if findings := st.session_state.get(_FINDINGS):
        _show_findings(findings)


def _ask_anonymous(view: View) -> None:
    is_on = view.reader.is_always_anonymous
    is_fixed = "anonymous" in set_by_environment()
    st.toggle(
        "Anonymous, always",
        value=is_on,
        key=f"anonymous-always-{is_on}",
        on_change=_save_anonymous,
        args=(view, not is_on),
        disabled=is_fixed,
        help="For a talk or a shared screen: invented names on every page and in every file, for everybody. "
        "The switch in the sidebar does the same for your browser alone.",
    )
    if is_fixed:
        st.caption(FIXED)


def _save_anonymous(view: View, wanted: bool) -> None:
    with guarded("settings", stop=False) as problems:
        admin_of(view).change_settings(Preferences(anonymous=wanted))
    notices.keep(_NOTICE, problems, None)


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
        done = f"Backed up to the folder for backups ({size(file.stat().st_size)})."
    notices.keep(_NOTICE, problems, done)


def _show_findings(findings: Sequence[Finding]) -> None:
    rows = []
    for finding in findings:
        result = without_paths(f"{upper_first(finding.topic)}: {finding.result}")
        parts = [result, advice_for_page(finding.advice, finding.topic) if finding.advice else ""]
        mark = (
            lists.mark("✓", "OK", "#3f8f86") if finding.is_well else lists.mark("!", "Please fix", "#c8452b")
        )
        rows.append(f"<dt>{mark}</dt><dd>{markup(parts[0])}<div class='ct-why'>{markup(parts[1])}</div></dd>")
    st.html(f"<dl class='ct-facts ct-marked'>{''.join(rows)}</dl>")
