"""Takes one check at a time out of a copy of the core or of the policy and runs its tests on it: each must turn red (mutation
list, 2.11).

`python -m tests.model.mutate` runs all of them; names as arguments choose some.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
MODEL = "tests/model/test_small_model.py"
COPIED = (
    "controlroom",
    "tests/__init__.py",
    "tests/conftest.py",
    "tests/core",
    "tests/policy",
    "tests/support",
    "tests/model/__init__.py",
    MODEL,
)
WHERE = "tests/test_where.py"
CORE = ("tests/core",)
LISTS = ("tests/policy/test_protect.py",)
ORDER = ("tests/policy/test_weaker.py",)
SECONDS = 300.0


class Mutation(NamedTuple):
    """A check that goes away: in which file, seen from the core, which text (exactly once there) becomes which, and whose
    tests must notice.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...] = CORE


MUTATIONS: dict[str, Mutation] = {
    "review of what nobody watched": Mutation("sessions", 'unseen = event.review != "" and', "unseen = False and"),
    "shut gate until the review": Mutation(
        "sessions", "state=SessionState.UNCONFIRMED)\n    caught", "state=session.state)\n    caught"
    ),
    "digest compare": Mutation("requests", "if event.digest != request.digest:", "if False:"),
    "tombstone check": Mutation("requests", " or request.id in turn.state.tombs:", ":"),
    "peer-gone check": Mutation("requests", "if r.connection == event.connection]", "if False]"),
    "delivery check": Mutation("requests", "    if event.ok:\n", "    if True:\n"),
    "snapshot before the release": Mutation("requests", "    if request.assessment.undo:\n", "    if False:\n"),
    "snapshot that failed": Mutation(
        "requests", "    if not event.saved.seal and request.assessment.tier >= Tier.T2:", "    if False:"
    ),
    "grant for what cannot be undone": Mutation("grants", "what.tier >= Tier.T2 and not what.undo", "False"),
    "second look": Mutation("requests", "    if event.changed:\n", "    if False:\n"),
    "latch check on a new request": Mutation(
        "requests", '    if turn.state.latch:\n        return "stop"', '    if False:\n        return "stop"'
    ),
    "latch check at release": Mutation("requests", "    elif turn.state.latch:\n        deny", "    elif False:\n        deny"),
    "latch check on resume": Mutation(
        "sessions",
        '    if turn.state.latch:\n        turn.answer(event.ticket, f"latched',
        '    if False:\n        turn.answer(event.ticket, f"latched',
    ),
    "latch check on grants": Mutation("grants", "    if turn.state.latch:\n", "    if False:\n"),
    "stop denies all": Mutation(
        "sessions", '        requests.deny(turn, request, "stop", f"emergency stop {stop_id}")', "        pass"
    ),
    "stop revokes all": Mutation("sessions", 'lambda g: True, "emergency stop"', 'lambda g: False, "emergency stop"'),
    "session check": Mutation(
        "requests", "    if held.session.state is not SessionState.RUNNING or held.intent:", "    if False:"
    ),
    "journal before release": Mutation(
        "requests", "request.state is not RequestState.RECORDING or request.decision is None", "request.decision is None"
    ),
    "journal error": Mutation("requests", "    if event.error:\n", "    if False:\n"),
    "expiry of requests": Mutation(
        "requests", "        if request.deadline.reached(turn.at):\n            late", "        if False:\n            late"
    ),
    "expiry at the decision": Mutation(
        "requests", "    if request.deadline.reached(turn.at):\n        return", "    if False:\n        return"
    ),
    "monotonic part of expiry": Mutation(
        "../model/clock", "now.boot >= self.boot or now.wall >= self.wall", "now.wall >= self.wall"
    ),
    "wall part of expiry": Mutation(
        "../model/clock", "now.boot >= self.boot or now.wall >= self.wall", "now.boot >= self.boot"
    ),
    "grant use decrement": Mutation("grants", "uses=grant.uses - 1", "uses=grant.uses"),
    "grant expiry": Mutation("grants", " or grant.deadline.reached(now):", ":"),
    "grant path compare": Mutation("grants", 'path.startswith(root.rstrip("/") + "/")', "path.startswith(root)"),
    "grant effects compare": Mutation("grants", " or not _kinds(what) <= set(grant.effects)", ""),
    "grant argv compare": Mutation("grants", "what.argv == (grant.argv,)", "grant.argv in what.argv"),
    "configuration waits for a person": Mutation("grants", "    if ALWAYS_ASKED & set(event.effects):", "    if False:"),
    "flood cap": Mutation("requests", " or len(since) >= limits.fresh:", ":"),
    "undecided cap": Mutation("requests", "waiting > limits.undecided or ", ""),
    "row of denials": Mutation("sessions", "held.denials >= most", "False"),
    "cap of tombs": Mutation("turn", "len(tombs) - self.state.limits.tombs", "0"),
    "hooks before the freeze": Mutation(
        "sessions", "        turn.order(AwaitHooks(session))\n", '        turn.order(Contain(session, "freeze"))\n'
    ),
    "pause is refused": Mutation(
        "sessions",
        '    if event.ok:\n        turn.order(Contain(event.session, "freeze"))',
        '    if True:\n        turn.order(Contain(event.session, "freeze"))',
    ),
    "proof of a stop": Mutation("sessions", "whole = result.confirmed or claimed", "whole = True"),
    "stop outranks pause": Mutation("sessions", "    if held.intent in OUTRANKS[intent]:", "    if False:"),
    "reset names its stop": Mutation("sessions", "event.stop_id != turn.state.latch", "False"),
    "ancestor overlap check": Mutation(
        "../policy/protect", "else None, self._fixed_below(name, only))", "else None, None)", LISTS
    ),
    "overlap with our own folders": Mutation(
        "../policy/protect", "if any(is_below(own, path) for own in self._own):", "if False:", LISTS
    ),
    "whole components of a path": Mutation(
        "../policy/paths", 'path.startswith(ancestor.rstrip("/") + "/")', "path.startswith(ancestor)", LISTS
    ),
    "hard links of a member": Mutation("../policy/protect", "(stat.dev, stat.ino) in self._inodes():", "False:", LISTS),
    "a manifest that is broken": Mutation("../policy/protect", "self.broken = user.broken or ", "self.broken = ", LISTS),
    "configuration weaker-than check": Mutation("../policy/weaker", "return tuple(dict.fromkeys(found))", "return ()", ORDER),
    "weaker hold": Mutation("../policy/weaker", "new.config.hold.seconds > old.config.hold.seconds", "False", ORDER),
    "weaker containment": Mutation(
        "../policy/weaker", "_CONTAINMENT.index(b.containment) < _CONTAINMENT.index(a.containment)", "False", ORDER
    ),
    "more capabilities": Mutation("../policy/weaker", "if not any(holds(known, scope) for known in before)", "if False", ORDER),
    "only the result that was ordered": Mutation("sessions", " or ENDS.get(held.intent) != result.act:", ":"),
}


def source(mutation: Mutation, root: Path = ROOT) -> Path:
    """The file that a mutation changes."""
    return (root / "controlroom" / "core" / f"{mutation.file}.py").resolve()


def run(mutation: Mutation | None, tests: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run tests on a copy, with the mutation if there is one; pytest's status (0 green, 1 red) and its last lines.

    No tests named = those of the mutation.
    Raises ValueError when the text is not exactly once in its file: the list has to follow the code.
    """
    with tempfile.TemporaryDirectory(prefix="cr-mutant-") as folder:
        root = Path(folder)
        for name in COPIED:
            came, goes = ROOT / name, root / name
            goes.parent.mkdir(parents=True, exist_ok=True)
            if came.is_dir():
                shutil.copytree(came, goes, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(came, goes)
        (root / WHERE).write_text(_WHERE.format(root=str(root)))
        (root / "pytest.ini").write_text(f"[pytest]\nmarkers =\n    row(*ids): rows\ntimeout = {SECONDS:.0f}\n")
        if mutation:
            _apply(mutation, root)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", WHERE]
        command += tests or (mutation.tests if mutation else CORE)
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False)
        return done.returncode, "\n".join(done.stdout.splitlines()[-3:])


_WHERE = """import controlroom.core


def test_it_is_the_copy_that_is_tested() -> None:
    assert controlroom.core.__file__.startswith({root!r})
"""


def _apply(mutation: Mutation, root: Path) -> None:
    path = source(mutation, root)
    text = path.read_text()
    if text.count(mutation.old) != 1:
        raise ValueError(f"{path.name}: {mutation.old!r} is there {text.count(mutation.old)} times, not once")
    path.write_text(text.replace(mutation.old, mutation.new))


def main(names: list[str]) -> int:
    """Run the mutations of these names, or all; 1 = one of them lived."""
    lived = []
    for name in names or list(MUTATIONS):
        status, tail = run(MUTATIONS[name])
        print(f"{'killed' if status == 1 else 'LIVED '} {name}: {tail.splitlines()[-1] if tail else status}", flush=True)
        lived += [name] if status != 1 else []
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
