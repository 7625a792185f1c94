"""Branches and loops: each body from a copy, then only what all ways agree on is still known."""

import re
from typing import TYPE_CHECKING

from tree_sitter import Node

from controlroom.policy.limits import MAX_ROUNDS, MAX_SOURCE
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.parse import text_of
from controlroom.policy.shell.prints import Stdin

if TYPE_CHECKING:
    from controlroom.policy.shell.walk import Walker

KINDS = {
    "if_statement",
    "elif_clause",
    "else_clause",
    "case_statement",
    "while_statement",
    "for_statement",
    "c_style_for_statement",
}
_BODIES = ("do_group", "case_item", "elif_clause", "else_clause")


def walk(walker: "Walker", node: Node, env: Env, stdin: Stdin) -> None:
    """Walk one branching statement."""
    if node.type == "for_statement":
        _for(walker, node, env)
    ways: list[Env] = []
    for child in node.named_children:
        if child.type in _BODIES:
            rounds = _rounds(node, child, env)
            for value in rounds:
                ways.append(env.fork())
                if value is not None:
                    ways[-1].put(value[0], (value[1],))
                walker.node(child, ways[-1], stdin)
            if child.type == "do_group":
                env.meet(ways)
                _rejoin([value for value in rounds if value is not None], ways, child, env)
                _again(walker, child, env, stdin)
        elif node.type in ("if_statement", "elif_clause") and child != node.child_by_field_name("condition"):
            if not ways:
                ways.append(env.fork())
            walker.node(child, ways[0], stdin)
        else:
            walker.node(child, env, stdin)
    env.meet(ways)


def _rejoin(rounds: list[tuple[str, str]], ways: list[Env], body: Node, env: Env) -> None:
    """After the rounds the variable of a `for` is still one of its values, unless the body set it or runs it as a command."""
    kept = rounds and all(way.vars.get(name) == (value,) for (name, value), way in zip(rounds, ways, strict=True))
    if kept and not any(value.startswith("-") for _, value in rounds):
        runs = re.search(
            rf"(?:^|[\n;&|({{`!]|\b(?:do|then|else|time))\s*[\"']?\$\{{?{re.escape(rounds[0][0])}\b", text_of(body)
        )
        env.put(rounds[0][0], None if runs else tuple(value for _, value in rounds))


def _again(walker: "Walker", body: Node, env: Env, stdin: Stdin) -> None:
    """A loop's second round, when its first changed the folder or a variable that the body reads."""
    if env.cwd is None or any(value is None for value in env.vars.values()):
        walker.node(body, env.fork(), stdin)


def _for(walker: "Walker", node: Node, env: Env) -> None:
    """What the variable of a `for` may be."""
    variable = node.child_by_field_name("variable")
    given = node.children_by_field_name("value")
    values: list[Arg] = []
    for child in given:
        values += walker.words.args(text_of(child), env)
    if variable is not None:
        known = bool(values) and all(arg.certain for arg in values)
        known &= len(values) <= MAX_ROUNDS or not any(arg.text.startswith("-") for arg in values)
        env.put(text_of(variable), tuple(dict.fromkeys(arg.text for arg in values)) if known else None)
        if not known:
            env.sources[text_of(variable)] = " ".join(text_of(child) for child in given)[:MAX_SOURCE]
        if len(given) == 1 and given[0].type == "command_substitution" and (names := walker.inside(given[0])):
            env.bounds[text_of(variable)] = names


def _rounds(node: Node, body: Node, env: Env) -> list[tuple[str, str] | None]:
    """The rounds of a loop that are walked one by one: a `for` over a few known values; else one round for all."""
    variable = node.child_by_field_name("variable") if node.type == "for_statement" and body.type == "do_group" else None
    name = text_of(variable) if variable is not None else ""
    values = env.vars.get(name) or ()
    if not len(values) > 1 or len(values) > MAX_ROUNDS:
        return [None]
    return [(name, value) for value in values]
