"""A folder that is copied over another one: what both have is overwritten, though no word of the command names it."""

import posixpath
from typing import TYPE_CHECKING

from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.options import Parsed

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

MOST_SEEN = 1_000  # entries of a source that are looked at
MOST_NAMED = 200  # files that are named one by one


def merged(shell: "Shell", operands: list[Arg], parsed: Parsed, env: Env, *, slash: bool) -> list[Arg]:
    """The files that a copy of folders makes or overwrites in a folder; something below it where they are too many.

    `slash`: to this program a source that ends in one means what is in it (rsync).
    """
    given = next((v for name in ("-t", "--target-directory") for v in parsed.options.get(name, ()) if v), None)
    goal = given or (operands[-1] if len(operands) > 1 else None)
    if goal is None or not goal.certain or shell.remote:
        return []
    plain = "-T" in parsed.options or "--no-target-directory" in parsed.options
    found: list[Arg] = []
    for source in operands if given else operands[:-1]:
        if source.certain and ":" not in source.text.partition("/")[0]:
            contents = plain or (slash and source.text.endswith("/"))
            name = "" if contents else name_of(source.text)
            found += _over(shell, source.text, posixpath.join(goal.text, name), env)
    return found


def name_of(source: str) -> str:
    """What a copy of this is called in a folder; "" where it is what is in the source that goes there."""
    name = posixpath.basename(source.rstrip("/"))
    return "" if name in (".", "..") else name


def _over(shell: "Shell", source: str, over: str, env: Env) -> list[Arg]:
    """Where each file in the folder `source` goes in the folder `over`; () where it is none, and nothing is mixed."""
    real, stat = shell.files.place(source, env.cwd)
    there, goal = shell.files.place(over, env.cwd)
    if stat is None or goal is None or (stat.kind, goal.kind) != ("dir", "dir") or there == real:
        return []
    seen = shell.files.below(real, MOST_SEEN)
    files = [path for path in seen.paths if (at := shell.files.place(path, None)[1]) is None or at.kind != "dir"]
    if seen.partial or len(files) > MOST_NAMED:
        return [Arg(over, certain=False, stem=over, bounded=True)]
    return [Arg(posixpath.join(over, path[len(real) :].lstrip("/"))) for path in files]
