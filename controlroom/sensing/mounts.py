"""The same file under several paths: bind mounts, found in /proc/self/mountinfo (proc_pid_mountinfo(5)). N06."""

import re
from functools import lru_cache
from typing import NamedTuple

from controlroom.policy.paths import is_below

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mount: of which device, which folder of its file system, and where it lies."""

    device: str
    root: str
    point: str


def read() -> tuple[Mount, ...]:
    """The mounts of this process, oldest first; () where they cannot be read."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return parse(file.read().decode("utf-8", "surrogateescape"))
    except OSError:
        return ()


@lru_cache(maxsize=4)
def parse(text: str) -> tuple[Mount, ...]:
    """Mounts from the kernel's table; lines of another shape are left out."""
    found = []
    for line in text.splitlines():
        words = line.split(" ", 5)
        if len(words) == 6:
            found.append(Mount(words[2], *(_OCTAL.sub(lambda m: chr(int(m[1], 8)), word) for word in words[3:5])))
    return tuple(found)


def elsewhere(mounts: tuple[Mount, ...], path: str) -> tuple[str, ...]:
    """Other absolute paths that lead to what a resolved path means."""
    holder = None
    for mount in mounts:  # the last of those that hold the path longest lies on top
        if is_below(path, mount.point) and (holder is None or len(mount.point) >= len(holder.point)):
            holder = mount
    if holder is None:
        return ()
    inner = _join(holder.root, _rest(path, holder.point))
    others = (m for m in mounts if m.device == holder.device and m is not holder and is_below(inner, m.root))
    return tuple(dict.fromkeys(p for m in others if (p := _join(m.point, _rest(inner, m.root))) != path))


def below(mounts: tuple[Mount, ...], path: str) -> tuple[str, ...]:
    """Mount points strictly below a path."""
    return tuple(dict.fromkeys(m.point for m in mounts if m.point != path and is_below(m.point, path)))


def _rest(path: str, above: str) -> str:
    return path[len(above.rstrip("/")) :]


def _join(above: str, rest: str) -> str:
    return above.rstrip("/") + rest or "/"
