"""Who left its group, its parents or its environment is found; and nothing is called proved that the kernel did not say."""

import os
import subprocess
import sys

import msgspec
import pytest

from controlroom.containment import cgroup, hold, processes
from controlroom.containment.rungs import Probe
from tests.support.hostile import Grove, hold_session


@pytest.mark.row("K02")
@pytest.mark.parametrize("mark", ["variable", "limit"])
def test_without_shim_and_parents_the_lost_are_found_by_their_marks(subreaper_probe: Probe, grove: Grove, mark: str) -> None:
    """Who emptied its environment still has the limit; who lowered the limit still has the variable."""
    kind, tag = ("daemons", 700_123) if mark == "limit" else ("plain", 0)
    code = "import os,subprocess,sys; os.setsid() if os.fork() == 0 else os._exit(0); subprocess.run(sys.argv[1:])"
    words = (sys.executable, "-I", "-S", "-c", code, *grove.command(kind, 3))
    with hold_session(subreaper_probe, words, tag=tag, keep=True) as held:
        held.spec = msgspec.structs.replace(held.spec, env={**os.environ, processes.MARK: held.spec.session})
        shim = held.start()
        grove.wait_for(3)
        handle = held.handle()
        assert handle.root is not None and handle.shim is not None
        assert processes.wait_gone(handle.root, 10)
        shim.kill()
        shim.wait(20)
        grove.wait_heard(3)

        result = hold.kill(handle)

        assert grove.heard() == set()
        assert not result.confirmed


@pytest.mark.row("K02")
def test_who_moved_out_of_the_cgroup_is_killed_through_the_shim(cgroup_probe: Probe, grove: Grove) -> None:
    elsewhere = cgroup_probe.leaf(f"elsewhere-{os.getpid()}")
    cgroup.create(elsewhere)
    (grove.folder / "elsewhere").write_text(elsewhere)
    try:
        with hold_session(cgroup_probe, grove.command("migrant")) as held:
            held.start()
            grove.wait_for(2)
            stray = cgroup.procs(elsewhere)
            assert len(stray) == 1
            assert processes.session_of(stray[0], [held.handle()]) == held.spec.session

            result = hold.kill(held.handle())

            assert grove.heard() == set()
            assert result.survivors == ()
    finally:
        assert cgroup.remove(elsewhere)


@pytest.mark.row("K02")
@pytest.mark.parametrize("shim", ["lives", "is killed"])
def test_who_moved_out_and_had_the_group_removed_is_no_proof_of_its_end(cgroup_probe: Probe, grove: Grove, shim: str) -> None:
    """The kernel removes only an empty group, but that says nothing of who left it before."""
    elsewhere = cgroup_probe.leaf(f"elsewhere-{os.getpid()}")
    cgroup.create(elsewhere)
    leave = f"open('{elsewhere}/cgroup.procs', 'w').write('0')"
    code = f"import os,sys; os.fork() and os._exit(0); {leave}; os.execv(sys.argv[1], sys.argv[1:])"
    try:
        with hold_session(cgroup_probe, (sys.executable, "-I", "-S", "-c", code, *grove.command("plain")), keep=True) as held:
            held.spec = msgspec.structs.replace(held.spec, env={**os.environ, processes.MARK: held.spec.session})
            process = held.start()
            grove.wait_for(1)
            assert cgroup.remove(held.spec.cgroup, 10)
            if shim == "is killed":
                process.kill()
                process.wait(5)

            result = hold.kill(held.handle())

            assert grove.heard() == set()
            assert result.proof == ("ECHILD" if shim == "lives" else "")
    finally:
        cgroup.kill(elsewhere)
        assert cgroup.remove(elsewhere, 10)


@pytest.mark.row("K01", "K03")
def test_a_kernel_without_cgroup_kill_kills_members_one_by_one_and_nobody_else(
    cgroup_probe: Probe, grove: Grove, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux before 5.14. A pid that left the leaf after it was listed, or means another process by now, is not hit."""
    write = cgroup._write

    def older(leaf: str, name: str, value: str) -> None:
        if name == "cgroup.kill":
            raise FileNotFoundError(name)
        write(leaf, name, value)

    listed = cgroup.procs
    monkeypatch.setattr(cgroup, "_write", older)
    with subprocess.Popen(grove.command("plain")) as bystander:
        monkeypatch.setattr(cgroup, "procs", lambda leaf: [*listed(leaf), bystander.pid])
        grove.wait_for(1)
        with hold_session(cgroup_probe, grove.command("stubborn", 4)) as held:
            held.start()
            grove.wait_for(5)

            result = hold.kill(held.handle())

            assert result.proof == "cgroup populated 0"
            grove.wait_heard(1)
            assert grove.heard() <= {str(bystander.pid)}
        bystander.kill()
