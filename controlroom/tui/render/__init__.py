"""From views to lines: pure functions, one a part of the screen. No textual in here."""
