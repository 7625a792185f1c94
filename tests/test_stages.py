"""The closing line of the suite counts what really happened."""

import sys
from pathlib import Path

import pytest

from scripts import stages

CASES = """
import pytest
def test_good(): pass
def test_bad(): assert False
def test_not_here(): pytest.skip("the program is missing")
@pytest.fixture
def broken(): raise OSError("no")
def test_error(broken): pass
"""


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The reports of the stages under test, away from those of the suite that runs them."""
    monkeypatch.setattr(stages, "REPORTS", tmp_path)
    return tmp_path


def test_cases_are_counted_and_an_error_is_a_failure(reports: Path) -> None:
    (reports / "test_cases.py").write_text(CASES, encoding="utf-8")
    assert stages.pytest("it", "-p", "no:xdist", "--rootdir", str(reports), str(reports))(50.0) == stages.Count(1, 2, 1)


def test_a_pytest_that_cannot_start_is_a_failure(reports: Path) -> None:
    assert stages.pytest("it", "--no-such-option")(50.0).failed == 1


def test_a_stage_that_does_not_end_is_killed_and_fails() -> None:
    assert stages.plain([sys.executable, "-c", "import time; time.sleep(60)"])(0.5) == stages.Count(failed=1)


def test_the_suite_fails_with_any_failure_and_says_so(
    reports: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    table = {
        "good": (9.0, stages.plain([sys.executable, "-c", ""])),
        "bad": (9.0, stages.plain([sys.executable, "-c", "raise SystemExit(3)"])),
    }
    monkeypatch.setattr(stages, "STAGES", table)
    assert stages.main(["bad", "good"]) == 1
    assert capfd.readouterr().out.endswith("FAILED: 1 passed, 1 failed, 0 skipped\n")
    assert stages.main(["good"]) == 0
    assert stages.main([]) == 2
