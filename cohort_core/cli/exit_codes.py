"""Exit codes of the commands, for cron and scripts. `cohort-tracker --help` explains them."""

from __future__ import annotations

from cohort_core import errors

PARTIAL = 74
LINES_LEFT = 79
INTERRUPTED = 130
UNEXPECTED = 1

EXIT_CODES: dict[type[errors.CohortError], int] = {
    errors.BadInput: 2,
    errors.AnswerChanged: 2,
    errors.NotAllowed: 2,
    errors.DatabaseUnusable: 65,
    errors.UnknownClass: 66,
    errors.UnknownJob: 66,
    errors.ClassInaccessible: 67,
    errors.NoNetwork: 68,
    errors.UpstreamDown: 69,
    errors.DatabaseNewer: 70,
    errors.RemovalsRefused: 73,
    errors.SyncFailed: PARTIAL,
    errors.SyncRunning: 75,
    errors.DatabaseBusy: 71,
    errors.SettingsBusy: 71,
    errors.SystemRefused: 72,
    errors.UpstreamChanged: 76,
    errors.LoginRefused: 77,
    errors.NotConnected: 78,
    errors.BadSettings: 78,
    errors.NotInstalled: 78,
    errors.SyncCancelled: INTERRUPTED,
}
