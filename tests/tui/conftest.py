"""A running daemon for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    """A real daemon process in a home of the test's own."""
    made = daemons.start(home)
    yield made
    daemons.stop(made)
