"""What is known of a snapshot: the saved pre-image of an act's targets."""

import msgspec

# What an undo does to a path (`storage.snapshots.plan.Do`), in words.
UNDOES = {"create": "bring back", "replace": "put back", "facts": "set again", "join": "join again", "remove": "take away"}


class Saved(msgspec.Struct, frozen=True):
    """Body of a SNAPSHOT record: what was saved before an act was released, and verified.

    The snapshot has the name of the receipt. `seal`: SHA-256 (hex) of its manifest as it is stored, which names the content by
    SHA-256 in turn; "" = nothing was saved, and `why` says why. `size`: bytes of content. `left_out`: what cannot be saved
    (devices, sockets, named pipes), one sentence each.
    """

    seal: str
    files: int = 0
    size: int = 0
    left_out: tuple[str, ...] = ()
    why: str = ""


class Undone(msgspec.Struct, frozen=True):
    """Body of an UNDONE record of the act that was taken back: `by` is the receipt of the undo."""

    by: str


class Checkpoint(msgspec.Struct, frozen=True):
    """Body of a CHECKPOINT record: transcript and memory files of a session, in the store as `id`. `why`: at what moment."""

    id: str
    why: str
    saved: Saved
