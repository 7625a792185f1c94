"""Which known agent a process is, by how it was started, and which conversation a log of it is: guesses that name, and never
trust.
"""

import os
import re
from collections.abc import Sequence

PROGRAMS = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini",
    "opencode": "opencode",
    "openclaw": "openclaw",
    "openclaw-gateway": "openclaw",  # the title that it gives itself
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
# flags of node that are followed by a value
TAKING = (
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
)  # flags of node
STORES = {  # where those keep their sessions that write no log that we read: below the home, as patterns
    "opencode": (".local/share/opencode/opencode.db",),
    "openclaw": (".openclaw/agents/*/agent/openclaw-agent.sqlite", ".openclaw/state/openclaw.sqlite"),
}
CARRIED = {  # what the programs that an agent starts carry in their environment: its conversation, and its own pid
    "claude-code": ("CLAUDE_CODE_SESSION_ID", "CLAUDE_PID"),
}
_CONVERSATION = {  # in the name of its log
    "claude-code": re.compile(r"/([0-9a-f-]{36})\.jsonl$"),
    "codex": re.compile(r"/rollout-.*-([0-9a-f-]{36})\.jsonl$"),
    "gemini": re.compile(r"/session-[^/]*-([0-9a-f]{8})\.jsonl?$"),
    "copilot": re.compile(r"/([^/]+)/events\.jsonl$"),
}


def kind_of(argv: Sequence[str]) -> str | None:
    """The agent that this command line starts (claude-code, codex, gemini, opencode, openclaw, copilot), None for others."""
    if not argv:
        return None
    program = os.path.basename(argv[0])
    if program in PROGRAMS:
        return PROGRAMS[program]
    if program not in INTERPRETERS:
        return None
    script = _script(argv[1:])
    if os.path.basename(script) in PROGRAMS:
        return PROGRAMS[os.path.basename(script)]
    return next((kind for part, kind in SCRIPTS.items() if part in script), None)


def _script(words: Sequence[str]) -> str:
    """What an interpreter runs: its first word that is no flag, and no flag's value; "" = none."""
    skip = False
    for word in words:
        if not skip and not word.startswith("-"):
            return word
        skip = not skip and word in TAKING
    return ""


def conversation(kind: str, log: str) -> str:
    """The agent's own id of the conversation that is written to this log, "" where its name does not tell."""
    found = _CONVERSATION[kind].search(log) if kind in _CONVERSATION else None
    return found[1] if found else ""
