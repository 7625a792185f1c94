"""The table of keys is whole, unambiguous, and says why something is off; the stop never is (E1)."""

from itertools import product
from pathlib import Path

import pytest

from controlroom.model.agent import SessionState
from controlroom.model.tier import Tier
from controlroom.tui import keys
from controlroom.tui.approval import ALLOWS, LEASES
from controlroom.tui.keys import BY_ID, COMMANDS, SCOPES, Command, Context, Scope, command_of, why_off

DOCS = Path(__file__).parents[2] / "docs" / "keys.md"
BUSY = Context(pending=2, tier=Tier.T2, agent=SessionState.RUNNING)
# product.md, "Keys"
PROMISED = {
    "a": "allow", "A": "allow-t3", "d": "deny", "D": "deny-why", "g": "grant", "v": "view", "1": "tab-log", "2": "tab-receipts",
    "3": "tab-processes", "4": "tab-files", "5": "tab-permissions", "6": "tab-config", "space": "mark", "p": "pause",
    "r": "resume", "x": "stop", "X": "kill", "ctrl+backslash": "estop", "f12": "estop", "u": "undo", "n": "next",
    "N": "previous", "q": "leave", "R": "reset", "ctrl+k": "kill-all", "question_mark": "help", "ctrl+p": "palette",
    "slash": "filter", "enter": "detail", "f": "follow",
}  # fmt: skip


@pytest.mark.parametrize(("key", "command"), PROMISED.items())
def test_every_promised_key_is_in_the_room(key: str, command: str) -> None:
    found = command_of(key, "room")
    assert found is BY_ID[command]
    assert "room" in found.scope


@pytest.mark.parametrize("scope", SCOPES)
def test_no_key_means_two_things_on_one_screen(scope: Scope) -> None:
    held = [key for command in COMMANDS if scope in command.scope for key in command.keys]
    assert sorted(held) == sorted(set(held))


def test_every_command_has_an_id_a_label_a_help_line_and_a_place() -> None:
    assert len(BY_ID) == len(COMMANDS)
    for command in COMMANDS:
        assert command.label
        assert command.help
        assert not command.help.endswith(".")
        assert command.scope
        assert command.keys or command.danger == "read", f"{command.id}: what is not harmless has a key of its own"


def test_the_keys_of_approval_are_the_ones_of_the_table() -> None:
    assert {BY_ID[i].keys[0] for i in ("allow", "allow-t3")} == set(ALLOWS)
    assert {c.keys[0] for c in COMMANDS if c.id.startswith("lease-")} == set(LEASES)


# The emergency stop


def everything() -> list[Context]:
    """Every kind of moment there is."""
    tiers: list[Tier | None] = [None, *Tier]
    agents: list[SessionState | None] = [None, *SessionState]
    flags = product(SCOPES, (False, True), (False, True), ("", "stop-1"))
    return [
        Context(scope, read_only, online, latch, int(tier is not None), tier, agent=agent, tab=tab, doubts=tab == 1)
        for scope, read_only, online, latch in flags
        for tier, agent in product(tiers, agents)
        for tab in (1, 2, 6)
    ]


@pytest.mark.row("E1")
@pytest.mark.parametrize("key", ["ctrl+backslash", "f12"])
def test_the_stop_key_is_on_in_every_scope_and_never_off(key: str) -> None:
    for context in everything():
        found = command_of(key, context.scope)
        assert found is BY_ID["estop"]
        assert context.scope in found.scope
        assert why_off(found, context) == ""


@pytest.mark.row("E1", "E13")
@pytest.mark.parametrize("scope", SCOPES)
def test_the_stop_key_is_the_first_thing_in_every_footer(scope: Scope) -> None:
    first = keys.hints(Context(scope))[0]
    assert (first.id, first.keys, first.label, first.off) == ("estop", "ctrl+\\, f12", "STOP ALL", "")


@pytest.mark.row("E1")
def test_the_stop_keys_mean_nothing_else_anywhere() -> None:
    stop = BY_ID["estop"]
    assert [c.id for c in COMMANDS if set(c.keys) & set(stop.keys)] == ["estop"]
    assert [c.id for c in COMMANDS if c.danger == "stop"] == ["estop"]


# Habits


@pytest.mark.row("U09")
def test_the_keys_of_habit_neither_decide_nor_control() -> None:
    for key, scope in product(("enter", "space", "y", "Y", "escape", "tab"), SCOPES):
        found = command_of(key, scope)
        assert found is None or found.danger == "read"


@pytest.mark.row("U03")
def test_in_a_text_field_only_the_stop_leaving_and_being_done_are_keys() -> None:
    held = {key for c in COMMANDS if "text" in c.scope for key in c.keys}
    assert held == {"ctrl+backslash", "f12", "escape", "enter"}
    assert command_of("a", "text") is None


# Off, and why


def test_a_read_only_room_only_looks_and_stops() -> None:
    for context in everything():
        if context.read_only:
            for command in COMMANDS:
                assert why_off(command, context) or command.danger in ("read", "stop")
    assert "read-only" in why_off(BY_ID["pause"], Context(read_only=True, agent=SessionState.RUNNING))


def test_without_a_daemon_nothing_is_controlled_or_decided() -> None:
    for command in COMMANDS:
        if command.danger in ("control", "decide"):
            assert why_off(command, Context(command.scope[0], online=False, latch="stop-1", tier=Tier.T2))


def test_never_touch_is_never_on() -> None:
    unready = "never-touch: nobody can allow this"
    for scope in SCOPES:
        context = Context(scope, pending=1, tier=Tier.TX, unready=unready)
        for command in ("allow", "allow-t3", "grant", "lease-minutes", "lease-session", "lease-uses"):
            assert why_off(BY_ID[command], context)


OFF = [
    ("allow", Context(pending=1, tier=Tier.T3), "this is T3: A allows it"),
    ("allow-t3", Context(pending=1, tier=Tier.T2), "this is T2: a allows it"),
    ("allow", Context(pending=1, tier=Tier.T2, unready="not armed yet"), "not armed yet"),
    ("allow", Context(), "nothing is pending"),
    ("deny", Context(pending=1), "no request is focused"),
    ("deny", Context(pending=1, tier=Tier.T2, unready="not armed yet"), ""),
    ("view", Context(), "nothing is pending"),
    ("next", Context(), "nothing is pending"),
    ("undo", BUSY, "only a receipt can be undone: 2 goes to them"),
    ("undo", Context(tab=2), ""),
    ("reset", BUSY, "no emergency stop is in force"),
    ("reset", Context(latch="stop-1"), ""),
    ("kill-all", BUSY, "no emergency stop is in force"),
    ("kill-all", Context("stop", latch="stop-1"), ""),
    ("pause", Context(), "no agent is selected"),
    ("pause", BUSY, ""),
    ("pause", Context(agent=SessionState.PAUSED), "this agent is paused: only a running one can be paused"),
    ("resume", BUSY, "this agent is running: only a paused one can be resumed"),
    ("resume", Context(agent=SessionState.PAUSED), ""),
    ("resume", Context(agent=SessionState.PAUSED, latch="stop-1"), "an emergency stop is in force: reset it first (R)"),
    ("stop", Context(agent=SessionState.ENDED), "this agent is ended: there is nothing to stop"),
    ("kill", Context(agent=SessionState.UNCONFIRMED), ""),
    ("clear", BUSY, "no alarm stands against this agent"),
    ("clear", Context(doubts=True, agent=SessionState.PAUSED), ""),
    ("follow", Context(tab=2), "only the Log tab follows: 1 goes there"),
    ("follow", Context(tab=1), ""),
    ("allow", Context("help", pending=1, tier=Tier.T2), "only in the room and in the full view; esc leads back"),
    ("leave", Context("help"), "only in the room and on the stop screen; esc leads back"),
    ("lease-session", Context(pending=1, tier=Tier.T2), "only in the grant dialog"),
]


@pytest.mark.parametrize(("command", "context", "why"), OFF)
def test_a_key_that_is_off_says_why(command: str, context: Context, why: str) -> None:
    assert why_off(BY_ID[command], context) == why


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_is_on_somewhere(command: Command) -> None:
    on = [c for c in everything() if why_off(command, c) == ""]
    assert on


# What is made of it


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("ctrl+backslash", "ctrl+\\"),
        ("question_mark", "?"),
        ("slash", "/"),
        ("A", "A"),
        ("shift+tab", "shift+tab"),
        ("plus", "+"),
    ],
)
def test_keys_are_written_as_a_person_writes_them(key: str, written: str) -> None:
    assert keys.shown(key) == written


def test_help_tells_every_key_and_the_palette_every_command_of_the_screen() -> None:
    told = {hint.id for _, hints in keys.sections(BUSY) for hint in hints}
    assert told == {c.id for c in COMMANDS if c.keys}
    offered = {hint.id for hint in keys.palette(BUSY)}
    assert offered == {c.id for c in COMMANDS if "room" in c.scope} - {"palette"}


def test_help_tells_why_a_key_is_off_in_the_room_behind_it() -> None:
    behind = Context("help", pending=1, tier=Tier.T2, agent=SessionState.PAUSED)
    off = {hint.id: hint.off for _, hints in keys.sections(behind) for hint in hints}
    assert off["allow"] == off["resume"] == ""
    assert off["pause"] == "this agent is paused: only a running one can be paused"


def test_a_footer_holds_what_this_screen_has_the_most_important_first() -> None:
    assert [hint.id for hint in keys.hints(Context("grant"))][:4] == ["estop", "lease-minutes", "lease-session", "lease-uses"]
    assert [hint.id for hint in keys.hints(Context("text"))] == ["estop", "submit", "back"]


def test_the_page_of_keys_is_the_table() -> None:
    text = DOCS.read_text()
    assert text == keys.markdown(), "docs/keys.md is made by controlroom.tui.keys.markdown()"
    for command in COMMANDS:
        assert command.help in text
