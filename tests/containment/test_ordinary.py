"""The walls around an agent of an ordinary user, who may build them in a user namespace only: the same tests, as that user."""

import subprocess

import pytest

from controlroom.containment.rungs import bwrap_refuses
from tests.support import ordinary

ATTACK = "tests/containment/test_walls.py::test_no_program_inside_touches_what_is_never_touched"
TESTS = (
    *(f"{ATTACK}[{attacks}]" for attacks in ("programs of every machine", "io_uring")),
    "tests/containment/test_walls.py::test_no_capability_and_no_way_to_one_is_left",
    "tests/containment/test_walls.py::test_signals_do_not_leave",
    "tests/containment/test_walls.py::test_a_sandbox_of_the_agents_own_goes_on_working",
    "tests/cli/test_run.py::test_enforced_holds_what_the_lists_mean_and_the_gate_is_still_reached",
)


@pytest.mark.timeout(180)
@pytest.mark.row("N10", "G05")
def test_the_walls_stand_and_the_canary_finds_no_hole_as_an_ordinary_user() -> None:
    if ordinary.why_not() or bwrap_refuses():
        pytest.skip(f"needs {ordinary.why_not() or bwrap_refuses()}")
    words = ordinary.become(ordinary.pytest(*TESTS), HOME="/mnt/home")
    command = ordinary.command(f"mkdir -m 777 /mnt/home\ncd {ordinary.ROOT}\nexec {words}")

    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False)

    assert ordinary.passed(done.stdout) == f"{len(TESTS)} passed", done.stdout[-9000:] + done.stderr
