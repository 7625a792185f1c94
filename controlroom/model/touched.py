"""What an agent did to files: as its calls said, and as the disk showed it."""

from typing import Literal

import msgspec

from controlroom.model.clock import Instant

Did = Literal["read", "created", "written", "deleted"]


class Seen(msgspec.Struct, frozen=True):
    """Body of a SEEN record: what changed in the workspace while an act was under way. Who changed it is not known.

    The lists hold the first paths, `more` counts the others. `others`: how many other sessions work in the same folder. `why`:
    why nothing was seen at all, "" = the folder was watched.
    """

    created: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    more: int = 0
    others: int = 0
    why: str = ""


class FileView(msgspec.Struct, frozen=True):
    """One file. `did`: the last that is known of it; `size` in bytes, None = not known; `times`: how often.

    `call` and `receipt`: of the act that named it, both "" = seen on disk, no call. `during`: the receipt of the one act that
    was under way then, "" = none or several. `seen`: the disk showed it, it is more than a call's word. `never`: a never-touch
    member.
    """

    path: str
    did: Did
    at: Instant
    size: int | None = None
    call: str = ""
    receipt: str = ""
    during: str = ""
    seen: bool = False
    times: int = 1
    never: bool = False


class OpenFile(msgspec.Struct, frozen=True):
    """A file that a process of the session has open."""

    path: str
    pid: int
    writes: bool


class FilesView(msgspec.Struct, frozen=True):
    """The files of one session: violations, then the newest first. `seq` grows with every change; `total`: how many there
    are; `dropped`: older ones that are not kept any more.

    `watch`: "" = the kernel tells of changes, else in words how the folder is followed, or why it is not. `deletes`: files that
    vanished in it in the last minute, None = not known. `open`: what its processes have open now.
    """

    seq: int
    rows: tuple[FileView, ...]
    total: int = 0
    dropped: int = 0
    watch: str = ""
    deletes: int | None = None
    open: tuple[OpenFile, ...] = ()


class DiffView(msgspec.Struct, frozen=True):
    """How a file differs from what it was. `against`: in words, what it is compared with; `text`: a unified diff, "" where they
    are the same; `why`: why there is none, "" = there is.
    """

    against: str = ""
    text: str = ""
    why: str = ""
