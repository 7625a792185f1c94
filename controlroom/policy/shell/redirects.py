"""Redirections and here-documents: what goes where, and what comes in."""

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from tree_sitter import Node

from controlroom.policy.shell import substitutions
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.parse import is_here_string, text_of
from controlroom.policy.shell.prints import Stdin

if TYPE_CHECKING:
    from controlroom.policy.shell.walk import Walker

KINDS = {"file_redirect", "heredoc_redirect", "herestring_redirect"}
_OF_HEREDOC = ("heredoc_start", "heredoc_end", "file_descriptor")


class Redirect(msgspec.Struct, frozen=True):
    """One redirection to or from a file: the operator and the name."""

    operator: str
    target: Arg


class Redirects:
    """What the redirections of one command come to: files, words that are the command's, and commands that read its output."""

    def __init__(self, words: list[Arg]) -> None:
        self.files: list[Redirect] = []
        self.words = words
        self.later: list[Node] = []

    def take(self, walker: "Walker", node: Node, env: Env, stdin: Stdin) -> Stdin:
        """Read one redirection; gives what comes in now."""
        substitutions.walk(walker, node, env)
        if node.type == "herestring_redirect" or is_here_string(node):
            sign = "<<<" if node.type == "herestring_redirect" else "<"
            raw = text_of(node).lstrip("0123456789").removeprefix(sign).strip()
            return Stdin(given=True, text=walker.words.value(raw, env))
        if node.type == "file_redirect":
            return self._file(walker, node, env, stdin)
        return self._document(walker, node, env, stdin)

    def _file(self, walker: "Walker", node: Node, env: Env, stdin: Stdin) -> Stdin:
        operator = next((text_of(child) for child in node.children if not child.is_named), ">")
        named = node.children_by_field_name("destination")
        for child in named[:1]:
            self.files += [Redirect(operator, arg) for arg in walker.words.args(text_of(child), env)]
        for child in named[1:]:  # the parser's mistake: in `rm >/dev/null -rf x` the words are the command's
            self.words += walker.words.args(text_of(child), env)
        names = walker.inside(named[0]) if operator == "<" and named and named[0].type == "process_substitution" else ()
        return Stdin(given=True, names=names) if operator == "<" else stdin

    def _document(self, walker: "Walker", node: Node, env: Env, stdin: Stdin) -> Stdin:
        body = ""
        live = not any(char in text_of(child) for child in node.named_children[:1] for char in "'\"\\")
        for child in node.named_children:
            if child.type == "heredoc_body":
                body = text_of(child)
                if live and "`" in body:
                    substitutions.backticks(walker, body, env)
            elif child.type in KINDS:
                self.take(walker, child, env, stdin)
            elif child.type == "ERROR" or child in node.children_by_field_name("argument"):
                for word in child.named_children if child.type == "ERROR" else [child]:
                    self.words += walker.words.args(text_of(word), env)
            elif child.type not in _OF_HEREDOC:
                self.later.append(child)
        if text_of(node).lstrip("0123456789").startswith("<<-"):
            body = "\n".join(line.lstrip("\t") for line in body.split("\n"))
        if not live or not any(char in body for char in "$`\\"):
            return Stdin(given=True, text=body)
        known = walker.words.value('"' + body.replace('"', '\\"') + '"', env)
        return Stdin(given=True, text=body if known is None else known, exact=known is not None)


def between(walker: "Walker", node: Node, env: Env) -> list[Arg]:
    """Words that the parser leaves out of its tree: a lone `-` before a redirection."""
    found: list[Arg] = []
    source, start = node.text or b"", node.start_byte
    for before, after in pairwise(node.named_children):
        gap = source[before.end_byte - start : after.start_byte - start].replace(b"\\\n", b"")
        for word in gap.decode("utf-8", "surrogateescape").split() if len(gap) > 1 else ():
            found += walker.words.args(word, env)
    return found
