"""Whether one set of settings protects less than another, and where (C03). A partial order: nothing said = as strict."""

from collections.abc import Callable

import msgspec

from controlroom.model.settings import DEFAULT, Capabilities, Kept, Leftover, Profile, Settings, Snapshots, default_profile
from controlroom.model.trips import Trips
from controlroom.policy.scopes import holds_host, holds_path, holds_word

_CONTAINMENT = ("none", "auto", "enforced")  # weakest first

Holds = Callable[[str, str], bool]


def weaker(old: Settings, new: Settings) -> tuple[str, ...]:
    """In words everything in which `new` protects less than `old`; () = nowhere."""
    found: list[str] = []
    if new.config.hold.seconds > old.config.hold.seconds:
        found.append(_than("hold.seconds", old.config.hold.seconds, new.config.hold.seconds))
    for field in msgspec.structs.fields(Snapshots):
        kept = [getattr(settings.config.snapshots, field.name) for settings in (old, new)]
        if kept[1] < kept[0]:  # less can be brought back
            found.append(_than(f"snapshots.{field.encode_name}", *kept))
    found += _trips("trips", old.config.trips, new.config.trips)
    if old.config.anchor.place not in ("", new.config.anchor.place):
        found.append(_than("anchor.place", old.config.anchor.place, new.config.anchor.place or "nowhere"))
    days = old.config.anchor.keep_days, new.config.anchor.keep_days
    if days[1] and (not days[0] or days[1] < days[0]):
        found.append(_than("anchor.keep_days", days[0] or "all is kept", days[1]))
    gone = [glob for glob in old.config.logs.files if glob not in new.config.logs.files]
    found += [f"logs.files: {glob} is no longer shown" for glob in gone]  # less is seen
    for name in sorted({*old.profiles, *new.profiles} - {DEFAULT}):
        if name in new.profiles:
            found += _profile(old.profiles.get(name), new.profiles[name])
    usual_old, usual_new = (s.profiles.get(DEFAULT, default_profile(s.config.trips)) for s in (old, new))
    found += _profile(usual_old, usual_new)
    return tuple(dict.fromkeys(found))


def _than(key: str, old: object, new: object) -> str:
    return f"{key}: {new}, was {old}"


def _profile(old: Profile | None, new: Profile) -> list[str]:
    at = f"profile {new.name}"
    if old is None:
        return [f"{at}: it is new"]
    found = [f"{at}: what it does not declare is shown, no longer asked"] if old.asks and not new.asks else []
    a, b = old.rules, new.rules
    if _CONTAINMENT.index(b.containment) < _CONTAINMENT.index(a.containment):
        found.append(_than(f"{at}: containment", a.containment, b.containment))
    if b.network and not a.network:
        found.append(_than(f"{at}: network", "off", "on"))
    for key in ("home", "tmp"):
        if getattr(a, key) is Kept.THROW_AWAY and getattr(b, key) is Kept.OWN:
            found.append(_than(f"{at}: {key}", Kept.THROW_AWAY, Kept.OWN))
    if a.leftover is Leftover.STOP and b.leftover is Leftover.KEEP:
        found.append(_than(f"{at}: leftover", a.leftover, b.leftover))
    found += _capabilities(at, a.capabilities, b.capabilities)
    return found + _trips(f"{at}: trips", a.trips, b.trips)


def _capabilities(at: str, old: Capabilities, new: Capabilities) -> list[str]:
    kinds: tuple[tuple[str, Holds, tuple[str, ...], tuple[str, ...]], ...] = (
        ("fs.read", holds_path, old.fs.read, new.fs.read),
        ("fs.write", holds_path, old.fs.write, new.fs.write),
        ("exec", holds_word, old.exec, new.exec),
        ("net", holds_host, old.net, new.net),
        ("config", holds_path, old.config, new.config),
        ("publish", holds_word, old.publish, new.publish),
        ("restart", holds_word, old.restart, new.restart),
        ("secrets", holds_path, old.secrets, new.secrets),
    )
    return [
        f"{at}: declares {kind} {scope}"
        for kind, holds, before, after in kinds
        for scope in after
        if not any(holds(known, scope) for known in before)
    ]


def _trips(at: str, old: Trips, new: Trips) -> list[str]:
    found = []
    for field in msgspec.structs.fields(Trips):
        key = field.encode_name
        a, b = getattr(old, key), getattr(new, key)
        if (a, b) == ("stop", "pause") or (key != "act" and a is not None and (b is None or b > a)):
            found.append(_than(f"{at}.{key}", a, "not watched" if b is None else b))
    return found
