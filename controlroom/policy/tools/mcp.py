"""MCP tools by name: what a server says of its own tools is a claim; it may raise a tier, never lower it."""

import re

from controlroom.model.effect import EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy.ledger import Ledger

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DESTRUCTIVE = frozenset(
    [
        "delete",
        "remove",
        "destroy",
        "drop",
        "purge",
        "truncate",
        "erase",
        "wipe",
        "clear",
        "reset",
        "revoke",
        "terminate",
        "kill",
        "stop",
        "restart",
        "shutdown",
        "reboot",
        "archive",
        "close",
        "merge",
        "cancel",
        "disable",
        "uninstall",
        "overwrite",
        "rollback",
        "force",
    ]
)
_MUTATING = frozenset(
    [
        "create",
        "update",
        "write",
        "edit",
        "set",
        "put",
        "post",
        "patch",
        "insert",
        "add",
        "send",
        "publish",
        "deploy",
        "push",
        "run",
        "execute",
        "exec",
        "apply",
        "move",
        "rename",
        "upload",
        "import",
        "invite",
        "grant",
        "assign",
        "transfer",
        "pay",
        "refund",
        "charge",
        "submit",
        "approve",
        "query",
        "call",
        "invoke",
        "click",
        "fill",
        "type",
    ]
)


def judge(ledger: Ledger, tool: str) -> None:
    """Judge `mcp__SERVER__TOOL`. Nothing about it can be inspected here, so it asks; its name says only why."""
    words = {word.lower() for word in _WORDS.findall(tool.rsplit("__", 1)[-1])}
    ledger.effect(EffectKind.REMOTE, Target(f"mcp:{tool}"[:400]))
    if words & _DESTRUCTIVE:
        ledger.reason(
            Tier.T3,
            "mcp.destructive",
            f"The tool's name says that it takes something away ({', '.join(sorted(words & _DESTRUCTIVE))}).",
        )
    elif words & _MUTATING:
        ledger.reason(
            Tier.T3, "mcp.mutating", f"The tool's name says that it changes something ({', '.join(sorted(words & _MUTATING))})."
        )
    else:
        ledger.reason(Tier.T3, "mcp.unknown", "A tool of an MCP server: what it does cannot be seen from here.")
