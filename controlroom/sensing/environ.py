"""The environment that processes were started with: which variables carry secrets (names alone), and values for a few names."""

import os
import re
from collections.abc import Iterable, Mapping

from controlroom.model.permissions import Environment
from controlroom.text.redact import redact

MOST_READ = 1 << 20  # bytes of one environment
MOST_NAMES = 200
MOST_NAME = 128
MOST_VALUE = 8192  # characters of a value that is looked at
# Names that tell, in the spelling of variables. Paths, file names and the like are not the secret itself.
_TELLING = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|PWD_?HASH|PW|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY"
    r"|ENCRYPTION_?KEY|AUTH_?KEY|MASTER_?KEY|CREDENTIALS?|COOKIE|BEARER|AUTH|PAT|DSN)(?:_[A-Z0-9]{1,8})?$",
    re.IGNORECASE,
)


class Unreadable(Exception):
    """Why an environment cannot be told."""


def of(pid: int) -> Mapping[str, str]:
    """The environment that a process was started with; what it changed in itself since is not in it. Raises Unreadable."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            data = file.read(MOST_READ)
    except PermissionError:
        raise Unreadable("the kernel does not show it: the process hides it, or belongs to another user") from None
    except OSError as e:
        raise Unreadable(f"it cannot be read: {e.strerror}") from None
    found: dict[str, str] = {}
    for entry in data.split(b"\0"):
        name, equals, value = entry.partition(b"=")
        if equals:
            found.setdefault(os.fsdecode(name), os.fsdecode(value))
    return found


def secrets(pids: Iterable[int]) -> Environment:
    """The names of variables that carry secrets in any of these processes; never a value."""
    names: dict[str, None] = {}
    troubles: dict[str, None] = {}
    for pid in pids:
        try:
            environment = of(pid)
        except Unreadable as e:
            troubles[str(e)] = None
            continue
        for name, value in environment.items():
            if value and len(names) < MOST_NAMES and carries(name, value):
                names[name[:MOST_NAME]] = None
    return Environment(tuple(sorted(names)), "; ".join(troubles))


def carries(name: str, value: str) -> bool:
    """Whether a variable carries a secret: by its name, or because its value looks like one."""
    if not value or value.startswith(("/", "~/")) or value in ("0", "1", "true", "false"):
        return False  # a path, or a switch
    if _TELLING.search(name):
        return True
    given = value[:MOST_VALUE]
    return redact(given) != given
