"""One time zone, because the Log tab shows the local time of day; and a daemon where one is asked for."""

import time
from collections.abc import Iterator

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home


@pytest.fixture(autouse=True)
def greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    """A real daemon process in a home of the test's own."""
    made = daemons.start(home)
    yield made
    daemons.stop(made)
