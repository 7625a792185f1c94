"""`controlroom agents | pending | receipts | grants | show`: what there is, for people or as JSON."""

from typing import Annotated, Any

from cyclopts import Parameter

from controlroom.cli import out, room, sentences
from controlroom.cli.options import Agent, Json

Limit = Annotated[int, Parameter(help="how many at most")]
Row = dict[str, Any]


def agents(*, agent: Agent = "", as_json: Json = False) -> int:
    """Lists the agents."""
    rows = [row for row in room.call("agents") if agent in ("", row["id"], row["name"])]
    if as_json:
        out.print_json({**row, **_known(row["id"])} for row in rows)
        return 0
    head = ("NAME", "STATE", "LABEL", "RUNG", "GATE", "PENDING", "AGE", "ID")
    columns = ("name", "state", "label", "rung")
    out.table(
        head,
        [
            [*(row[column] for column in columns), _gate(row), row["pending"], out.seconds(row["age_s"]), row["id"]]
            for row in rows
        ],
    )
    return 0


def _gate(row: Row) -> str:
    gate = row["gate"]
    if not gate:
        return "not looked at yet"
    return f"{gate['strength']}, unproved" if gate["state"] == "written" else str(gate["strength"])


def pending(*, agent: Agent = "", as_json: Json = False) -> int:
    """Lists what waits for an answer."""
    rows = room.call("pending", agent=agent)
    if as_json:
        out.print_json(rows)
        return 0
    if not rows:
        print("Nothing waits for an answer.")
    for row in rows:
        request(row)
        print()
    return 0


def receipts(*, agent: Agent = "", limit: Limit = 200, as_json: Json = False) -> int:
    """Lists the newest receipts: what was asked, decided and done."""
    rows = room.call("receipts", agent=agent, limit=limit)
    if as_json:
        out.print_json(rows)
        return 0
    for row in rows:
        print(f"{out.safe(row['id'])}  {out.safe(row['tier'])} {out.safe(row['stage'])}, {out.safe(row['agent'], 24)}", end="")
        print(f", by {out.safe(row['by'], 24)}" if row["by"] else "")
        print(f"    {out.safe(_what(row), 72)}")
    return 0


def grants(*, agent: Agent = "", as_json: Json = False) -> int:
    """Lists the grants in force."""
    rows = room.call("grants", agent=agent)
    if as_json:
        out.print_json(rows)
        return 0
    head = ("ID", "AGENT", "USES", "LEFT", "EFFECTS", "FOR")
    cells = [
        [
            row["id"],
            row["agent"],
            row["uses"],
            out.seconds(row["ttl_s"]),
            ",".join(row["effects"]),
            row["path"] or _argv(row["argv"]),
        ]
        for row in rows
    ]
    out.table(head, cells)
    return 0


def show(id: str, /, *, as_json: Json = False) -> int:  # noqa: A002  the contract's word
    """Shows one request, receipt, agent or grant in full."""
    row = room.call("show", id=id)
    if row["what"] == "agent":
        row |= _known(row["id"])
    if as_json:
        out.print_json([row])
    elif row["what"] == "request":
        request(row)
    elif row["what"] == "agent":
        for line in sentences.agent(row):
            print(f"{line[: len(line) - len(line.lstrip())]}{out.safe(line.lstrip())}")
    elif row["what"] == "receipt":
        _receipt(row)
    else:
        print(f"{row.pop('what')}:")
        _fields(row)
    return 0


def _known(session: str) -> Row:
    """What is known of a session's permissions, and the files that its agent reads; two calls, for they may be long."""
    return {method: room.call(method, session=session) for method in ("permissions", "layers")}


def request(row: Row) -> None:
    """Prints a request with all that must be judged; what the agent says about it comes last."""
    print(f"{out.safe(row['tier'])}  {out.safe(row['agent'])}  {out.safe(row['action']['tool'])}", end="  ")
    print(f"asked {out.seconds(row['age_s'])} ago, {out.seconds(row['ttl_s'])} left")
    print(f"  id      {out.safe(row['id'])}")
    print(f"  digest  {out.safe(row['digest'])}")
    print(f"  cwd     {out.safe(row['action']['cwd'])}")
    for argv in row["argv"]:
        print(f"  runs    {out.tokens(argv)}")
    if not row["argv"]:
        print(f"  input   {out.safe(row['action']['input'])}")
    for effect in row["effects"]:
        print(f"  does    {out.safe(effect['kind'])} {out.safe(', '.join(map(str, effect['targets'])))}")
    for target in row["targets"]:
        print(f"  target  {_target(target)}")
    for reason in row["reasons"]:
        safer = f" Safer: {out.safe(reason['safer'])}" if reason["safer"] else ""
        print(f"  why     {out.safe(reason['tier'])} {out.safe(reason['rule'])}: {out.safe(reason['text'])}{safer}")
    if row["invalid"]:
        print(f"  INVALID {out.safe(row['invalid'])}")
    why = f"{'; ' if row['undo'] else ': '}{out.safe(row['undo_why'])}" if row["undo_why"] else ""
    print(f"  undo    {'yes' if row['undo'] else 'no'}{why}")
    if row["diff"]:
        out.block(row["diff"])
    if row["says"]:
        print(f"  agent says (unverified): {out.safe(row['says'])}")
    print(f"  allow:  controlroom allow {out.safe(row['id'])} --digest {out.safe(row['digest'])}")
    print(f"  deny:   controlroom deny {out.safe(row['id'])} --reason '...'")


def _receipt(row: Row) -> None:
    """Prints the whole of a receipt as the room draws it."""
    # Imported here, so that the other listings start without what the room draws with.
    import msgspec

    from controlroom.daemon.views import receipt_view
    from controlroom.model.record import Receipt
    from controlroom.model.view import ToldView
    from controlroom.tui.glyphs import ASCII, UNICODE
    from controlroom.tui.line import plain
    from controlroom.tui.render.receipts import detail

    log = msgspec.convert(row["log"], ToldView | None)
    view = receipt_view(msgspec.convert(row["receipt"], Receipt), log, whole=True)
    for line in detail(view, out.width(), UNICODE if out.draws(UNICODE.gutter) else ASCII):
        print(plain(line))


def _target(target: Row) -> str:
    facts = []
    if not target["certain"]:
        facts.append("could match")
    if target["exists"] is False:
        facts.append("does not exist yet")
    least = "at least " if target["partial"] else ""
    if target["files"] is not None:
        facts.append(f"{least}{target['files']} files")
    if target["size"] is not None:
        facts.append(f"{least}{target['size']} bytes")
    for key, yes, no in (
        ("tracked", "tracked by git", "not tracked by git"),
        ("inside", "in the workspace", "OUTSIDE the workspace"),
    ):
        if target[key] is not None:
            facts.append(yes if target[key] else no)
    return f"{out.safe(target['path'])} ({', '.join(facts)})" if facts else out.safe(target["path"])


def _what(row: Row) -> str:
    return f"{row['tool']}: {row['does']}"


def _argv(argv: list[str]) -> str:
    return " ".join(argv)


def _fields(row: Row, indent: str = "  ") -> None:
    for key, value in row.items():
        if isinstance(value, dict):
            print(f"{indent}{out.safe(key)}:")
            _fields(value, indent + "  ")
        elif isinstance(value, list):
            print(f"{indent}{out.safe(key)}: {out.safe(out.as_json(value)) if value else '-'}")
        else:
            print(f"{indent}{out.safe(key)}: {out.safe(value)}")
