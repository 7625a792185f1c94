"""The walk over a parsed shell text: every simple command, in order, with what the shell knows at that point."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from tree_sitter import Node

from controlroom.model.tier import Tier
from controlroom.policy.ledger import Ledger, TooMuch
from controlroom.policy.limits import MAX_NESTING, MAX_SOURCE, MAX_WORDS
from controlroom.policy.shell import branches, redirects, substitutions
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.names import printed
from controlroom.policy.shell.parse import damaged, parsed, text_of
from controlroom.policy.shell.prints import Stdin, printed_text
from controlroom.policy.shell.redirects import Redirect, Redirects
from controlroom.policy.shell.words import Words

_WORDS = {
    *("command_name", "word", "string", "raw_string", "concatenation", "number", "simple_expansion", "expansion"),
    *("command_substitution", "process_substitution", "ansi_c_string", "translated_string", "arithmetic_expansion"),
    *("brace_expression", "extglob_pattern", "regex", "variable_assignment", "comment", "special_variable_name"),
}
_SKIP = {
    *("comment", "heredoc_start", "heredoc_end", "variable_name", "word", "raw_string", "string_content", "number"),
    "ansi_c_string",
}


class Simple(msgspec.Struct, frozen=True):
    """A simple command as found: its words, assignments in front, redirections, standard input, and what it surely prints."""

    args: tuple[Arg, ...]
    assigned: tuple[tuple[str, str | None], ...]
    redirects: tuple[Redirect, ...]
    stdin: Stdin
    prints: str | None = None


class Walker:
    """Walks shell text. `run` is called for every simple command, with the environment it runs in."""

    def __init__(self, words: Words, ledger: Ledger, run: Callable[[Simple, Env], None]) -> None:
        self.words = words
        self._ledger = ledger
        self._run = run
        self.depth = 0
        self._calls: list[str] = []
        self._uncalled: dict[str, Node] = {}  # functions that something unseen may call

    def text(self, text: str, env: Env) -> None:
        """Walk a whole text. Raises TooMuch over a limit."""
        root = parsed(text)
        if damaged(root):
            self._ledger.reason(
                Tier.T3, "shell.unparsable", "A part of the command cannot be read as shell; it could hide anything."
            )
        known = set(self._uncalled)
        self.node(root, env, Stdin())
        for name in self._uncalled.keys() - known:
            apart = env.fork()
            apart.functions[name] = self._uncalled.pop(name)
            self._body(name, apart, None)

    def call(self, name: str, env: Env, args: tuple[Arg, ...]) -> None:
        """Walk the body of a function that is called by name."""
        self._uncalled.pop(name, None)
        self._body(name, env, args)

    def _body(self, name: str, env: Env, args: tuple[Arg, ...] | None) -> None:
        if name in self._calls:
            self._ledger.reason(
                Tier.T3, "shell.recursion", f"The function {name} calls itself; this can fill the machine with processes."
            )
            return
        saved = {key: env.vars.get(key) for key in ("@", "*", *map(str, range(1, 10)))}
        positional = None if args is None or not all(arg.certain for arg in args) else tuple(arg.text for arg in args)
        set_positional(env, positional)
        self._calls.append(name)
        self.node(env.functions[name], env, Stdin())
        self._calls.pop()
        env.vars.update(saved)
        env.left = False

    def node(self, node: Node, env: Env, stdin: Stdin) -> None:
        """Walk whatever stands here."""
        self._down()
        handler = _HANDLERS.get(node.type)
        if handler is not None:
            handler(self, node, env, stdin)
        elif node.type not in _SKIP:
            for child in node.named_children:
                self.node(child, env, stdin)
        self.depth -= 1

    def _command(
        self, node: Node, env: Env, stdin: Stdin, extra: tuple[Redirect, ...] = (), more: tuple[Arg, ...] = ()
    ) -> None:
        args: list[Arg] = []
        assigned: list[tuple[str, str | None]] = []
        into = Redirects(args)
        into.files += extra
        for child in node.children if node.child_count != node.named_child_count else node.named_children:
            if not child.is_named:  # `=~`, `==` and `$` are words here; other marks are none
                args += [Arg(text_of(child))] if child.type in ("==", "=~", "$") else []
                continue
            if child.type in redirects.KINDS:
                stdin = into.take(self, child, env, stdin)
                continue
            substitutions.walk(self, child, env)
            if child.type == "subshell" and [arg.text for arg in args] == ["time"]:
                self.node(child, env, stdin)
                continue
            if child.type not in _WORDS:  # `coproc ( rm x )` comes as a word: bash would run it
                self._ledger.reason(Tier.T3, "shell.unparsable", f"A {child.type} stands where a word is read.")
                self.node(child, env.fork(), stdin)
            if child.type == "variable_assignment":
                name, raw = self._assignment(child)
                value = self.words.value(raw, env)
                assigned.append((name, raw if value is None and name == "PATH" else value))
            elif child.type != "comment":
                args += self.words.args(text_of(child), env)
                if len(args) > MAX_WORDS:
                    raise TooMuch(f"more than {MAX_WORDS} arguments in one command; use fewer")
        prints = printed_text((*args, *more), stdin) if into.files else None
        self._run(Simple((*args, *more), tuple(assigned), tuple(into.files), stdin, prints), env)
        for child in into.later:
            self.node(child, env, Stdin(given=True))

    def _redirected(self, node: Node, env: Env, stdin: Stdin) -> None:
        self._redirecting(node, node.child_by_field_name("body"), env, stdin)

    def _redirecting(self, node: Node, body: Node | None, env: Env, stdin: Stdin) -> None:
        """The parser gives the redirection in `cd x && y > z` to the whole; the shell gives it to the last command."""

        def last(child: Node, at: Env, comes: Stdin) -> None:
            self._redirecting(node, child, at, comes)

        if body is not None and body.type == "list":
            self._list(body, env, stdin, last)
            return
        if body is not None and body.type == "pipeline":
            self._pipeline(body, env, stdin, last)
            return
        if body is not None and body.type == "negated_command" and body.named_children:
            self._redirecting(node, body.named_children[-1], env, stdin)
            return
        into = Redirects(redirects.between(self, node, env))
        for child in node.children_by_field_name("redirect"):
            stdin = into.take(self, child, env, stdin)
        for child in node.named_children:
            if child.type == "ERROR":
                self.node(child, env, Stdin())
        if body is not None and body.type == "command":
            self._command(body, env, stdin, tuple(into.files), tuple(into.words))
        else:
            self._run(Simple((), (), tuple(into.files), stdin), env)
            if body is not None:
                self.node(body, env, stdin)
        for child in into.later:
            self.node(child, env, Stdin(given=True, text=self._output(body, stdin)))

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level down. Raises TooMuch over the limit."""
        self._down()
        yield
        self.depth -= 1

    def _down(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise TooMuch(f"more than {MAX_NESTING} levels of nesting; write it flatter")

    def _output(self, node: Node | None, stdin: Stdin) -> str | None:
        """What a command surely prints: `cat` prints its input, `echo` and `printf` their arguments."""
        if node is None:
            return None
        if node.type == "redirected_statement":
            return None
        if node.type != "command" or not node.named_children:
            return None
        return printed_text(tuple(arg for child in node.named_children for arg in self._plain(child)), stdin)

    def _plain(self, node: Node) -> list[Arg]:
        return Words(None).args(text_of(node), Env("/", None))

    def _pipeline(self, node: Node, env: Env, stdin: Stdin, last: "_Handler | None" = None) -> None:
        parts = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(parts):
            (last if last is not None and index == len(parts) - 1 else self.node)(child, env.fork(), stdin)
            if index < len(parts) - 1:
                stdin = Stdin(given=True, text=self._output(child, stdin), names=self._names(child, stdin))

    def _names(self, node: Node, stdin: Stdin) -> tuple[Arg, ...]:
        if node.type == "redirected_statement":
            node = node.child_by_field_name("body") or node
        return printed(tuple(arg for child in node.named_children for arg in self._plain(child)), stdin.names)

    def _list(self, node: Node, env: Env, stdin: Stdin, last: "_Handler | None" = None) -> None:
        operator = next((child.type for child in node.children if child.type in ("&&", "||")), "&&")
        parts = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(parts):
            if index == 0:
                self.node(child, env, stdin)
                continue
            branch = env.fork()
            (last if last is not None and index == len(parts) - 1 else self.node)(child, branch, stdin)
            if operator == "&&":
                env.adopt(branch)
            else:
                env.meet([branch])

    def within(self, node: Node, env: Env, stdin: Stdin) -> None:
        """Walk what stands in a substitution: commands, or redirections alone as in `$(< file)`."""
        alone = Redirects([])
        for child in node.named_children:
            if child.type not in redirects.KINDS:
                self.node(child, env, stdin)
        for child in node.named_children:
            if child.type in redirects.KINDS:
                alone.take(self, child, env, Stdin())
        if alone.files:
            self._run(Simple((), (), tuple(alone.files), Stdin()), env)

    def _subshell(self, node: Node, env: Env, stdin: Stdin) -> None:
        inner = env.fork()
        for child in node.named_children:
            self.node(child, inner, stdin)

    def inside(self, node: Node) -> tuple[Arg, ...]:
        """The names of files that a substitution prints, () where they are not known."""
        names: tuple[Arg, ...] = ()
        for child in node.named_children[:1]:
            for part in child.named_children if child.type == "pipeline" else [child]:
                names = self._names(part, Stdin(given=True, names=names))
        return names

    def _function(self, node: Node, env: Env, stdin: Stdin) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            env.functions[text_of(name)] = body
            self._uncalled[text_of(name)] = body

    def _assignment(self, node: Node) -> tuple[str, str]:
        text = text_of(node)
        name, _, value = text.partition("=")
        return name, value

    def _assign(self, node: Node, env: Env, stdin: Stdin) -> None:
        substitutions.walk(self, node, env)
        name, raw = self._assignment(node)
        value_node = node.child_by_field_name("value")
        plain = name.rstrip("+").split("[")[0]
        if value_node is not None and value_node.type == "array":
            items = [arg for child in value_node.named_children for arg in self.words.args(text_of(child), env)]
            before = env.get(plain) if name.endswith("+") else ()
            known = before is not None and (env.is_array(plain) or not before) and all(a.certain for a in items)
            env.put(plain, (*(before or ()), *(a.text for a in items)) if known else None, array=True)
            return
        value = self.words.value(raw, env) if plain == name else None
        value = raw if value is None and name == "PATH" else value
        self._run(Simple((), ((plain, value),), (), Stdin()), env)
        if value is None:
            env.sources[plain] = raw[:MAX_SOURCE]

    def _declaration(self, node: Node, env: Env, stdin: Stdin) -> None:
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._assign(child, env, stdin)
            else:
                substitutions.walk(self, child, env)

    def _unset(self, node: Node, env: Env, stdin: Stdin) -> None:
        substitutions.walk(self, node, env)
        for child in node.named_children:
            env.put(text_of(child), None)
            env.functions.pop(text_of(child), None)

    def _test(self, node: Node, env: Env, stdin: Stdin) -> None:
        substitutions.walk(self, node, env)


def set_positional(env: Env, values: tuple[str, ...] | None) -> None:
    """Set `$@` and `$1` to `$9`; None = not known."""
    env.put("@", values, array=True)
    env.put("*", values, array=True)
    for index in range(1, 10):
        known = None if values is None else (values[index - 1] if index <= len(values) else "",)
        env.put(str(index), known)


_Handler = Callable[[Node, Env, Stdin], None]
_HANDLERS: dict[str, Callable[[Walker, Node, Env, Stdin], None]] = {
    "command": Walker._command,
    "redirected_statement": Walker._redirected,
    "pipeline": Walker._pipeline,
    "list": Walker._list,
    "subshell": Walker._subshell,
    "function_definition": Walker._function,
    "variable_assignment": Walker._assign,
    "declaration_command": Walker._declaration,
    "unset_command": Walker._unset,
    "test_command": Walker._test,
    **dict.fromkeys(substitutions.KINDS, Walker._subshell),
    **dict.fromkeys(branches.KINDS, branches.walk),
}
