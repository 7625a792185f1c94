"""The real agents in a room of the case's own, or a skip that says why there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import install
from tests.e2e.room import Room
from tests.support.home import Home


@pytest.fixture(scope="session")
def claude() -> Path:
    """The pinned Claude Code."""
    return _program(install.CLAUDE)


@pytest.fixture(scope="session")
def codex() -> Path:
    """The pinned Codex CLI."""
    return _program(install.CODEX)


@pytest.fixture(scope="session")
def gemini() -> Path:
    """The pinned Gemini CLI."""
    return _program(install.GEMINI)


@pytest.fixture(scope="session")
def copilot() -> Path:
    """The pinned Copilot CLI."""
    return _program(install.COPILOT)


def _program(agent: install.Agent) -> Path:
    try:
        return install.program(agent)
    except install.Unavailable as why:
        pytest.skip(f"no {agent.package}: {why}")


@pytest.fixture
def room(home: Home, claude: Path) -> Iterator[Room]:
    """A room without a daemon yet, over a workspace with a folder `build` in it."""
    with _made(home, claude) as made:
        yield made


@pytest.fixture
def other_room(home: Home) -> Iterator[Room]:
    """The same for agents that are started by their own command; there is no Claude Code in it."""
    with _made(home, Path("/nonexistent/claude")) as made:
        yield made


@contextmanager
def _made(home: Home, claude: Path) -> Iterator[Room]:
    workspace = home.path.parent / "w"
    (workspace / "build").mkdir(parents=True)
    (workspace / "build" / "release.tar").write_text("the only copy", encoding="utf-8")
    made = Room(home, workspace, claude)
    home.looks.append(made.describe)
    try:
        yield made
    finally:
        made.close()
