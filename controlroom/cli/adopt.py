"""`controlroom adopt PID`: supervise a process that already runs."""

from controlroom.cli import out, room


def adopt(pid: int, *, name: str = "") -> int:
    """Takes a running process into the room, labelled ADVISORY: seen, asked where it asks, stopped without proof."""
    row = room.call("adopt", pid=pid, name=name)
    print(f"{out.safe(row['name'])}: session {out.safe(row['id'])}, {out.safe(row['label'])}: a stop of it cannot be proved.")
    return 0
