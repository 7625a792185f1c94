"""Never-touch and guarded, on what a path really is (rows N01 to N15)."""

import posixpath

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.model.tier import Tier
from controlroom.policy import Manifest, ManifestError
from controlroom.policy.context import Context
from controlroom.policy.limits import MAX_DIFF
from controlroom.policy.paths import folded
from controlroom.policy.protect import Guard, Hit, Protected, matched
from controlroom.policy.tree import Scan
from tests.policy.fake import HOME, WORK, FakeTree, call, context, sh, shop

KEY = f"{HOME}/.ssh/id_ed25519"
OWN = (f"{HOME}/.local/state/controlroom",)


@pytest.mark.row("N01")
def test_a_symlink_in_any_component_is_followed() -> None:
    tree = shop()
    tree.add(f"{WORK}/link", f"{HOME}/.ssh")
    tree.add(f"{WORK}/deep/a", "../link")
    for path in ("link/id_ed25519", "deep/a/id_ed25519", "./deep/../deep/a//id_ed25519"):
        assert sh(f"rm {path}", tree).tier is Tier.TX
        assert call("Write", {"file_path": f"{WORK}/{path}", "content": "x"}, tree).tier is Tier.TX


@pytest.mark.row("N02")
def test_a_hard_link_is_the_same_file() -> None:
    tree = shop()
    tree.hard_link(f"{WORK}/innocent", KEY)
    assert sh("echo x > innocent", tree).tier is Tier.TX
    assert sh("cat innocent", tree).tier is Tier.T3
    tree.hard_link(f"{WORK}/b.py", f"{WORK}/a.py")
    assert sh("rm b.py", tree).tier is Tier.T2


@pytest.mark.row("N02", "N08")
def test_a_folder_that_holds_a_hard_link_of_a_member_holds_the_member() -> None:
    tree = shop()
    tree.hard_link(f"{WORK}/build/innocent", KEY)
    assert sh("rm -rf build", tree).tier is Tier.TX
    assert sh("find build -delete", tree).tier is Tier.TX
    assert sh("find build -name '*.o' -delete", tree).tier is Tier.T2, "the link is not meant"
    assert sh("rm -rf src", tree).tier is Tier.T2


@pytest.mark.row("N06")
@pytest.mark.parametrize(
    "command", ["rm mnt/id_ed25519", "rm -rf mnt", "rm -rf ../shop", "echo x > mnt/id_ed25519", "mv mnt/id_ed25519 x"]
)
def test_a_bind_mount_is_the_same_folder(command: str) -> None:
    tree = shop()
    tree.add(f"{WORK}/mnt/id_ed25519", b"secret")
    tree.binds[f"{WORK}/mnt"] = f"{HOME}/.ssh"
    assert sh(command, tree).tier is Tier.TX
    assert sh("cat mnt/id_ed25519", tree).tier is Tier.T3


@pytest.mark.row("N06", "N08")
def test_a_member_below_a_mount_counts_also_where_something_guarded_is_found_first() -> None:
    tree = shop()
    tree.add(f"{WORK}/mnt/x", b"x")
    tree.add(f"{HOME}/.aws/x", b"x")
    tree.binds[f"{WORK}/mnt"] = f"{HOME}/.aws"
    assert sh("rm -rf ../shop", tree).tier is Tier.TX


@pytest.mark.row("N06", "N08")
def test_a_member_in_a_folder_counts_also_where_a_guarded_folder_is_mounted_beside_it() -> None:
    tree = shop()
    tree.add(f"{WORK}/x/prod.db", b"x")
    tree.add(f"{WORK}/x/mnt/y", b"x")
    tree.add(f"{HOME}/.claude/hooks/y", b"x")
    tree.binds[f"{WORK}/x/mnt"] = f"{HOME}/.claude/hooks"
    assert sh("rm -rf x", tree).tier is Tier.T3, "guarded"
    assert sh("rm -rf x", tree, context("prod.db\n")).tier is Tier.TX


@pytest.mark.row("N06")
def test_of_the_names_of_one_file_the_strictest_counts() -> None:
    tree = shop()
    for name in (".mcp.json", "id_ed25519"):
        tree.add(f"{WORK}/mnt/{name}", b"x")
    tree.binds[f"{WORK}/mnt"] = "/srv/kept"
    where = context("/srv/kept/.mcp.json\nread: /srv/kept/id_ed25519\n")
    assert sh("rm .mcp.json", tree, where).tier is Tier.T3, "guarded"
    assert sh("rm mnt/.mcp.json", tree, where).tier is Tier.TX
    assert sh("cat mnt/id_ed25519", tree).tier is Tier.T3, "secret"
    assert sh("cat mnt/id_ed25519", tree, where).tier is Tier.TX


@pytest.mark.row("N01")
def test_a_home_and_a_folder_of_ours_that_are_links_are_protected_under_both_names() -> None:
    tree = shop()
    tree.add("/u/op", HOME)
    tree.add("/srv/state/latch", b"x")
    tree.add("/u/state", "/srv/state")
    where = Context(WORK, "/u/op", Manifest(), ("/u/state",))
    for path in (f"{HOME}/.aws/x", "/u/op/.aws/x", "/u/state/latch", "/srv/state/latch"):
        assert sh(f"echo x > {path}", tree, where).tier is Tier.TX


@pytest.mark.row("N03")
@pytest.mark.parametrize(
    "command",
    [
        "rm ../.ssh/id_ed25519",
        "rm ~/.ssh/id_ed25519",
        "rm ~/.ssh//./id_ed25519",
        "cd ~/.ssh && rm id_ed25519",
        "cd ..; cd .ssh; rm id_ed25519",
        "rm $HOME/.ssh/id_ed25519",
        "rm ${HOME}/.ssh/id_*",
        "X=~/.ssh; rm $X/id_ed25519",
        "rm ~/.ssh/{a,id_ed25519}",
        "rm ~/.ssh/id_ed2551?",
        "rm /proc/self/root/home/op/.ssh/id_ed25519",
        "find ~/.ssh -delete",
        "find ~ -name 'id_*' -delete",
        "mv ~/.ssh/id_ed25519 /tmp/k",
        "truncate -s0 ~/.ssh/id_ed25519",
        "chmod 777 ~/.ssh/id_ed25519",
        "cp a.py ~/.ssh/id_ed25519",
        "cp a.py ~/.ssh/",
        "tee ~/.ssh/id_ed25519 < a.py",
        "dd if=a.py of=/home/op/.ssh/id_ed25519",
        "sed -i s/a/b/ ~/.ssh/id_ed25519",
        "ln -sf a.py ~/.ssh/id_ed25519",
        "> ~/.ssh/id_ed25519",
        "rm ~/.SSH/ID_ED25519",
        "python3 -c \"import os; os.remove('/home/op/.ssh/id_ed25519')\"",
    ],
)
def test_every_spelling_of_a_member_is_denied(command: str) -> None:
    assert sh(command).tier is Tier.TX


@pytest.mark.row("N04")
@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("/a/b.c", "/a/b.c"),
        ("/A/B", "/a/b"),
        ("/\u00e4/b", "/\u00e4/b"),
        ("/a\u0308/b", "/\u00e4/b"),
        ("/A\u0308/b", "/\u00e4/b"),
        ("/stra\u00dfe", "/strasse"),
        ("/a./b", "/a/b"),
        ("/a /b", "/a/b"),
        ("/a/b.", "/a/b"),
        ("/a/b ", "/a/b"),
        ("/a. ./b. .", "/a/b"),
        ("/a/.../b", "/a/.../b"),
        ("/a b/c", "/a b/c"),
    ],
)
def test_names_are_compared_as_the_least_careful_file_system_does(name: str, means: str) -> None:
    assert folded(name) == means


@pytest.mark.row("N04")
@pytest.mark.parametrize(
    "path", [".ssh/ID_ed25519", ".ssh./id_ed25519", "'.ssh '/id_ed25519", ".ssh/id_ed25519.", "'.SSH. /id_rsa '"]
)
def test_a_member_spelled_as_some_file_system_would_take_it_is_denied(path: str) -> None:
    assert sh(f"echo x > ~/{path}").tier is Tier.TX


@pytest.mark.row("N08")
@pytest.mark.parametrize(
    "command",
    ["rm -rf ~", "rm -rf ~/.ssh", "mv ~/.ssh /tmp/s", "rm -rf /home", "chmod -R 777 ~", "rm -rf ../../op", "rm -rf ~/.*"],
)
def test_an_act_on_an_ancestor_is_an_act_on_the_member(command: str) -> None:
    assert sh(command).tier is Tier.TX


@pytest.mark.row("N08")
def test_a_member_with_a_fixed_place_is_found_where_the_scan_stopped_before_it() -> None:
    stopped = Scan(0, 0, partial=True)
    assert Guard(context(), shop()).seen_in(HOME, stopped) is None
    assert Guard(context(), shop()).members_in(HOME) == Hit("never", KEY)
    netrc = f"{HOME}/.netrc"
    assert Guard(context(), FakeTree({netrc: b"x"})).holds(HOME) == Hit("never", netrc)
    assert Guard(context(), shop()).holds(WORK) is None
    assert Guard(context(), shop()).members_in(WORK) is None
    assert Guard(context(), shop()).members_in(f"{HOME}/.ssh", only="/known_hosts$") is None


@pytest.mark.row("N08")
def test_a_fixed_place_counts_only_where_it_is_itself_on_the_list_and_is_meant() -> None:
    netrc = FakeTree({f"{HOME}/.netrc": b"x"})
    assert Guard(context(), netrc).holds(HOME, only="/other$") is None
    assert Guard(context(), FakeTree({f"{HOME}/.ssh/known_hosts": b"x"})).holds(HOME) is None


@pytest.mark.row("N06", "N08")
def test_a_part_of_a_member_that_is_mounted_in_a_folder_is_the_member() -> None:
    tree = shop()
    tree.add(f"{HOME}/.aws/sub/x", b"x")
    tree.add(f"{WORK}/src/m", None)
    tree.binds[f"{WORK}/src/m"] = f"{HOME}/.aws/sub"
    assert Guard(context(), tree).holds(f"{WORK}/src") == Hit("never", f"{HOME}/.aws/sub")


@pytest.mark.row("N03")
def test_a_line_break_in_a_folders_name_hides_nothing() -> None:
    tree = shop()
    tree.add(f"{WORK}/a\nb/id_rsa", b"key")
    assert sh("rm $'a\\nb/id_rsa'", tree).tier is Tier.TX
    assert sh("rm -r $'a\\nb'", tree).tier is Tier.TX
    assert sh("rm $'notes.txt\\nid_rsa'", tree).tier is Tier.T2, "that is another name"


class _Short(FakeTree):
    """A tree of which a scan sees only the first path."""

    def scan(self, path: str, max_entries: int) -> Scan:
        return super().scan(path, 1)


@pytest.mark.row("N13")
def test_a_line_that_means_nothing_in_the_part_that_was_seen_is_not_called_idle() -> None:
    files: dict[str, bytes | str | None] = {f"{HOME}/d/a": b"", f"{HOME}/d/b": b"", f"{HOME}/one/a": b""}
    assert matched("~/d/x*", HOME, _Short(files)) is None
    assert matched("~/d/a*", HOME, _Short(files)) == 1
    assert matched("~/one/x*", HOME, _Short(files)) == 0


@pytest.mark.row("N13")
def test_what_a_line_means_is_counted_once_though_the_home_has_two_names() -> None:
    tree = FakeTree({"/data/op/keep": b"", HOME: "/data/op"})
    tree.hard_link(f"{HOME}/keep", "/data/op/keep")
    assert matched("~/keep", HOME, tree) == 1


def test_a_line_of_a_workspace_is_seen_from_the_workspace() -> None:
    tree = shop()
    for name in ("sub/keep", "other/sub/keep", ".never-touch"):
        tree.add(f"{WORK}/{name}", b"sub/keep\n")
    assert sh("rm sub/keep", tree).tier is Tier.TX
    assert sh("rm other/sub/keep", tree).tier is Tier.T2


@pytest.mark.row("N08")
def test_what_is_protected_and_not_there_makes_no_folder_a_member() -> None:
    tree = shop()
    tree.add(f"{HOME}/.config/editor/x", b"x")
    assert sh("rm -rf ~/.config", tree).tier is Tier.T3
    assert sh("tar cf a.tar ~/.config", tree).tier is Tier.T1


@pytest.mark.row("N05")
def test_what_may_become_a_member_asks_at_least() -> None:
    for command in ("rm ~/.ssh/$X", 'rm "$(cat list)"', "rm ${a[3]}", "cd $X && rm id_ed25519"):
        assert sh(command).tier >= Tier.T3


@pytest.mark.row("N07")
def test_a_proc_link_that_cannot_be_followed_asks() -> None:
    assert sh("echo x > /proc/123/cwd/notes.txt").tier >= Tier.T3
    assert sh("echo x > /proc/self/fd/7").tier >= Tier.T3


@pytest.mark.row("N15")
def test_a_longer_name_is_another_name() -> None:
    tree = shop()
    tree.add(f"{WORK}/database/x", b"x")
    where = context("data/\n")
    assert sh("rm -rf database", tree, where).tier is Tier.T2
    tree.add(f"{WORK}/data/x", b"x")
    assert sh("rm -rf data", tree, where).tier is Tier.TX


@pytest.mark.row("N15")
def test_a_folder_whose_name_begins_like_the_workspace_or_like_our_own_is_neither() -> None:
    tree = shop()
    tree.add(f"{WORK}ping/x", b"x")
    assert sh("rm ../shopping/x", tree).tier is Tier.T3
    tree.add(f"{WORK}/state-old/x", b"x")
    assert sh("rm state-old/x", tree, context(own=(f"{WORK}/state",))).tier is Tier.T2


def test_controlrooms_own_folders_are_never_touched() -> None:
    tree = shop()
    tree.add(f"{OWN[0]}/journal/1", b"x")
    for command in ("rm ~/.local/state/controlroom/journal/1", "rm -rf ~/.local", "echo > ~/.local/state/controlroom/latch"):
        assert sh(command, tree, context(own=OWN)).tier is Tier.TX


def test_guarded_files_ask_and_are_no_never_touch() -> None:
    for command in ("echo x >> ~/.bashrc", "rm -rf .git", "rm .git/hooks/pre-commit", "cp a.py .git/hooks/post-commit"):
        assert sh(command).tier is Tier.T3
    result = call("Edit", {"file_path": f"{HOME}/.claude/settings.json", "old_string": "{}", "new_string": '{"a":'})
    assert result.tier is Tier.T3
    assert "+{" in result.diff
    assert "settings.json" in result.invalid


def test_session_logs_are_read_freely_and_never_changed() -> None:
    log = f"{HOME}/.claude/projects/p/s.jsonl"
    assert call("Read", {"file_path": log}).tier is Tier.T0
    assert call("Write", {"file_path": log, "content": ""}).tier is Tier.TX


def test_a_folder_that_is_read_whole_is_read_with_the_secret_in_it() -> None:
    for command, tier in (("tar cf a.tar ~", Tier.T3), ("tar cf a.tar ~/.ssh", Tier.T3), ("tar cf a.tar ~/other", Tier.T1)):
        assert sh(command).tier is tier


def test_the_users_manifest_adds_and_a_read_prefix_forbids_reading() -> None:
    where = context("prod.db\nread: secret.txt\n")
    tree = shop()
    tree.add(f"{WORK}/prod.db", b"x")
    tree.add(f"{WORK}/secret.txt", b"x")
    assert sh("rm prod.db", tree, where).tier is Tier.TX
    assert sh("cat prod.db", tree, where).tier is Tier.T0
    assert sh("cat secret.txt", tree, where).tier is Tier.TX
    assert sh("cp secret.txt x.txt", tree, where).tier is Tier.TX


@pytest.mark.parametrize("line", ["~/shop/notes.txt", "shop/notes.txt", "/home/op/shop/notes.txt", "notes.*"])
def test_a_line_of_the_users_manifest_is_a_place_or_matches_anywhere(line: str) -> None:
    assert sh("rm notes.txt", where=context(f"{line}\n")).tier is Tier.TX
    assert sh("rm a.py", where=context(f"{line}\n")).tier is Tier.T2


def test_a_folder_on_the_list_is_protected_also_while_it_is_empty() -> None:
    tree = shop()
    tree.add(f"{WORK}/data", None)
    assert sh("rmdir data", tree, context("data/\n")).tier is Tier.TX


def test_a_workspaces_list_can_only_strengthen() -> None:
    tree = shop()
    tree.add(f"{WORK}/.never-touch", b"!id_ed25519\n/notes.txt\n!/notes.txt\n")
    assert sh("rm notes.txt", tree).tier is Tier.TX
    assert sh(f"rm {KEY}", tree).tier is Tier.TX
    assert sh("rm a.py", tree).tier is Tier.T2
    for outside in (f"{HOME}/other/data.db", f"{HOME}/mall/notes.txt"):
        assert sh(f"rm {outside}", tree).tier is Tier.T3, "it says nothing of what is outside"
    assert sh("chmod 755 .", tree).tier is Tier.T1, "nor of the workspace itself"


def test_a_workspaces_list_is_found_through_a_link_to_the_workspace() -> None:
    tree = shop()
    tree.add(f"{WORK}/.never-touch", b"/notes.txt\n")
    tree.add("/srv/link", WORK)
    where = Context("/srv/link", HOME, Manifest())
    assert sh("rm notes.txt", tree, where).tier is Tier.TX
    assert sh("rm a.py", tree, where).tier is Tier.T2


@pytest.mark.row("N11")
@pytest.mark.parametrize("content", [None, b"#" * MAX_DIFF, b"\xff\n", b"a\x00\n"], ids=["folder", "large", "bytes", "NUL"])
def test_a_workspaces_list_that_cannot_be_read_whole_denies_every_write(content: bytes | None) -> None:
    tree = shop()
    tree.add(f"{WORK}/.never-touch", content)
    assert sh("echo x > new.txt", tree).tier is Tier.TX
    assert sh("cat a.py", tree).tier is Tier.T0


@pytest.mark.row("N11")
def test_a_manifest_that_cannot_be_trusted_denies_every_write_and_no_read() -> None:
    where = Context(WORK, HOME, Manifest(broken="it is gone"))
    assert sh("echo x > new.txt", where=where).tier is Tier.TX
    assert call("Write", {"file_path": "n", "content": ""}, where=where).tier is Tier.TX
    assert sh("cat a.py", where=where).tier is Tier.T0


@pytest.mark.row("N13")
@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("/home/op/shop/notes.txt", 1),
        ("/home/op/shop/*.txt", 2),
        ("/home/op/shop/src/", 2),
        ("~/.ssh/", 3),
        ("read: ~/other/*.db", 1),
        ("/home/op/nothing", 0),
        ("/home/op/shop/*.nothing", 0),
        ("*.txt", None),
        ("**/notes.txt", None),
        ("src/", None),
        ("!/home/op/shop/notes.txt", None),
    ],
)
def test_a_line_is_told_how_much_it_means_now_where_it_has_a_place(line: str, count: int | None) -> None:
    assert matched(line, HOME, shop()) == count


def test_the_built_in_lists_know_no_other_key() -> None:
    with pytest.raises(msgspec.ValidationError, match="guard"):
        msgspec.convert({"secret": [], "store": [], "guarded": [], "guard": []}, Protected)


@pytest.mark.parametrize("text", ["a\n!\n", "ok\n\x00\n"])
def test_a_bad_line_is_named(text: str) -> None:
    with pytest.raises(ManifestError, match="list:2"):
        Manifest.parse(text, "list")


@pytest.mark.row("N08")
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_link_forests_agree_with_an_oracle_by_inode(data: st.DataObject) -> None:
    """Whatever links are built, a write that reaches the member's inode is denied; the oracle looks at inodes only."""
    tree = shop()
    member = tree.inodes[KEY]
    folders = [WORK, f"{WORK}/src", f"{HOME}/.ssh", f"{HOME}/other"]
    for index in range(data.draw(st.integers(1, 6))):
        folder = data.draw(st.sampled_from(folders[:2] + folders[4:]))
        goal = data.draw(st.sampled_from([*folders, KEY, f"{WORK}/notes.txt"]))
        name = f"{folder}/l{index}"
        if (
            (real := tree.realpath(name)) is None
            or tree.realpath(posixpath.dirname(name)) == f"{HOME}/.ssh"
            or real in tree.nodes
        ):
            continue
        tree.add(name, goal)
        folders.append(name) if tree.realpath(name) in (tree.realpath(f) for f in folders[:4]) else None
    folder = data.draw(st.sampled_from(folders))
    path = posixpath.join(folder, data.draw(st.sampled_from(["id_ed25519", "notes.txt", "l0", "l1", "main.py"])))
    real = tree.realpath(path)
    reached = real is not None and tree.inodes.get(real) == member
    tier = sh(f"echo x > {path}", tree).tier
    if reached:
        assert tier is Tier.TX
    elif real is not None and not real.startswith(f"{HOME}/.ssh") and not real.endswith("/id_ed25519"):
        assert tier < Tier.TX


def test_the_home_folder_is_no_workspace() -> None:
    tree = FakeTree({f"{HOME}/x/y": b"1"})
    assert sh("rm -rf ~/x", tree, Context(HOME, HOME, Manifest())).tier is Tier.T3
