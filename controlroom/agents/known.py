"""Which known agent a process is, by how it was started: a guess that names it, never one that trusts it."""

import os
from collections.abc import Sequence

PROGRAMS = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "openclaw": "openclaw",
    "copilot": "copilot",
}
SCRIPTS = {  # what an interpreter runs: a part of the path of the npm package
    "/@anthropic-ai/claude-code/": "claude-code",
    "/@openai/codex/": "codex",
    "/@google/gemini-cli/": "gemini",
    "/opencode-ai/": "opencode",
    "/openclaw/": "openclaw",
    "/@github/copilot/": "copilot",
}
INTERPRETERS = ("node", "nodejs", "bun", "deno")


def kind_of(argv: Sequence[str]) -> str | None:
    """The agent that this command line starts (claude-code, codex, gemini, opencode, openclaw, copilot), None for others."""
    if not argv:
        return None
    program = os.path.basename(argv[0])
    if program in PROGRAMS:
        return PROGRAMS[program]
    if program not in INTERPRETERS:
        return None
    script = next((word for word in argv[1:] if not word.startswith("-")), "")
    if os.path.basename(script) in PROGRAMS:
        return PROGRAMS[os.path.basename(script)]
    return next((kind for part, kind in SCRIPTS.items() if part in script), None)
