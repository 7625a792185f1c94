"""From an action to its assessment. Pure: facts come through the tree, and nothing the agent says about itself counts."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

import msgspec

from controlroom.model.action import Action
from controlroom.model.effect import Assessment, EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy.context import Context
from controlroom.policy.files import Files
from controlroom.policy.ledger import Found, Ledger, TooMuch
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.command import Shell
from controlroom.policy.shell.env import Env
from controlroom.policy.tools import asked, mcp
from controlroom.policy.tools.files import FileTools
from controlroom.policy.tree import Tree


class _Tools(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    shell: frozenset[str]
    write: frozenset[str]
    edit: frozenset[str]
    patch: frozenset[str]
    delete: frozenset[str]
    read: frozenset[str]
    harmless: frozenset[str]
    net: frozenset[str]
    keys: tuple[str, ...]
    commands: tuple[str, ...]
    cwd: tuple[str, ...]
    asks: dict[str, str]


@lru_cache(maxsize=1)
def _tools() -> _Tools:
    text = resources.files("controlroom.policy").joinpath("data/tools.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Tools)


def assess(action: Action, context: Context, tree: Tree) -> Assessment:
    """What `action` would do, to what, how bad it is and why. Raises nothing for any input: what is not understood asks."""
    return Draft(action, context, tree).scanned()


class Draft:
    """An action judged by its text, its paths and what is at them. `scanned` also looks into the folders it takes along.

    Raises nothing. The scan fills in numbers and may only raise the tier; what it does not reach in the tree's time asks.
    """

    def __init__(self, action: Action, context: Context, tree: Tree) -> None:
        self._ledger = Ledger()
        self._files = Files(context, tree, self._ledger)
        try:
            _Assessor(action, context, tree, self._ledger, self._files).judge()
        except TooMuch as limit:
            self._ledger.reason(Tier.TX, "limit", f"Denied: {limit}.")
        except RecursionError:
            self._ledger.reason(Tier.TX, "limit", "Denied: nested too deeply to be looked through; write it flatter.")

    @property
    def assessment(self) -> Assessment:
        """What is known so far."""
        return self._ledger.close()

    @property
    def found(self) -> tuple[Found, ...]:
        """The same about each simple command alone."""
        return tuple(self._ledger.found(step) for step in self._ledger.steps)

    def scanned(self) -> Assessment:
        """The assessment with what lies in the folders."""
        self._files.look()
        return self._ledger.close()


def trace(action: Action, context: Context, tree: Tree) -> tuple[Assessment, tuple[Found, ...]]:
    """The same, with what was found about each simple command alone. Raises nothing."""
    draft = Draft(action, context, tree)
    return draft.scanned(), draft.found


class _Assessor:
    def __init__(self, action: Action, context: Context, tree: Tree, ledger: Ledger, files: Files) -> None:
        self._action = action
        self._ledger = ledger
        self._tree = tree
        self._home = context.home
        self._files = files
        self._shell = Shell(self._files, tree, ledger, context)

    def judge(self) -> None:
        try:
            given = msgspec.json.decode(self._action.input.encode("utf-8", "surrogatepass"))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._ledger.reason(Tier.T3, "tool.input", f"The tool's input is no JSON: {error}.")
            return
        if not isinstance(given, dict):
            self._ledger.reason(Tier.T3, "tool.input", "The tool's input is no JSON object.")
            return
        self._tool(self._action.tool, given)

    def _tool(self, tool: str, given: Mapping[str, object]) -> None:
        tools = _tools()
        if tool == "controlroom.ask":
            cwd = given.get("cwd")
            asked.judge(
                self._ledger,
                self._files,
                self._shell,
                self._tree,
                given,
                cwd if isinstance(cwd, str) else self._action.cwd,
                self._home,
            )
        elif tool in tools.shell:
            self._command(given)
        elif tool in tools.write | tools.edit | tools.delete | tools.read:
            self._file(tool, given)
        elif tool in tools.patch:
            texts = [value for value in given.values() if isinstance(value, str)]
            FileTools(self._files, self._tree, self._ledger, self._action.cwd).patch("\n".join(texts))
        elif tool in tools.net:
            self._ledger.effect(EffectKind.NET, Target(str(given.get("url", given.get("query", "")))[:400]))
            self._ledger.reason(Tier.T1, "tool.net", "Reads from the network.")
        elif tool in tools.harmless:
            self._ledger.reason(Tier.T0, "tool.harmless", "Changes nothing outside the agent's conversation.")
        elif tool.startswith(("mcp__", "mcp.", "mcp_")):
            mcp.judge(self._ledger, self._files, self._shell, tool, given, self._action.cwd, self._home)
        elif tool in tools.asks:
            self._ledger.effect(EffectKind.UNKNOWN, Target(f"tool:{tool}"[:400]))
            self._ledger.reason(Tier.T3, "tool.asks", tools.asks[tool])
        else:
            self._ledger.effect(EffectKind.UNKNOWN, Target(f"tool:{tool}"[:400]))
            self._ledger.reason(Tier.T3, "tool.unknown", "A tool that is not known here: nobody can say what it does.")

    def _command(self, given: Mapping[str, object]) -> None:
        tools = _tools()
        command = next((given[key] for key in tools.commands if given.get(key) is not None), None)
        cwd = next((value for key in tools.cwd if isinstance(value := given.get(key), str) and value), self._action.cwd)
        where = cwd if cwd.startswith("/") else self._action.cwd.rstrip("/") + "/" + cwd
        env = Env(self._home, where)
        if isinstance(command, str):
            self._shell.text(command, env)
        elif isinstance(command, list) and command and all(isinstance(word, str) for word in command):
            self._shell.run(tuple(Arg(str(word)) for word in command), env)
        else:
            self._ledger.reason(Tier.T3, "tool.input", "A shell tool without a command that can be read.")

    def _file(self, tool: str, given: Mapping[str, object]) -> None:
        tools = _tools()
        judge = FileTools(self._files, self._tree, self._ledger, self._action.cwd)
        paths: list[str] = []
        for key in tools.keys:
            value = given.get(key)
            paths += (
                [value]
                if isinstance(value, str)
                else [v for v in value if isinstance(v, str)]
                if isinstance(value, list)
                else []
            )
        if not paths and tool not in tools.read:
            self._ledger.reason(Tier.T3, "tool.input", "A file tool without a path that can be read.")
        for path in paths:
            if tool in tools.read:
                judge.read(path)
            elif tool in tools.delete:
                judge.delete(path)
            elif tool in tools.write:
                judge.write(path, given)
            else:
                judge.edit(path, given)
