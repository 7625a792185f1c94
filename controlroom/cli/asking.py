"""`controlroom ask`: for scripts. Receipt, decision, run, outcome."""

import os
import signal
import subprocess
import time
from typing import Annotated

from cyclopts import Parameter

from controlroom.cli import out
from controlroom.cli.options import Command
from controlroom.cli.quick import FAILED, USAGE
from controlroom.cli.room import Failure
from controlroom.client import gate
from controlroom.client.where import where

NOT_EXECUTABLE = 126
NOT_FOUND = 127
UNWATCHED = "no command was given: what the script does next is not watched"


def ask(
    *command: Command,
    op: Annotated[str, Parameter(help="what is to be done: delete, write, config, publish, restart ...")],
    reason: Annotated[str, Parameter(allow_leading_hyphen=True, help="why, for the operator")],
    path: Annotated[tuple[str, ...], Parameter(consume_multiple=True, help="on what; more than one may follow")] = (),
) -> int:
    """Asks before an act and waits for the answer; runs CMD when allowed. Exit status: CMD's, or 1 when denied."""
    places = where(os.environ)
    if not path and not command:
        raise Failure("ask needs --path P... or a command after --", USAGE)
    try:
        receipt = gate.ask(places, op, paths=path, reason=reason, argv=command)
    except gate.Denied as error:
        raise Failure(f"denied: {error}") from None
    except gate.Unavailable as error:
        raise Failure(f"denied, the gate is unavailable: {error}") from None
    out.tell(f"allowed by {receipt.by}: receipt {receipt.id}")
    began = time.monotonic()
    status, note = _run(command) if command else (0, UNWATCHED)
    try:
        gate.finish(places, receipt.id, ok=status == 0, note=note, seconds=time.monotonic() - began)
    except gate.GateError as error:
        out.tell(f"the outcome could not be recorded: {error}")
        return status or FAILED
    return status


def _run(command: tuple[str, ...]) -> tuple[int, str]:
    """Exit status of the command (128 + signal when one ended it) and what to note of it."""
    before = signal.signal(signal.SIGINT, lambda *_: None)  # the terminal's ^C is the command's; its end decides
    try:
        status = subprocess.call(command)
    except FileNotFoundError:
        out.tell(f"cannot run {command[0]!r}: not found")
        return NOT_FOUND, "not found"
    except OSError as error:
        out.tell(f"cannot run {command[0]!r}: {error.strerror}")
        return NOT_EXECUTABLE, f"not run: {error.strerror}"
    finally:
        signal.signal(signal.SIGINT, before)
    if status < 0:
        return 128 - status, f"ended by signal {-status}"
    return status, f"exit status {status}"
