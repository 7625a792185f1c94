"""The real agents, from the package registry that npm is set up with, pinned by version and hash, kept in `.cache/`."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
LIMIT = 300.0  # seconds for the download


class Agent(NamedTuple):
    """An agent as npm has it: the folder here that pins it, its package, and the program in `node_modules`."""

    folder: str
    package: str
    program: str


CLAUDE = Agent("claude", "@anthropic-ai/claude-agent-sdk-linux-x64", "@anthropic-ai/claude-agent-sdk-linux-x64/claude")
CODEX = Agent("codex", "@openai/codex", ".bin/codex")
GEMINI = Agent("gemini", "@google/gemini-cli", ".bin/gemini")
COPILOT = Agent("copilot", "@github/copilot", ".bin/copilot")


class Unavailable(Exception):
    """Why there is no such agent to test with: a reason to skip, in words."""


def program(agent: Agent) -> Path:
    """The program's path; installed at the first call. Raises Unavailable with the reason where it cannot be had."""
    pinned = HERE / agent.folder
    lock = json.loads((pinned / "package-lock.json").read_text(encoding="utf-8"))
    version: str = lock["packages"][f"node_modules/{agent.package}"]["version"]
    folder = CACHE / agent.folder / version
    found = folder / "node_modules" / agent.program
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / ".complete").exists():
            _install(agent.package, pinned, folder)
            (folder / ".complete").touch()
    own = {**os.environ, "HOME": str(folder)}  # some leave files in the home they are started in
    done = subprocess.run([str(found), "--version"], capture_output=True, text=True, timeout=60, check=False, env=own)
    if done.returncode != 0:
        raise Unavailable(f"{agent.package} {version} does not start on this machine: {done.stderr.strip()[:200]}")
    return found


def _install(package: str, pinned: Path, folder: Path) -> None:
    if shutil.which("npm") is None:
        raise Unavailable("npm is missing (Debian: apt-get install npm)")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pinned / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the npm registry did not deliver {package} within {LIMIT:.0f} s") from None
    if "EINTEGRITY" in done.stderr:  # a source that answers with something else is no reason to skip
        raise RuntimeError(
            f"{package}: what the npm registry delivers does not have the pinned hash: {done.stderr.strip()[:300]}"
        )
    if done.returncode != 0:
        raise Unavailable(f"npm could not install {package}: {' '.join(done.stderr.split())[:300]}")
