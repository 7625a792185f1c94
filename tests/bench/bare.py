"""The smallest textual app, to compare the room with: one line of text."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """One line, nothing else."""

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("a bare app", markup=False)


if __name__ == "__main__":
    Bare().run()
