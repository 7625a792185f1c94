"""A control group that systemd's user manager hands to us: `systemd-run --user --scope`, where our login's own is root's.

Who launches an agent starts itself again in a scope, with the same process, terminal and job; the agent's leaf lies in it.
"""

import os
import pwd
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import NoReturn

from controlroom.containment import cgroup

MARK = "CONTROLROOM_SCOPED"  # in the environment of who was started again, taken out at once
_RUNTIME = "XDG_RUNTIME_DIR"
_SECONDS = 10.0  # for the manager to answer
_LINGER = Path("/var/lib/systemd/linger")  # loginctl enable-linger


def find() -> str:
    """The program systemd-run, "" where there is none. Only from the system's folders: PATH is the caller's."""
    return shutil.which("systemd-run", path="/usr/bin:/bin:/usr/local/bin") or ""


def words() -> list[str]:
    """What a command line begins with that is to run, with `environment`, in a scope of its own that is delegated to us."""
    lent = [] if _RUNTIME in os.environ else ["/usr/bin/env", "-u", _RUNTIME]
    return [find(), "--user", "--scope", "--quiet", "--collect", "--property=Delegate=yes", "--", *lent]


def environment() -> dict[str, str]:
    """Ours, with the place of the user manager where su or cron left it out; `words` takes it away again."""
    return {_RUNTIME: f"/run/user/{os.getuid()}", **os.environ}


@lru_cache(maxsize=1)
def refuses() -> str:
    """Why the user manager gives us no scope, "" if it does. Tried once for this process."""
    if not find():
        return "there is no systemd-run"
    try:
        null, command = subprocess.DEVNULL, [*words(), "/bin/true"]
        done = subprocess.run(command, env=environment(), stdin=null, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"systemd-run cannot be run: {error}"
    said = done.stderr.decode("utf-8", "backslashreplace").strip()
    return "" if done.returncode == 0 else said or f"systemd-run ended with {done.returncode}"


def enter() -> NoReturn:
    """Start this program again in a scope, as it was started. Raises OSError."""
    command = [*words(), sys.executable, *sys.orig_argv[1:]]
    os.execve(command[0], command, {**environment(), MARK: "1"})


def entered() -> str:
    """The scope that we were started again in, "" without one. We move into a group of our own in it, so that controllers
    can be handed down to the agent's (a group with processes of its own hands down none). Raises OSError.
    """
    if os.environ.pop(MARK, "") == "":
        return ""
    scope = cgroup.path_of(os.getpid())
    shim = f"{scope}/shim"
    os.mkdir(shim, 0o755)
    cgroup.join(shim)
    cgroup.share_controllers(scope)
    return scope


def ends_with_login() -> bool:
    """Whether the manager, and with it every scope, ends when the last login of this user does."""
    try:
        return not (_LINGER / pwd.getpwuid(os.getuid()).pw_name).exists()
    except KeyError:
        return True  # a user without a name cannot linger
