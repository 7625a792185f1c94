"""Every screen of the room in every theme, for a person to look at: python -m scripts.every_screen FOLDER [NAME ...].

Draws SVG files from the running room, as `pictures` does for screenshots/, on the recorded demo and on made-up rooms.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import to_builtins

from controlroom.model.view import RoomView
from scripts import pictures
from tests.support import view_parts as parts
from tests.support import views
from tests.support.stage import Visit, room

THEMES = ("night", "day", "high-contrast", "mono", "ascii")  # the last is night with plain signs
SIZES = ((80, 24), (120, 40))
Keys = tuple[str, ...]
MADE: dict[str, Callable[[], RoomView]] = {**views.STATES, "made-stopped": views.stopped, "broken": views.broken}
FACTS = {
    "story": parts.story, "processes": parts.processes, "files": parts.files, "layers": parts.layers,
    "permissions": parts.permissions,
}  # fmt: skip
SCREENS: dict[str, tuple[str, Keys]] = {  # screen → the recorded moment or the made-up room, and the keys that lead there
    "empty": ("empty", ()),
    "log": ("busy", ("1",)),
    "receipts": ("busy", ("2", "down")),
    "receipt": ("busy", ("2", "down", "enter")),
    "processes": ("busy", ("3", "down")),
    "process": ("busy", ("3", "down", "enter")),
    "files": ("busy", ("4", "down")),
    "file": ("busy", ("4", "down", "enter")),
    "permissions": ("busy", ("5",)),
    "config": ("busy", ("6", "down")),
    "filter": ("busy", ("2", "slash", *"rm")),
    "asked-t2": ("pending_t2", ()),
    "asked-t3": ("pending_t3", ()),
    "settings": ("settings", ()),
    "full-view": ("pending_t3", ("v",)),
    "grant": ("pending_t2", ("g",)),
    "deny-why": ("pending_t2", ("D", *"use cache")),
    "help": ("pending_t2", ("question_mark",)),
    "palette": ("busy", ("ctrl+p", *"pa")),
    "undo": ("busy", ("2", "u")),
    "stopped": ("stopped", ()),
    "stop-survivors": ("made-stopped", ()),
    "reset": ("stopped", ("R", *"5f")),
    "away": ("away", ()),
    "disconnected": ("lost", ()),
    "no-daemon": ("never", ()),
    "read-only": ("read-only", ()),
    "broken": ("broken", ()),
    "hostile": ("hostile", ()),
    "demo": ("asked", ()),
}
PLAN = {
    "receipt": "r" * 32, "plan": "5" * 64, "count": 2, "newer_count": 1, "told_end": True, "undone": "", "diff": "",
    "notes": ["not saved: socket /ws/build/sock"],
    "steps": [
        {"do": "create", "path": "/home/ada/shop/build/a.o", "kind": "file", "size": 1200, "newer": False},
        {"do": "replace", "path": "/home/ada/shop/build/notes.txt", "kind": "file", "size": 12, "newer": True},
    ],
}  # fmt: skip


async def drawn(screen: str, theme: str, size: tuple[int, int]) -> str:
    """One screen as SVG."""
    where, keys = SCREENS[screen]
    moments = pictures.told()
    view = moments[where].view if where in moments else MADE.get(where, views.busy)()
    options: dict[str, object] = {"theme": "night" if theme == "ascii" else theme, "ascii": theme == "ascii"}
    if where == "read-only":
        view, options["read_only"] = views.pending_t2(), True
    if where == "asked":
        options["coach"] = lambda view: "a allows this once, d denies it; v shows all of it"
    async with room(None if where == "never" else view, size, **options) as visit:
        visit.line.results |= {"undo_plan": PLAN, **{name: to_builtins(made()) for name, made in FACTS.items()}}
        await lead(visit, where, keys)
        svg = visit.app.export_screenshot(title=f"{screen} {theme} {size[0]}x{size[1]}")
        return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


async def lead(visit: Visit, where: str, keys: Keys) -> None:
    """To the screen."""
    if where in ("lost", "never"):
        visit.line.lose("no daemon answers at /run/user/1000/controlroom/operator.sock: controlroom daemon start")
    if where == "away":
        visit.app.say(
            "While you were away (2h): 3 allowed (operator 1, grant 2), 1 denied (policy 1), 2 expired; tab 2 has them"
        )
    await visit.settled()
    if visit.line.contact.view and visit.line.contact.view.pending and where != "lost":
        await visit.wait(1.5)
    await visit.press(*keys)
    await visit.settled()


def main() -> int:
    """Draws them all into the folder."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    for screen in wanted or SCREENS:
        for theme in THEMES:
            for size in SIZES:
                name = f"{screen}-{theme}-{size[0]}x{size[1]}.svg"
                (folder / name).write_text(asyncio.run(drawn(screen, theme, size)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
