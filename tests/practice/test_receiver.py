"""The practice receiver draws what arrives, and nothing of it is code."""

from __future__ import annotations

import pytest
import requests

from cohort_core.notify import digest as digests
from cohort_core.notify.digest import Digest
from cohort_core.notify.sender import PAYLOADS
from cohort_core.practice.receiver import create_app
from tests.conftest import serving

EVIL = '<script>alert(1)</script> "onmouseover="x" *b* [x](javascript:alert(1))'


@pytest.mark.parametrize("kind", ["slack", "discord", "teams"])
def test_a_digest_is_drawn(kind: str) -> None:
    url = "https://tracker.example.org/dashboard/student?class=a&student=b"
    line = digests.line(EVIL, EVIL, is_new=True, url=url)
    digest = Digest(
        "Today 1 needs a message.", warnings=("The last sync failed.",), students=(line,), footer="End."
    )
    with serving(create_app()) as address:
        assert "Nothing has arrived yet" in requests.get(address, timeout=10).text
        answer = requests.post(f"{address}/{kind}", json=PAYLOADS[kind](digest), timeout=10)
        assert answer.status_code in (200, 202)
        page = requests.get(address, timeout=10)
    assert "Today 1 needs a message." in page.text
    assert "The last sync failed." in page.text
    assert "<script" not in page.text
    assert 'href="javascript' not in page.text
    assert f'href="{url.replace("&", "&amp;")}"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_what_is_no_message_is_refused_or_shown_as_it_is() -> None:
    with serving(create_app()) as address:
        assert requests.post(f"{address}/slack", data="no", timeout=10).status_code == 400
        assert requests.post(f"{address}/fax", json={}, timeout=10).status_code == 404
        assert requests.post(f"{address}/slack", json={"blocks": "x"}, timeout=10).status_code == 200
        assert (
            requests.post(f"{address}/webhook", json={"type": "<b>", "data": {}}, timeout=10).status_code
            == 200
        )
        page = requests.get(address, timeout=10).text
    assert "&lt;b&gt;" in page
