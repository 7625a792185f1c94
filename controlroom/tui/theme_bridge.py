"""From a theme of ours to what textual and rich draw with."""

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.theme import Theme as TextualTheme

from controlroom.tui.line import Line, Style
from controlroom.tui.theme import Surface, Theme

Palette = Mapping[Style, RichStyle]


def palette(theme: Theme, surface: Surface = "ground") -> dict[Style, RichStyle]:
    """What each style looks like on this surface."""
    back = theme.surfaces[surface]
    return {
        style: RichStyle(
            color=look.colour, bgcolor=look.back or back, bold=look.bold, italic=look.italic, underline=look.underline
        )
        for style, look in theme.styles.items()
    }


def strip(line: Line, width: int, plain: Palette, row: Palette) -> Strip:
    """The line in exactly `width` cells; a line with a selected part stands on the surface of the selected row."""
    colours = row if any(span.style == "selected" for span in line) else plain
    drawn = Strip(_segments(line, colours))
    return drawn.adjust_cell_length(width, colours["text"])


def _segments(line: Line, colours: Palette) -> list[Segment]:
    """As few as can be, since each costs a colour on the wire: blanks look the same in the colour of what is before them."""
    made: list[Segment] = []
    for span in line:
        style = colours[span.style]
        last = made[-1] if made else None
        before = last.style if last else None
        if last and before and (before == style or (span.text.isspace() and _blank_alike(before, style))):
            made[-1] = Segment(last.text + span.text, before)
        else:
            made.append(Segment(span.text, style))
    return made


def _blank_alike(one: RichStyle, other: RichStyle) -> bool:
    return one.bgcolor == other.bgcolor and not one.underline and not other.underline


def textual_theme(theme: Theme) -> TextualTheme:
    """The same for textual's own widgets: the text field of a dialog, the palette, scroll bars.

    Its CSS variables are named after ours: $ground, $bar, $row, and $style-NAME with the colour of every style.
    """
    looks = theme.styles
    ground, bar, row = theme.surfaces["ground"], theme.surfaces["bar"], theme.surfaces["row"]
    return TextualTheme(
        name=theme.name,
        primary=looks["key"].colour,
        secondary=looks["label"].colour,
        accent=looks["ask"].back or looks["ask"].colour,
        warning=looks["warn"].colour,
        error=looks["alarm"].back or looks["alarm"].colour,
        success=looks["ok"].colour,
        foreground=looks["text"].colour,
        background=ground,
        surface=bar,
        panel=row,
        dark=theme.dark,
        variables={
            "ground": ground,
            "bar": bar,
            "row": row,
            **{f"style-{style}": look.colour for style, look in looks.items()},
            **{f"back-{style}": look.back or ground for style, look in looks.items()},
            "input-cursor-background": looks["text"].colour,
            "input-cursor-foreground": ground,
            "input-selection-background": row,
            "border": looks["dim"].colour,
            "border-blurred": looks["dim"].colour,
            "scrollbar": row,
            "scrollbar-hover": looks["dim"].colour,
            "scrollbar-active": looks["label"].colour,
            "scrollbar-background": ground,
            "scrollbar-background-hover": ground,
            "scrollbar-background-active": ground,
            "scrollbar-corner-color": ground,
        },
    )
