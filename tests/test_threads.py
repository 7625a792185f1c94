"""No thread decodes a type that msgspec has not read before: two that do so at once end the process (`model/ready.py`).

The daemon imports everything, has all types read, and only then begins threads. The room imports some things late, in threads.
So: whatever is decoded is a Struct, which `ready_for_threads` finds; a function that may run in a thread and imports a module
which is not there from the start calls it before it goes on; and whoever begins a thread in the room or in a command is listed.
"""

import ast
import dataclasses
import importlib
import pkgutil
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec

import controlroom

ROOT = Path(controlroom.__file__).parent
READY = "ready_for_threads"
DAEMON, ROOM = ("controlroom.daemon.__main__",), ("controlroom.tui.app", "controlroom.tui.link", "controlroom.cli.opening")
ALONE = ("controlroom.hook", "controlroom.gate")  # they decode no types, and have no threads
# Functions of commands that a thread of the room runs.
OF_THE_ROOM = {
    ("cli/opening.py", "_start"),
    ("cli/opening.py", "_estop"),
    ("cli/estop.py", "latch"),
    ("cli/estop.py", "everything"),
}
# Where the room and the commands begin threads. Of each it was looked at what it decodes, and what has its types read before.
THREADS = {
    ("cli/hands.py", "stop_all"),  # what shims say: read just before
    ("tui/app.py", "action_estop"),  # estop.latch reads what it imports
    ("tui/life.py", "_signalled"),  # it decodes nothing
    ("tui/memory.py", "write"),  # it only writes
    ("tui/link.py", "__init__"),  # snapshots: read by connect; _start reads what it imports
    ("tui/link.py", "order"),  # outcomes: their types came with the room, and were read by app.run
    ("tui/reader.py", "start"),  # lines of logs: read by _run
    ("tui/search.py", "look"),  # logs and the journal: read by _run
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages([str(ROOT)], "controlroom."):
        if not found.name.endswith("__main__") and found.name not in ALONE:
            yield importlib.import_module(found.name)


def functions() -> Iterator[tuple[str, Function]]:
    """Every function of the project, with its file."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield str(path.relative_to(ROOT)), node


def meant(call: ast.Call) -> ast.expr | None:
    """The type that a call decodes into; None = it decodes nothing, or into plain values."""
    name = ast.unparse(call.func)
    for keyword in call.keywords:
        if keyword.arg == "type" and name.endswith(("decode", "decode_lines", "convert")):
            return keyword.value
    at = 1 if name.endswith("convert") else 0 if name.endswith("Decoder") else None
    return call.args[at] if at is not None and "msgspec" in name and len(call.args) > at else None


def decoded() -> Iterator[tuple[str, object]]:
    """Every type that the project decodes, with its place; not what a function is given to decode into."""
    for module in modules():
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = dict(vars(module))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("controlroom"):
                names |= {alias.name: getattr(importlib.import_module(node.module), alias.name, None) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (wanted := meant(node)) is not None:
                place = f"{module.__name__}:{node.lineno}: {ast.unparse(wanted)}"
                if not (isinstance(wanted, ast.Name) and wanted.id not in names and not hasattr(typing, wanted.id)):
                    yield place, eval(ast.unparse(wanted), names)


def parts(kind: object, seen: set[object]) -> Iterator[object]:
    """A type and all types in it."""
    if kind in seen:
        return
    seen.add(kind)
    yield kind
    within = [*typing.get_args(kind)]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        within += [field.type for field in msgspec.structs.fields(kind)]
    for one in within:
        if isinstance(one, type) or typing.get_args(one):
            yield from parts(one, seen)


def structs() -> set[type]:
    """What `ready_for_threads` finds."""
    todo, found = [msgspec.Struct], set[type]()
    while todo:
        for one in todo.pop().__subclasses__():
            found.add(one)
            todo.append(one)
    return found


def test_whatever_is_decoded_is_of_types_that_can_be_read_before() -> None:
    seen: set[object] = set()
    found = [(place, part) for place, kind in decoded() for part in parts(kind, seen)]
    known = structs()
    assert len([part for _, part in found if part in known]) > 100, "the search finds what is decoded"
    others = [
        f"{place}: {part}"
        for place, part in found
        if isinstance(part, type)
        and (dataclasses.is_dataclass(part) or hasattr(part, "_fields") or typing.is_typeddict(part))
        and part not in known
    ]
    assert others == [], "msgspec reads these at their first decoding too, and nobody finds them before"


def loaded(starts: tuple[str, ...]) -> set[str]:
    """What is there when these have been imported, in an interpreter of its own."""
    code = f"import sys\nfor name in {starts!r}: __import__(name)\nprint(*(name for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True)
    return set(done.stdout.split())


def imported(function: Function) -> Iterator[tuple[int, str]]:
    """The modules of ours that a function imports, with the line."""
    for node in ast.walk(function):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("controlroom"):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_module = (ROOT.parent / whole.replace(".", "/")).with_suffix(".py").exists()
                yield node.lineno, whole if is_module else str(node.module)


def calls(function: Function) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func).split(".")[-1]


def test_what_a_thread_imports_late_is_read_before_it_goes_on() -> None:
    of_the_daemon, of_the_room = loaded(DAEMON), loaded(ROOM)
    wrong, late = [], 0
    for path, function in functions():
        if path.startswith("cli/") and (path, function.name) not in OF_THE_ROOM:
            continue  # commands import late too, with one thread
        there = of_the_daemon if path.startswith("daemon/") else of_the_room
        lines = [line for line, module in imported(function) if module not in there]
        ready = [line for line, name in calls(function) if name == READY]
        others = [line for line, name in calls(function) if name != READY and lines and line > min(lines)]
        late += bool(lines)
        if lines and not (ready and max(lines) < ready[0] and all(ready[0] <= line for line in others)):
            wrong.append(f"{path}: {function.name} imports in line {lines[0]} and does not call {READY} right after it")
    assert wrong == []
    assert late >= 4, "the search finds them"


def test_whoever_begins_a_thread_beside_the_daemon_is_known() -> None:
    ways = ("Thread", "ThreadPoolExecutor", "Timer", "to_thread", "run_sync", "run_in_executor")
    begun = {
        (path, function.name)
        for path, function in functions()
        if path.split("/")[0] in ("cli", "tui", "client") and any(name in ways for _, name in calls(function))
    }
    assert begun == THREADS
