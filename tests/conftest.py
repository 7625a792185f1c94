"""What every test may ask for: a home of its own, and the ends of its logs when it fails. What Hypothesis does everywhere."""

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from controlroom.model.ready import ready_for_threads
from tests.support import home as homes
from tests.support.home import Home
from tests.support.waiting import eventually

# `make test` tries the same examples every time, so that it says the same every time; `make soak` looks for new ones.
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("soak", derandomize=False, database=None, deadline=None, print_blob=True)
settings.load_profile("soak" if os.environ.get("CONTROLROOM_SOAK") else "same")


@pytest.fixture
def home() -> Iterator[Home]:
    """A CONTROLROOM_HOME and HOME of the test's own. A process of ours that outlives the test fails it."""
    made = homes.make()
    yield made
    try:
        eventually(lambda: not made.processes(), 20, "every process of the test is gone")
    except AssertionError:
        pytest.fail(f"processes outlived the test: {made.kill_all()}")
    finally:
        homes.remove(made)


def pytest_collection_finish() -> None:
    """Threads of tests decode too."""
    ready_for_threads()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the logs of a failed test's home."""
    report = yield
    given = getattr(item, "funcargs", {}).get("home")
    if report.when == "call" and report.failed and isinstance(given, Home):
        report.sections.append(("logs of the home", given.report()))
    return report
