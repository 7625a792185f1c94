"""How many small mistakes in the decision path the tests notice: one operator, constant or answer is changed at a time.

`python -m tests.model.score` runs every mutant of the files in PATHS; `--every N` takes each N-th, `--minutes M` stops
before M minutes. Exit code 1 when of some file fewer than nine in ten are noticed, or when not all that were taken were tried.
"""

import argparse
import ast
import copy
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BAR = 0.9
SECONDS = 120  # for the tests of one mutant; what hangs is noticed
COPIED = ("controlroom", "tests/__init__.py", "tests/conftest.py", "tests/core", "tests/policy", "tests/support", "tests/model")
LISTS = ("tests/policy/test_protect.py", "tests/policy/test_protect_real.py")
ACTS = ("tests/policy/test_files.py", "tests/policy/test_scan.py")
POLICY = (*ACTS, *LISTS, *(f"tests/policy/test_{name}.py" for name in ("tiers", "both_ways", "tools", "corpus")))
CORE = ("tests/core",)
PATHS: dict[str, tuple[str, ...]] = {
    "controlroom/model/tier.py": POLICY,
    "controlroom/policy/files.py": POLICY,
    "controlroom/policy/protect.py": LISTS,
    "controlroom/policy/paths.py": LISTS,
    "controlroom/core/grants.py": CORE,
    "controlroom/core/requests.py": CORE,
}
_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_LOWER = {"T3": "T1", "T2": "T1", "TX": "T3"}


# What no test can notice, for it changes no answer: file, how the mutant as it is printed begins, why.
EQUIVALENT: dict[str, dict[str, str]] = {
    "controlroom/policy/paths.py": {
        "check gone: if './' not in text and ' /' not in text and (not text.endswith(('.', ' '))):": "a short cut",
    },
    "controlroom/policy/protect.py": {
        "check gone: if not self.quick.search(relative + '/'):": "a short cut: the exact expressions decide",
        "and/or: p.include and p.regex": "negations in the quick expression let more through to the exact one",
    },
    "controlroom/core/grants.py": {
        "tier: Tier.T2": "what is below T2 passes before any grant is looked at",
    },
}


class Mutant(NamedTuple):
    """One changed place: the file, what changed, the whole new text, and the line."""

    file: str
    what: str
    text: str
    line: int


def mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of a file that a test could notice."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    count = sum(1 for _ in _places(tree))
    for index in range(count):
        twin = copy.deepcopy(tree)
        node, how = list(_places(twin))[index]
        line = getattr(node, "lineno", 0)
        before = ast.unparse(node)
        _change(node, how)
        what = " ".join(f"{how}: {before}".split())
        if not what.startswith(tuple(EQUIVALENT.get(file, ()))):
            yield Mutant(file, what, ast.unparse(twin), line)


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    declared = {
        word.value
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for word in node.keywords
        if word.arg == "frozen"  # says what a type is, mypy holds it; decides nothing
    }
    for node in ast.walk(tree):
        if node in declared:
            continue
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            yield node, "comparison"
        elif isinstance(node, ast.BoolOp):
            yield node, "and/or"
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield node, "not"
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, "constant"
        elif isinstance(node, ast.Attribute) and node.attr in _LOWER and isinstance(node.ctx, ast.Load):
            yield node, "tier"
        elif isinstance(node, ast.If) and not isinstance(node.test, ast.Constant):
            yield node, "check gone"


def _change(node: ast.AST, how: str) -> None:
    if isinstance(node, ast.Compare):
        node.ops = [_COMPARE[type(node.ops[0])]()]
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
    elif isinstance(node, ast.Constant):
        node.value = not node.value
    elif isinstance(node, ast.Attribute):
        node.attr = _LOWER[node.attr]
    elif isinstance(node, ast.If):
        node.test = ast.Constant(value=False)


def noticed(mutant: Mutant) -> bool:
    """Whether the tests of a file turn red on it with the mutant, or hang. The file is restored afterwards."""
    place = ROOT / mutant.file
    whole = place.read_text("utf-8")
    place.write_text(mutant.text, "utf-8")
    try:
        return red(PATHS[mutant.file])
    finally:
        place.write_text(whole, "utf-8")


def red(tests: tuple[str, ...]) -> bool:
    """Whether tests fail, in a child that imports the project anew; third-party modules are there already."""
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        sys.dont_write_bytecode = True
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "score.ini", *tests])))
    _, status = os.waitpid(child, 0)
    return status != 0


def prepare(root: Path) -> None:
    """Copy what the tests need, without byte code, into `root`."""
    for name in COPIED:
        came, goes = ROOT / name, root / name
        goes.parent.mkdir(parents=True, exist_ok=True)
        if came.is_dir():
            shutil.copytree(came, goes, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(came, goes)
    (root / "score.ini").write_text("[pytest]\nmarkers =\n    row(*ids): rows\n")


def score(files: list[str], every: int, minutes: float) -> int:
    """Run the mutants of a copy, from inside it. Raises SystemExit when the tests are red without any."""
    for tests in dict.fromkeys(PATHS[file] for file in files):
        if red(tests):
            raise SystemExit(f"the tests are red without a mutant: {' '.join(tests)}")
    until = time.monotonic() + 60 * minutes
    return max([_one(file, every, until) for file in files], default=0)


def _one(file: str, every: int, until: float) -> int:
    """0 = enough mutants of a file are noticed, and all that were chosen were tried."""
    chosen = list(mutants(file))[::every]
    killed = ran = 0
    for mutant in chosen:
        if time.monotonic() > until:
            break
        ran += 1
        good = noticed(mutant)
        killed += good
        if not good:
            print(f"LIVED  {file}:{mutant.line} {mutant.what[:110]}", flush=True)
    share = killed / max(ran, 1)
    left = f"; OUT OF TIME, {len(chosen) - ran} not tried" if ran < len(chosen) else ""
    print(f"{file}: {killed} of {ran} noticed ({share:.1%}; bar {BAR:.0%}){left}", flush=True)
    return 0 if share >= BAR and not left else 1


def main() -> int:
    """Run and print; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.score", description="the mutation score of the decision path")
    parser.add_argument("files", nargs="*", help=f"of: {' '.join(PATHS)} (none = all)")
    parser.add_argument("--every", type=int, default=1, help="take each N-th mutant")
    parser.add_argument("--minutes", type=float, default=25.0)
    given = parser.parse_args()
    if (ROOT / "score.ini").exists():
        return score(given.files or list(PATHS), given.every, given.minutes)
    with tempfile.TemporaryDirectory(prefix="cr-score-") as folder:
        prepare(Path(folder))
        again = [sys.executable, "-m", "tests.model.score", *sys.argv[1:]]
        return subprocess.run(again, cwd=folder, env={**os.environ, "PYTHONPATH": folder}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
