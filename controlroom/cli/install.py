"""`controlroom install AGENT | uninstall AGENT`: the gate into an agent's configuration, and out without a trace."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from controlroom.agents import install as installing
from controlroom.agents.command import hook_file, interpreter
from controlroom.agents.gated import GATED, Settings, why_not
from controlroom.agents.install import Plan, Refused, Scope
from controlroom.cli import out, room
from controlroom.cli.options import Yes
from controlroom.cli.room import Failure
from controlroom.storage.paths import Places, secure_dir

Agent = Literal["claude-code", "codex", "gemini", "opencode", "openclaw", "copilot"]
Where = Annotated[
    Scope, Parameter(help="user: all your projects; project: this folder; managed: this machine (Claude Code: any, else user)")
]


def install(agent: Agent, /, *, scope: Where = "user", yes: Yes = False) -> int:
    """Puts the gate into an agent's configuration: shows the change, asks, keeps what was there."""
    settings = _settings(agent)
    room.outsider("installing")
    places = room.places()
    secure_dir(places.runtime)  # the hook takes no gate but one in a folder of ours
    try:
        plan = installing.plan(settings, scope, Path.home(), Path.cwd(), places.runtime, interpreter(), hook_file())
        return _carry_out(plan, places, yes=yes, done="installed", nothing="is up to date")
    except Refused as error:
        raise Failure(f"{agent}: {error}") from None


def uninstall(agent: Agent, /, *, scope: Where = "user", yes: Yes = False) -> int:
    """Takes the gate out again; the file is then byte by byte as before, where nothing else has changed it."""
    settings = _settings(agent)
    room.outsider("uninstalling")
    places = room.places()
    try:
        plan = installing.plan_uninstall(settings, scope, Path.home(), Path.cwd(), _backups(places))
        return _carry_out(plan, places, yes=yes, done="uninstalled", nothing="holds nothing of ours")
    except Refused as error:
        raise Failure(f"{agent}: {error}") from None


def _settings(agent: Agent) -> Settings:
    if agent not in GATED:
        raise Failure(f"{agent}: {why_not(agent)}")
    settings = GATED[agent].settings
    if not settings.SCOPES:
        raise Failure(f"{agent}: {settings.OTHER_SCOPES}")
    return settings


def _carry_out(plan: Plan, places: Places, *, yes: bool, done: str, nothing: str) -> int:
    if not plan.changes:
        print(f"{out.safe(plan.file)} {nothing}")
        return 0
    out.block(plan.diff, "")
    for note in plan.notes:
        out.tell(f"note: {note}")
    room.confirm(f"Change {out.safe(plan.file)} like this?", yes=yes)
    secure_dir(places.state)
    installing.apply(plan, _backups(places))
    print(f"{done}: {out.safe(plan.file)}")
    if not plan.removing:
        print("It holds from the agent's next start on. Prove it with: controlroom doctor")
    return 0


def _backups(places: Places) -> Path:
    return places.state / "installed"
