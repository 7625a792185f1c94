"""Themes: what each style looks like, from TOML files. Strict, file by file; every pair of colours that is drawn is readable.

A theme is one file, `themes/NAME.toml`; night.toml is the model for more. Ours come with the program, an operator's own lie in
`themes/` of the config folder and win over ours of the same name. A file that is wrong is named, and the others go on.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import msgspec

import controlroom
from controlroom.tui.line import STYLES, Style

Surface = Literal["ground", "bar", "row"]  # of the panes, of the status line and footer, of the selected row
SURFACES: tuple[Surface, ...] = get_args(Surface)
DEFAULT = "night"
PLAIN = "mono"  # for NO_COLOR (no-color.org)
READABLE = 4.5  # WCAG 2.2, 1.4.3 contrast (minimum), level AA
MOST_BYTES = 64 * 1024  # of a file
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class BadTheme(Exception):
    """A theme file that cannot be used; says which, and why."""


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a style is drawn. `back` "" = the surface it stands on."""

    colour: str
    back: str = ""
    bold: bool = False
    italic: bool = False
    underline: bool = False


class Theme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One theme. `contrast`: the least that any two of its colours that meet must have, 4.5 or more."""

    name: str
    dark: bool
    surfaces: dict[Surface, str]
    styles: dict[Style, Look]
    contrast: float = READABLE


class Found(msgspec.Struct, frozen=True):
    """All themes that can be used, by name, and what is wrong with the files that cannot."""

    themes: dict[str, Theme]
    problems: tuple[str, ...]

    def after(self, name: str) -> str:
        """The name of the next theme; the first one behind the last."""
        names = sorted(self.themes)
        return names[(names.index(name) + 1) % len(names)] if name in names else DEFAULT


def packaged() -> Path:
    """The folder of the themes that come with the program: in the package, in a checkout beside it."""
    package = Path(controlroom.__file__).parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def find(config: Path | None = None) -> Found:
    """All themes. `config`: the operator's config folder, None = without their own. Never raises."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in (packaged(), *([config / "themes"] if config else [])):
        try:
            files = sorted(folder.glob("*.toml"))
        except OSError as error:
            problems.append(f"{folder}: {error.strerror or error}: its themes are not offered")
            continue
        for file in files:
            try:
                themes[file.stem] = load(file)
            except BadTheme as error:
                problems.append(str(error))
    return Found(themes, tuple(problems))


def load(file: Path) -> Theme:
    """The theme in this file. Raises BadTheme, which names the file and the key."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadTheme(f"{file}: {error.strerror or error}") from error
    if len(raw) > MOST_BYTES:
        raise BadTheme(f"{file}: more than {MOST_BYTES} bytes: this is no theme")
    try:
        theme = msgspec.toml.decode(raw, type=Theme)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadTheme(f"{file}: {error}") from error
    wrong = [*_malformed(theme, file.stem)] or [*unreadable(theme)]
    if wrong:
        raise BadTheme(f"{file}: {wrong[0]}" + (f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""))
    return theme


def _malformed(theme: Theme, stem: str) -> Iterator[str]:
    if theme.name != stem or not _NAME.fullmatch(theme.name):
        yield f"name: {theme.name!r} must be the name of the file, in small letters, digits and -"
    if theme.contrast < READABLE:
        yield f"contrast: {theme.contrast} is less than {READABLE}"
    for surface in SURFACES:
        if surface not in theme.surfaces:
            yield f"surfaces.{surface}: is missing"
    for style in STYLES:
        if style not in theme.styles:
            yield f"styles.{style}: is missing"
    for key, colour in _colours(theme):
        if not _COLOUR.fullmatch(colour):
            yield f"{key}: {colour!r} is no colour: write it as #rrggbb in small letters"


def _colours(theme: Theme) -> Iterator[tuple[str, str]]:
    for surface, colour in theme.surfaces.items():
        yield f"surfaces.{surface}", colour
    for style, look in theme.styles.items():
        yield f"styles.{style}.colour", look.colour
        if look.back:
            yield f"styles.{style}.back", look.back


def pairs(theme: Theme) -> Iterator[tuple[str, str, str]]:
    """Every pair of colours that can meet on screen: what it is, the colour, and what is behind it."""
    for style, look in theme.styles.items():
        if look.back:
            yield f"styles.{style} on its own back", look.colour, look.back
        else:
            for surface in SURFACES:
                yield f"styles.{style} on surfaces.{surface}", look.colour, theme.surfaces[surface]


def unreadable(theme: Theme) -> Iterator[str]:
    """What has too little contrast."""
    for what, colour, back in pairs(theme):
        ratio = contrast(colour, back)
        if ratio < theme.contrast:
            yield f"{what}: contrast of {colour} to {back} is {ratio:.1f}, it must be {theme.contrast:g}"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
