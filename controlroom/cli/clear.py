"""`controlroom clear NAME|all`: an operator has looked at the alarms of an agent."""

from controlroom.cli import out, room
from controlroom.cli.options import Json
from controlroom.cli.quick import OK


def clear(name: str, /, *, as_json: Json = False) -> int:
    """Clears the alarms of an agent, or of `all`. They stay in the journal; a session that was paused stays paused."""
    rows = room.call("clear", name=name)
    if as_json:
        out.print_json(rows)
        return OK
    if not rows:
        print("No alarm stands.")
    for row in rows:
        print(f"{out.safe(row['name'])}: {len(row['cleared'])} cleared")
        for text in row["cleared"]:
            print(f"  {out.safe(text)}")
    return OK
