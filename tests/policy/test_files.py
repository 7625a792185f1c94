"""One act on one path at a time: where it really leads, and how bad it is there."""

import pytest

from controlroom.model.effect import Assessment, EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy import Context, Manifest, Stat
from controlroom.policy.files import Act, Files
from controlroom.policy.ledger import Ledger
from controlroom.policy.limits import MAX_PATH
from tests.policy.fake import HOME, WORK, FakeTree, context, shop

NOTES = f"{WORK}/notes.txt"


class _Odd(FakeTree):
    """The shop with something at one path that is neither file nor folder, or that may not be looked at."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(shop().nodes)
        self.add(path, b"")
        self._odd, self._kind = path, kind

    def lstat(self, path: str) -> Stat | None:
        return Stat(self._kind) if path == self._odd else super().lstat(path)


def judged(*acts: Act, tree: FakeTree | None = None, where: Context | None = None) -> Assessment:
    """What some acts in a row amount to."""
    ledger = Ledger()
    files = Files(where or context(), tree or shop(), ledger)
    for act in acts:
        files.touch(act)
    files.look()
    return ledger.close()


def act(kind: EffectKind, path: str, **more: object) -> Act:
    """An act of some rule, in the workspace."""
    return Act(kind, path, WORK, "some.rule", **more)  # type: ignore[arg-type]


def rules(found: Assessment) -> set[str]:
    return {reason.rule for reason in found.reasons}


def test_a_name_of_which_only_the_start_is_known_is_any_file_beside_it() -> None:
    found = judged(act(EffectKind.WRITE, f"{WORK}/sub/a-", certain=False))
    assert (found.tier, found.targets) == (Tier.T3, (Target(f"{WORK}/sub", certain=False),))


def test_a_name_that_stays_below_a_folder_is_judged_there_and_said_to_be_any() -> None:
    found = judged(act(EffectKind.DELETE, "build", certain=False, bounded=True))
    assert (found.tier, found.targets[0].path, found.targets[0].certain) == (Tier.T2, f"{WORK}/build", False)
    assert "target.could-match" in rules(found)


@pytest.mark.parametrize(
    "one",
    [act(EffectKind.DELETE, "build"), act(EffectKind.CREATE, "new-", certain=False, bounded=True)],
    ids=["certain", "harmless"],
)
def test_what_is_certain_or_loses_nothing_is_not_said_to_be_any(one: Act) -> None:
    assert "target.could-match" not in rules(judged(one))


def test_mode_and_owner_of_a_folder_alone_lose_nothing_and_with_all_below_do() -> None:
    assert judged(act(EffectKind.META, "src")).tier is Tier.T1
    assert judged(act(EffectKind.META, "src", deep=True)).tier is Tier.T2


def test_creating_what_is_there_overwrites_it() -> None:
    assert judged(act(EffectKind.CREATE, "notes.txt")).tier is Tier.T2
    assert judged(act(EffectKind.CREATE, "notes.txt", append=True)).tier is Tier.T1
    assert judged(act(EffectKind.CREATE, "src")).tier is Tier.T1


@pytest.mark.parametrize(("more", "tier"), [({}, "T1"), ({"certain": False, "bounded": True}, "T2")])
def test_writing_into_a_folder_is_no_loss_unless_it_could_be_any_file_of_it(more: dict[str, bool], tier: str) -> None:
    assert judged(act(EffectKind.WRITE, "src", **more)).tier == tier


@pytest.mark.parametrize(("length", "tier"), [(MAX_PATH, "T1"), (MAX_PATH + 1, "T3")], ids=["as long as may be", "longer"])
def test_a_path_that_is_too_long_has_no_place(length: int, tier: str) -> None:
    path = (f"{WORK}/" + "a/" * MAX_PATH)[: length - 1] + "b"
    assert judged(act(EffectKind.WRITE, path)).tier == tier


def test_what_is_only_named_below_no_folder_has_no_place() -> None:
    files = Files(context(), shop(), Ledger())
    assert files.place("a.py", None) == ("", None)
    assert files.place("/home/op/shop/a.py", None)[0] == f"{WORK}/a.py"
    assert files.place("a.py", WORK)[0] == f"{WORK}/a.py"


@pytest.mark.row("N07")
def test_a_file_that_another_process_has_open_is_that_file_and_asks_when_it_is_changed() -> None:
    tree = shop()
    tree.add("/proc/77/cwd", WORK)
    tree.hard_link("/proc/77/cwd/notes.txt", NOTES)
    reads, writes = (
        judged(act(kind, "/proc/77/cwd/notes.txt", append=True), tree=tree) for kind in (EffectKind.READ, EffectKind.WRITE)
    )
    assert reads.tier is Tier.T0
    assert (writes.tier, writes.targets[0].path) == (Tier.T3, NOTES)
    assert any("what another process has open" in reason.text for reason in writes.reasons)


@pytest.mark.row("N07")
@pytest.mark.parametrize("path", ["/proc/77/cwd/notes.txt", "/proc/self/fd/3"])
def test_a_proc_link_whose_goal_is_not_the_same_file_for_sure_has_no_place(path: str) -> None:
    tree = shop()
    tree.add("/proc/77/cwd", WORK)
    tree.add("/proc/77/cwd/notes.txt", b"another file")
    tree.hard_link("/proc/self/fd/3", NOTES)
    found = judged(act(EffectKind.WRITE, path, append=True), tree=tree)
    assert (found.tier, found.targets[0].certain) == (Tier.T3, False)


@pytest.mark.parametrize(
    ("kind", "what", "tier"),
    [
        (EffectKind.DELETE, "other", "T3"),
        (EffectKind.WRITE, "other", "T3"),
        (EffectKind.META, "other", "T1"),
        (EffectKind.DELETE, "unknown", "T3"),
        (EffectKind.META, "unknown", "T3"),
    ],
)
def test_a_device_or_what_may_not_be_looked_at_asks(kind: EffectKind, what: str, tier: str) -> None:
    found = judged(act(kind, "odd"), tree=_Odd(f"{WORK}/odd", what))
    assert found.tier == tier
    assert found.targets[0].exists is (None if what == "unknown" else True)


def test_the_workspace_itself_is_more_than_a_folder_in_it() -> None:
    whole = judged(act(EffectKind.DELETE, ".", deep=True))
    assert any("deletes the workspace itself" in reason.text.lower() for reason in whole.reasons)
    some = judged(act(EffectKind.DELETE, ".", deep=True, only=r"\.o$"))
    assert not any("the workspace itself" in reason.text for reason in some.reasons)
    assert some.tier is Tier.T2


def test_taking_every_name_away_is_taking_all_away_and_writing_each_is_not() -> None:
    names = [name for name in shop().listdir(WORK) or () if not name.startswith(".")]
    assert "target.everything" in rules(judged(*(act(EffectKind.DELETE, name) for name in names)))
    assert "target.everything" not in rules(judged(*(act(EffectKind.DELETE, name) for name in names[1:])))
    assert "target.everything" not in rules(judged(*(act(EffectKind.WRITE, name, append=True) for name in names)))


def test_only_what_was_made_for_certain_may_go_again() -> None:
    made = act(EffectKind.CREATE, "new")
    gone = act(EffectKind.DELETE, "new")
    assert judged(made, gone).tier is Tier.T1
    unsure = act(EffectKind.CREATE, "new", certain=False, bounded=True)
    assert judged(unsure, gone).tier is Tier.T2


def test_a_home_that_is_a_link_is_no_workspace_under_its_other_name() -> None:
    tree = FakeTree({"/data/op/a": b"x", HOME: "/data/op"})
    assert Files(Context("/data/op", HOME, Manifest()), tree, Ledger()).workspace == ""
    assert Files(Context(WORK, HOME, Manifest()), tree, Ledger()).workspace == "/data/op/shop"


def test_an_act_without_a_word_of_its_own_is_said_as_what_it_does() -> None:
    assert judged(act(EffectKind.DELETE, "notes.txt")).reasons[0].text.startswith(f"Deletes {NOTES}")
    assert judged(act(EffectKind.DELETE, "notes.txt", why="tidy")).reasons[0].text.startswith(f"tidy: deletes {NOTES}")


@pytest.mark.parametrize(("cwd", "stem"), [(WORK, WORK), (None, "/")])
def test_a_name_without_a_known_place_is_any_file_from_there(cwd: str | None, stem: str) -> None:
    found = judged(Act(EffectKind.WRITE, "sub-", cwd, "some.rule", certain=False))
    assert found.targets == (Target(stem, certain=False),)


def test_a_folder_is_counted_where_any_file_in_it_may_be_meant() -> None:
    vague = {"certain": False, "bounded": True}
    counts = [
        judged(act(kind, path, **vague)).targets[0].files
        for kind, path in ((EffectKind.WRITE, "src"), (EffectKind.META, "src"), (EffectKind.CREATE, "src"))
    ]
    assert counts == [1, 1, None]


def test_what_was_not_made_here_does_not_go_for_free_beside_what_was() -> None:
    assert judged(act(EffectKind.CREATE, "new"), act(EffectKind.DELETE, "never-was")).tier is Tier.T2


def test_the_only_file_of_a_workspace_is_a_file() -> None:
    tree = FakeTree({f"{WORK}/one": b"x"})
    assert "target.everything" not in rules(judged(act(EffectKind.DELETE, "one"), tree=tree))


def test_a_place_is_where_a_link_leads() -> None:
    tree = shop()
    tree.add(f"{WORK}/link", "a.py")
    assert Files(context(), tree, Ledger()).place("link", WORK)[0] == f"{WORK}/a.py"


def test_what_git_keeps_for_itself_is_no_file_of_the_project() -> None:
    tree = shop()
    tree.add(f"{WORK}/.git/index", b"x")
    assert judged(act(EffectKind.DELETE, ".git/index"), tree=tree).tier is Tier.T3
    assert judged(act(EffectKind.DELETE, ".git/index.lock"), tree=tree).tier is Tier.T2


@pytest.mark.parametrize(
    ("path", "says"), [(f"{HOME}/.ssh/id_ed25519", "is on the"), (f"{HOME}/.ssh", "holds /home/op/.ssh/id_")]
)
def test_it_is_said_whether_a_path_is_the_member_or_holds_it(path: str, says: str) -> None:
    found = judged(act(EffectKind.DELETE, path))
    assert any(says in reason.text for reason in found.reasons if reason.rule == "protect.never-touch")
