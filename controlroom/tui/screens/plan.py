"""How many rows and columns each part of the room gets. Pure. The status line comes first, then a request that waits."""

from typing import NamedTuple

WIDE = 110  # columns from which requests and tabs stand side by side
LOW = 10  # rows under which there is no line for remarks
REQUEST_LEAST = 8  # rows of a request before a tab gets any
TABS_LEAST = 6
LEAST_AGENTS = 2  # rows of agents where a request needs every row


class Plan(NamedTuple):
    """Rows of each part, 0 = not shown. `left`: columns of the requests where tabs stand beside them, 0 = they stand below."""

    agents: int
    inbox: int
    request: int
    answer: int
    tabs: int
    notice: int
    footer: int
    left: int


def plan(width: int, height: int, *, agents: int, waiting: int, tab_first: bool, asked: int = 1 << 20) -> Plan:
    """The room at this size. `tab_first`: where there is room for only one of them, the tab is shown and not the request.

    `asked`: rows that the whole request takes; what it does not need goes to the tab below it.
    """
    notice = 1 if height >= LOW else 0
    footer = 1 if height >= 3 else 0
    body = max(0, height - 1 - notice - footer)
    if height < LOW:
        return _low(body, footer, waiting=waiting, tab_first=tab_first)
    rows = min(agents, max(3, body // 4) if waiting else max(3, body // 2)) + 1
    if waiting and width < WIDE and 1 + min(waiting, 2) + 1 + asked > body - rows:
        rows = min(rows, LEAST_AGENTS + 1)  # a request that is wholly on screen is answered without scrolling
    rest = body - rows
    if not waiting:
        return Plan(rows, 1, 0, 0, rest - 1, notice, footer, 0)
    inbox = min(waiting, 2 if rest < 18 else 5) + 1
    if width >= WIDE:
        return Plan(rows, inbox, min(rest - inbox - 1, asked), 1, rest, notice, footer, width * 11 // 20)
    both = rest - inbox - 1
    if both - asked >= TABS_LEAST or both >= 2 * REQUEST_LEAST + TABS_LEAST:
        tabs = max(both - asked, TABS_LEAST, both // 3)
        return Plan(rows, inbox, both - tabs, 1, tabs, notice, footer, 0)
    if tab_first:
        return Plan(rows, inbox, 0, 0, rest - inbox, notice, footer, 0)
    return Plan(rows, inbox, min(both, asked), 1, 0, notice, footer, 0)


def _low(body: int, footer: int, *, waiting: int, tab_first: bool) -> Plan:
    """A few rows: the one thing that matters most."""
    if not waiting or tab_first:
        return Plan(body, 0, 0, 0, 0, 0, footer, 0)
    answer = 1 if body >= 3 else 0
    return Plan(0, 0, body - answer, answer, 0, 0, footer, 0)
