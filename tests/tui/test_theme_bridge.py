"""What textual and rich are given is what the theme says."""

import asyncio
import re

import pytest
from rich.color import Color
from textual.app import App, ComposeResult
from textual.widgets import Input

from controlroom.tui import memory, theme, theme_bridge
from controlroom.tui.line import STYLES, gap, say
from controlroom.tui.theme import SURFACES
from tests.support import views
from tests.support.daemon import Daemon
from tests.support.seat import live, sit
from tests.support.stage import room, story

THEMES = theme.find().themes


@pytest.mark.parametrize("name", sorted(THEMES))
def test_every_style_has_its_colours_on_every_surface(name: str) -> None:
    one = THEMES[name]
    for surface in SURFACES:
        palette = theme_bridge.palette(one, surface)
        assert set(palette) == set(STYLES)
        for style, look in one.styles.items():
            assert palette[style].color == Color.parse(look.colour)
            assert palette[style].bgcolor == Color.parse(look.back or one.surfaces[surface])
            assert palette[style].bold == look.bold and palette[style].blink is None


def test_a_strip_is_as_wide_as_it_must_be_and_a_selected_row_stands_on_its_own_surface() -> None:
    one = THEMES["night"]
    ground, row = theme_bridge.palette(one), theme_bridge.palette(one, "row")
    for width in (0, 1, 5, 30):
        strip = theme_bridge.strip((gap(2), say("claude-1"), say(" x", "dim")), width, ground, row)
        assert strip.cell_length == width
    selected = theme_bridge.strip((say("> ", "selected"), say("claude-1")), 20, ground, row)
    assert {segment.style.bgcolor for segment in selected if segment.style} == {Color.parse(one.surfaces["row"])}


class Small(App[None]):
    """An app with one widget of textual's own."""

    def compose(self) -> ComposeResult:
        yield Input("text")


def test_an_app_draws_in_every_theme_and_goes_from_one_to_the_next() -> None:
    async def switch() -> list[str]:
        app = Small()
        async with app.run_test(size=(40, 5)) as pilot:
            seen = []
            for one in THEMES.values():
                app.register_theme(theme_bridge.textual_theme(one))
                app.theme = one.name
                await pilot.pause()
                seen.append(app.theme_variables["ground"])
                assert app.theme_variables["style-alarm"] == one.styles["alarm"].colour
            return seen

    assert asyncio.run(switch()) == [one.surfaces["ground"] for one in THEMES.values()]


@story
async def test_without_colours_it_is_mono_unless_a_theme_is_asked_for_and_the_chosen_one_is_remembered() -> None:
    async with room(views.busy(), no_color=True) as visit:
        assert visit.app.theme == "mono"
        await visit.press("q")
        await visit.until(lambda: visit.app._exit, "the room ends")
        assert memory.load(visit.app.ports.places).theme == ""
    async with room(views.busy(), no_color=True, theme="day") as visit:
        assert visit.app.theme == "day"
        await visit.press("q")
        await visit.until(lambda: visit.app._exit, "the room ends")
        assert memory.load(visit.app.ports.places).theme == "day"


def test_no_color_in_the_environment_takes_every_colour_away(daemon: Daemon) -> None:
    with sit(daemon.home, NO_COLOR="1") as seat:
        live(seat).shows("STOP")
        inks = set(re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)[;m]", seat.output))
        assert inks
        assert {ink for ink in inks if len(set(ink)) > 1} == set(), "these are not grey"
        plain = seat.screen.look_of("STOP")
    with sit(daemon.home, "--theme", "mono") as seat:
        live(seat).shows("STOP")
        assert seat.screen.look_of("STOP") == plain
