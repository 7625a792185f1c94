"""Never-touch behind walls: every attack destroys the file outside, and none does inside, whatever program makes it.

Ground truth is the file itself, looked at from outside. Needs bwrap and a kernel that lets us make namespaces.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from controlroom.containment import cage, hold, rungs
from controlroom.containment.cage import Cage, Layout, Report
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Rung
from tests.support.hostile import Grove, hold_session

CONTENT = "the only copy\n"
URING = Path(__file__).parents[1] / "support" / "hostile" / "uring.py"
PYTHON = f"{sys.executable} -I -S"


class Place:
    """A folder with a protected one deep in it: `deep/kept/file`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "deep" / "kept" / "file"
        self.file.parent.mkdir(parents=True)
        self.file.write_text(CONTENT)
        self.file.chmod(0o644)

    def whole(self) -> bool:
        """Whether the file is there, under its one name, as it was."""
        try:
            found = self.file.stat()
            return self.file.read_text() == CONTENT and found.st_nlink == 1 and found.st_mode & 0o777 == 0o644
        except OSError:
            return False


@pytest.fixture
def top() -> Iterator[Path]:
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="cr")))
    yield folder
    shutil.rmtree(folder)


def walled(top: Path, **changes: object) -> tuple[Place, Cage]:
    """The place, and the walls around an agent that works in it; a gate listens."""
    bwrap = cage.find_bwrap()
    if not bwrap:
        pytest.skip("needs bwrap: ENFORCED cannot be tried here")
    place = Place(top / "ws")
    for name in ("run/gate", "state"):
        (top / name).mkdir(parents=True, mode=0o700, exist_ok=True)
    folder = str(top / "state" / "s")
    cage.prepare(folder)
    layout = Layout(
        workspace=str(top / "ws"),
        user_home=str(top / "home"),
        runtime=str(top / "run"),
        gate=str(top / "run" / "gate"),
        folder=folder,
        readonly=(str(place.file.parent),),
        hidden=(str(top / "state"),),
        program=tuple({os.path.realpath(path) for path in (Path(cage.__file__).parents[1], sys.prefix, sys.base_prefix)}),
    )
    return place, cage.walls(bwrap, msgspec.structs.replace(layout, **changes))


@pytest.fixture
def gate(top: Path) -> Iterator[socket.socket]:
    """Somebody listens at gate.sock."""
    (top / "run" / "gate").mkdir(parents=True, mode=0o700)
    (top / "run").chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(top / "run" / "gate" / "gate.sock"))
        listener.listen(8)
        yield listener
    shutil.rmtree(top / "run")


ATTACKS = {
    "rm": "rm -rf {file}",
    "rm of the folder above": "rm -rf {kept}",
    "mv of the file": "mv {file} {ws}/x",
    "mv of an ancestor": "mv {deep} {ws}/other",
    "mv over it": "echo new > {ws}/n; mv -f {ws}/n {file}",
    "truncate": "truncate -s 0 {file}",
    "redirection": ": > {file}",
    "append": "echo more >> {file}",
    "chmod": "chmod 777 {file}",
    "hard link": "ln {file} {ws}/link",
    "symbolic link": "ln -s {file} {ws}/sym; : > {ws}/sym",
    "python": PYTHON + " -c \"import os; os.remove('{file}')\"",
    "mmap": PYTHON + " -c \"import mmap; f = open('{file}', 'r+b'); m = mmap.mmap(f.fileno(), 4); m[:4] = b'gone'; m.flush()\"",
    "thread": PYTHON
    + " -c \"import threading,os; t = threading.Thread(target=os.remove, args=('{file}',)); t.start(); t.join()\"",
    "static binary": "{busybox} rm -f {file}",
    "io_uring": PYTHON + f" {URING} {{file}}",
    "/proc/self/root": "rm -f /proc/self/root{file}",
    "/proc/1/root": "rm -f /proc/1/root{file}",
    "nested user namespace": "unshare -Urm sh -c 'umount -l {kept}; mount -o remount,bind,rw {kept}; rm -f {file}' || "
    "unshare -Um sh -c 'umount -l {kept}; rm -f {file}'",
    "namespaces of others": "nsenter -t 1 -m rm -f {file}",
    "umount": "umount -l {kept}; rm -f {file}",
    "remount": "mount -o remount,bind,rw {kept}; rm -f {file}",
}

BY_INIT = ("/proc/1/root", "namespaces of others")  # outside, init may be closed to us: there is no control then
NOT_EVERYWHERE = ("static binary", "io_uring")


def _command(place: Place, attack: str, top: Path) -> str:
    busybox = shutil.which("busybox")
    if "{busybox}" in ATTACKS[attack]:
        busybox = busybox or _static(top)
    kept = place.file.parent
    return ATTACKS[attack].format(file=place.file, kept=kept, deep=kept.parent, ws=place.folder, busybox=busybox)


def _static(top: Path) -> str:
    """A static `NAME rm -f FILE` of our own where there is no busybox."""
    if not shutil.which("gcc"):
        pytest.skip("needs busybox or gcc: no static binary")
    source = top / "rm.c"
    source.write_text("#include <unistd.h>\nint main(int n, char **v) { return unlink(v[n - 1]); }\n")
    built = subprocess.run(["gcc", "-static", "-o", str(top / "rm"), str(source)], capture_output=True, check=False)
    if built.returncode != 0:
        pytest.skip("needs a static C library")
    return str(top / "rm")


@pytest.mark.row("N10")
@pytest.mark.parametrize(
    "attacks",
    [tuple(attack for attack in ATTACKS if attack not in NOT_EVERYWHERE), *((attack,) for attack in NOT_EVERYWHERE)],
    ids=["programs of every machine", *NOT_EVERYWHERE],
)
def test_no_program_inside_touches_what_is_never_touched(
    top: Path, gate: socket.socket, subreaper_probe: Probe, attacks: tuple[str, ...]
) -> None:
    """Each attack has a file of its own, outside and inside of the walls."""
    for number, attack in enumerate(attacks):
        control = Place(top / "control" / str(number))
        done = subprocess.run(["sh", "-c", _command(control, attack, top)], capture_output=True, timeout=20, check=False)
        if done.returncode == 77:
            pytest.skip("needs io_uring: this kernel gives no ring")
        assert attack in BY_INIT or not control.whole(), f"{attack} is none: {done.stderr.decode()}"

    places = {attack: Place(top / "ws" / str(number)) for number, attack in enumerate(attacks)}
    _, built = walled(top, readonly=tuple(str(place.file.parent) for place in places.values()))
    script = "\n".join(f"sh -c {shlex.quote(_command(place, attack, top))}" for attack, place in places.items())
    with hold_session(subreaper_probe, ("sh", "-c", f"{script}\necho tried"), cage=built) as held:
        said, _ = held.start(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).communicate(timeout=40)

        assert said == b"tried\n"
        assert msgspec.json.decode((held.folder / "report.json").read_bytes(), type=Report).broken == ()
        assert [attack for attack, place in places.items() if not place.whole()] == []
        assert not Path(built.folder).exists()


def _said(top: Path, probe: Probe, script: str, **changes: object) -> str:
    _, built = walled(top, **changes)
    with hold_session(probe, ("sh", "-c", script), cage=built) as held:
        shim = held.start(stdout=subprocess.PIPE)
        return shim.communicate(timeout=20)[0].decode()


def test_work_in_the_workspace_goes_on(top: Path, gate: socket.socket, probe: Probe) -> None:
    ws = top / "ws"
    said = _said(
        top, probe, f"mkdir {ws}/new && echo hi > {ws}/new/f && mv {ws}/new {ws}/old && cat {ws}/old/f; rm -r {ws}/old"
    )
    assert said == "hi\n"


@pytest.mark.row("S04")
def test_inside_the_gate_is_seen_and_nothing_else_of_ours(top: Path, gate: socket.socket, probe: Probe) -> None:
    said = _said(top, probe, f"ls -A {top}/run; ls -A {top}/state/s 2>&1; ls /proc | grep -c '^[0-9]*$'")
    assert said.splitlines()[:2] == ["gate.sock", "canary"]
    assert int(said.splitlines()[2]) < 8


def test_no_capability_and_no_way_to_one_is_left(top: Path, gate: socket.socket, subreaper_probe: Probe) -> None:
    said = _said(
        top, subreaper_probe, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; ls /dev/sda /dev/vda /dev/mem 2>/dev/null"
    )
    assert {line.split()[1] for line in said.splitlines()} == {"0" * 16, "1"}


def test_a_sandbox_of_the_agents_own_goes_on_working(top: Path, gate: socket.socket, subreaper_probe: Probe) -> None:
    """Where it runs as an ordinary user; the root of a sandbox without capabilities has no user namespaces to give."""
    script = f"{cage.find_bwrap()} --unshare-user --ro-bind / / --dev /dev --proc /proc echo nested 2>/dev/null"
    assert _said(top, subreaper_probe, script) == ("" if os.getuid() == 0 else "nested\n")


def test_without_network_there_is_none(top: Path, gate: socket.socket, subreaper_probe: Probe) -> None:
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert _said(top, subreaper_probe, f'{PYTHON} -c "{code}"', network=False) == "['lo']\n"


def test_signals_do_not_leave(top: Path, gate: socket.socket, grove: Grove, subreaper_probe: Probe) -> None:
    with subprocess.Popen(grove.command("plain")) as outsider:
        grove.wait_for(1)
        _said(top, subreaper_probe, f"kill -9 {outsider.pid}")
        grove.wait_heard(1)
        outsider.kill()


def test_a_throw_away_home_and_tmp_vanish_and_are_listed(top: Path, gate: socket.socket, subreaper_probe: Probe) -> None:
    home = Path(tempfile.mkdtemp(prefix="crhome", dir="/var"))
    try:
        (home / "mine").write_text("precious")
        place, built = walled(top, user_home=str(home), home=True)
        script = f"ls -A {home}; echo x > {home}/left; mkdir {home}/d; echo y > {home}/d/deep"
        with hold_session(subreaper_probe, ("sh", "-c", script), cage=built) as held:
            shim = held.start(stdout=subprocess.PIPE)
            assert shim.communicate(timeout=20)[0] == b""
            assert held.ended().thrown == ["home/left", "home/d/deep"]
        assert [path.name for path in home.iterdir()] == ["mine"]
        assert place.whole()
        assert not Path(built.folder).exists()
    finally:
        shutil.rmtree(home)


def test_a_wall_that_does_not_stand_is_named(top: Path, gate: socket.socket, subreaper_probe: Probe) -> None:
    """Each check of the canary is seen to fail: the sandbox is built with one wall left out."""
    _, built = walled(top)
    words = built.options
    without = {
        "is not read-only": _replaced(words, "--ro-bind", "/sys", "--bind"),
        "a protected file can be": _replaced(words, "--ro-bind", f"{built.checks.canary}/ancestor/kept", "--bind"),
        "is not pinned": _left_out(words, str(top / "ws" / "deep")),
        "is not hidden": _left_out(words, str(top / "state")),
        "operator.sock": _replaced(words, "--ro-bind", str(top / "run" / "gate"), "--ro-bind", str(top / "run")),
    }
    if os.getuid() == 0:  # of anybody else bwrap drops them unasked
        without["capabilities are left"] = tuple(w for w in words if w not in ("--cap-drop", "ALL"))
    (top / "run" / "operator.sock").touch()
    for text, options in without.items():
        shutil.rmtree(built.folder)
        cage.prepare(built.folder)
        weak = msgspec.structs.replace(built, options=options)
        with hold_session(subreaper_probe, ("true",), cage=weak) as held:
            held.start().wait(20)
            broken = msgspec.json.decode((held.folder / "report.json").read_bytes(), type=Report).broken
            assert any(text in line for line in broken), (text, broken)
        (top / "state").mkdir(exist_ok=True)
        cage.prepare(built.folder)


def _replaced(words: tuple[str, ...], option: str, source: str, by: str, other: str = "") -> tuple[str, ...]:
    found = next(at for at in range(len(words)) if words[at] == option and words[at + 1] == source)
    return (*words[:found], by, other or source, *words[found + 2 :])


def _left_out(words: tuple[str, ...], path: str) -> tuple[str, ...]:
    found = next(at for at, word in enumerate(words) if word == path)
    start = max(at for at in range(found) if words[at].startswith("--"))
    end = next((at for at in range(found + 1, len(words)) if words[at].startswith("--")), len(words))
    if words[start - 2] == "--perms":
        start -= 2
    return (*words[:start], *words[end:])


@pytest.mark.row("K02", "K03")
@pytest.mark.parametrize(
    ("kind", "count", "beating"),
    [("daemons", 6, 6), ("stubborn", 4, 4), pytest.param("chains", 8, 9, marks=pytest.mark.serial)],
)
def test_a_pid_namespace_ends_whole_and_proves_it(
    grove: Grove, subreaper_probe: Probe, kind: str, count: int, beating: int
) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    built = cage.namespace(cage.find_bwrap())
    with hold_session(subreaper_probe, grove.command(kind, count), cage=built) as held:
        held.start()
        grove.wait_for(beating)
        handle = held.handle()
        assert handle.rung is Rung.PIDNS

        result = hold.kill(handle)

        assert grove.heard() == set()
        assert (result.proof, result.survivors) == ("PID namespace ended", ())
        assert held.ended().status == 137
        assert held.nothing_left()


def test_a_pid_namespace_is_paused_and_goes_on(grove: Grove, subreaper_probe: Probe) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    with hold_session(subreaper_probe, grove.command("daemons", 4), cage=cage.namespace(cage.find_bwrap())) as held:
        held.start()
        grove.wait_for(4)

        frozen = hold.freeze(held.handle())
        quiet = grove.heard()
        hold.thaw(held.handle())

        assert quiet == set()
        grove.wait_heard(4)
        assert not frozen.confirmed


@pytest.mark.row("K11")
def test_a_namespace_whose_shim_was_killed_still_ends_with_proof(grove: Grove, subreaper_probe: Probe) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    with hold_session(subreaper_probe, grove.command("stubborn", 3), cage=cage.namespace(cage.find_bwrap())) as held:
        shim = held.start()
        grove.wait_for(3)
        shim.kill()
        shim.wait(20)
        grove.wait_heard(3)

        assert hold.kill(held.handle()).proof == "PID namespace ended"
        assert grove.heard() == set()
        assert held.nothing_left()
