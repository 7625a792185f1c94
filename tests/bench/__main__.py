"""Measures every figure that has a bar, one line a figure: name, value, bar, and `ok` or `SHORT`.

    python -m tests.bench [--json] [NAME...]

The modules `tests/bench/*_bench.py` each give `figures()`; NAME picks modules (`hook` for hook_bench).
Exit code: 1 when a figure is SHORT of its bar, 2 for an unknown name.
"""

import argparse
import compileall
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

import controlroom
from tests.bench.figure import Figure

HERE = Path(__file__).resolve().parent


def names() -> list[str]:
    """The benches that there are."""
    return sorted(path.stem.removesuffix("_bench") for path in HERE.glob("*_bench.py"))


def figures(chosen: list[str]) -> Iterator[Figure]:
    """Every figure of the chosen benches, as it is measured."""
    for name in chosen:
        yield from importlib.import_module(f"tests.bench.{name}_bench").figures()


def line(figure: Figure) -> str:
    """One figure for people."""
    if figure.better == "shown":
        return f"{figure.name:44} {figure.value:10.3f} {figure.unit:8} no bar, for comparison"
    bar = f"{'at most' if figure.better == 'lower' else 'at least'} {figure.bar:g} {figure.unit}"
    return f"{figure.name:44} {figure.value:10.3f} {figure.unit:8} {bar:22} {'ok' if figure.ok else 'SHORT'}"


def row(figure: Figure) -> dict[str, object]:
    """One figure for programs."""
    return {**msgspec.structs.asdict(figure), "ok": figure.ok}


def main() -> int:
    """Measure and print; see the module's text for the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="measure the figures that have a bar")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {' '.join(names())} (none = all)")
    parser.add_argument("--json", action="store_true", help="one array of objects")
    given = parser.parse_args()
    unknown = set(given.names) - set(names())
    if unknown:
        parser.error(f"no such bench: {' '.join(sorted(unknown))} (there are: {' '.join(names())})")
    compileall.compile_dir(Path(controlroom.__file__).parent, quiet=2)  # as an installed program is, and its rivals are
    measured = []
    for figure in figures(given.names or names()):
        measured.append(figure)
        if not given.json:
            print(line(figure), flush=True)
    if given.json:
        print(json.dumps([row(figure) for figure in measured], indent=2))
    return 0 if all(figure.ok for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
