"""What a snapshot holds: what was where, and where its content lies in the store. Kept as MessagePack: names are bytes."""

import hashlib
from enum import StrEnum

import msgspec

VERSION = 1


class Kind(StrEnum):
    """What was at a path."""

    FILE = "file"
    FOLDER = "dir"
    LINK = "link"
    ABSENT = "absent"  # nothing: an undo takes away what is there


class Root(msgspec.Struct, frozen=True, array_like=True):
    """A target. `deep`: with all that is below, but for the folders `skip`; else only what the path itself is.

    `git`: the `.git` folder of the repository whose history is saved with it (its objects are skipped as files).
    """

    path: bytes
    deep: bool = True
    skip: tuple[bytes, ...] = ()
    git: bytes = b""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One path as it was. `device` and `inode` show which names were one file; with `ctime_ns` also that nothing changed since.

    Content: `size` bytes, of which `extents` (offset, length) hold data, one after the other in the object `object` from `at`
    on, or in the objects `parts` one after the other; `sha256` is of that data. No extents in a file that has bytes: it has no
    holes.
    """

    path: bytes
    kind: Kind
    mode: int = 0
    owner: tuple[int, int] = (0, 0)
    mtime_ns: int = 0
    ctime_ns: int = 0
    device: int = 0
    inode: int = 0
    links: int = 1
    size: int = 0
    extents: tuple[tuple[int, int], ...] = ()
    object: str = ""
    at: int = 0
    sha256: str = ""
    target: bytes = b""
    xattrs: tuple[tuple[str, bytes], ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def objects(self) -> set[str]:
        """What its content is in."""
        return {self.object, *self.parts} - {""}

    @property
    def pieces(self) -> tuple[tuple[int, int], ...]:
        """Where its data is: (offset, length)."""
        return self.extents or (((0, self.size),) if self.size and self.sha256 else ())

    @property
    def stored(self) -> int:
        """Bytes of its content in the store."""
        return sum(length for _, length in self.pieces)


class Around(msgspec.Struct, frozen=True, array_like=True):
    """A folder that holds a target: its time of change, and a sum of the names in it."""

    path: bytes
    mtime_ns: int
    names: str


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A file of a checkpoint: its `size` bytes, of this `sha256`, lie in the objects `parts`, one after the other."""

    path: bytes
    size: int
    mtime_ns: int
    parts: tuple[str, ...]
    sha256: str
    mode: int
    owner: tuple[int, int]


class Pack(msgspec.Struct, frozen=True, array_like=True):
    """Objects of git, in the store as `object`, of so many bytes."""

    object: str
    size: int


class History(msgspec.Struct, frozen=True, array_like=True):
    """What was named in the repository `git`: ids of `length` bytes each, one after the other.

    The packs hold all that the `tips` lead to, without what the remote-tracking branches (`elsewhere`) lead to as well.
    """

    git: bytes
    length: int
    tips: bytes
    elsewhere: bytes
    packs: tuple[Pack, ...]

    def ids(self, of: bytes) -> set[bytes]:
        """`tips` or `elsewhere` in hexadecimal."""
        return {of[at : at + self.length].hex().encode() for at in range(0, len(of), self.length)}

    @property
    def size(self) -> int:
        """Bytes of the packs."""
        return sum(pack.size for pack in self.packs)


class Manifest(msgspec.Struct, frozen=True):
    """`name` is the receipt's. `entries`: a folder before what is in it. `left_out`: what is not saved, in words.

    A checkpoint has a name of its own, no roots, the files that it `kept`, and `why` it was made.
    """

    name: str
    roots: tuple[Root, ...]
    entries: tuple[Entry, ...]
    around: tuple[Around, ...] = ()
    left_out: tuple[str, ...] = ()
    version: int = VERSION
    kept: tuple[Kept, ...] = ()
    why: str = ""
    histories: tuple[History, ...] = ()

    @property
    def files(self) -> int:
        return sum(e.kind is Kind.FILE for e in self.entries) + len(self.kept)

    @property
    def size(self) -> int:
        return sum(e.stored for e in self.entries) + sum(k.size for k in self.kept) + sum(h.size for h in self.histories)

    @property
    def objects(self) -> set[str]:
        """What it needs of the store."""
        packs = {p.object for h in self.histories for p in h.packs}
        return packs.union(*(e.objects for e in self.entries), *(k.parts for k in self.kept))


class Damaged(Exception):
    """A snapshot is not what was saved; the text says what of it. Nothing is restored from it."""


def encode(manifest: Manifest) -> bytes:
    return msgspec.msgpack.encode(manifest)


def decode(raw: bytes) -> Manifest:
    """Raises Damaged."""
    try:
        manifest = msgspec.msgpack.decode(raw, type=Manifest)
    except msgspec.MsgspecError as e:
        raise Damaged(f"the snapshot's list cannot be read: {e}") from e
    if manifest.version != VERSION:
        raise Damaged(f"the snapshot is of version {manifest.version}; this program reads {VERSION}")
    return manifest


def seal_of(raw: bytes) -> str:
    """What the journal holds of a stored manifest."""
    return hashlib.sha256(raw).hexdigest()


def shown(path: bytes) -> str:
    """A path for people and JSON: bytes that are no text are written out."""
    return path.decode("utf-8", "backslashreplace")
