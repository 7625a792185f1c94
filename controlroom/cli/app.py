"""The commands, by name. Each is loaded only when it is used; what they raise becomes a line and an exit code here."""

import os
import signal
import sys
from collections.abc import Sequence

import cyclopts
from cyclopts import App, Parameter

from controlroom import __version__
from controlroom.cli import out
from controlroom.cli.quick import FAILED, NO_DAEMON, USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import Hung, NoDaemon, Refused, RpcError
from controlroom.client.where import NoPlace
from controlroom.storage.paths import Insecure

HELP = """A terminal control room for live AI agents: see, decide, pause, stop.

Without a command the room opens: controlroom [--read-only] [--theme NAME] [--ascii] [--no-mouse] [--reset-terminal].
Also: `controlroom estop` (EMERGENCY STOP), `controlroom allow ID --digest D`, `controlroom deny ID [--reason R]`.
Exit codes: 0 ok, 1 refused or failed, 2 usage, 3 no daemon."""
ROOM = "open-room"  # what `controlroom` does without a command
NO_TERMINAL = """The room needs a terminal. Without one, everything works from the command line:
  controlroom daemon start            then: controlroom run -- claude
  controlroom pending                 then: controlroom allow ID --digest D, or deny ID
  controlroom estop                   stops everything at once"""

_CLI = "controlroom.cli"
TOP = {
    "run": ("run:run", "Start an agent that is held: its calls wait for an answer, its stop is proved."),
    "adopt": ("adopt:adopt", "Take a process that already runs into the room (ADVISORY)."),
    "agents": ("listing:agents", "List the agents."),
    "pending": ("listing:pending", "List what waits for an answer."),
    "receipts": ("listing:receipts", "List what was asked, decided and done."),
    "grants": ("listing:grants", "List the grants in force."),
    "show": ("listing:show", "Show one request, receipt, agent or grant in full."),
    "pause": ("steer:pause", "Freeze an agent, or all."),
    "resume": ("steer:resume", "Let a paused agent go on, or all."),
    "stop": ("steer:stop", "End an agent, or all: TERM, then kill."),
    "kill": ("steer:kill", "Kill an agent, or all, now."),
    "logs": ("logs:logs", "Print what an agent did and what its logs say; -f follows."),
    "clear": ("clear:clear", "Say that you have looked at the alarms of an agent, or all."),
    "undo": ("undo:undo", "Bring back what was there before an act."),
    "snapshots": ("undo:snapshots", "List what was saved before acts."),
    "reset": ("reset:reset", "End an emergency stop; resumes nothing."),
    "grant": ("grants:grant", "Let an agent do some things without asking, for a while."),
    "revoke": ("grants:revoke", "Take a grant back."),
    "ask": ("asking:ask", "Ask before an act, from a script; run it when allowed."),
    "install": ("install:install", "Put the gate into an agent's configuration."),
    "uninstall": ("install:uninstall", "Take the gate out of an agent's configuration again."),
    "doctor": ("doctor:doctor", "Prove that the gate holds on this machine."),
    "demo": ("demo_command:demo", "Show the room on a scripted agent; touches nothing of yours."),
}
NOUNS = {
    "protect": (
        "The never-touch manifest.",
        {
            "add": "Put a path, or a pattern, on the list.",
            "remove": "Take one off the list.",
            "list": "List what you added; take a list that another hand changed.",
            "check": "Say whether a path is covered, and by which line.",
            "restore": "Put a file back as it was before it was changed on disk.",
        },
    ),
    "config": (
        "Two-phase changes of configuration files.",
        {
            "propose": "Propose a file's new content: checked, shown, asked, kept, replaced.",
            "history": "List the saved versions of a file.",
            "rollback": "Propose the last saved version of a file.",
            "accept": "Take our settings and rules, or an agent's file, as on disk.",
            "changes": "List the changes of agents' files that wait for a look.",
        },
    ),
    "audit": (
        "The journal: prove it, or take it elsewhere.",
        {
            "verify": "Prove the chain, record by record.",
            "export": "Print every record, or a line a receipt.",
            "anchor": "Write the head down where nobody here can change it.",
            "accept": "Take note that the journal had failed and is written again.",
        },
    ),
    "daemon": (
        "The daemon that holds and decides.",
        {
            "start": "Start it, and return when it answers.",
            "stop": "End it in good order; agents go on, their gates deny.",
            "status": "Say whether it answers, and how it is.",
            "install-service": "Let systemd start it at log-in and when it fails.",
        },
    ),
    "policy": (
        "What would be decided, and why. No side effect.",
        {"check": "Say what would be decided about a command, and why."},
    ),
}


def build(words: Sequence[str] = ()) -> App:
    """The whole command line as cyclopts knows it. The command that `words` name tells of itself what its module says."""
    told = Parameter(negative=(), show_default=_default)
    app = App(
        name="controlroom",
        help=HELP,
        version=__version__,
        help_format="plaintext",
        result_action="return_value",
        default_parameter=told,
    )
    for name, (where, text) in TOP.items():
        app.command(f"{_CLI}.{where}", name=name, help=None if [name] == list(words[:1]) else text)
    app.command(f"{_CLI}.room_command:open_room", name=ROOM, show=False)
    for noun, (text, verbs) in NOUNS.items():
        group = App(name=noun, help=text, result_action="return_value")
        for verb, brief in verbs.items():
            lazily = f"{_CLI}.{noun}:{verb.replace('-', '_')}_"
            group.command(lazily, name=verb, help=None if [noun, verb] == list(words[:2]) else brief)
        app.command(group)
    return app


def _default(value: object) -> object:
    """What a help says of a default: nothing where it is nothing."""
    return None if value in (False, "", ()) else value


def main(words: list[str]) -> int:
    """Runs one command line; gives its exit code."""
    app = build(words)
    if not words and not (sys.stdin.isatty() and sys.stdout.isatty()):
        app.help_print()
        print(NO_TERMINAL)
        return USAGE
    if not words or (words[0].startswith("--") and words[0] not in ("--help", "--version")):
        words = [ROOM, *words]
    try:
        result = app(words, exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except cyclopts.CycloptsError as error:
        out.tell(f"{error}\nTry: {' '.join(('controlroom', *_known(words)))} --help")
        return USAGE
    except Failure as error:
        out.tell(str(error))
        return error.code
    except Hung as error:
        out.tell(f"{error}\nEnd it with: controlroom daemon stop; agents' calls are denied meanwhile")
        return NO_DAEMON
    except NoDaemon as error:
        out.tell(f"{error}\nStart it with: controlroom daemon start")
        return NO_DAEMON
    except Refused as error:
        out.tell(f"{error.code}: {error}")
        return USAGE if error.code == "usage" else FAILED
    except BrokenPipeError:  # `controlroom receipts | head` ends quietly
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FAILED
    except OSError as error:
        out.tell(_why(error))
        return FAILED
    except (RpcError, Insecure, NoPlace) as error:
        out.tell(str(error))
        return FAILED
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return result if isinstance(result, int) else 0


def _why(error: OSError) -> str:
    """What the system refused, and of what."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, FileNotFoundError):  # only the working folder has no name
        return "the folder that you are in is gone: go to another, and try again"
    return error.strerror or str(error)


def _known(words: list[str]) -> list[str]:
    """The words of a command line that name its command, as far as there is such a one."""
    first, second = (*words, "", "")[:2]
    if first in NOUNS:
        return words[:2] if second in NOUNS[first][1] else [first]
    return [first] if first in TOP else []
