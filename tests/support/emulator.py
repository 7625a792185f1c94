"""A terminal's screen, as far as a full-screen program uses one: what is in each cell, which modes are on, what else came.

It knows the sequences that the room may send and nothing more: whatever else arrives (OSC, DCS, reports, C1 bytes ...) changes
no cell and is kept in `foreign`, so that a test can say that there was none (D02, D03). `untouched` says that every mode was
given back (D16).
"""

import codecs
import re
from collections import Counter
from dataclasses import dataclass, field, replace

from rich.cells import get_character_cell_size

# Modes that the room may switch: cursor, mouse, focus, alternate screen, bracketed paste, synchronized output, resize reports.
MODES = {7, 25, 1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048}
LEFT_ON = {7, 25}  # on in a terminal that nobody touched
QUERIES = {2026}  # modes it may ask about, with `CSI ? n $ p`

_STRINGS = {"]": "OSC", "P": "DCS", "_": "APC", "^": "PM", "X": "SOS"}
_CSI = re.compile(r"\x1b\[([<-?]*)([0-9;:]*)([ -/]*)([@-~])")
_HALF_CSI = re.compile(r"\x1b(\[[<-?]*[0-9;:]*[ -/]*)?")
_TEXT = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class Look:
    """How a cell looks. Colours as SGR wrote them: "31", "38;2;1;2;3"; "" = the terminal's own."""

    ink: str = ""
    paper: str = ""
    on: frozenset[int] = frozenset()  # 1 bold, 2 dim, 3 italic, 4 underline, 7 reverse, 9 struck


PLAIN = Look()


@dataclass
class Cell:
    """One cell. `text` "" is the right half of a wide character."""

    text: str = " "
    look: Look = PLAIN


@dataclass
class Page:
    """The main or the alternate screen."""

    columns: int
    rows: int
    x: int = 0
    y: int = 0
    cells: list[list[Cell]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = self.cells or [[Cell() for _ in range(self.columns)] for _ in range(self.rows)]


class Screen:
    """Feed it a program's bytes. `answers` are the bytes that a terminal would send back; take them with `replies`."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.page = Page(columns, rows)
        self.modes = set(LEFT_ON)
        self.kitty = 0  # levels of the kitty keyboard protocol that are on
        self.bells = 0
        self.foreign: list[str] = []
        self.seen: Counter[str] = Counter()  # finals of control sequences, for tests of how something is drawn
        self._main: Page | None = None
        self._look = PLAIN
        self._rest = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._answers = b""

    # What came out

    @property
    def lines(self) -> list[str]:
        """The rows as text, blanks at their ends taken away."""
        return ["".join(cell.text for cell in row).rstrip() for row in self.page.cells]

    @property
    def text(self) -> str:
        """The whole screen as text."""
        return "\n".join(self.lines)

    def look_of(self, text: str) -> Look:
        """How the first cell of this text looks. Raises AssertionError when it is not on screen."""
        for row in self.page.cells:
            chars = [(char, cell.look) for cell in row for char in cell.text]
            at = "".join(char for char, _ in chars).find(text)
            if at >= 0:
                return chars[at][1]
        raise AssertionError(f"{text!r} is not on screen:\n{self.text}")

    @property
    def whole(self) -> bool:
        """Whether no synchronized frame is under way (mode 2026): a terminal shows what it holds only then."""
        return 2026 not in self.modes

    @property
    def untouched(self) -> bool:
        """Whether every mode is as it was before any program."""
        return self.modes == LEFT_ON and self._main is None and self.kitty == 0 and not self._rest

    def replies(self) -> bytes:
        """What the terminal answers to what it was asked since the last time."""
        answers, self._answers = self._answers, b""
        return answers

    def resize(self, columns: int, rows: int) -> None:
        """Another size: what is cut off is gone, what is new is blank. Nothing is wrapped anew, as in a full-screen program."""
        self.columns, self.rows = columns, rows
        for page in (self.page, self._main):
            if page is not None:
                _fit(page, columns, rows)

    # What goes in

    def feed(self, data: bytes) -> None:
        """Bytes from the program, cut anywhere."""
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError as error:
            self.foreign.append(f"not UTF-8: {error.object[error.start : error.end]!r}")
            self._decoder.reset()
            text = data.decode("utf-8", "replace")
        text, self._rest = self._rest + text, ""
        at = 0
        while at < len(text):
            took = self._take(text, at)
            if took == 0:
                self._rest = text[at:]
                return
            at += took

    def _take(self, text: str, at: int) -> int:
        """Does what stands at `at`; how many characters that was, 0 = the end of it is not here yet."""
        if found := _TEXT.match(text, at):
            for char in found[0]:
                self._put(char)
            return len(found[0])
        char = text[at]
        if char != "\x1b":
            self._control(char)
            return 1
        if found := _CSI.match(text, at):
            self._sequence(*found.groups())
            return len(found[0])
        if _HALF_CSI.fullmatch(text, at):
            return 0
        return self._escape(text, at)

    def _escape(self, text: str, at: int) -> int:
        name = _STRINGS.get(text[at + 1])
        if name is None:
            self.foreign.append(f"ESC {text[at + 1]!r}")
            return 2
        end = re.compile("\x07|\x1b\\\\|\x9c").search(text, at + 2)
        if end is None:
            return 0
        self.foreign.append(f"{name} {text[at + 2 : end.start()]!r}")
        return end.end() - at

    def _control(self, char: str) -> None:
        page = self.page
        if char == "\r":
            page.x = 0
        elif char == "\n":
            self._down()
        elif char == "\b":
            page.x = max(0, page.x - 1)
        elif char == "\t":
            page.x = min(self.columns - 1, (page.x // 8 + 1) * 8)
        elif char == "\a":
            self.bells += 1
        else:
            self.foreign.append(f"control {char!r}")

    def _put(self, char: str) -> None:
        page, width = self.page, min(get_character_cell_size(char), self.columns)
        if width == 0:
            if page.x > 0:
                page.cells[page.y][min(page.x, self.columns) - 1].text += char
            return
        if page.x + width > self.columns:
            if 7 not in self.modes:
                page.x = self.columns - width
            else:
                page.x = 0
                self._down()
        row = page.cells[page.y]
        self._unhalve(row, page.x, width)
        row[page.x] = Cell(char, self._look)
        for half in range(1, width):
            row[page.x + half] = Cell("", self._look)
        page.x += width

    @staticmethod
    def _unhalve(row: list[Cell], x: int, width: int) -> None:
        """Whatever is drawn over one half of a wide character leaves a blank in place of its other half."""
        if row[x].text == "" and x > 0:
            row[x - 1] = replace(row[x - 1], text=" ")
        after = x + width
        if after < len(row) and row[after].text == "":
            row[after] = replace(row[after], text=" ")

    def _down(self) -> None:
        page = self.page
        if page.y < self.rows - 1:
            page.y += 1
            return
        page.cells.pop(0)
        page.cells.append([Cell() for _ in range(self.columns)])

    def _sequence(self, mark: str, numbers: str, between: str, final: str) -> None:
        self.seen[mark + between + final] += 1
        values = [int(n) if n.isdigit() else 0 for n in numbers.split(";")]
        if not self._known(mark, values, between, final, numbers):
            self.foreign.append(f"CSI {mark}{numbers}{between}{final}")

    def _known(self, mark: str, values: list[int], between: str, final: str, numbers: str) -> bool:
        match mark, between, final:
            case "", "", "H":
                row, column = (*values, 1)[:2]
                self.page.y = min(max(row, 1), self.rows) - 1
                self.page.x = min(max(column, 1), self.columns) - 1
            case "", "", "m":
                self._look = _restyled(self._look, numbers)
            case "", "", "J" | "K":
                self._erase(final, values[0])
            case "?", "", "h" | "l":
                return all(self._mode(value, final == "h") for value in values)
            case "?", "$", "p" if set(values) <= QUERIES:
                state = 2 if values[0] in QUERIES else 0
                self._answers += f"\x1b[?{values[0]};{state}$y".encode()
            case ">" | "<", "", "u":
                self.kitty = max(0, self.kitty + (1 if mark == ">" else -1))
            case "=", "", "u":
                self.kitty = 0
            case _:
                return False
        return True

    def _mode(self, mode: int, on: bool) -> bool:
        (self.modes.add if on else self.modes.discard)(mode)
        if mode == 1049 and on and self._main is None:
            self._main, self.page = self.page, Page(self.columns, self.rows)
        elif mode == 1049 and not on and self._main is not None:
            self.page, self._main = self._main, None
        return mode in MODES

    def _erase(self, final: str, how: int) -> None:
        """0 from the cursor on, 1 up to it, 2 all: of the row (K) or of the screen (J)."""
        page = self.page
        here = page.y * self.columns + min(page.x, self.columns - 1)
        first, last = (page.y * self.columns, (page.y + 1) * self.columns) if final == "K" else (0, self.rows * self.columns)
        begin, end = (here, last) if how == 0 else (first, here + 1) if how == 1 else (first, last)
        for at in range(begin, end):
            page.cells[at // self.columns][at % self.columns] = Cell(" ", Look(paper=self._look.paper))


def _fit(page: Page, columns: int, rows: int) -> None:
    page.cells = [row[:columns] + [Cell() for _ in range(columns - len(row))] for row in page.cells[:rows]]
    page.cells += [[Cell() for _ in range(columns)] for _ in range(rows - len(page.cells))]
    page.columns, page.rows = columns, rows
    page.x, page.y = min(page.x, columns - 1), min(page.y, rows - 1)


def _restyled(look: Look, numbers: str) -> Look:
    """The look after `CSI numbers m`."""
    codes = [int(code or 0) for code in numbers.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            look = PLAIN
        elif code in (38, 48):
            count = 4 if codes[:1] == [2] else 2
            colour = ";".join(map(str, (code, *codes[:count])))
            codes = codes[count:]
            look = replace(look, ink=colour) if code == 38 else replace(look, paper=colour)
        elif 30 <= code <= 39 or 90 <= code <= 97:
            look = replace(look, ink="" if code == 39 else str(code))
        elif 40 <= code <= 49 or 100 <= code <= 107:
            look = replace(look, paper="" if code == 49 else str(code))
        elif 1 <= code <= 9:
            look = replace(look, on=look.on | {code})
        elif 21 <= code <= 29:
            off = {21, 22} if code == 22 else {code}
            look = replace(look, on=look.on - {1, 2} if 22 in off else look.on - {code - 20})
    return look
