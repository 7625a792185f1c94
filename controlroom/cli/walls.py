"""The walls of one ENFORCED session, from what the daemon protects and what this machine has; nothing is built here."""

import os
import sys
from pathlib import Path
from typing import Any

import controlroom
from controlroom.agents import layers
from controlroom.cli.room import Failure
from controlroom.containment import cage
from controlroom.containment.cage import Cage, Layout
from controlroom.storage.paths import Places

# Settings that would switch a gate off, or run something when the agent is next started, if somebody made them: (where, what an
# empty one holds, None = an empty folder). `@/` is the agent's own folder.
UNBORN: dict[str, tuple[tuple[str, str | None], ...]] = {
    "claude-code": (("@/settings.json", "{}\n"), ("./.claude", None)),
    "codex": (("@/config.toml", ""), ("@/hooks.json", "{}\n"), ("@/rules", None), ("./.codex", None)),
    "gemini": (("@/settings.json", "{}\n"), ("@/policies", None), ("@/extensions", None), ("./.gemini", None)),
    "copilot": (("@/settings.json", "{}\n"), ("@/mcp-config.json", "{}\n"), ("@/hooks", None)),
}
# Ways to have work done, or keys pressed, outside of the session.
CONTROL = (
    "/tmp/tmux-{uid}",
    "/run/screen",
    "/run/user/{uid}",
    "/run/systemd/private",
    "/run/dbus",
    "/run/docker.sock",
    "/run/podman",
    "/run/containerd",
    "/run/crio",
    "/run/libvirt",
    "/tmp/.X11-unix",
    "/tmp/.ICE-unix",
    "~/.docker/run",
    "~/.screen",
)


def build(places: Places, plan: dict[str, Any], kind: str, workspace: Path) -> Cage:
    """What bwrap is to build for this launch. Makes the session's own folder and the placeholders. Raises Failure, OSError."""
    bwrap = cage.find_bwrap()
    if not bwrap:
        raise Failure("ENFORCED is not possible: there is no bwrap (package bubblewrap); nothing was started")
    rules = plan["profile"]["rules"]
    home = os.path.realpath(os.path.expanduser("~"))
    folder = os.path.realpath(places.state / "cages" / plan["session"])
    cage.prepare(folder)
    made = _placeholders(kind, home, workspace)
    settings = [_at(kind, place, home, workspace) for kind, unborn in UNBORN.items() for place, _ in unborn]
    if kind in layers.table() and layers.folder(kind, home, os.environ) != layers.folder(kind, home, {}):
        settings += map(os.path.realpath, layers.held(kind, home, os.environ))  # a variable moved it: no list knows the place
    protected = plan["protected"]
    layout = Layout(
        workspace=os.path.realpath(workspace),
        user_home=home,
        runtime=os.path.realpath(places.runtime),
        gate=os.path.realpath(places.inner),
        folder=folder,
        readonly=tuple(dict.fromkeys((*protected["readonly"], *settings, os.path.realpath(places.config)))),
        hidden=tuple(dict.fromkeys((*_control(home), os.path.realpath(places.state), *protected["unread"]))),
        program=tuple(dict.fromkeys(os.path.realpath(path) for path in _program())),
        network=rules["network"],
        home=rules["home"] == "throw-away",
        tmp=rules["tmp"] == "throw-away",
        made=made,
    )
    return cage.walls(bwrap, layout)


def _program() -> tuple[str, ...]:
    return os.path.dirname(controlroom.__file__), sys.prefix, sys.base_prefix


def _at(kind: str, place: str, home: str, workspace: Path) -> str:
    own = place.startswith("@")
    return os.path.realpath(place.replace("@", layers.folder(kind, home, os.environ), 1) if own else workspace / place)


def _placeholders(kind: str, home: str, workspace: Path) -> tuple[str, ...]:
    """Make the settings that do not exist yet as empty ones, so that there is something to hold. Which were made."""
    made = []
    for place, content in UNBORN.get(kind, ()):
        path = Path(_at(kind, place, home, workspace))
        if path.exists():
            continue
        if content is None:
            path.mkdir(mode=0o755, parents=True)
        else:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(content)
        made.append(str(path))
    return tuple(made)


def _control(home: str) -> list[str]:
    """Every place of a control socket that exists, resolved."""
    uid = os.getuid()
    named = [place.format(uid=uid).replace("~", home, 1) for place in CONTROL]
    named += [os.environ[name].partition(",")[0] for name in ("TMUX", "DOCKER_HOST") if name in os.environ]
    named += [f"{os.environ[name]}/tmux-{uid}" for name in ("TMUX_TMPDIR",) if name in os.environ]
    sockets = [name.removeprefix("unix://") for name in named]
    if not os.path.exists(f"/tmp/tmux-{uid}"):
        os.mkdir(f"/tmp/tmux-{uid}", 0o700)  # a tmux that is started later makes its socket in it, hidden too
    return [os.path.realpath(path) for path in sockets if os.path.isabs(path) and os.path.exists(path)]
