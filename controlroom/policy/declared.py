"""What agents' own permission rules declare, in our vocabulary. Pure.

Formats: permission rules and `allowed-tools` as in Claude Code's settings and skills, `tools` of its agent definitions;
`tools.core` and `tools.exclude` of Gemini CLI; `sandbox_mode` of Codex; `permission` of OpenCode. What is not understood is
left out: these are claims that are shown, nothing more.
"""

import re

from controlroom.model.use import Capability

Scoped = tuple[Capability, str]

_READ = {"Read", "Glob", "Grep", "LS", "read_file", "read_many_files", "list_directory", "glob", "search_file_content"}
_WRITE = {"Write", "Edit", "MultiEdit", "NotebookEdit", "write_file", "replace"}
_EXEC = {"Bash", "run_shell_command", "ShellTool"}
OPENCODE = {
    "read": Capability.FS_READ,
    "edit": Capability.FS_WRITE,
    "bash": Capability.EXEC,
    "webfetch": Capability.NET,
    "websearch": Capability.NET,
}
_NET = {"WebFetch", "WebSearch", "web_fetch", "google_web_search"}
_RULE = re.compile(r"([A-Za-z_][\w*-]*)(?:\((.*)\))?", re.DOTALL)
_TAIL = re.compile(r"(/\*\*|/\*|/)+$")


def rule(text: str) -> Scoped | None:
    """One rule such as `Bash(git add:*)`, `Read(~/notes/**)` or `WebFetch(domain:example.org)`; None = none of our words."""
    found = _RULE.fullmatch(text.strip())
    if found is None:
        return None
    tool, inner = found[1], (found[2] or "").strip()
    if tool in _EXEC:
        return Capability.EXEC, re.split(r"[\s:]", inner)[0] or "*"
    if tool in _NET:
        return Capability.NET, inner.removeprefix("domain:") or "*"
    if tool in _READ or tool in _WRITE:
        return Capability.FS_READ if tool in _READ else Capability.FS_WRITE, _place(inner)
    return (Capability.EXEC, tool) if tool.startswith("mcp__") else None


def _place(inner: str) -> str:
    """The scope of a path rule: `//x` is absolute, `~/x` at home, anything else in the workspace."""
    if inner in ("", "*", "**"):
        return "*"
    path = _TAIL.sub("", inner)
    if path.startswith("//"):
        return path[1:]
    if path.startswith("~"):
        return path
    return "./" + path.removeprefix("./").lstrip("/") if path not in ("", ".") else "."


def sandbox(mode: str, network: bool) -> tuple[Scoped, ...]:
    """What a `sandbox_mode` of Codex lets its commands do without asking."""
    read, run = (Capability.FS_READ, "*"), (Capability.EXEC, "*")
    net = ((Capability.NET, "*"),) if network else ()
    if mode == "read-only":
        return read, run
    if mode == "workspace-write":
        return (read, run, (Capability.FS_WRITE, "."), *net)
    if mode == "danger-full-access":
        return tuple((kind, "*") for kind in Capability)
    return ()


def tools_of(front: str, key: str) -> tuple[str, ...] | None:
    """The rules under `key` in the front matter of a Markdown file: a list in one line or in several; None = not there."""
    lines = front.split("\n")
    if not lines or lines[0].strip() != "---":
        return None
    for number, line in enumerate(lines[1:], 1):
        if line.strip() == "---":
            return None
        if line.startswith(f"{key}:"):
            value = line.partition(":")[2].strip().strip("[]")
            return _split(value) if value else _block(lines[number + 1 :])
    return None


def _block(lines: list[str]) -> tuple[str, ...]:
    found = []
    for line in lines:
        if not line.lstrip().startswith("- "):
            break
        found.append(line.lstrip()[2:].strip().strip("'\""))
    return tuple(found)


def _split(value: str) -> tuple[str, ...]:
    """Rules separated by commas or spaces, which count only outside of parentheses."""
    found, depth, word = [], 0, ""
    for char in value + ",":
        depth += (char == "(") - (char == ")")
        if depth <= 0 and char in ", ":
            found.append(word.strip("'\""))
            word = ""
        else:
            word += char
    return tuple(part for part in found if part)
