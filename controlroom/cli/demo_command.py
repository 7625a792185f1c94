"""`controlroom demo`: the story of a scripted agent on the real hook path."""

from typing import Annotated

from cyclopts import Parameter

from controlroom.cli import opening


def demo(*, headless: Annotated[bool, Parameter(help="decide by policy and print, in this terminal")] = False) -> int:
    """Runs a scripted agent in a temporary workspace: in the room; without a terminal, decided by policy."""
    if headless or not opening.on_terminal():
        from controlroom.cli import demo as story

        return story.headless()
    from controlroom.cli import demo_room

    return demo_room.play()
