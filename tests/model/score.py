"""How many small mistakes in the decision path the tests notice: one operator, constant or answer is changed at a time.

`python -m tests.model.score` runs every mutant of the files in PATHS; `--every N` takes each N-th, `--minutes M` stops
before M minutes and says how far it came. Exit code 1 when fewer than nine in ten are noticed.
"""

import argparse
import ast
import copy
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
BAR = 0.9
COPIED = ("controlroom", "tests/__init__.py", "tests/core", "tests/policy", "tests/support", "tests/model")
POLICY = (
    "tests/policy/test_protect.py",
    "tests/policy/test_tiers.py",
    "tests/policy/test_both_ways.py",
    "tests/policy/test_tools.py",
)
CORE = ("tests/core", "tests/model/test_small_model.py")
PATHS: dict[str, tuple[str, ...]] = {
    "controlroom/model/tier.py": (*POLICY, *CORE),
    "controlroom/policy/files.py": POLICY,
    "controlroom/policy/protect.py": POLICY,
    "controlroom/policy/paths.py": POLICY,
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


class Mutant(NamedTuple):
    """One changed place: the file, what changed, and the whole new text."""

    file: str
    what: str
    text: str


def mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its text."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    count = sum(1 for _ in _places(tree))
    for index in range(count):
        twin = copy.deepcopy(tree)
        node, how = list(_places(twin))[index]
        line = getattr(node, "lineno", 0)
        before = ast.unparse(node)
        _change(node, how)
        yield Mutant(file, f"{file}:{line} {how}: {before[:80]}", ast.unparse(twin))


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
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


def noticed(mutant: Mutant, root: Path, seconds: int = 90) -> bool:
    """Whether the tests of a file turn red on a copy with the mutant (or hang on it). The copy is restored afterwards."""
    place = root / mutant.file
    whole = place.read_text("utf-8")
    place.write_text(mutant.text, "utf-8")
    try:
        child = os.fork()
        if child == 0:
            os._exit(_tests(root, PATHS[mutant.file], seconds))
        _, status = os.waitpid(child, 0)
        return status != 0
    finally:
        place.write_text(whole, "utf-8")


def _tests(root: Path, tests: tuple[str, ...], seconds: int) -> int:
    """In the child: pytest on the copy, quietly. Third-party modules are there already, the project's own are not."""
    import signal

    import pytest

    signal.alarm(seconds)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.dont_write_bytecode = True
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", "score.ini", *tests]))


def prepared(folder: str) -> Path:
    """A copy of what the tests need, without byte code, in `folder`."""
    root = Path(folder)
    for name in COPIED:
        came, goes = ROOT / name, root / name
        goes.parent.mkdir(parents=True, exist_ok=True)
        if came.is_dir():
            shutil.copytree(came, goes, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(came, goes)
    (root / "score.ini").write_text("[pytest]\nmarkers =\n    row(*ids): rows\n")
    return root


def main() -> int:
    """Run and print; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.score", description="the mutation score of the decision path")
    parser.add_argument("files", nargs="*", help=f"of: {' '.join(PATHS)} (none = all)")
    parser.add_argument("--every", type=int, default=1, help="take each N-th mutant")
    parser.add_argument("--minutes", type=float, default=25.0)
    given = parser.parse_args()
    for name in [name for name in sys.modules if name.split(".")[0] == "controlroom"]:
        del sys.modules[name]
    until = time.monotonic() + 60 * given.minutes
    chosen = [mutant for file in given.files or PATHS for mutant in mutants(file)][:: given.every]
    killed = ran = 0
    with tempfile.TemporaryDirectory(prefix="cr-score-") as folder:
        root = prepared(folder)
        for mutant in chosen:
            if time.monotonic() > until:
                break
            ran += 1
            good = noticed(mutant, root)
            killed += good
            if not good:
                print(f"LIVED  {mutant.what}", flush=True)
    share = killed / max(ran, 1)
    print(f"{killed} of {ran} noticed ({share:.1%}; bar {BAR:.0%}); {len(chosen) - ran} of {len(chosen)} not run")
    return 0 if share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
