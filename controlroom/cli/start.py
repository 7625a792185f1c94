"""The console entry: the three commands of an emergency and the plain room start at once, all else through cyclopts."""

import sys


def main(words: list[str] | None = None) -> int:
    """Runs the command line; gives the exit code."""
    words = sys.argv[1:] if words is None else words
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


if __name__ == "__main__":
    sys.exit(main())
