"""Themes: strict files with errors that name what is wrong, readable pairs, colours that mean one thing."""

import colorsys
import os
from pathlib import Path

import msgspec
import pytest

from controlroom.tui import theme
from controlroom.tui.line import STYLES, Style
from controlroom.tui.theme import BadTheme, Theme

OURS = ("day", "high-contrast", "mono", "night")
ALL = theme.find()


def own(config: Path, name: str, text: str) -> Path:
    """A theme file of the operator's."""
    file = config / "themes" / f"{name}.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def source(name: str = "night") -> str:
    """One of ours as text."""
    return (theme.packaged() / f"{name}.toml").read_text(encoding="utf-8")


def saturation(colour: str) -> float:
    """0 for grey, 1 for a pure hue."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return max(red, green, blue) - min(red, green, blue)


def hue(colour: str) -> float:
    """Degrees."""
    return 360 * colorsys.rgb_to_hsv(*(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)))[0]


def test_ours_are_found_without_a_problem() -> None:
    assert tuple(sorted(ALL.themes)) == OURS
    assert ALL.problems == ()


@pytest.mark.parametrize("name", OURS)
def test_every_pair_that_is_drawn_is_readable(name: str) -> None:
    one = ALL.themes[name]
    for what, colour, back in theme.pairs(one):
        assert theme.contrast(colour, back) >= (7.0 if name == "high-contrast" else 4.5), what
    assert len(list(theme.pairs(one))) >= len(STYLES)


def test_high_contrast_promises_seven() -> None:
    assert ALL.themes["high-contrast"].contrast == 7.0


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#ffffff", "#000000", 21.0), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1.0)]
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert theme.contrast(one, other) == pytest.approx(ratio, abs=0.01)


@pytest.mark.row("E13", "D10")
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("reserved", ["stop", "ask"])
def test_the_looks_of_the_stop_and_of_what_is_asked_are_nobody_elses(name: str, reserved: Style) -> None:
    styles = ALL.themes[name].styles
    others = [look for style, look in styles.items() if style != reserved]
    assert styles[reserved] not in others
    assert not styles[reserved].back or styles[reserved].back not in [look.back for look in others]


@pytest.mark.row("E13")
@pytest.mark.parametrize("name", ["night", "day"])
def test_the_stop_is_yellow_on_red(name: str) -> None:
    stop = ALL.themes[name].styles["stop"]
    assert 40 <= hue(stop.colour) <= 60 and (hue(stop.back) <= 10 or hue(stop.back) >= 350)


@pytest.mark.parametrize("name", ["night", "day"])
def test_all_that_is_normal_is_grey(name: str) -> None:
    one = ALL.themes[name]
    normal: tuple[Style, ...] = ("text", "dim", "title", "label", "key", "selected", "unverified")
    for style in normal:
        assert saturation(one.styles[style].colour) < 0.1, style
    for style in ("warn", "alarm", "ask"):
        assert saturation(one.styles[style].colour) > 0.3, style
    assert all(saturation(colour) < 0.1 for colour in one.surfaces.values())


def test_mono_has_no_hue_at_all() -> None:
    one = ALL.themes["mono"]
    looks = one.styles.values()
    colours = [*one.surfaces.values(), *(look.colour for look in looks), *(look.back for look in looks if look.back)]
    assert {saturation(colour) for colour in colours} == {0}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "night"', 'name = "nacht"', "must be the name of the file"),
        ("contrast = 4.5", "contrast = 3.0", "less than 4.5"),
        ("dark = true", "dark = 1", "$.dark"),
        ('bar = "#1d2025"\n', "", "surfaces.bar: is missing"),
        ('ok = { colour = "#a5c8a0" }\n', "", "styles.ok: is missing"),
        ('ok = { colour = "#a5c8a0" }', 'ok = { colour = "green" }', "styles.ok.colour: 'green' is no colour"),
        ('ok = { colour = "#a5c8a0" }', 'ok = { colour = "#14171a" }', "styles.ok on surfaces.ground: contrast"),
        ('ok = { colour = "#a5c8a0" }', 'ok = { color = "#a5c8a0" }', "styles"),
        ("[styles]", "[styles]\nfine = { colour = '#ffffff' }", "fine"),
        ("dark = true", "dark = true\nblink = true", "blink"),
        ("[styles]", "[styles", "night.toml"),
    ],
)
def test_a_wrong_file_is_named_with_its_key_and_ours_goes_on(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in source()
    file = own(tmp_path, "night", source().replace(old, new))
    found = theme.find(tmp_path)
    assert found.themes["night"] == ALL.themes["night"]
    [problem] = found.problems
    assert problem.startswith(str(file)) and told in problem
    with pytest.raises(BadTheme):
        theme.load(file)


def test_an_own_theme_wins_over_ours_of_the_same_name(tmp_path: Path) -> None:
    own(tmp_path, "night", source().replace("#c8ccd2", "#d0d0d0"))
    own(tmp_path, "dusk", source().replace('name = "night"', 'name = "dusk"'))
    found = theme.find(tmp_path)
    assert found.themes["night"].styles["text"].colour == "#d0d0d0"
    assert "dusk" in found.themes and found.problems == ()


def test_what_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    own(tmp_path, "huge", "x" * (theme.MOST_BYTES + 1))
    (tmp_path / "themes" / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "themes" / "folder.toml").mkdir()
    os.symlink(tmp_path / "nowhere", tmp_path / "themes" / "gone.toml")
    found = theme.find(tmp_path)
    assert len(found.problems) == 4
    assert set(found.themes) == set(OURS)


def test_no_folder_of_own_themes_is_no_problem(tmp_path: Path) -> None:
    assert theme.find(tmp_path).problems == ()


def test_the_next_theme_goes_round() -> None:
    seen = [name := "night"]
    for _ in OURS:
        name = ALL.after(name)
        seen.append(name)
    assert sorted(seen[1:]) == sorted(OURS)
    assert ALL.after("never heard of") == theme.DEFAULT


def test_a_theme_is_plain_data() -> None:
    night = ALL.themes["night"]
    assert msgspec.convert(msgspec.to_builtins(night), Theme) == night
