"""`controlroom adopt PID | --all`: supervise agents that already run."""

import os
from typing import Annotated, Any

from cyclopts import Parameter

from controlroom.agents.known import kind_of
from controlroom.cli import out, room
from controlroom.cli.quick import FAILED, OK, USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import Refused, RpcError
from controlroom.containment import processes

EVERY = "every Claude Code, Codex, Gemini CLI, OpenCode, OpenClaw and Copilot CLI that runs as you"


def adopt(
    pid: int | None = None,
    /,
    *,
    name: Annotated[str, Parameter(help="how it is called in the room")] = "",
    every: Annotated[bool, Parameter(name="--all", help=EVERY)] = False,
) -> int:
    """Takes running processes into the room, labelled ADVISORY: seen, held where they ask, stopped as far as they are found."""
    if (pid is None) is not every:
        raise Failure("adopt takes one PID, or --all", USAGE)
    if pid is not None:
        _refuse_own(pid)
        _tell(room.call("adopt", pid=pid, name=name))
        return OK
    failed = taken = 0
    for one in known_agents():
        try:
            _tell(room.call("adopt", pid=one))
            taken += 1
        except (RpcError, Failure) as error:
            if isinstance(error, Refused) and error.code == "held":
                continue
            failed += 1
            out.tell(f"process {one}: {error}")
    if not taken and not failed:
        print("No known agent runs as you outside of the room.")
    return FAILED if failed else OK


def known_agents() -> list[int]:
    """The processes of our uid that are a known agent and have none above them: the newest last. Ours are left out."""
    mine = {one.pid for one in processes.ancestors(os.getpid())} | {os.getpid()}
    seen = processes.listing()
    agents = {pid for pid in seen if pid not in mine and processes.uid_of(pid) == os.getuid() and _kind(pid)}
    tops = [pid for pid in agents if not any(one.pid in agents for one in processes.ancestors(pid))]
    return sorted(tops, key=lambda pid: seen[pid].start)


def _kind(pid: int) -> str | None:
    return kind_of(processes.cmdline(pid).decode("utf-8", "backslashreplace").split("\0"))


def _refuse_own(pid: int) -> None:
    if pid == os.getpid() or pid in {one.pid for one in processes.ancestors(os.getpid())}:
        raise Failure(f"process {pid} is your own shell or what it runs in: a stop would take your terminal with it")


def _tell(row: dict[str, Any]) -> None:
    held = f"{out.safe(row['name'])}: session {out.safe(row['id'])}, {out.safe(row['label'])}, rung {out.safe(row['rung'])}"
    if row["rung"] == "cgroup":
        print(f"{held}: {row['found']} processes found and held; what had left its tree before is not among them.")
    else:
        print(f"{held}: a stop of it cannot be proved ({out.safe(row['why'])}).")
    for one in row["logs"]:
        told = f", its own session {out.safe(one['session'])}" if one["session"] else ""
        why = f" ({one['read']})" if one["read"] else ""
        print(f"  writes {out.safe(one['log'])}{told}{why}")
