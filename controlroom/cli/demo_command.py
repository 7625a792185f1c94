"""`controlroom demo`: the story of a scripted agent on the real hook path."""

from typing import Annotated

from cyclopts import Parameter

from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure


def demo(
    *, headless: Annotated[bool, Parameter(negative="", help="decide by policy and print, in this terminal")] = False
) -> int:
    """Runs a scripted agent in a temporary workspace."""
    if not headless:
        raise Failure("the room on screen is not built yet; use: controlroom demo --headless", USAGE)
    from controlroom.cli import demo as story

    return story.headless()
