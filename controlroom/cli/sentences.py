"""An agent in plain sentences: what it may, what it did, and what it did not touch."""

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

_MAY = {
    "fs.read": "read",
    "fs.write": "create, change and remove",
    "exec": "run",
    "net": "connect to",
    "config": "change settings in",
    "publish": "publish with",
    "restart": "restart or signal",
    "secrets": "read keys and credentials in",
}
_DID = {
    "fs.read": "read files",
    "fs.write": "created, changed or removed files",
    "exec": "ran programs",
    "net": "connected",
    "config": "changed settings",
    "publish": "published",
    "restart": "restarted or signalled",
    "secrets": "read keys or credentials",
}
_WHERE = {".": "the workspace", "~": "the home folder", "*": "anything"}
MOST_NAMED = 8
MOST_ROWS = 20  # of its story, the newest
MOST_TEXT = 200  # characters of one


def agent(row: Row) -> Iterator[str]:
    """One line a sentence, raw: who prints them makes them safe."""
    yield f"{row['name']} is {row['kind']}, {row['state']}, {row['label']}, in {row['workspace']}."
    uses: list[Row] = row["uses"]
    yield f"Its profile {row['profile']} expects it to:"
    declared = [use for use in uses if use["scopes"]]
    for use in declared:
        yield f"  {_MAY[use['kind']]} {', '.join(_WHERE.get(scope, scope) for scope in use['scopes'])}"
    if not declared:
        yield "  do nothing at all."
    used = [use for use in uses if use["times"]]
    yield "It did, as far as its calls told:" if used else "It did nothing yet."
    for use in used:
        yield f"  {_DID[use['kind']]}, {use['times']} {'time' if use['times'] == 1 else 'times'}"
        if use["beyond"]:
            more = len(use["beyond"]) - MOST_NAMED
            named = ", ".join(scope or "(cannot be told)" for scope in use["beyond"][:MOST_NAMED])
            yield f"    NOT DECLARED: {named}{f' and {more} more' if more > 0 else ''}"
        if use["unseen"]:
            yield f"    of which {use['unseen']} times on more things than are kept here; the receipts have all of them"
    yield from _never(uses)
    yield from _permissions(row["permissions"])
    yield from _own(row.get("declared", []))
    yield from _log(row)
    yield from _machine(row)
    yield from _layers(row["layers"])


def _machine(row: Row) -> Iterator[str]:
    """What it runs, and what the disk showed; all of both is in --json."""
    processes, files = row["processes"], row["files"]
    yield f"It runs {processes['total']} {'process' if processes['total'] == 1 else 'processes'}."
    for one in processes["rows"]:
        called = f"{one['pid']} {' '.join(one['command']) or one['name']}"
        if one["outside"]:
            yield f"  OUTSIDE its control group, so that a stop may miss it: {called}"
        elif one["listening"] or one["connected"]:
            ways = [*(f"listens on {a}" for a in one["listening"]), *(f"is connected to {a}" for a in one["connected"])]
            yield f"  {called}: {', '.join(ways[:MOST_NAMED])}"
    if files["watch"]:
        yield f"Its workspace is {files['watch']}."
    for one in files["rows"]:
        if one["never"]:
            yield f"NEVER-TOUCH: {one['path']} was {one['did']} past the gate, by whom is not known."
    loose = [one for one in files["rows"] if not (one["call"] or one["receipt"] or one["never"])]
    if loose:
        more = f" and {len(loose) - MOST_NAMED} more" if len(loose) > MOST_NAMED else ""
        named = ", ".join(f"{one['path']} {one['did']}" for one in loose[:MOST_NAMED])
        yield f"Seen on disk, no call: {named}{more}."


def _log(row: Row) -> Iterator[str]:
    """What its own log tells, which is the agent's claim; what does not fit the gate is ours."""
    for doubt in row.get("doubts", []):
        yield f"ALARM: {doubt}"
    if row.get("doubts"):
        yield f"They stand until you have looked: controlroom clear {row['name']}"
    story: Row = row.get("story") or {}
    if not story.get("logs"):
        yield "No log of its own is known."
        return
    yield f"Its own log ({', '.join(story['logs'][:MOST_NAMED])}) tells of:"
    usd = row.get("cost_usd")
    price = "dollars not told" if usd is None else f"${usd:.4f} by its own reckoning"
    yield f"  {story['calls']} tool calls, {row.get('tokens') or 0} tokens, {price}"
    for model, used in story["spending"]["models"].items():
        kinds = ", ".join(f"{count} {kind}" for kind, count in used.items() if count)
        yield f"    {model}: {kinds or 'nothing'}"
    for kind, times in story["unknown"].items():
        yield f"  {times} lines that nothing here can read: {kind}"
    for line in story["rows"][-MOST_ROWS:]:
        gate = f"[{line['gate']}] " if line["gate"] else ""
        end = f" -> {line['outcome']}" if line["outcome"] else ""
        yield f"  {line['kind']}: {gate}{line['text'].splitlines()[0][:MOST_TEXT] if line['text'] else ''}{end}"


def _permissions(known: Row) -> Iterator[str]:
    """What it asks by itself, whether our hooks are proved, what its walls held, and where secrets are."""
    for mode in known["modes"]:
        loud = "ASKS NOTHING: " if mode["weight"] == "red" else "HOOKS OFF: " if mode["weight"] == "off" else ""
        says = f" ({mode['says']})" if mode["says"] else ""
        yield f"{loud}{mode['source']} says {mode['key']} {mode['value']}".rstrip() + f"{says}."
    yield f"The gate is {known['gate']['strength']}: {known['gate']['why']}."
    yield from _hooks(known["hooks"])
    if known["walls"]:
        yield "Its walls, before it ran:"
        yield from (f"  {text}" for text in known["walls"])
    environment = known["environment"]
    if environment["names"]:
        yield f"Variables of its processes that carry secrets: {', '.join(environment['names'])}."
    if environment["why"]:
        yield f"Not all of its variables are known: {environment['why']}."
    for found in known["secrets"]:
        yield f"SECRET IN ITS LOG: {found['path']} line {found['line']}: {found['kind']}, in {found['times']} lines"
    if known["unscanned"]:
        yield f"{known['unscanned']} bytes of its logs are still to be looked at for secrets."


def _hooks(hooks: list[Row]) -> Iterator[str]:
    if not hooks:
        return
    gate = hooks[0]
    probe = f"; a probe of the written command: {gate['probe']}" if gate["probe"] else ""
    if gate["calls"]:
        calls = "1 call" if gate["calls"] == 1 else f"{gate['calls']} calls"
        yield f"The gate is proved: {calls} of this session reached it{probe}."
    elif gate["where"]:
        yield f"The gate is written in {', '.join(gate['where'])} and not proved: no call reached it yet{probe}."


def _layers(layers: list[Row]) -> Iterator[str]:
    """The files that it reads and that are there, and what changed in them."""
    there = [layer for layer in layers if layer["exists"] or layer["changes"]]
    if there:
        yield f"It reads these files ({len(layers) - len(there)} others would be read if they were there; all are watched):"
    for layer in there:
        owner = layer["writers"] or {"why": "", "owner": "", "mode": ""}
        gate = f", {layer['gate']}" if layer["gate"] else ""
        yield f"  {layer['path']}: {layer['scope']} {layer['role']}{gate}; {owner['owner']} {owner['mode']}, {owner['why']}"
        if layer["warning"]:
            yield f"    WEAKENS THE GATE: {layer['warning']}"
        for seen in layer["changes"]:
            change = seen["change"]
            state = f"taken by {seen['taken']}" if seen["taken"] else "allowed" if change["confirmed"] else "NOT LOOKED AT"
            yield f"    {change['what']} {change['who']} ({state}, change {change['id']})"


def _own(declared: list[Row]) -> Iterator[str]:
    """What the agent's own files say, one line a file and verb; they decide nothing here."""
    said: dict[tuple[str, str, str], list[str]] = {}
    for row in declared:
        said.setdefault((row["source"], row["by"], row["verb"]), []).append(f"{row['kind']} {row['scope']}")
    if said:
        yield "Its own settings, skills and agent definitions say (they decide nothing here):"
    for (source, by, verb), what in said.items():
        more = f" and {len(what) - MOST_NAMED} more" if len(what) > MOST_NAMED else ""
        yield f"  {source}{f' ({by})' if by else ''}: {verb} {', '.join(what[:MOST_NAMED])}{more}"


def _never(uses: list[Row]) -> Iterator[str]:
    idle = [use["kind"] for use in uses if use["scopes"] and not use["times"]]
    if idle:
        yield f"Declared and never used: {', '.join(idle)}."
    untouched = [use["kind"] for use in uses if not use["scopes"] and not use["times"]]
    if untouched:
        yield f"Neither declared nor used: {', '.join(untouched)}."
