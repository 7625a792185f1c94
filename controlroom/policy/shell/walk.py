"""The walk over a parsed shell text: every simple command, in order, with what the shell knows at that point."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

import msgspec
import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from controlroom.model.tier import Tier
from controlroom.policy.ledger import Ledger, TooMuch
from controlroom.policy.limits import MAX_NESTING, MAX_OPENINGS, MAX_PIPES, MAX_ROUNDS, MAX_TEXT, MAX_WORDS
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.names import printed
from controlroom.policy.shell.prints import Stdin, printed_text
from controlroom.policy.shell.words import Words, closing

_REDIRECTS = {"file_redirect", "heredoc_redirect", "herestring_redirect"}
_BRANCHES = {
    "if_statement",
    "elif_clause",
    "else_clause",
    "case_statement",
    "while_statement",
    "for_statement",
    "c_style_for_statement",
}
_WORDS = {
    *("command_name", "word", "string", "raw_string", "concatenation", "number", "simple_expansion", "expansion"),
    *("command_substitution", "process_substitution", "ansi_c_string", "translated_string", "arithmetic_expansion"),
    *("brace_expression", "extglob_pattern", "regex", "variable_assignment", "comment", "special_variable_name"),
}
_BACKTICK = re.compile(r"(?<!\\)`((?:[^`\\]|\\.)*)`", re.S)
_LEAVES = {"word", "regex", "extglob_pattern"}
_NESTED = {"command_substitution", "process_substitution"}
_SKIP = {
    "comment",
    "heredoc_start",
    "heredoc_end",
    "variable_name",
    "word",
    "raw_string",
    "string_content",
    "number",
    "ansi_c_string",
}


class Redirect(msgspec.Struct, frozen=True):
    """One redirection to or from a file: the operator and the name."""

    operator: str
    target: Arg


class Simple(msgspec.Struct, frozen=True):
    """A simple command as found: its words, assignments in front, redirections, standard input, and what it surely prints."""

    args: tuple[Arg, ...]
    assigned: tuple[tuple[str, str | None], ...]
    redirects: tuple[Redirect, ...]
    stdin: Stdin
    prints: str | None = None


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


class Walker:
    """Walks shell text. `run` is called for every simple command, with the environment it runs in."""

    def __init__(self, words: Words, ledger: Ledger, run: Callable[[Simple, Env], None]) -> None:
        self.words = words
        self._ledger = ledger
        self._run = run
        self._source = b""
        self.depth = 0
        self._calls: list[str] = []
        self._uncalled: dict[str, tuple[Node, bytes]] = {}  # functions that something unseen may call

    def text(self, text: str, env: Env) -> None:
        """Walk a whole text. Raises TooMuch over a limit."""
        source = text.encode("utf-8", "surrogateescape")
        if len(source) > MAX_TEXT:
            raise TooMuch(f"a command of {len(source)} bytes is over the limit of {MAX_TEXT}; split it")
        if max(source.count(b"<<"), source.count(b"=(")) > MAX_OPENINGS:
            raise TooMuch(f"more than {MAX_OPENINGS} here-documents or arrays in one command; split it")
        if source.count(b"|") > MAX_PIPES:
            raise TooMuch(f"more than {MAX_PIPES} pipe signs in one command; split it")
        root = _parser().parse(source).root_node
        if root.has_error:
            self._ledger.reason(
                Tier.T3, "shell.unparsable", "A part of the command cannot be read as shell; it could hide anything."
            )
        outer, self._source = self._source, source
        known = set(self._uncalled)
        self._node(root, env, Stdin())
        for name in self._uncalled.keys() - known:
            apart = env.fork()
            apart.functions[name] = self._uncalled.pop(name)
            self._body(name, apart, None)
        self._source = outer

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
        node, source = env.functions[name]
        saved = {key: env.vars.get(key) for key in ("@", "*", *map(str, range(1, 10)))}
        positional = None if args is None or not all(arg.certain for arg in args) else tuple(arg.text for arg in args)
        set_positional(env, positional)
        outer, self._source = self._source, source
        self._calls.append(name)
        self._node(node, env, Stdin())
        self._calls.pop()
        self._source = outer
        env.vars.update(saved)
        env.left = False

    def _text(self, node: Node) -> str:
        return self._source[node.start_byte : node.end_byte].decode("utf-8", "surrogateescape")

    def _node(self, node: Node, env: Env, stdin: Stdin) -> None:
        self._deeper()
        handler = _HANDLERS.get(node.type)
        if handler is not None:
            handler(self, node, env, stdin)
        elif node.type in _BRANCHES:
            self._branch(node, env, stdin)
        elif node.type not in _SKIP:
            for child in node.named_children:
                self._node(child, env, stdin)
        self.depth -= 1

    def _command(
        self, node: Node, env: Env, stdin: Stdin, extra: tuple[Redirect, ...] = (), more: tuple[Arg, ...] = ()
    ) -> None:
        args: list[Arg] = []
        assigned: list[tuple[str, str | None]] = []
        redirects: list[Redirect] = list(extra)
        for child in node.children if node.child_count != node.named_child_count else node.named_children:
            if not child.is_named:  # `=~`, `==` and `$` are words here; other marks are none
                args += [Arg(self._text(child))] if child.type in ("==", "=~", "$") else []
                continue
            if child.type in _REDIRECTS:
                stdin = self._redirect(child, env, stdin, redirects, more=args)
                continue
            self._nested(child, env)
            if child.type == "subshell" and [arg.text for arg in args] == ["time"]:
                self._node(child, env, stdin)
                continue
            if child.type not in _WORDS:  # `coproc ( rm x )` comes as a word: bash would run it
                self._ledger.reason(Tier.T3, "shell.unparsable", f"A {child.type} stands where a word is read.")
                self._node(child, env.fork(), stdin)
            if child.type == "variable_assignment":
                name, raw = self._assignment(child)
                value = self.words.value(raw, env)
                assigned.append((name, raw if value is None and name == "PATH" else value))
            elif child.type != "comment":
                args += self.words.args(self._text(child), env)
                if len(args) > MAX_WORDS:
                    raise TooMuch(f"more than {MAX_WORDS} arguments in one command; use fewer")
        prints = printed_text((*args, *more), stdin) if redirects else None
        self._run(Simple((*args, *more), tuple(assigned), tuple(redirects), stdin, prints), env)

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
        redirects: list[Redirect] = []
        later: list[Node] = []
        more: list[Arg] = []
        more += self._between(node, env)
        for child in node.children_by_field_name("redirect"):
            stdin = self._redirect(child, env, stdin, redirects, later, more)
        for child in node.named_children:
            if child.type == "ERROR":
                self._node(child, env, Stdin())
        if body is not None and body.type == "command":
            self._command(body, env, stdin, tuple(redirects), tuple(more))
        else:
            self._run(Simple((), (), tuple(redirects), stdin), env)
            if body is not None:
                self._node(body, env, stdin)
        for child in later:
            self._node(child, env, Stdin(given=True, text=self._output(body, stdin)))

    def _between(self, node: Node, env: Env) -> list[Arg]:
        """Words that the parser leaves out of its tree: a lone `-` before a redirection."""
        found: list[Arg] = []
        for before, after in pairwise(node.named_children):
            gap = self._source[before.end_byte : after.start_byte].replace(b"\\\n", b"").decode("utf-8", "surrogateescape")
            for word in gap.split() if len(gap) > 1 else ():
                found += self.words.args(word, env)
        return found

    def _redirect(
        self,
        node: Node,
        env: Env,
        stdin: Stdin,
        into: list[Redirect],
        later: list[Node] | None = None,
        more: list[Arg] | None = None,
    ) -> Stdin:
        self._nested(node, env)
        if node.type == "herestring_redirect":
            raw = self._text(node).lstrip("0123456789").removeprefix("<<<").strip()
            return Stdin(given=True, text=self.words.value(raw, env))
        if node.type == "file_redirect":
            operator = next((self._text(child) for child in node.children if not child.is_named), ">")
            named = node.children_by_field_name("destination")
            for child in named[:1]:
                into += [Redirect(operator, arg) for arg in self.words.args(self._text(child), env)]
            for child in named[1:]:  # the parser's mistake: in `rm >/dev/null -rf x` the words are the command's
                (more if more is not None else []).extend(self.words.args(self._text(child), env))
            names = self._inside(named[0]) if operator == "<" and named and named[0].type == "process_substitution" else ()
            return Stdin(given=True, names=names) if operator == "<" else stdin
        body = ""
        live = not any(char in self._text(child) for child in node.named_children[:1] for char in "'\"\\")
        for child in node.named_children:
            if child.type == "heredoc_body":
                body = self._text(child)
                if live and "`" in body:
                    self._backticks(body, env)
            elif child.type in _REDIRECTS:
                self._redirect(child, env, stdin, into, later, more)
            elif child.type == "ERROR" or child in node.children_by_field_name("argument"):
                for word in child.named_children if child.type == "ERROR" else [child]:
                    (more if more is not None else []).extend(self.words.args(self._text(word), env))
            elif child.type not in ("heredoc_start", "heredoc_end", "file_descriptor") and later is not None:
                later.append(child)
        if self._text(node).lstrip("0123456789").startswith("<<-"):
            body = "\n".join(line.lstrip("\t") for line in body.split("\n"))
        if not live or not any(char in body for char in "$`\\"):
            return Stdin(given=True, text=body)
        known = self.words.value('"' + body.replace('"', '\\"') + '"', env)
        return Stdin(given=True, text=body if known is None else known, exact=known is not None)

    def _unparsed(self, text: str, env: Env) -> None:
        """Substitutions inside `${x:-..}` and patterns, which the parser hands on as plain text."""
        self._backticks(text, env)
        start = text.find("$(")
        while start >= 0:
            end = closing(text, start)
            self._deeper()
            self.text(text[start + 2 : end - 1], env.fork())
            self.depth -= 1
            start = text.find("$(", end)

    def _backticks(self, body: str, env: Env) -> None:
        """The parser does not see the old substitution in a here-document; the shell runs it."""
        for found in _BACKTICK.finditer(body):
            self._deeper()
            self.text(re.sub(r"\\([`$\\])", r"\1", found[1]), env.fork())
            self.depth -= 1

    def _deeper(self) -> None:
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
        return Words(None).args(self._text(node), Env("/", None))

    def _pipeline(self, node: Node, env: Env, stdin: Stdin, last: "_Handler | None" = None) -> None:
        parts = [child for child in node.named_children if child.type != "comment"]
        for index, child in enumerate(parts):
            (last if last is not None and index == len(parts) - 1 else self._node)(child, env.fork(), stdin)
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
                self._node(child, env, stdin)
                continue
            branch = env.fork()
            (last if last is not None and index == len(parts) - 1 else self._node)(child, branch, stdin)
            if operator == "&&":
                env.adopt(branch)
            else:
                env.meet([branch])

    def _subshell(self, node: Node, env: Env, stdin: Stdin) -> None:
        inner = env.fork()
        for child in node.named_children:
            self._node(child, inner, stdin)

    def _branch(self, node: Node, env: Env, stdin: Stdin) -> None:
        """Branches and loops: each body from a copy, then only what all ways agree on is still known."""
        if node.type == "for_statement":
            self._for(node, env)
        ways: list[Env] = []
        for child in node.named_children:
            if child.type in ("do_group", "case_item", "elif_clause", "else_clause"):
                for value in self._each(node, child, env):
                    ways.append(env.fork())
                    if value is not None:
                        ways[-1].put(value[0], (value[1],))
                    self._node(child, ways[-1], stdin)
                if child.type == "do_group":
                    env.meet(ways)
                    self._again(child, env, stdin)
            elif node.type in ("if_statement", "elif_clause") and child != node.child_by_field_name("condition"):
                self._node(child, ways[0] if ways else self._first(ways, env), stdin)
            else:
                self._node(child, env, stdin)
        env.meet(ways)

    @staticmethod
    def _first(ways: list[Env], env: Env) -> Env:
        ways.append(env.fork())
        return ways[0]

    def _again(self, body: Node, env: Env, stdin: Stdin) -> None:
        """A loop's second round, when its first changed the folder or a variable that the body reads."""
        if env.cwd is None or any(value is None for value in env.vars.values()):
            self._node(body, env.fork(), stdin)

    def _for(self, node: Node, env: Env) -> None:
        variable = node.child_by_field_name("variable")
        values: list[Arg] = []
        for child in node.children_by_field_name("value"):
            values += self.words.args(self._text(child), env)
        if variable is not None:
            known = bool(values) and all(arg.certain for arg in values)
            env.put(self._text(variable), tuple(dict.fromkeys(arg.text for arg in values)) if known else None)
            given = node.children_by_field_name("value")
            if len(given) == 1 and given[0].type == "command_substitution" and (names := self._inside(given[0])):
                env.bounds[self._text(variable)] = names

    def _each(self, node: Node, body: Node, env: Env) -> list[tuple[str, str] | None]:
        """The rounds of a loop that are walked one by one: a `for` over a few known values; else one round for all."""
        variable = node.child_by_field_name("variable") if node.type == "for_statement" and body.type == "do_group" else None
        name = self._text(variable) if variable is not None else ""
        values = env.vars.get(name) or ()
        if not len(values) > 1 or len(values) > MAX_ROUNDS:
            return [None]
        return [(name, value) for value in values]

    def _inside(self, node: Node) -> tuple[Arg, ...]:
        """The names of files that a substitution prints, () where they are not known."""
        names: tuple[Arg, ...] = ()
        for child in node.named_children[:1]:
            for part in child.named_children if child.type == "pipeline" else [child]:
                names = self._names(part, Stdin(given=True, names=names))
        return names

    def _function(self, node: Node, env: Env, stdin: Stdin) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            env.functions[self._text(name)] = (body, self._source)
            self._uncalled[self._text(name)] = (body, self._source)

    def _assignment(self, node: Node) -> tuple[str, str]:
        text = self._text(node)
        name, _, value = text.partition("=")
        return name, value

    def _assign(self, node: Node, env: Env, stdin: Stdin) -> None:
        self._nested(node, env)
        name, raw = self._assignment(node)
        value_node = node.child_by_field_name("value")
        if value_node is not None and value_node.type == "array" and not name.endswith("+"):
            items = [arg for child in value_node.named_children for arg in self.words.args(self._text(child), env)]
            env.put(name, tuple(a.text for a in items) if all(a.certain for a in items) else None, array=True)
            return
        plain = name.rstrip("+").split("[")[0]
        value = self.words.value(raw, env) if plain == name else None
        value = raw if value is None and name == "PATH" else value
        self._run(Simple((), ((plain, value),), (), Stdin()), env)

    def _declaration(self, node: Node, env: Env, stdin: Stdin) -> None:
        for child in node.named_children:
            if child.type == "variable_assignment":
                self._assign(child, env, stdin)
            else:
                self._nested(child, env)

    def _unset(self, node: Node, env: Env, stdin: Stdin) -> None:
        self._nested(node, env)
        for child in node.named_children:
            env.put(self._text(child), None)
            env.functions.pop(self._text(child), None)

    def _nested(self, node: Node, env: Env) -> None:
        """Walk the substitutions inside a word or redirection, at any depth."""
        for found in _find_nested(node):
            if found.type not in _NESTED:
                self._unparsed(self._text(found), env)
                continue
            inner = env.fork()
            self._deeper()
            given = Stdin(given=True) if found.type == "process_substitution" else Stdin()
            redirect = [child for child in found.named_children if child.type in _REDIRECTS]
            for child in found.named_children:
                if child not in redirect:
                    self._node(child, inner, given)
            into: list[Redirect] = []
            for child in redirect:
                self._redirect(child, inner, Stdin(), into)
            if into:
                self._run(Simple((), (), tuple(into), Stdin()), inner)
            self.depth -= 1

    def _test(self, node: Node, env: Env, stdin: Stdin) -> None:
        self._nested(node, env)


def _unread(leaf: Node) -> bool:
    """Whether a leaf has a substitution that the parser did not see."""
    text = leaf.text or b""
    return b"`" in text or (leaf.type == "regex" and b"$(" in text)


def _find_nested(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        at = stack.pop()
        if at.type in _NESTED or (at.type in _LEAVES and not at.named_child_count and _unread(at)):
            yield at
        elif at.named_child_count and at.type != "heredoc_redirect":
            stack.extend(reversed(at.named_children))
        elif at.type == "heredoc_redirect":
            stack.extend(child for child in at.named_children if child.type == "heredoc_body")


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
    **dict.fromkeys(_NESTED, Walker._subshell),
}
