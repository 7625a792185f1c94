"""One line of text that an operator types. A paste may be anybody's: only what shows as itself comes in (S11)."""

from textual.widgets import Input

from controlroom.text.safe import show


class Field(Input):
    """A field without a blinking cursor. Characters that cannot be shown as they are stay out, and the bell says so."""

    def on_mount(self) -> None:
        """Nothing on this screen blinks."""
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """Puts `text` in place of what stands from `start` to before `end`: all that is typed or pasted comes through here."""
        kept = text if show(text) == text else "".join(char for char in text if show(char) == char)
        if kept != text:
            self.restricted()
        super().replace(kept, start, end)
