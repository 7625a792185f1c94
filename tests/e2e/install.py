"""The real Claude Code, from the package registry that npm is set up with, pinned by version and hash, kept in `.cache/`."""

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

PACKAGE = "@anthropic-ai/claude-agent-sdk-linux-x64"
PINNED = Path(__file__).resolve().parent / "claude"
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "claude"
LIMIT = 300.0  # seconds for the download


class Unavailable(Exception):
    """Why there is no Claude Code to test with: a reason to skip, in words."""


def claude() -> Path:
    """The binary's path; installed at the first call. Raises Unavailable with the reason where it cannot be had."""
    lock = json.loads((PINNED / "package-lock.json").read_text(encoding="utf-8"))
    version: str = lock["packages"][f"node_modules/{PACKAGE}"]["version"]
    folder = CACHE / version
    binary = folder / "node_modules" / PACKAGE / "claude"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / ".complete").exists():
            _install(folder)
            (folder / ".complete").touch()
    done = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{PACKAGE} {version} does not start on this machine: {done.stderr.strip()[:200]}")
    return binary


def _install(folder: Path) -> None:
    if shutil.which("npm") is None:
        raise Unavailable("npm is missing (Debian: apt-get install npm)")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINNED / name, folder / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the npm registry did not deliver {PACKAGE} within {LIMIT:.0f} s") from None
    if "EINTEGRITY" in done.stderr:  # a source that answers with something else is no reason to skip
        raise RuntimeError(
            f"{PACKAGE}: what the npm registry delivers does not have the pinned hash: {done.stderr.strip()[:300]}"
        )
    if done.returncode != 0:
        raise Unavailable(f"npm could not install {PACKAGE}: {' '.join(done.stderr.split())[:300]}")
