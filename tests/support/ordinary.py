"""Commands as an ordinary user, started by root, in a mount namespace where that user reaches our interpreter and sources."""

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

UID = 60_001
ROOT = Path(__file__).parents[2]


def why_not() -> str:
    """What is missing for it, "" = nothing."""
    if os.getuid() != 0:
        return "root, to become another user"
    return next((f"the program {name}" for name in ("unshare", "setpriv") if not shutil.which(name)), "")


def become(words: Sequence[str], **env: str) -> str:
    """A shell line that runs `words` as the user, with nothing of our environment but PATH."""
    variables = {"PATH": os.environ["PATH"], "HOME": "/tmp", **env}
    assigned = [f"{name}={value}" for name, value in variables.items()]
    return shlex.join(
        ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i", *assigned, *words],
    )


def command(script: str, *namespaces: str) -> list[str]:
    """The command line that runs shell lines as root, in a mount namespace of its own and what `unshare` is told more."""
    return ["unshare", "--mount", "--propagation=private", *namespaces, "sh", "-ec", "\n".join((*_reachable(), script))]


def pytest(*nodes: str) -> list[str]:
    """The words that run tests of ours, none beside another, with a summary that `passed` reads."""
    return [sys.executable, "-m", "pytest", "-o", "addopts=", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist", *nodes]


def passed(said: str) -> str:
    """What became of them, as the summary's last line says it: `5 passed`, `1 failed, 4 passed` ...; "" without one."""
    found = re.findall(r"=+ ([a-z0-9, ]+) in [0-9.]+s[^=]*=+", said)
    return found[-1] if found else ""


def _reachable() -> list[str]:
    """Shell lines that put an open folder in the place of each one on the way that is closed to others, with what we need."""
    needed = sorted({os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, ROOT)})
    lines = ["mount -t tmpfs none /mnt"]
    for closed in {_closed(path) for path in needed} - {""}:
        inside = {f"/mnt/{number}": path for number, path in enumerate(needed) if path.startswith(f"{closed}/")}
        for place, path in inside.items():
            lines += [f"mkdir {place}", f"mount --bind {shlex.quote(path)} {place}"]
        lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(closed)}"]
        for place, path in inside.items():
            lines += [f"mkdir -p {shlex.quote(path)}", f"mount --move {place} {shlex.quote(path)}"]
    return lines


def _closed(path: str) -> str:
    """The outermost folder above that others may not enter, "" without one."""
    above = [str(parent) for parent in reversed(Path(path).parents)]
    return next((folder for folder in above if not os.stat(folder).st_mode & 0o001), "")
