"""The console entry: the three commands of an emergency and the plain room start at once, all else through cyclopts."""

import os
import sys


def main(words: list[str] | None = None) -> int:
    """Runs the command line; gives the exit code."""
    words = sys.argv[1:] if words is None else words
    _reopen()
    first = words[0] if words else ""
    if first == "estop":
        from controlroom.cli import estop

        return estop.main(words)
    if first in ("allow", "deny"):
        from controlroom.cli import decide

        return decide.main(words)
    if not words:
        from controlroom.cli import opening

        code = opening.plain()
        if code is not None:
            return code
    from controlroom.cli import app

    return app.main(words)


def _reopen() -> None:
    """Standard streams that the caller closed lead nowhere; else the next file or socket would be taken for one of them."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
