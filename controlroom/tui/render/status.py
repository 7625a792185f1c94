"""The status line: one row that says how the house is, and always, at any width, what waits and how to stop everything."""

from collections import Counter

import msgspec

from controlroom.model.agent import OVER, Rung, SessionState
from controlroom.model.view import RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, Style, cells, clip, flush, gap, quote, say
from controlroom.tui.render import words

STOP_KEY = "ctrl+\\"
_SHORT_STOP_KEY = "^\\"
_WEAKEST = (Rung.OBSERVED, Rung.SUBREAPER, Rung.PIDNS, Rung.CGROUP)
_COUNTED = tuple(state for state in SessionState if state is not SessionState.ENDED)
_STYLES: dict[SessionState, Style] = {SessionState.UNCONFIRMED: "alarm", SessionState.LOST: "warn"}
_REASON = 24  # characters of what is wrong


class Link(msgspec.Struct, frozen=True):
    """How fresh the view is, and what this room may do. `trouble`: why there is no connection, "" = there is one; `age`:
    seconds since the last view; `advisory`: others can press keys here (U13).
    """

    trouble: str = ""
    age: float = 0
    read_only: bool = False
    advisory: bool = False


class _Form(msgspec.Struct, frozen=True):
    """One way to write a part of the line. What has the lowest `keep` on the line gives way first to its next, shorter form."""

    keep: int
    line: Line


_Part = tuple[_Form, ...]


def render(view: RoomView | None, link: Link, width: int, glyphs: Glyphs) -> list[Line]:
    """The one line. Without a view: that there is none, and the stop key all the same."""
    chip = _chip(view, width)
    room = width - cells(chip) - 1
    return [flush(_fitted(_parts(view, link, glyphs), room, glyphs), chip, width)]


def _chip(view: RoomView | None, width: int) -> Line:
    """The stop key, in its own colours and in words (E13)."""
    latched = view is not None and view.status.stop_id != ""
    word = "STOPPED" if latched else "STOP"
    key = STOP_KEY if width >= 60 else _SHORT_STOP_KEY
    chip = f" {word}  R resets  {key} " if latched and width >= 60 else f" {word} {key} "
    return clip((say(chip if len(chip) <= width else key, "stop"),), width)


def _fitted(parts: list[_Part], room: int, glyphs: Glyphs) -> Line:
    while cells(line := _joined(parts, 2)) > room:
        forms = [at for at, part in enumerate(parts) if part]
        if len(forms) == 1 and len(parts[forms[0]]) == 1:
            return clip(line, room, glyphs.cut)
        weakest = min(forms, key=lambda at: parts[at][0].keep)
        parts = [part[1:] if at == weakest else part for at, part in enumerate(parts)]
    wide = _joined(parts, 3)
    return wide if cells(wide) <= room else line


def _joined(parts: list[_Part], blanks: int) -> Line:
    out: list[Span] = []
    for part in parts:
        if part:
            out.extend((gap(blanks), *part[0].line) if out else part[0].line)
    return tuple(out)


def _parts(view: RoomView | None, link: Link, glyphs: Glyphs) -> list[_Part]:
    if view is None:
        return [(_form(10, "controlroom", "title"),), *_link(link, glyphs)]
    host = quote(view.status.host, "dim", 20)
    parts = [
        (_Form(6, (say("controlroom ", "title"), host)), _Form(40, (host,))),
        _pending(view, glyphs),
        _agents(view, glyphs),
        _journal(view, glyphs),
        _rung(view, glyphs),
    ]
    for keep, short, what, wrong in ((31, 78, "settings", view.status.settings), (32, 88, "never-touch", view.status.manifest)):
        if wrong != "ok":
            sign = f"{glyphs.alarm} {what}"
            long = _Form(keep, (say(f"{sign}: ", "alarm"), quote(wrong, "alarm", _REASON)))
            parts.append((long, _form(short, sign, "alarm")))
    return parts + _link(link, glyphs)


def _form(keep: int, text: str, style: Style) -> _Form:
    return _Form(keep, (say(text, style),))


def _pending(view: RoomView, glyphs: Glyphs) -> _Part:
    count = len(view.pending)
    if not count:
        return (_form(38, "nothing pending", "dim"), _form(65, "0 pending", "dim"), _form(100, "0", "dim"))
    sign = f"{glyphs.ask} {count}"
    return (_form(85, f"{sign} pending", "ask"), _form(100, sign, "ask"))


def _agents(view: RoomView, glyphs: Glyphs) -> _Part:
    counts = Counter(agent.state for agent in view.agents)
    shown = [state for state in _COUNTED if counts[state]]
    if not shown:
        return (_form(60, "no agents" if not view.agents else "none running", "dim"),)
    signs = glyphs.states
    long = [say(f"{signs[s]} {counts[s]} {s}", _STYLES.get(s, "text")) for s in shown]
    middle = [say(f"{signs[s]}{counts[s]} {s}", _STYLES.get(s, "text")) for s in shown]
    short = [say(f"{signs[s]}{counts[s]}", _STYLES.get(s, "text")) for s in shown]
    return (_Form(15, _spaced(long, 2)), _Form(60, _spaced(middle, 1)), _Form(80, _spaced(short, 1)))


def _spaced(spans: list[Span], blanks: int) -> Line:
    return tuple(part for at, span in enumerate(spans) for part in ((gap(blanks), span) if at else (span,)))


def _journal(view: RoomView, glyphs: Glyphs) -> _Part:
    status = view.status
    if status.journal != "ok":
        sign = f"{glyphs.alarm} journal"
        long = _Form(33, (say(f"{sign}: ", "alarm"), quote(status.journal, "alarm", _REASON)))
        return (long, _form(70, f"{sign} broken", "alarm"), _form(90, sign, "alarm"))
    if status.unjournalled:
        sign = f"{glyphs.alarm} journal"
        return (_form(34, f"{sign}: {words.some(status.unjournalled, 'record')} missing", "alarm"), _form(90, sign, "alarm"))
    return (_form(35, "journal ok", "dim"),)


def _rung(view: RoomView, glyphs: Glyphs) -> _Part:
    """The weakest mechanism that holds an agent now; the house's own where none runs."""
    held = {agent.rung for agent in view.agents if agent.state not in OVER}
    weakest = next((rung for rung in _WEAKEST if rung in held), view.status.rung)
    style: Style = "warn" if weakest is Rung.OBSERVED else "dim"
    sign = f"{glyphs.warn} " if weakest is Rung.OBSERVED else ""
    said = "only observed" if weakest is Rung.OBSERVED else f"held by {weakest}"
    return (_form(7, f"{sign}{said}", style), _form(30, f"{sign}{weakest}", style))


def _link(link: Link, glyphs: Glyphs) -> list[_Part]:
    parts: list[_Part] = [(_form(66, "read-only", "key"),)] if link.read_only else []
    if link.advisory:  # short, so that it stays: the remark that says why gives way to every other
        parts.append((_form(8, "answers ADVISORY", "dim"), _form(84, "ADVISORY", "dim")))
    age = words.age(link.age)
    if link.trouble:
        old = "" if age == "now" else f", data {age} old"
        sign = f"{glyphs.alarm} no daemon"
        why = (_Form(36, (say(f"{sign}{old}: ", "alarm"), quote(link.trouble, "alarm"))),)
        short = len(link.trouble) <= _REASON  # a longer one stands under the room, or in place of the agents
        return [*parts, (*(why if short else ()), _form(68, f"{sign}{old}", "alarm"), _form(95, sign, "alarm"))]
    if age == "now":
        return [*parts, (_form(5, "live", "dim"),)]
    return [*parts, (_form(67, f"{glyphs.warn} data {age} old", "warn"), _form(89, f"{glyphs.warn} {age} old", "warn"))]
