"""From a scene to the lines of each part of a screen: which renderer draws what. Pure."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from controlroom.model.touched import FileView, OpenFile
from controlroom.model.view import AgentView, LayerView, LineView, LogView, ProcessView, ReceiptView, RoomView, name_of
from controlroom.tui import keys, lease
from controlroom.tui.approval import ALLOWS
from controlroom.tui.line import Line, cells, clip, gap, marked, quote, quote_tokens, say, wrap
from controlroom.tui.render import (
    agents,
    config,
    files,
    footer,
    log,
    pending,
    permissions,
    processes,
    receipts,
    request,
    sheet,
    status,
    stop,
    tabs,
)
from controlroom.tui.render import help as key_help
from controlroom.tui.scene import Scene
from controlroom.tui.screens.plan import Plan
from controlroom.tui.sheet import SheetRow

Maker = Callable[[Scene, int], list[Line]]
_HEADS = {
    keys.RECEIPTS: receipts.HEAD,
    keys.PROCESSES: processes.HEAD,
    keys.FILES: files.HEAD,
    keys.LOG: log.HEAD,
    keys.CONFIG: config.HEAD,
}
_ANSWERS = frozenset(("allow", "allow-t3", "grant", "deny", "deny-why", "view"))


def around(scene: Scene, width: int, *, answer: bool = False, more: bool = False, remark: bool = True) -> dict[str, list[Line]]:
    """What every page has: the status line, the remark, the footer. `answer`: the keys that answer stand above it already;
    `more`: there are lines below what is on screen; `remark`: there is a row for one. A second one is the footer's.
    """
    below = clip((gap(1), *_keyed(("page down", "there is more"))), width, scene.glyphs.cut)
    hints = [hint for hint in keys.hints(scene.context) if not (answer and hint.id in _ANSWERS)]
    told = _notice(scene, width)
    over = told[1:] if remark else told[:1] if scene.looking.notice else []
    return {
        "status": _status(scene, width),
        "notice": [below] if more and not scene.looking.notice else told[:1],
        "footer": over or footer.render(hints, width, scene.glyphs, stop=False),
    }


def room(scene: Scene, plan: Plan, width: int) -> dict[str, list[Line]]:
    """All parts of the room, each as wide as the plan has it."""
    view, left = scene.view, plan.left or width
    keyed = _answer(scene)
    parts = around(scene, width, answer=plan.answer > 0 and cells(keyed) <= left, remark=plan.notice > 0)
    if not plan.request and scene.request is not None and not scene.looking.notice:
        parts["notice"] = [clip((gap(1), *_keyed(("esc", "back to the request that waits"))), width, scene.glyphs.cut)]
    parts["tabbar"] = _tabbar(scene, width - plan.left)
    parts["request"] = request_lines(scene, left)
    parts["answer"] = answer(scene, left)
    if view is None:
        return {**parts, "agents": _no_view(scene, width), "inbox": [], "tab": []}
    agent = scene.agent
    parts["agents"] = agents.render(view, agent.id if agent else "", width, scene.glyphs)
    parts["inbox"] = pending.render(view, scene.approval.focus, left, scene.glyphs, scene.looking.marks)
    parts["tab"] = _tab(scene, view, agent, width - plan.left) if plan.tabs else []
    return parts


def request_lines(scene: Scene, width: int) -> list[Line]:
    """The focused request, as the panel shows it."""
    if scene.request is None or scene.view is None:
        return []
    return request.render(scene.request, scene.view.now, width, scene.glyphs)


def _status(scene: Scene, width: int) -> list[Line]:
    contact = scene.contact
    words = {"live": "", "connecting": "connecting", "starting": "starting one"}
    trouble = words.get(contact.state, contact.why or "not answering")
    link = status.Link(trouble=trouble, age=scene.age, read_only=scene.context.read_only, advisory=bool(scene.badge))
    return status.render(scene.view, link, width, scene.glyphs)


def _no_view(scene: Scene, width: int) -> list[Line]:
    contact = scene.contact
    words = {"connecting": "connecting to the daemon", "starting": "no daemon runs: starting one"}.get(contact.state)
    told = say(words, "dim") if words else quote(contact.why, "warn", 400)
    return [(gap(2), *line) for line in wrap((told,), max(1, width - 4))]


def _notice(scene: Scene, width: int) -> list[Line]:
    """The last remark, in two rows at most; without one, what makes answers weaker here (U13), or why the screen is old."""
    looking, contact = scene.looking, scene.contact
    if looking.notice:
        sign = say(f"{scene.glyphs.warn} " if looking.wrong else f"{scene.glyphs.bullet} ", "warn" if looking.wrong else "dim")
        first, *more = wrap((gap(1), sign, *marked(quote(looking.notice, "text"))), width, 3)
        rest = tuple(span for row in more for span in row)
        return [first, clip((gap(3), *rest), width, scene.glyphs.cut)] if more else [first]
    if contact.state in ("lost", "refused"):
        old = (
            gap(1),
            say(f"{scene.glyphs.alarm} ", "alarm"),
            say("agents' calls are denied   ", "title"),
            quote(contact.why, "text"),
        )
        return [clip(old, width, scene.glyphs.cut)]
    if scene.advice:
        return [clip((gap(1), say("demo: ", "label"), say(scene.advice, "title")), width, scene.glyphs.cut)]
    if scene.badge:
        return [clip((gap(1), say(f"answers here are ADVISORY: {scene.badge}", "dim")), width, scene.glyphs.cut)]
    return [()]


def answer(scene: Scene, width: int) -> list[Line]:
    """The line of answers under the focused request; where not all of it fits, without the keys that the footer has too."""
    whole = _answer(scene)
    return [clip(whole if cells(whole) <= width else _answer(scene, others=False), width, scene.glyphs.cut)]


def _answer(scene: Scene, *, others: bool = True) -> Line:
    """Under the request: what its keys do now, or why they do not. `others`: those too that do not allow."""
    asked = scene.request
    edge: Line = (say(scene.glyphs.border, "ask"), gap(1))
    if asked is None:
        waiting = len(scene.approval.waiting)
        return (gap(2), say("the next one comes in a moment" if waiting else "", "dim"))
    key = next((key for key, tier in ALLOWS.items() if tier is asked.tier), "")
    denies = () if scene.context.read_only else (("d", "deny"), ("D", "deny, say why"))
    rest = _keyed(*denies, ("v", "full")) if others and not scene.approval.away else ()
    unseen = scene.approval.painted and scene.approval.seen_at is None
    first: Line = (quote(scene.unready, "dim"), gap(2), *(_keyed(("page down", "reads on")) if unseen else ()))
    if not scene.unready:
        first = (say(f" {key} ", "ask"), say(" allow once  ", "title"), *_keyed(("g", "grant")))
    return (*edge, *first, *rest)


def _keyed(*pairs: tuple[str, str]) -> Line:
    """Keys and what they do."""
    return tuple(span for key, does in pairs for span in (say(key, "key"), say(f" {does}  ", "dim")))


def _tabbar(scene: Scene, width: int) -> list[Line]:
    looking = scene.looking
    notes = _log_notes(scene) if looking.tab == keys.LOG else []
    edge: Line = (say(scene.glyphs.gutter, "dim"), gap(1))
    bar = tabs.render(
        [t.label for t in keys.TABS],
        looking.tab,
        width - 2,
        scene.glyphs,
        find=looking.filter,
        found=_found(scene),
        notes=notes,
    )
    return [(*edge, *bar[0])]


def _found(scene: Scene) -> str:
    """How far the search through all of the story is, and what it has found."""
    agent = scene.agent
    past = (
        scene.looking.found(agent.id) if agent is not None and scene.looking.tab == keys.LOG and not shown_log(scene) else None
    )
    if past is None:
        return ""
    state = f"{past.total:,} found" if past.share >= 1 else f"looked through {past.share:.0%}"
    return f"not all can be read, {state}" if past.wrong else state


def _log_notes(scene: Scene) -> list[Line]:
    """What the Log tab shows of what there is, what its agent used, and whether it follows; where the stream of its logs lacks
    something, that first, and where there is no room, that alone.
    """
    looking, agent = scene.looking, scene.agent
    told: Line = (say(_log_note(scene), "dim"),)
    lacks = log.lacks(looking.logs.get(agent.id, ())) if agent is not None and not shown_log(scene) else []
    return [*((*lack, gap(2), *told) for lack in lacks), *lacks] if lacks else [told]


def _log_note(scene: Scene) -> str:
    looking, agent = scene.looking, scene.agent
    note = "following" if looking.follow else "f follows"
    if agent is not None and agent.logs:
        note = f"{_source_name(agent, shown_log(scene))}, {note}"
    story = looking.stories.get(agent.id) if agent is not None and not shown_log(scene) else None
    return log.figures(story, note) if story is not None else note


def _source_name(agent: AgentView, path: str) -> str:
    """How many logs stand in the stream, or which of the agent's logs is shown by itself."""
    for number, source in enumerate(agent.logs, 1):
        if source.path == path:
            return f"{name_of(path, source.origin)} {number}/{len(agent.logs)}"
    return "1 log" if len(agent.logs) == 1 else f"{len(agent.logs)} logs"


def has_rows(tab: int) -> bool:
    """Whether rows of this tab can be selected."""
    return tab in _HEADS


def count(scene: Scene) -> int:
    """How many rows the tab has."""
    return len(_rows(scene, scene.view)) if scene.view is not None and has_rows(scene.looking.tab) else 0


def row_of(scene: Scene) -> int:
    """The selected row of the tab, within what there is; -1 = none."""
    looking, view = scene.looking, scene.view
    if view is None or looking.region != "tab" or not has_rows(looking.tab):
        return -1
    if shown_log(scene):
        return looking.sheet.cursor if looking.sheet is not None else -1
    if looking.tab == keys.LOG and looking.follow:
        return -1
    return min(looking.row, count(scene) - 1)


def shown_log(scene: Scene) -> str:
    """The path of the log that the tab shows by itself, "" = it shows something else."""
    return scene.looking.source(scene.agent) if scene.looking.tab == keys.LOG else ""


def tab_row(scene: Scene) -> int | None:
    """The line of the tab that must be on screen."""
    at = row_of(scene)
    return None if at < 0 else at + _HEADS[scene.looking.tab]


def _rows(scene: Scene, view: RoomView) -> Sequence[object]:
    looking, session = scene.looking, scene.agent.id if scene.agent else ""
    match looking.tab:
        case keys.LOG if shown_log(scene):
            return looking.sheet.rows if looking.sheet is not None else ()
        case keys.LOG:
            told = (looking.stories.get(session), looking.came(session))
            return log.select(view, session, looking.filter, *told, _past(scene, session))
        case keys.RECEIPTS:
            return receipts.select(view, session, looking.filter)
        case keys.PROCESSES:
            return processes.select(looking.processes.get(session), looking.filter)
        case keys.CONFIG:
            return config.select(looking.layers.get(session, ()), looking.filter)
        case _:
            return files.select(looking.files.get(session), looking.filter)


def _tab(scene: Scene, view: RoomView, agent: AgentView | None, width: int) -> list[Line]:
    looking, session, glyphs = scene.looking, agent.id if agent else "", scene.glyphs
    find, at = looking.filter, row_of(scene)
    match looking.tab:
        case keys.LOG if path := shown_log(scene):
            return sheet.render(looking.sheet, path, width, glyphs)
        case keys.LOG:
            told = (looking.stories.get(session), looking.came(session))
            past = _past(scene, session)
            return log.render(view, session, width, glyphs, find=find, at=at, story=told[0], lines=told[1], past=past)
        case keys.RECEIPTS:
            return receipts.render(view, session, width, glyphs, find=find, at=at)
        case keys.PROCESSES:
            return processes.render(looking.processes.get(session), width, glyphs, find=find, at=at)
        case keys.FILES:
            top = agent.workspace if agent else ""
            return files.render(looking.files.get(session), view.now, width, glyphs, find=find, at=at, top=top)
        case keys.PERMISSIONS:
            return permissions.render(view, agent, looking.permissions.get(session), width, glyphs, find=find)
    return config.render(looking.layers.get(session), agent, width, glyphs, now=view.now, find=find, at=at)


def _past(scene: Scene, session: str) -> Sequence[LogView]:
    found = scene.looking.found(session)
    return found.rows if found is not None else ()


def detail(scene: Scene) -> Maker | None:
    """What draws the selected row of the tab in full, None where no row is selected."""
    at, view = row_of(scene), scene.view
    if view is None or at < 0:
        return None
    match _rows(scene, view)[at]:
        case LogView() | LineView() as line:
            return lambda scene, width: log.detail(line, width, scene.glyphs)
        case SheetRow() as of_log if scene.looking.sheet is not None:
            whole = scene.looking.sheet
            return lambda scene, width: sheet.detail(whole, of_log, width, scene.glyphs)
        case ReceiptView() as receipt:
            return lambda scene, width: receipts.detail(receipt, width, scene.glyphs)
        case ProcessView() as process:
            return lambda scene, width: processes.detail(process, width, scene.glyphs)
        case LayerView() as layer:
            return lambda scene, width: config.detail(layer, view.now, width, scene.glyphs)
        case FileView() | OpenFile() as row:
            return lambda scene, width: files.detail(row, scene.looking.diffs.get(row.path), width, scene.glyphs)
    return None


def file(scene: Scene) -> FileView | None:
    """The selected file, None where none is."""
    at, view = row_of(scene), scene.view
    found = _rows(scene, view)[at] if view is not None and at >= 0 else None
    return found if isinstance(found, FileView) else None


def receipt(scene: Scene) -> ReceiptView | None:
    """The selected receipt, None where none is."""
    at, view = row_of(scene), scene.view
    found = _rows(scene, view)[at] if view is not None and at >= 0 else None
    return found if isinstance(found, ReceiptView) else None


def change(scene: Scene) -> str:
    """The newest change of the selected file that waits to be looked at, "" = there is none."""
    at, view = row_of(scene), scene.view
    found = _rows(scene, view)[at] if view is not None and at >= 0 else None
    waiting = config.waits(found) if isinstance(found, LayerView) else ()
    return waiting[-1].change.id if waiting else ""


def agent_row(scene: Scene) -> int | None:
    """The line of the selected agent."""
    ids = [agent.id for agent in scene.view.agents] if scene.view else []
    return ids.index(scene.agent.id) + 1 if scene.agent else None


def inbox_row(scene: Scene) -> int | None:
    """The line of the focused request in the inbox."""
    ids = [r.id for r in pending.order(scene.view.pending)] if scene.view else []
    return ids.index(scene.approval.focus) + 1 if scene.approval.focus in ids else None


# Pages and dialogs


def help_page(scene: Scene, width: int) -> list[Line]:
    """Every key, and why it is off."""
    context, away = scene.context, scene.approval.away
    if away and context.unready == away:  # the help itself lies over the requests: it tells of the room behind
        context = replace(context, unready="")
    return key_help.render(keys.sections(context), width, scene.glyphs)


def full_view(scene: Scene, width: int) -> list[Line]:
    """The whole focused request."""
    if scene.request is None or scene.view is None:
        return []
    return request.render(scene.request, scene.view.now, width, scene.glyphs, full=True)


def stop_page(scene: Scene, width: int) -> list[Line]:
    """The emergency stop as the daemon tells it, and what this room's own pull came to."""
    if scene.pulling:
        pulled: Line = (gap(2), say(" EMERGENCY STOP ", "stop"), say("  latching, denying, freezing ...", "title"))
        return [clip(pulled, width, scene.glyphs.cut)]
    said: list[str] = []
    if scene.report is not None:
        said += [*scene.report.said, "every stop is proved" if scene.report.done else "STOP NOT CONFIRMED"]
    return stop.render(scene.view if scene.contact.state == "live" else None, said, width, scene.glyphs)


def dialog(title: str, hint: str, width: int, scene: Scene) -> list[Line]:
    """Above a text field."""
    lines = wrap((quote(title, "title"), gap(2), quote(hint, "dim")), max(1, width - 2))
    return [clip((gap(1), *line), width, scene.glyphs.cut) for line in lines]


def grant_dialog(scene: Scene, uses: int, width: int) -> list[Line]:
    """Exactly what would be granted, and the key of each length."""
    asked, view = scene.request, scene.view
    if asked is None or view is None:
        return []
    agent = next((a for a in view.agents if a.id == asked.session), None)
    covered, _ = lease.scope_of(asked, agent)
    argv, effects = covered.get("argv"), ", ".join(e for e in asked.effects if e != "read")
    what = quote_tokens(asked.argv[0]) if argv else marked(quote(covered.get("path", "")))
    keyed = {"5": "5 minutes", "s": "until its session ends (1h at most)", "u": f"{uses} uses (+ and - change it)"}
    edge: Line = (say(scene.glyphs.border, "ask"), gap(1))
    rows: list[Line] = [(say("ALLOW, and grant the same without asking", "title"),)]
    rows += wrap((*what, gap(2), say(effects, "dim")), max(1, width - 3))
    rows += [(say(key, "key"), gap(1), say(text)) for key, text in keyed.items()]
    rows += [(say(scene.unready or "armed", "dim"), gap(3), *_keyed(("d", "deny"), ("esc", "back")))]
    return [clip((*edge, *row), width, scene.glyphs.cut) for row in rows]
