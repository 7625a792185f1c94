"""The traced-execution oracle: commands really run in a throw-away tree inside bwrap; what they destroyed was predicted.

Every file that is gone or changed afterwards must be a target that policy named (or the command was held as hidden), what
is lost for good must have been asked about, and what is lost outside the workspace must have been T3 (A13, S19, N03, N05).
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.model.action import Action
from controlroom.model.effect import Assessment, EffectKind
from controlroom.model.tier import Tier
from controlroom.policy import Context, Manifest, assess
from controlroom.policy.paths import is_below
from controlroom.sensing.tree import RealTree

FILES = ("work/a.txt", "work/b.txt", "work/sub/c.txt", "work/sub/deep/d.txt", "work/sp ace.txt", "out/x.txt", "out/y/z.txt")
DESTROYING = {EffectKind.DELETE, EffectKind.WRITE, EffectKind.META}
HIDDEN = {"shell.hidden", "shell.unparsable", "target.could-match"}


def _bwrap_works() -> str:
    """Why commands cannot be run inside bwrap here, "" where they can."""
    if shutil.which("bwrap") is None:
        return "bwrap is missing: make system installs bubblewrap"
    tried = subprocess.run(
        ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "true"], capture_output=True, text=True, check=False
    )
    return "" if tried.returncode == 0 else f"bwrap cannot make a namespace here: {tried.stderr.strip()}"


WHY_NOT = _bwrap_works()
pytestmark = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cr-oracle-") as folder:
        yield Path(folder).resolve()


def _grow(root: Path) -> dict[str, bytes]:
    """A fresh tree below `root`; every file has content of its own."""
    for name in ("work", "out"):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"content of {name}\n")
    (root / "work" / "link").symlink_to(root / "out")
    return _look(root)


def _look(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_symlink()}


def _run(command: str, root: Path) -> None:
    """Run a command where it can change nothing but `root`, without a network, for at most a minute."""
    box = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--bind", str(root), str(root), "--unshare-all"]
    box += ["--die-with-parent", "--chdir", str(root / "work"), "--setenv", "HOME", str(root / "out"), "bash", "-c", command]
    subprocess.run(box, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)


def _assess(command: str, root: Path) -> Assessment:
    where = Context(str(root / "work"), str(root / "out"), Manifest.parse("", "none"))
    action = Action("Bash", msgspec.json.encode({"command": command}).decode(), str(root / "work"))
    return assess(action, where, RealTree())


NAMES = [
    "a.txt",
    "b.txt",
    "sub/c.txt",
    "sub",
    "sp ace.txt",
    "../out/x.txt",
    "link/x.txt",
    "sub/../a.txt",
    "./b.txt",
    "sub/deep",
]


def _spelled(name: str, how: int) -> str:
    """A name as a word of the shell, in one of many ways."""
    if how == 1:
        return shlex.quote(name)
    if how == 2:
        return "$'" + "".join(f"\\x{ord(char):02x}" for char in name) + "'"
    if how == 3:
        return '"' + name + '"'
    if how == 4 and " " not in name:
        return name[:-1] + "?"
    if how == 5 and " " not in name:
        return name[:-1] + "{" + name[-1] + ",zz}"
    if how == 6 and " " not in name:
        return '"$PWD"/' + name
    if how == 7:
        return f"$(printf %s {shlex.quote(name)})"
    return name.replace(" ", "\\ ")


words = st.builds(_spelled, st.sampled_from(NAMES), st.integers(0, 7))
simple = st.one_of(
    st.builds("rm -rf {}".format, words),
    st.builds("rm -f {} {}".format, words, words),
    st.builds("mv {} {}".format, words, words),
    st.builds("cp {} {}".format, words, words),
    st.builds("ln -sf {} {}".format, words, words),
    st.builds("echo new > {}".format, words),
    st.builds("echo more >> {}".format, words),
    st.builds(": >| {}".format, words),
    st.builds("truncate -s 0 {}".format, words),
    st.builds("tee {} < a.txt".format, words),
    st.builds("dd if=/dev/null of={} status=none".format, words),
    st.builds("find {} -type f -delete".format, words),
    st.builds("find {} -name '*.txt' -exec rm {{}} +".format, words),
    st.builds("printf '%s\\0' {} | xargs -0 rm -rf".format, words),
    st.builds("sed -i 1d {}".format, words),
    st.builds("D={}; rm -rf $D".format, words),
    st.builds('for f in {} {}; do rm -rf "$f"; done'.format, words, words),
    st.builds("cd sub && rm -rf {}".format, words),
    st.builds("cd link; rm -f {}".format, words),
    st.builds("cd sub && echo new > {}".format, words),
    st.builds("cd link && ls | cat > {}".format, words),
    st.builds("true && cd .. && : > {}".format, words),
    st.builds('x() {{ rm -rf "$1"; }}; x {}'.format, words),
    st.builds("echo ${{x:-`rm -rf {}`}}".format, words),
    st.builds("rm >/dev/null -rf {}".format, words),
    st.builds("python3 -c \"import os; os.remove('{}')\"".format, st.sampled_from(NAMES)),
    st.builds("python3 -c \"open('{}', 'w')\"".format, st.sampled_from(NAMES)),
    st.builds("awk 'BEGIN {{ print 1 > \"{}\" }}'".format, st.sampled_from(NAMES)),
    st.builds("sed -n 'w {}' a.txt".format, st.sampled_from(NAMES)),
)


def _wrapped(command: str, how: int) -> str:
    quoted = shlex.quote(command)
    return [
        command,
        f"bash -c {quoted}",
        f"env A=1 sh -c {quoted}",
        f"eval {quoted}",
        f"( {command} )",
        f"if true; then {command}; fi",
        f"timeout 5 nice bash -c {quoted}",
        f"bash <<'EOF'\n{command}\nEOF",
        f"echo $({command})",
        f"true && {command} || true",
        f"trap {quoted} EXIT",
        f"cat > /dev/null; {command}",
        f"cat > s.sh <<'EOF'\n{command}\nEOF\nbash s.sh",
        f"find . -maxdepth 0 -exec sh -c {quoted} \\;",
    ][how]


commands = st.builds(_wrapped, simple, st.integers(0, 13))


@pytest.mark.row("A13", "S19", "N03", "N05")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(commands, min_size=1, max_size=2))
def test_what_a_command_destroys_was_predicted(place: Path, parts: list[str]) -> None:
    command = "\n".join(parts)
    before = _grow(place)
    result = _assess(command, place)
    touched = [os.path.realpath(t.path) for e in result.effects if e.kind in DESTROYING for t in e.targets]
    _run(command, place)
    after = _look(place)
    hidden = result.tier >= Tier.T3 and bool({reason.rule for reason in result.reasons} & HIDDEN)
    for path, content in before.items():
        if after.get(path) == content:
            continue
        covered = any(is_below(path, target) for target in touched) or hidden
        unknown = any("computed while it runs" in r.text or "cannot be told" in r.text for r in result.reasons)
        assert covered or (unknown and result.tier >= Tier.T3), f"{command!r} destroyed {path}: {result}"
        kept = content in after.values() or after.get(path, b"").startswith(content) or "sed -i" in command
        if not kept:
            assert result.tier >= Tier.T2, f"{command!r} lost {path}: {result.reasons}"
        if not kept and not is_below(path, str(place / "work")):
            assert result.tier >= Tier.T3, f"{command!r} lost {path} outside: {result.reasons}"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(NAMES), st.integers(0, 6))
def test_what_is_predicted_of_a_plain_removal_happens(place: Path, name: str, how: int) -> None:
    before = _grow(place)
    word = _spelled(name, how)
    result = _assess(f"rm -rf {word}", place)
    predicted = [t.path for e in result.effects if e.kind is EffectKind.DELETE for t in e.targets if t.certain]
    _run(f"rm -rf {word}", place)
    gone = set(before) - set(_look(place))
    assert gone == {path for path in before if any(is_below(path, target) for target in predicted)}, (word, predicted)
