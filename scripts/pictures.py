"""Draws the pictures under screenshots/ from the running room and the recorded moments of the demo's story (`story`)."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from controlroom.tui import approval
from scripts.story import Moment
from tests.support.stage import Visit, room

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "screenshots"
STORY = PICTURES / "story"
THEMES = ("night", "day")
SIZES = ((120, 40), (80, 24))
TALE = {  # picture → its moment of the story, and the keys that lead there
    "asked": ("asked", ()),
    "settings": ("settings", ()),
    "stopped": ("stopped", ()),
    "receipts": ("settings", ("2",)),
    "permissions": ("settings", ("5",)),
    "help": ("asked", ("question_mark",)),
}
_FONTS = re.compile(r"\s*@font-face \{[^}]*\}")
_FAMILY = re.compile(r"font-family: [^;]*;")


def told() -> dict[str, Moment]:
    """The recorded moments."""
    return {file.stem: msgspec.json.decode(file.read_bytes(), type=Moment) for file in sorted(STORY.glob("*.json"))}


def keep(moments: dict[str, Moment]) -> None:
    """Writes the moments down, in place of the last ones."""
    STORY.mkdir(parents=True, exist_ok=True)
    for name, moment in moments.items():
        (STORY / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(moment), indent=1) + b"\n")


NAMES = [f"{name}-{theme}-{width}x{height}" for name in TALE for theme in THEMES for width, height in SIZES]


def all_of(moments: dict[str, Moment]) -> Iterator[tuple[str, str]]:
    """Every picture, with its name."""
    for name in NAMES:
        yield name, drawn(moments, name)


def drawn(moments: dict[str, Moment], name: str) -> str:
    """One picture. The Log tab tells the local time of day: here it is UTC."""
    what, theme, size = name.split("-")
    width, height = map(int, size.split("x"))
    with _utc():
        return asyncio.run(_taken(moments, what, theme, (width, height)))


@contextmanager
def _utc() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
        time.tzset()


async def _taken(moments: dict[str, Moment], name: str, theme: str, size: tuple[int, int]) -> str:
    """One picture of the running room, as SVG without anything from the network."""
    when, keys = TALE[name]
    moment = moments[when]
    async with room(moment.view, size, theme=theme) as visit:
        facts = ("layers", moment.layers), ("permissions", moment.permissions)
        visit.line.results |= {method: msgspec.to_builtins(fact) for method, fact in facts}
        await visit.until(lambda: _calm(visit), "nothing changes any more by itself")
        await visit.press(*keys)
        await visit.until(lambda: name != "permissions" or visit.app.looking.permissions, "what is asked for has come")
        await visit.settled()
        svg = visit.app.export_screenshot(title="controlroom")
    svg = _FAMILY.sub("font-family: monospace;", _FONTS.sub("", svg))
    return svg.replace("<svg ", '<svg xml:space="preserve" ', 1)


def _calm(visit: Visit) -> bool:
    """Whether the request that waits, if any, is on screen and armed, or can never be without a key."""
    now, waits = visit.app.desk.now, bool(visit.line.contact.view and visit.line.contact.view.pending)
    return approval.due(now, visit.app.clock()) is None and bool(now.painted or not waits)
