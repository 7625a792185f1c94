"""The console entry: the three commands of an emergency and the plain room start at once, all else through cyclopts."""

import gc
import io
import os
import sys


def main(words: list[str] | None = None) -> int:
    """Runs the command line; gives the exit code."""
    words = sys.argv[1:] if words is None else words
    _mend_streams()
    first = words[0] if words else ""
    if first == "estop":
        from controlroom.cli import estop

        return estop.main(words)
    if first in ("allow", "deny"):
        from controlroom.cli import decide

        return decide.main(words)
    if not words:
        gc.disable()  # as the room does: 1.7 of the 27 ms of this import
        from controlroom.cli import opening

        code = opening.plain()
        if code is not None:
            return code
        gc.enable()
    from controlroom.cli import app

    return app.main(words)


def _mend_streams() -> None:
    """Standard streams that the caller closed lead nowhere, else the next file or socket would be taken for one of them. A sign
    that standard output cannot take is escaped.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error is


if __name__ == "__main__":
    sys.exit(main())
