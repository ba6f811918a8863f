"""The settings: where they are read from, which values are refused and with which message."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import ValidationError

from cohort_core.config import settings
from cohort_core.config.paths import Home
from cohort_core.config.settings import load_settings, save_settings
from cohort_core.config.thresholds import DEFAULTS, Thresholds
from cohort_core.errors import BadSettings, SettingsBusy


def test_without_settings_the_thresholds_are_the_documented_ones(home: Home) -> None:
    assert load_settings(home).thresholds == DEFAULTS
    assert DEFAULTS.bands == (("critical", 30), ("high", 10), ("medium", 2))
    assert (DEFAULTS.cooling_days, DEFAULTS.quiet_days, DEFAULTS.gone_days) == (7, 14, 30)
    assert (DEFAULTS.stuck_days, DEFAULTS.least_ranked, DEFAULTS.triage_length) == (7, 5, 7)
    table = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8").partition("## Thresholds")
    for name, value in DEFAULTS.model_dump().items():
        assert f"| `{name}` | {value:g} |" in table[2]


def test_the_environment_goes_over_the_file_one_threshold_at_a_time(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_settings(home, thresholds={"critical_gap": 40.0, "stuck_days": 10}, timezone="Europe/Berlin")
    monkeypatch.setenv("COHORT_THRESHOLDS__STUCK_DAYS", "12")
    thresholds = load_settings(home).thresholds
    assert (thresholds.critical_gap, thresholds.stuck_days, thresholds.high_gap) == (40, 12, 10)
    assert thresholds.changed == {"critical_gap": 40, "stuck_days": 12}
    assert hash(thresholds) == hash(Thresholds(critical_gap=40, stuck_days=12))
    save_settings(home, thresholds=None)
    monkeypatch.delenv("COHORT_THRESHOLDS__STUCK_DAYS")
    assert load_settings(home).thresholds == DEFAULTS
    assert load_settings(home).timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"critical_gap": 10}, "thresholds must rise from medium_gap over high_gap to critical_gap"),
        ({"quiet_days": 7}, "thresholds must rise from cooling_days over quiet_days to gone_days"),
        ({"gone_days": 400}, "thresholds.gone_days should be less than or equal to 365"),
        ({"least_ranked": 1}, "thresholds.least_ranked should be greater than or equal to 2"),
        ({"critical_gap": float("inf")}, "thresholds.critical_gap should be a finite number"),
        ({"stuck_days": 7.5}, "thresholds.stuck_days should be a valid integer"),
        ({"critcal_gap": 40}, "thresholds.critcal_gap is not known"),
    ],
)
def test_impossible_thresholds_are_refused_by_name(home: Home, wrong: dict[str, float], message: str) -> None:
    save_settings(home, thresholds=wrong)
    with pytest.raises(BadSettings) as refused:
        load_settings(home)
    assert message in refused.value.message
    assert str(home.config) in refused.value.message
    with pytest.raises(ValidationError):
        Thresholds(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://tracker.example.org", "https://tracker.example.org"),
        ("https://tracker.example.org/", "https://tracker.example.org"),
        (" https://example.org:8443/tracker/ ", "https://example.org:8443/tracker"),
        ("http://localhost:8501", "http://localhost:8501"),
        ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_the_public_address_is_kept_without_a_slash(home: Home, given: str, expected: str) -> None:
    assert load_settings(home).public_url is None
    save_settings(home, public_url=given)
    assert load_settings(home).public_url == expected


@pytest.mark.parametrize(
    "given",
    [
        *(
            "http://tracker.example.org",
            "tracker.example.org",
            "ftp://example.org",
            "javascript:alert(1)",
            "https://",
        ),
        *(
            "https://user:secret@example.org",
            "https://example.org/?a=b",
            "https://example.org/#a",
            "https://[",
            "",
        ),
        *(
            "https://example.org:port",
            "https://exa mple.org",
            "http://127.0.0.1.evil.example",
            "//example.org",
        ),
    ],
)
def test_a_public_address_that_is_not_safe_is_refused_by_name(home: Home, given: str) -> None:
    save_settings(home, public_url=given)
    with pytest.raises(BadSettings) as refused:
        load_settings(home)
    assert "public_url must be an address such as https://tracker.example.org" in refused.value.message
    assert "secret" not in refused.value.message


def test_many_who_save_at_once_lose_nothing(home: Home) -> None:
    names = [f"origin_{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: save_settings(home, **{name: name}), names))
    assert tomllib.loads(home.config.read_text("utf-8")) == {name: name for name in names}
    assert {path.name for path in home.files()} == {home.config.name, home.config_lock.name}
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.files())


def test_nobody_waits_for_ever_while_another_changes_them(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LOCK_TIMEOUT_SECONDS", 0.1)
    save_settings(home, app_id="a")
    with FileLock(home.config_lock), pytest.raises(SettingsBusy, match="try again"):
        save_settings(home, app_id="b")
    assert load_settings(home).app_id == "a"
