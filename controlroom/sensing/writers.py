"""Who may change a file: its owner, its mode, access lists, and whether an agent's own user is among them."""

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from controlroom.model.permissions import Writers

_ACL = ("system.posix_acl_access", "system.posix_acl_default")


class Credentials(NamedTuple):
    """As whom a process writes."""

    uid: int
    groups: frozenset[int]


def credentials(pid: int) -> Credentials | None:
    """Of a process, by the user and groups that count for files; None = it is gone or cannot be looked at."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    try:  # the fourth number of each is the one for file access
        uid, gid = int(fields["Uid"].split()[3]), int(fields["Gid"].split()[3])
        return Credentials(uid, frozenset({gid, *map(int, fields["Groups"].split())}))
    except (KeyError, IndexError, ValueError):
        return None


def writers(path: str, agent: Credentials | None) -> Writers:
    """Of a file; of one that is not there, who could make it."""
    there = _stat(path)
    place = path if there is not None else os.path.dirname(path)
    while there is None and place not in ("/", ""):
        there = _stat(place)
        place = place if there is not None else os.path.dirname(place)
    if there is None:
        return Writers("", "", None, "it cannot be looked at")
    owner, mode, acl = name(there.st_uid), f"{stat.S_IMODE(there.st_mode):04o}", _listed(place)
    if agent is None:
        return Writers(owner, mode, None, "as whom the agent writes is not known", acl)
    if acl:
        return Writers(owner, mode, None, "an access list decides: see getfacl", acl)
    if _may(there, agent):
        what = "can write it" if place == path else "can make it"
        return Writers(owner, mode, True, f"the agent's own user {what}")
    if place != path:
        return Writers(owner, mode, False, "the agent's own user cannot make it")
    return _by_folder(path, owner, mode, agent)


def _by_folder(path: str, owner: str, mode: str, agent: Credentials) -> Writers:
    """It may not write the file; whoever may write its folder puts another in its place."""
    folder = _stat(os.path.dirname(path))
    if folder is None:
        return Writers(owner, mode, None, "its folder cannot be looked at")
    sticky = folder.st_mode & stat.S_ISVTX and folder.st_uid != agent.uid
    if _may(folder, agent) and not sticky:
        return Writers(owner, mode, True, "the agent's own user can put another in its place")
    return Writers(owner, mode, False, "the agent's own user cannot change it")


def _may(there: os.stat_result, agent: Credentials) -> bool:
    if agent.uid == 0:
        return True
    if agent.uid == there.st_uid:
        return bool(there.st_mode & stat.S_IWUSR)
    if there.st_gid in agent.groups:
        return bool(there.st_mode & stat.S_IWGRP)
    return bool(there.st_mode & stat.S_IWOTH)


def _listed(path: str) -> bool:
    try:
        return any(one in _ACL for one in os.listxattr(path))
    except OSError:
        return False  # the file system has none


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def name(uid: int) -> str:
    """The name of a user, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
