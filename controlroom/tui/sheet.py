"""What is seen of one log at a moment: some lines, and what is known of all of it. `leaf` makes it, `render/sheet` draws it."""

from typing import Literal

import msgspec

from controlroom.text.safe import SafeText


class SheetRow(msgspec.Struct, frozen=True):
    """One line. `at`: where it begins in the file; `text`: as much of it as a row may show, safe and without secrets; `raw`:
    all of it that is kept, and `cut` bytes that are not.
    """

    at: int
    text: SafeText
    level: str = ""
    raw: bytes = b""
    cut: int = 0


Doing = Literal["", "looking", "counting", "searching"]


class Sheet(msgspec.Struct, frozen=True):
    """`rows`: of which `cursor` is the selected one, -1 = none. `find`: what they must hold.

    `number`: how many lines come before the first row, None = not counted so far. `lines`: of the whole log; `worse`: how many
    of them tell of an error, `warned` of a warning, None = they tell no level; `found`: how many hold `find`. `counted`,
    `searched`: whether these are counts of the whole log, but for what has just come. `doing`: what still goes on (looking: for
    these rows), and `gone` bytes of `size` gone through for it. `note`: what became of the file, or why it cannot be read.
    """

    path: str
    rows: tuple[SheetRow, ...] = ()
    cursor: int = -1
    find: str = ""
    follow: bool = True
    size: int = 0
    number: int | None = None
    lines: int = 0
    worse: int | None = None
    warned: int = 0
    found: int = 0
    counted: bool = True
    searched: bool = True
    doing: Doing = ""
    gone: int = 0
    note: str = ""
