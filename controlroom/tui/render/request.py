"""The request to be judged, drawn by us from what was assessed. Nothing is elided, all wraps; the agent's own words come last.

Every line that must be seen before an allow begins with the border that stands nowhere else (D10). `fits` counts those.
"""

from functools import lru_cache

from controlroom.model.agent import Label
from controlroom.model.clock import Instant
from controlroom.model.effect import Target
from controlroom.model.tier import Tier
from controlroom.model.view import RequestView
from controlroom.text.redact import redact
from controlroom.text.safe import count_non_ascii
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, Style, cells, clip, flush, gap, marked, plain, quote, quote_tokens, say, wrap
from controlroom.tui.render import pane, words
from controlroom.tui.render.pending import left
from controlroom.tui.render.source import diff_rows, text_rows

LEAST = 20  # cells; in fewer nobody can judge anything
SAMPLE = 8  # targets in the panel; the full view has all of them
SAYS_LINES = 3
SAYS_CHARACTERS = 600
DIGEST = 12  # hex digits


def render(request: RequestView, now: Instant, width: int, glyphs: Glyphs, *, full: bool = False) -> list[Line]:
    """All of the request. With `full` every target is listed, not a sample.

    In fewer than LEAST cells only that there is no room; `fits` is then False.
    """
    if width < LEAST:
        return [clip((say("too narrow to judge", "warn"),), width, glyphs.cut)]
    inner = width - pane.GUTTER
    edge = (say(glyphs.border, "ask"), gap(1))
    head = _head(request, now, inner, glyphs)
    body = _body(request, inner, full, glyphs)
    lines = [(*edge, *line) for line in (*head, *body, *_end(request, now, inner))]
    return lines + _says(request, width, glyphs)


def fits(lines: list[Line], height: int) -> bool:
    """Whether all that must be seen of a rendered request is within `height` rows (U08)."""
    bound = sum(1 for line in lines if line and line[0].style == "ask")
    return 0 < bound <= height


def _head(request: RequestView, now: Instant, width: int, glyphs: Glyphs) -> list[Line]:
    tier: Line = (say(f"{request.tier} {words.TIERS[request.tier]}", "ask" if request.tier >= Tier.T3 else "key"),)
    effects = ", ".join(request.effects) or "no known effect"
    first = flush((*tier, gap(2), say(effects, "title")), left(request, now), width)
    if cells((*tier, gap(3), say(effects), *left(request, now))) <= width:
        return [first]
    return [flush(tier, left(request, now), width), *wrap((say(effects, "title"),), width)]


# A request is drawn many times and never changes; its text may be 64 KiB.
@lru_cache(maxsize=8)
def _body(request: RequestView, width: int, full: bool, glyphs: Glyphs) -> tuple[Line, ...]:
    fields = [
        pane.field("does", _does(request), width),
        pane.field("in", [marked(quote(request.cwd))], width),
        pane.field("targets", _targets(request, full, width, glyphs), width),
        *(pane.field("why" if at == 0 else "", _why(request, at, width), width) for at in range(len(request.reasons))),
        pane.field("undo", [_undo(request, glyphs)], width),
    ]
    if request.invalid:
        broken = (say(f"{glyphs.warn} does not parse: ", "warn"), *marked(quote(request.invalid, "warn")))
        fields.append(pane.field("content", [broken], width))
    if odd := _odd(request):
        note = f"{glyphs.warn} {words.some(odd, 'character')} beyond ASCII: look twice"
        fields.append(pane.field("letters", [(say(note, "warn"),)], width))
    fields.append(pane.field("agent", _who(request), width))
    return tuple(line for field in fields for line in field)


def _who(request: RequestView) -> list[Line]:
    label: Style = "warn" if request.label is Label.ADVISORY else "text"
    pid = "no pid" if request.pid is None else f"pid {request.pid}"
    session = (say("session ", "dim"), *marked(quote(request.session, "dim")))
    name = marked(quote(request.agent))
    rows: list[Line] = [(*name, gap(2), say(request.label, label), gap(2), say(pid, "dim"), gap(2), *session)]
    if request.subagent:
        rows.append((say("subagent, it says: ", "dim"), *marked(quote(request.subagent, "unverified"))))
    return rows


def _does(request: RequestView) -> list[Line]:
    """What the agent wants, as it would be run: the diff, else the commands, and the text where it says more than they do."""
    tool = marked(quote(request.tool, "dim"))
    if not request.argv:
        rows = _diff(request)
        text = text_rows(request.text)
        return [(*tool, gap(1), *text[0]), *rows] if len(text) == 1 else [tool, *text, *rows]
    commands = [quote_tokens([redact(token) for token in argv], "title") for argv in request.argv]
    if len(commands) == 1 and plain(commands[0]) == quote(request.text).text:
        return commands
    many = len(commands) > 1
    rows = [((say(f"{at}. ", "dim"), *line) if many else line) for at, line in enumerate(commands, 1)]
    return [
        *rows,
        (say("as written for ", "label"), *tool),
        *text_rows(request.text),
        *_diff(request),
    ]


def _diff(request: RequestView) -> list[Line]:
    """The lines that change; the two that only name the file again are left out where it is already named."""
    same = f"--- {request.text}\n+++ {request.text}\n"
    diff = request.diff.removeprefix(same)
    return diff_rows(diff) if diff else []


def _targets(request: RequestView, full: bool, width: int, glyphs: Glyphs) -> list[Line]:
    targets = request.targets
    if not targets:
        return [(say("none known", "dim"),)]
    shown = targets if full else targets[:SAMPLE]
    rows: list[Line] = [(say(_total(targets), "text"),)] if len(targets) > 1 else []
    pairs = [((say(f"{glyphs.bullet} ", "dim"), *marked(quote(t.path))), _facts(t)) for t in shown]
    room = width - pane.LABEL - pane.GUTTER
    beside = all(cells(path) + cells(facts) <= room for path, facts in pairs)
    for path, facts in pairs:
        rows += [(*path, gap(2), *facts)] if beside else [path, (gap(2), *facts)]
    if len(shown) < len(targets):
        rows.append((say(f"and {len(targets) - len(shown)} more: v shows all of them", "warn"),))
    return rows


def _total(targets: tuple[Target, ...]) -> str:
    counted = [t for t in targets if t.files is not None]
    files = sum(t.files or 0 for t in counted)
    size = sum(t.size or 0 for t in counted)
    if not counted:
        return f"{words.some(len(targets), 'target')}, not counted"
    least = "at least " if len(counted) < len(targets) or any(t.partial or not t.certain for t in targets) else ""
    return f"{words.some(len(targets), 'target')}, {least}{words.some(files, 'file')}, {words.size(size)}"


def _facts(target: Target) -> Line:
    """What our own bounded look found. "at least" and "could be" where the count or the match is not certain."""
    words_of: list[Span] = []
    if not target.certain:
        words_of.append(say("could be anything below", "warn"))
    if target.exists is False:
        words_of.append(say("does not exist yet", "dim"))
    elif target.files is not None:
        least = "at least " if target.partial else ""
        size = "" if target.size is None else f", {words.size(target.size)}"
        words_of.append(say(f"{least}{words.some(target.files, 'file')}{size}", "text"))
    else:
        words_of.append(say("not counted", "dim"))
    if target.tracked is not None:
        words_of.append(say("in git", "dim") if target.tracked else say("not in git", "warn"))
    if target.inside is False:
        words_of.append(say("outside the workspace", "warn"))
    return tuple(part for at, word in enumerate(words_of) for part in ((say(", ", "dim"), word) if at else (word,)))


def _why(request: RequestView, at: int, width: int) -> list[Line]:
    reason = request.reasons[at]
    rule: Line = (say(f"{reason.tier} ", "dim"), *marked(quote(reason.rule, "dim")))
    rows = pane.beside(marked(quote(reason.text)), rule, width)
    if reason.safer:
        rows.append((say("safer: ", "label"), *marked(quote(reason.safer))))
    return rows


def _undo(request: RequestView, glyphs: Glyphs) -> Line:
    if request.undo:
        why = marked(quote(request.undo_why, "warn"))  # what it will not bring back
        size = sum(t.size or 0 for t in request.targets)
        what = f"a snapshot of {words.size(size)}" if size else "a snapshot"
        return (say(f"{glyphs.ok} yes: {what} is taken first", "ok"), *((gap(2), *why) if why else ()))
    why = marked(quote(request.undo_why, "warn"))
    return (say(f"{glyphs.warn} no", "warn"), *((say(": ", "warn"), *why) if why else ()))


def _odd(request: RequestView) -> int:
    """Characters beyond ASCII in what is judged (D05)."""
    parts = [request.text, request.cwd, request.diff, *(t.path for t in request.targets)]
    return sum(count_non_ascii(part) for part in parts)


def _end(request: RequestView, now: Instant, width: int) -> list[Line]:
    ago = words.since(request.asked, now)
    asked = "just now" if ago == "now" else f"{ago} ago"
    digest: Line = (*marked(quote(request.digest[:DIGEST], "dim")), say(f"  asked {asked}", "dim"))
    return pane.field("digest", [digest], width)


def prompt(request: RequestView, unready: str, width: int, glyphs: Glyphs) -> list[Line]:
    """What the keys do to this request now. `unready`: why the allowing key does nothing yet, "" = it would allow."""
    edge: Line = (say(glyphs.border, "ask"), gap(1))
    allow = "A" if request.tier is Tier.T3 else "a"
    deny: Line = (say(" d ", "key"), say(" deny", "text"))
    if unready:
        return [clip((*edge, *deny, gap(3), say(f"{allow}: ", "dim"), quote(unready, "dim")), width, glyphs.cut)]
    return [clip((*edge, say(f" {allow} ", "ask"), say(" allow once", "text"), gap(3), *deny), width, glyphs.cut)]


def _says(request: RequestView, width: int, glyphs: Glyphs) -> list[Line]:
    """The agent's own words: behind the gutter of data, not the border; titled, last, and three lines at most (D09)."""
    if not request.says:
        return []
    room = max(1, width - pane.GUTTER)
    told = [line for line in request.says[:SAYS_CHARACTERS].split("\n") if line.strip(" ")]
    rows = [row for line in told for row in wrap(marked(quote(line, "unverified")), room)]
    if len(rows) > SAYS_LINES or len(request.says) > SAYS_CHARACTERS:
        last = (*clip(rows[min(len(rows), SAYS_LINES) - 1], room - 1, glyphs.cut), say(glyphs.cut, "dim"))
        rows = [*rows[: SAYS_LINES - 1], last]
    title: Line = (say("agent says (unverified)", "label"),)
    return [(), *pane.within([title, *rows], width, glyphs)]
