"""Text of others is never markup (D06): no markup is made anywhere, and whatever comes is drawn as it came."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins

from tests.support import views
from tests.support.stage import room, story

TUI = Path(__file__).parents[2] / "controlroom" / "tui"
FILES = sorted(TUI.rglob("*.py"))
# What reads markup in a string that it is given.
READS_MARKUP = {
    "Static", "Label", "Button", "notify", "Option", "Tab", "OptionList", "Markdown", "print", "from_markup", "render",
    "Tooltip", "Panel", "Log", "RichLog",
}  # fmt: skip
ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "title", "sub_title"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, by the last word of its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


def imported(tree: ast.AST) -> set[str]:
    """Names that come from rich or textual."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("rich", "textual")
        for alias in node.names
    }


@pytest.mark.row("D06")
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TUI)))
def test_nothing_in_the_room_makes_markup(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    foreign = imported(tree)
    for name, call in calls(tree):
        reads = name in READS_MARKUP and (name in foreign or isinstance(call.func, ast.Attribute))
        texts = [part for part in call.args if isinstance(part, (ast.JoinedStr, ast.BinOp, ast.Name))]
        own = name == "render" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        assert not (reads and texts) or own, f"{file.name}:{call.lineno}: {name} would read markup in what it is given"
    targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    set_here = {target.attr for target in targets if isinstance(target, ast.Attribute)}
    assert not set_here & ATTRIBUTES, f"{file.name} sets {set_here & ATTRIBUTES}, which textual reads markup in"


SPECIAL = st.sampled_from(
    ["[", "]", "[/", "[/]", "[bold]", "[link=x]", "[@click=app.quit]", "[@click=app.estop]x[/]", "\\[", "$", "{"]
)
TEXT = st.lists(SPECIAL | st.text(max_size=6), min_size=4, max_size=9).map("".join)
PRESSED = ("1", "2", "3", "4", "5", "6", "v", "escape", "question_mark", "escape", "D", "escape", "ctrl+p", "escape")


@pytest.mark.row("D06", "D02")
@given(TEXT)
@settings(max_examples=3)
@story
async def test_whatever_others_write_is_drawn_on_every_screen_and_does_nothing(text: str) -> None:
    async with room(views.filled(text), (100, 30)) as visit:
        visit.line.results |= {
            "processes": {"total": 0, "rows": []},
            "layers": [],
            "files": {"seq": 0, "rows": []},
            "permissions": to_builtins(views.permissions()),
        }
        visit.line.refuse = text
        visit.app.say(text, wrong=True)
        for key in PRESSED:
            await visit.press(key)
            await visit.settled()
            shown = visit.text()
            assert all(char.isprintable() or char == "\n" for char in shown)
        visit.line.lose(text)
        await visit.settled()
        assert visit.pulled == []
        assert visit.line.orders == []
        assert visit.app._exception is None
