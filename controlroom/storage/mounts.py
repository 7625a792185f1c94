"""Which kind of file system a folder is on: on some, what we build on does not hold (J13)."""

import os
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# Kept elsewhere, or by a program: another machine may write too, a sync may be a promise only.
_ELSEWHERE = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "virtiofs"})


def file_system(folder: Path, mounts: Path = MOUNTS) -> str:
    """Its name as the kernel has it (`ext4`, `nfs4`, `fuse.sshfs` ...), "" where that cannot be told. Raises OSError."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) > 2 and fields[2] == wanted:
            return after.partition(" ")[0]
    return ""


def doubt(folder: Path, mounts: Path = MOUNTS) -> str:
    """Why what is written in this folder may not last, in words for an operator; "" = nothing is known against it."""
    try:
        name = file_system(folder, mounts)
    except OSError as error:
        return f"on what file system {folder} is cannot be told: {error}"
    if name not in _ELSEWHERE and not name.startswith("fuse"):
        return ""
    return (
        f"{folder} is on {name}: a sync or a lock there may not hold what it promises, so the journal may lose records when "
        "the machine or the network fails. Move it to a local disk (XDG_STATE_HOME)"
    )
