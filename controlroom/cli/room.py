"""What the commands share: the places, the daemon, the operator's own yes, and failures with their exit codes."""

import os
import sys
from typing import Any

from controlroom.cli import hands
from controlroom.cli.quick import FAILED
from controlroom.client.rpc import Operator
from controlroom.storage import paths
from controlroom.storage.paths import Places


class Failure(Exception):
    """A command that came to nothing: what failed and what to do, and its exit code."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def places() -> Places:
    """Where everything of ours lies. Raises Insecure."""
    return paths.places(os.environ)


def operator() -> Operator:
    """A connection to the daemon. Raises NoDaemon and its kin."""
    return Operator(places())


def call(method: str, **params: object) -> Any:
    """The result of one operator call on a connection of its own. Raises RpcError."""
    with operator() as connection:
        return connection.call(method, **params)


def confirm(question: str, *, yes: bool) -> None:
    """Asks the operator for a yes to a command's own question. Raises Failure on anything else, or without a terminal."""
    if yes:
        return
    if typed(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Failure("nothing was changed")


def typed(prompt: str) -> str:
    """What the operator types. Raises Failure without a terminal to ask on."""
    if not sys.stdin.isatty():
        raise Failure("there is no terminal to ask on; answer with --yes. Nothing was changed")
    try:
        return input(prompt)
    except EOFError:
        raise Failure("no answer; nothing was changed") from None


def outsider(what: str) -> None:
    """Raises Failure inside a supervised session: an agent decides nothing, not even with the daemon dead (S10)."""
    session = hands.inside(places())
    if session is not None:
        raise Failure(f"this process belongs to session {session}; {what} is the operator's alone")
