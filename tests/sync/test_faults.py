"""Each way in which OpenClass can misbehave: what passes is waited for, what lasts is told. Real HTTP."""

from __future__ import annotations

import pytest

from cohort_core import errors
from cohort_core.practice.faults import Fault, http_date
from tests.sync.conftest import SyncedClass

PASSING = [
    Fault("status", status=500, times=2),
    Fault("status", status=502),
    Fault("status", status=503),
    Fault("status", status=408),
    Fault("status", status=429, retry_after=0),
    Fault("status", status=429, retry_after=http_date(0)),
    Fault("hang"),
    Fault("reset", times=2),
    Fault("cut"),
    Fault("html"),
    Fault("page", "*/progressions"),
    Fault("charset", value="latin-1", times=None),
    Fault("cap", "*/progressions", value=2, times=None),
    Fault("expire"),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind} {fault.status}")
def test_what_passes_is_waited_for(synced: SyncedClass, fault: Fault) -> None:
    fault.after = 1 if fault.kind == "expire" else 0
    fault.path = fault.path if "progressions" in fault.path else "/v1/classes/*"
    synced.served.faults.add(fault)
    assert synced.sync().state == "done"
    assert len(synced.held()) == 12
    assert fault.hits >= 1


LASTING = [
    (Fault("status", status=500, times=None), errors.UpstreamDown),
    (Fault("status", status=429, retry_after=0, times=None), errors.UpstreamDown),
    (Fault("status", status=404, times=None), errors.ClassInaccessible),
    (Fault("status", status=401, times=None), errors.LoginRefused),
    (Fault("status", status=400, times=None), errors.UpstreamChanged),
    (Fault("html", times=None), errors.UpstreamChanged),
    (Fault("shape", times=None), errors.UpstreamChanged),
    (Fault("redirect", times=None), errors.UpstreamChanged),
    (Fault("page", times=None), errors.UpstreamChanged),
    (Fault("cut", times=None), errors.UpstreamDown),
    (Fault("reset", times=None), errors.NoNetwork),
]


@pytest.mark.parametrize(("fault", "error"), LASTING, ids=lambda one: getattr(one, "kind", None))
def test_what_lasts_is_told_in_a_sentence_and_loses_nothing(
    synced: SyncedClass, fault: Fault, error: type[errors.CohortError]
) -> None:
    synced.sync()
    fault.path = "*/progressions"
    synced.served.faults.add(fault)
    job = synced.sync()
    (run,) = job.runs
    assert (job.state, run.error_code) == ("failed", error.code)
    assert run.error
    assert run.error.endswith(".")
    assert len(synced.held()) == 12
    synced.served.faults.clear()
    assert synced.sync().runs[0].kind == "full"


def test_a_login_is_never_tried_again(synced: SyncedClass) -> None:
    synced.workspace._tokens.clear()
    synced.served.faults.add(Fault("status", "/v1/auth/login", status=503, times=None))
    before = len(synced.served.requests)
    with pytest.raises(errors.UpstreamDown):
        synced.workspace.claim_sync(asked_by="test")
    assert len(synced.served.requests) - before == 1
    assert synced.workspace.running_job() is None
    assert synced.workspace.jobs(1)[0].state == "failed"


def test_no_network(synced: SyncedClass) -> None:
    from cohort_core.settings import save_settings

    save_settings(synced.workspace.home, api_base="http://127.0.0.1:9")
    with pytest.raises(errors.NoNetwork, match="cannot be reached"):
        synced.workspace.claim_sync(asked_by="test")


def test_the_token_does_not_follow_a_redirect(synced: SyncedClass) -> None:
    synced.served.faults.add(
        Fault("redirect", "*/progressions", location=f"{synced.served.url}/elsewhere", times=None)
    )
    synced.sync()
    assert not any(one.path == "/elsewhere" for one in synced.served.requests)
