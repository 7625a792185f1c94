"""A hook that lives is found by its command line, whoever started it; a session without one is free to be frozen."""

import shlex
import signal
import sys

import msgspec
import pytest

from controlroom.agents.command import FIRST
from controlroom.containment import hold, hooks, processes
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, ProcessId
from tests.support.hostile import hold_session
from tests.support.waiting import eventually


def _hooks(handle: Handle) -> list[ProcessId]:
    """The processes with the hook in their words, the shell first."""
    found = [stat for stat in hold.members(handle) if b"/hook.py" in processes.cmdline(stat.pid)]
    return [one for stat in sorted(found, key=lambda stat: stat.start) if (one := processes.identify(stat.pid)) is not None]


@pytest.mark.parametrize("first", [*FIRST.values(), ""])
def test_a_hook_and_the_shell_around_it_hold_up_a_freeze_until_they_are_gone(probe: Probe, first: str) -> None:
    with hold_session(probe, ()) as held:
        hook = held.folder / "hook.py"
        hook.write_text("import time; time.sleep(60)\n")
        line = f"{first}{sys.executable} -I -S {hook} /run/gate claude-code PreToolUse || {{ sleep 60; exit 2; }}"
        (held.folder / "agent").write_text(f"sh -c {shlex.quote(line)}\nsleep 60\n")
        held.spec = msgspec.structs.replace(held.spec, command=("sh", str(held.folder / "agent")))
        held.start()
        handle = held.handle()
        eventually(lambda: len(_hooks(handle)) == 2, 20, "the hook runs in its shell")

        assert not hooks.gone(handle, 0.1)
        shell, client = _hooks(handle)
        assert processes.send(client, signal.SIGKILL)
        assert not hooks.gone(handle, 0.1)
        assert processes.send(shell, signal.SIGKILL)
        assert hooks.gone(handle, 10)


def test_what_only_names_a_hook_is_none(probe: Probe) -> None:
    settings = '{"command": "/usr/bin/python3 -I -S /x/hook.py /run/gate claude-code PreToolUse || exit 2"}'
    with hold_session(probe, ("sh", "-c", "sleep 60; : /x/hook.py", "--settings", settings)) as held:
        held.start()
        assert hooks.gone(held.handle(), 0)


def test_an_agent_with_its_hooks_on_its_command_line_is_none(probe: Probe) -> None:
    """As Codex is started: what stands behind `-c` is no command of a shell."""
    code = 'hooks = "/usr/bin/python3 -I -S /x/hook.py /run/gate codex PreToolUse"; import time; time.sleep(60)'
    with hold_session(probe, (sys.executable, "-c", code)) as held:
        held.start()
        eventually(lambda: _hooks(held.handle()), 20, "it runs")
        assert hooks.gone(held.handle(), 0)


def test_a_session_that_is_gone_has_none(probe: Probe) -> None:
    with hold_session(probe, ("sleep", "60")) as held:
        held.start()
        handle = held.handle()
        hold.kill(handle)
        assert hooks.gone(handle, 0)
