"""`controlroom policy check`: what would be decided, and why. No side effect, no daemon."""

import os
import shlex
import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from controlroom.cli import out, room
from controlroom.cli.options import Command, OneObject
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure
from controlroom.daemon.judge import BadManifest, Judge
from controlroom.model.action import Action
from controlroom.model.effect import Assessment
from controlroom.model.tier import Tier, ruling_of
from controlroom.policy import Found, explain, lower
from controlroom.policy.catalogue import RuleError, catalogue

LINE_LIMIT = 1 << 20  # bytes, as at the gate
SHELL_TOOL = "Bash"

Row = dict[str, Any]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of input: either `command` (for a shell) or the tool's `input`."""

    id: str | int | None = None
    tool: str = SHELL_TOOL
    command: str | None = None
    input: dict[str, object] | None = None
    cwd: str | None = None


def check_(
    *command: Command,
    stdin: Annotated[bool, Parameter(help="NDJSON in, NDJSON out: id, tool, command or input, cwd")] = False,
    as_json: OneObject = False,
) -> int:
    """Says what would be decided about a command, and why. Exit code 0 whatever the verdict."""
    if stdin == bool(command):
        raise Failure("policy check needs either a command after --, or --stdin", USAGE)
    try:
        judge = Judge(room.places(), os.path.expanduser("~"))
        if stdin:
            catalogue().complete()
    except RuleError as error:
        raise _unusable(error) from None
    except (BadManifest, ValueError) as error:
        raise Failure(f"the never-touch manifest cannot be used: {error}") from None
    if stdin:
        for line in iter(lambda: sys.stdin.buffer.readline(LINE_LIMIT + 1), b""):
            if line.strip():
                print(out.as_json(answer(line, judge)), flush=True)
        return 0
    text = command[0] if len(command) == 1 else shlex.join(command)
    try:
        action = Action(SHELL_TOOL, msgspec.json.encode({"command": text}).decode(), os.getcwd())
    except UnicodeEncodeError:
        raise Failure("the command is not UTF-8 text; the gate denies such a call", USAGE) from None
    try:
        assessment, found = judge.trace(action, action.cwd)
    except RuleError as error:  # the files are read when a program that they name is met
        raise _unusable(error) from None
    if as_json:
        print(out.as_json(_row("command line", assessment) | {"commands": _commands(found), "lower": lower(assessment)}))
    else:
        for line in explain(assessment, found):
            text = line.lstrip(" ")
            print(" " * (len(line) - len(text)) + out.safe(text))
    return 0


def _unusable(error: RuleError) -> Failure:
    return Failure(f"the rules cannot be used: {error}")


def answer(line: bytes, judge: Judge) -> Row:
    """What is answered to one line; a malformed one would ask (T3)."""
    try:
        if len(line) > LINE_LIMIT:
            raise ValueError(f"the line is over {LINE_LIMIT} bytes")
        return assessed(msgspec.json.decode(line, type=Case), judge)
    except (ValueError, RecursionError) as error:  # msgspec's errors and bad UTF-8 are ValueErrors
        why = {"rule": "input.malformed", "tier": Tier.T3, "text": f"The line cannot be read: {error}.", "safer": ""}
        row = {"id": _id_of(line), "error": str(error), "tier": Tier.T3, "decision": ruling_of(Tier.T3)}
        return {**row, "effects": [], "targets": [], "reasons": [why]}


def assessed(case: Case, judge: Judge) -> Row:
    """The assessment of one case. Raises ValueError for a case that is none."""
    if (case.command is None) == (case.input is None):
        raise ValueError("exactly one of command and input is needed")
    cwd = case.cwd if case.cwd is not None else os.getcwd()
    if not os.path.isabs(cwd):
        raise ValueError(f"cwd {cwd!r} is not an absolute path")
    given = {"command": case.command} if case.input is None else case.input
    text = msgspec.json.encode(given, order="sorted").decode()
    return _row(case.id, judge.assess(Action(case.tool, text, cwd), cwd))


def _commands(found: tuple[Found, ...]) -> list[Row]:
    """Each simple command that was found, with what was found about it alone."""
    return [
        {
            "argv": one.argv,
            "depth": one.depth,
            "tier": one.tier,
            "effects": [{"kind": effect.kind, "targets": [t.path for t in effect.targets]} for effect in one.effects],
            "reasons": msgspec.to_builtins(one.reasons),
        }
        for one in found
    ]


def _row(case: str | int | None, found: Assessment) -> Row:
    effects = [{"kind": effect.kind, "targets": [target.path for target in effect.targets]} for effect in found.effects]
    return {
        "id": case,
        "tier": found.tier,
        "decision": ruling_of(found.tier),
        "effects": effects,
        "targets": msgspec.to_builtins(found.targets),
        "reasons": msgspec.to_builtins(found.reasons),
    }


def _id_of(line: bytes) -> object:
    """The id in a line that could not be taken, None where there is none."""
    try:
        found = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    case = found.get("id") if isinstance(found, dict) else None
    return case if isinstance(case, str | int) else None
