"""The walls between the rooms hold: in the source (import-linter), and at run time, in a fresh interpreter (what is loaded)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.home import Home

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
HOOK_LOADS = frozenset({"_socket", "select"})
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


@pytest.mark.parametrize("words", [["estop"], ["allow", "1", "--digest", "0"], ["deny", "1"]], ids=lambda words: words[0])
def test_the_answers_and_the_emergency_stop_start_without_the_heavy_imports(home: Home, words: list[str]) -> None:
    start = "import json, sys; from controlroom.cli.start import main; main(sys.argv[1:]); print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", start, *words], env=home.env, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert not loaded & {"cyclopts", "textual", "rich", "asyncio", "anyio", "tree_sitter", "watchfiles", "platformdirs"}


def test_the_hook_loads_nothing_but_a_few_modules_of_the_standard_library(home: Home) -> None:
    """Few, because each costs start-up time, and each is code that runs before the denial is in place."""

    def imported(*command: str) -> set[str]:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-X", "importtime", *command],
            env=home.env, input="{}", capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip
        return set(re.findall(r"import time:.*\| +(\w[\w.]*)", done.stderr))

    hook = imported(str(ROOT / "controlroom" / "hook.py"), str(home.path / "run"), "claude-code", "PreToolUse")
    assert hook - imported("-c", "pass") <= HOOK_LOADS
