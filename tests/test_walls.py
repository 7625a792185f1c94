"""The walls between the rooms hold: in the source (import-linter), and at run time, in a fresh interpreter (what is loaded)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"model", "text"}),
    frozenset({"policy", "core"}),
    frozenset({"storage", "containment", "sensing", "agents"}),
    frozenset({"daemon", "client"}),
    frozenset({"tui"}),
    frozenset({"cli"}),
)
ROOMS = sorted(room for floor in FLOORS for room in floor)
LOAD = """
import importlib, json, pkgutil, sys
room = importlib.import_module("controlroom." + sys.argv[1])
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded_by(room: str) -> set[str]:
    """Every module that a fresh interpreter holds after importing the whole room."""
    done = subprocess.run([sys.executable, "-I", "-c", LOAD, room], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_the_contracts_of_the_source_are_kept() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_stands_on_a_floor() -> None:
    packages = {path.parent.name for path in (ROOT / "controlroom").glob("*/__init__.py")}
    assert packages == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_loads_no_module_of_a_higher_floor(room: str) -> None:
    own = next(number for number, floor in enumerate(FLOORS) if room in floor)
    higher = {f"controlroom.{other}" for floor in FLOORS[own + 1 :] for other in floor}
    loaded = loaded_by(room)
    assert not {name for name in loaded if ".".join(name.split(".")[:2]) in higher}


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"tui", "cli"}))
def test_only_the_room_on_screen_loads_textual(room: str) -> None:
    assert not {name for name in loaded_by(room) if name.split(".")[0] in {"textual", "rich"}}


def test_the_command_line_loads_textual_only_when_it_opens_the_room() -> None:
    assert not {name for name in loaded_by("cli") if name.split(".")[0] == "textual"}


@pytest.mark.parametrize("room", ["model", "core"])
def test_the_core_loads_neither_sockets_nor_processes(room: str) -> None:
    assert not loaded_by(room) & {"socket", "subprocess", "asyncio", "anyio", "psutil", "watchfiles"}
