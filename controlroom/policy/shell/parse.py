"""Shell text to a syntax tree, within the limits; and whether all of it could be read."""

from functools import lru_cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from controlroom.policy.ledger import TooMuch
from controlroom.policy.limits import MAX_OPENINGS, MAX_PIPES, MAX_TEXT


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def parsed(text: str) -> Node:
    """The tree of a whole text. Raises TooMuch over a limit."""
    source = text.encode("utf-8", "surrogateescape")
    if len(source) > MAX_TEXT:
        raise TooMuch(f"a command of {len(source)} bytes is over the limit of {MAX_TEXT}; split it")
    if max(source.count(b"<<"), source.count(b"=(")) > MAX_OPENINGS:
        raise TooMuch(f"more than {MAX_OPENINGS} here-documents or arrays in one command; split it")
    if source.count(b"|") > MAX_PIPES:
        raise TooMuch(f"more than {MAX_PIPES} pipe signs in one command; split it")
    return _parser().parse(source).root_node


def text_of(node: Node) -> str:
    """The source of a node; bytes that are no UTF-8 as surrogates."""
    return (node.text or b"").decode("utf-8", "surrogateescape")


def damaged(root: Node) -> bool:
    """Whether a part of the text could not be read as shell."""
    stack, excused = [root] if root.has_error else [], not root.has_error
    while stack:
        node = stack.pop()
        if node.is_error and node.next_sibling is not None and is_here_string(node.next_sibling):
            excused = True
        elif node.is_missing or node.is_error:
            return True
        stack.extend(child for child in node.children if child.has_error)
    return not excused


def is_here_string(node: Node) -> bool:
    """Whether a `<` is the last sign of a `<<<` that stands after another redirection: the parser reads `<<` as a mistake."""
    before = node.prev_sibling
    if node.type != "file_redirect" or before is None or not before.is_error:
        return False
    return before.text == b"<<" and before.end_byte == node.start_byte
