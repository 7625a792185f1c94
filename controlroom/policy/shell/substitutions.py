"""Commands inside words: `$(..)`, `<(..)`, backticks, and those that the parser hands on as plain text."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tree_sitter import Node

from controlroom.policy.shell.env import Env
from controlroom.policy.shell.parse import text_of
from controlroom.policy.shell.prints import Stdin
from controlroom.policy.shell.words import closing

if TYPE_CHECKING:
    from controlroom.policy.shell.walk import Walker

KINDS = {"command_substitution", "process_substitution"}
_BACKTICK = re.compile(r"(?<!\\)`((?:[^`\\]|\\.)*)`", re.S)
_LEAVES = {"word", "regex", "extglob_pattern"}


def walk(walker: "Walker", node: Node, env: Env) -> None:
    """Walk the substitutions inside a word or redirection, at any depth."""
    for found in _find(node):
        if found.type not in KINDS:
            _unparsed(walker, text_of(found), env)
            continue
        inner = env.fork()
        with walker.deeper():
            walker.within(found, inner, Stdin(given=True) if found.type == "process_substitution" else Stdin())


def _unparsed(walker: "Walker", text: str, env: Env) -> None:
    """Substitutions inside `${x:-..}` and patterns, which the parser hands on as plain text."""
    backticks(walker, text, env)
    start = text.find("$(")
    while start >= 0:
        end = closing(text, start)
        with walker.deeper():
            walker.text(text[start + 2 : end - 1], env.fork())
        start = text.find("$(", end)


def backticks(walker: "Walker", body: str, env: Env) -> None:
    """The parser does not see the old substitution in a here-document; the shell runs it."""
    for found in _BACKTICK.finditer(body):
        with walker.deeper():
            walker.text(re.sub(r"\\([`$\\])", r"\1", found[1]), env.fork())


def _unread(leaf: Node) -> bool:
    """Whether a leaf has a substitution that the parser did not see."""
    text = leaf.text or b""
    return b"`" in text or (leaf.type == "regex" and b"$(" in text)


def _find(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        at = stack.pop()
        if at.type in KINDS or (at.type in _LEAVES and not at.named_child_count and _unread(at)):
            yield at
        elif at.named_child_count and at.type != "heredoc_redirect":
            stack.extend(reversed(at.named_children))
        elif at.type == "heredoc_redirect":
            stack.extend(child for child in at.named_children if child.type == "heredoc_body")
