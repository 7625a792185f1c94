"""Records and actions in words, raw: whoever draws them makes them safe."""

import msgspec

from controlroom.containment.drill import Drill
from controlroom.model.action import Action
from controlroom.model.agent import Inventory, Label, StopResult
from controlroom.model.record import Intent, Kind, Outcome, Record
from controlroom.model.request import Decision, Grant
from controlroom.model.snapshot import Checkpoint, Saved, Undone
from controlroom.model.touched import Seen
from controlroom.storage.notes import OWN

ADVISORY = Label.ADVISORY
QUIET = OWN | {Kind.STARTED}  # no line: the journal's own upkeep, and what is told by the records around it


def plain(action: Action) -> str:
    """The part of an action's input that says what it does: the command, else the file, else all of it."""
    given = _mapping(action.input.encode())
    for key in ("command", "cmd", "file_path", "path", "notebook_path", "url"):
        if isinstance(value := given.get(key), str):
            return value
    return action.input


def brief(action: Action) -> str:
    """The same in fewer words, for lists: what a script asks for is told by its operation and command or paths."""
    given = _mapping(action.input.encode())
    argv, paths = given.get("argv"), given.get("paths")
    if "op" not in given or not isinstance(argv, list) or not isinstance(paths, list):
        return plain(action)
    return f"{given['op']}: {' '.join(map(str, argv or paths))}"


def of(record: Record) -> str:
    """One line for the agent's stream."""
    try:
        return _line(record)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return bytes(record.body).decode("utf-8", "replace")


def _line(record: Record) -> str:
    body = bytes(record.body)
    match record.kind:
        case Kind.INTENT:
            intent = msgspec.json.decode(body, type=Intent)
            return f"{intent.assessment.tier} {intent.action.tool}: {brief(intent.action)}"
        case Kind.DECISION:
            decision = msgspec.json.decode(body, type=Decision)
            return f"{decision.verdict} by {decision.by}" + (f": {decision.reason}" if decision.reason else "")
        case Kind.OUTCOME:
            outcome = msgspec.json.decode(body, type=Outcome)
            return ("done" if outcome.ok else "failed") + (f": {outcome.note}" if outcome.note else "")
        case Kind.PROOF:
            return _proof(msgspec.json.decode(body, type=StopResult))
        case Kind.DRILL:
            came = msgspec.json.decode(body, type=Drill)
            return f"drill of the emergency stop on rung {came.rung}: {came.why or 'frozen and killed as it must be'}"
        case Kind.GRANT:
            grant = msgspec.json.decode(body, type=Grant)
            what = " ".join(grant.argv) or f"{', '.join(grant.effects)} in {grant.path}"
            return f"{what}, {grant.uses} uses, by {grant.by}"
        case Kind.SNAPSHOT:
            return _saved(msgspec.json.decode(body, type=Saved))
        case Kind.CHECKPOINT:
            made = msgspec.json.decode(body, type=Checkpoint)
            return f"transcript and memory, {made.why}: {_saved(made.saved)}"
        case Kind.SEEN:
            return _seen(msgspec.json.decode(body, type=Seen))
        case Kind.UNDONE:
            return f"taken back by receipt {msgspec.json.decode(body, type=Undone).by}"
    return _told(record.kind, _mapping(body))


def _told(kind: Kind, body: dict[str, object]) -> str:
    """The records that are no Struct of their own; what is not known by its shape is told key by key."""
    match kind, body:
        case Kind.SESSION, {"name": name, "label": label, "rung": rung}:
            return f"{name} begins, {label}, held by {rung}"
        case Kind.SESSION, {"state": state, **more}:
            return f"{state}: {more['note']}" if more.get("note") else f"{state}"
        case Kind.STOP, {"act": act, "by": by}:
            return f"{act}, by {by}"
        case Kind.LATCHED, {"stop_id": stop, "by": by}:
            return f"EMERGENCY STOP {stop}, by {by}"
        case Kind.RESET, {"stop_id": stop, "by": by}:
            return f"emergency stop {stop} is over, by {by}; what it paused stays paused"
        case Kind.ACCEPTED, {"failed": failed, "by": by}:
            return f"acts may be allowed again although the journal had failed ({failed} times), by {by}"
        case Kind.DISMISSED, {"by": by}:
            return f"the daemon is ended, by {by}; agents go on"
        case Kind.CONFIG, {"what": what, "sha256": str(sha), "by": by}:
            return f"{what} {sha[:12]} in force, by {by}"
        case Kind.REVOKED, {"id": grant, "by": by}:
            return f"grant {grant} is over, by {by}"
        case Kind.REFUSED, {"verdict": verdict, "by": by, "why": why}:
            return f"{verdict} by {by} was not taken: {why}"
        case Kind.REJECTED, {"pid": pid, "why": why}:
            return f"a message of process {pid}: {why}"
        case Kind.OBSERVED, {"event": event, **more}:
            who = f" of subagent {more['subagent']}" if more.get("subagent") else ""
            return f"{event}{who}" + (f": {more['note']}" if more.get("note") else "")
        case Kind.CLEARED, {"by": by}:
            return f"the alarms of this session were cleared by {by}"
        case Kind.LAYER, {"path": path, "what": what, "who": who, "weakens": list(weak)}:
            return "; ".join([f"{path} was {what} {who}", *map(str, weak)])
        case Kind.LAYER_TAKEN, {"id": change, "by": by}:
            return f"change {change} is taken as it is, by {by}"
        case Kind.LEAK, {"path": path, "line": line, "kind": looks}:
            return f"a secret ({looks}) in line {line} of {path}"
        case Kind.THROWN, {"names": list(names)}:
            return f"thrown away with it: {', '.join(map(str, names))}"
        case Kind.WALLS, {"held": list(held)}:
            return "; ".join(map(str, held))
        case Kind.ALARM, {"kind": what, "text": text}:
            return f"{what}: {text}"
        case _, {"why": why, **more} if not more:
            return f"{why}"
    return ", ".join(f"{k} {v}" for k, v in body.items() if v not in ("", None, [], {}))


def _saved(saved: Saved) -> str:
    """What was saved before an act, or why nothing was."""
    if not saved.seal:
        return f"nothing was saved: {saved.why}"
    left = f"; left out: {', '.join(saved.left_out)}" if saved.left_out else ""
    return f"saved {saved.files} {'file' if saved.files == 1 else 'files'}, {saved.size:,} bytes{left}"


def _seen(seen: Seen) -> str:
    """What the disk showed during an act."""
    told = [
        f"{len(paths)} {what} ({', '.join(paths[:3])}{', ...' if len(paths) > 3 else ''})"
        for what, paths in (("created", seen.created), ("written", seen.written), ("deleted", seen.deleted))
        if paths
    ]
    more = [f"{seen.more} more"] if seen.more else []
    return f"not observed: {seen.why}" if seen.why else f"on disk: {', '.join([*told, *more]) or 'nothing changed'}"


def _proof(result: StopResult) -> str:
    said = [f"{result.act}: {result.proof or 'NOT CONFIRMED'} after {result.ms} ms", result.why]
    return "; ".join(filter(None, (*said, at_the_stop(result.found) if result.found else "")))


def at_the_stop(found: Inventory) -> str:
    """What a session was at when it was stopped, in one line."""
    counts = (
        (found.processes, "process", "processes"),
        (found.files, "file open for write", "files open for write"),
        (len(found.listening), "listening socket", "listening sockets"),
        (len(found.connected), "connection", "connections"),
        (len(found.calls), "call under way", "calls under way"),
    )
    told = ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)
    return f"it had {told or 'nothing'}" + (" (seen in part)" if found.partial else "")


def tool(record: Record) -> str:
    """What the agent is at after this record, "" = unchanged."""
    if record.kind is not Kind.INTENT:
        return ""
    intent = msgspec.json.decode(record.body, type=Intent)
    return f"{intent.action.tool}: {brief(intent.action)[:200]}"


def stopped_by(record: Record) -> str:
    """Who pulled the emergency stop, "" = this record tells nothing of one."""
    return str(_mapping(bytes(record.body)).get("by", "")) if record.kind is Kind.LATCHED else ""


def _mapping(raw: bytes) -> dict[str, object]:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return value if isinstance(value, dict) else {}
