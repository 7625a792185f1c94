"""The tiers of product.md as one table: what is done, where, to what is there; each line is one decision."""

import pytest

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Ruling, Tier, ruling_of
from tests.policy.fake import HOME, WORK, FakeTree, context, sh, shop

TABLE = [
    ("cat notes.txt", "T0"),
    ("echo x > new.txt", "T1"),
    ("echo x > /tmp/new.txt", "T1"),
    ("echo x > notes.txt", "T2"),
    ("echo x > a.py", "T1"),  # git has it
    ("echo x > empty.txt", "T1"),  # nothing to lose
    ("echo x >> notes.txt", "T1"),
    ("echo x > /tmp/x", "T3"),
    ("echo x >> /tmp/x", "T3"),
    ("echo x > empty.txt; echo y > empty.txt", "T2"),  # the second loses what the first wrote there
    ("mkdir build", "T1"),
    ("mkdir /tmp/dir", "T1"),
    ("touch notes.txt", "T1"),
    ("touch /tmp/x", "T1"),
    ("chmod +x a.py", "T1"),
    ("chmod +x /tmp/x", "T3"),
    ("chmod -R 755 src", "T2"),
    ("rm notes.txt", "T2"),
    ("rm a.py", "T2"),
    ("rm -rf build", "T2"),
    ("rm -rf .", "T3"),
    ("rm /tmp/x", "T3"),
    ("rm /tmp/not-there", "T1"),
    ("rm /srv/not-there", "T3"),
    ("mv a.py b.py", "T1"),
    ("mv src lib", "T1"),
    ("mv a.py notes.txt", "T2"),
    ("mv build /tmp/", "T2"),
    ("mv /tmp/x .", "T3"),
    ("cp a.py /tmp/new", "T1"),
    ("cp a.py /tmp/x", "T3"),
    ("cp /tmp/x new", "T1"),
    ("rm .git/index", "T3"),
    ("rm .git/index.lock", "T2"),
    ("echo x > /dev/sda", "T3"),
    ("echo x > /dev/null", "T0"),
    ("echo x > /dev/shm/new", "T1"),
    ("echo 1 > /proc/sys/vm/drop_caches", "T3"),
    ("chmod 600 /dev/sda", "T3"),
    ("rm -rf build src a.py notes.txt README.md empty.txt Makefile package.json", "T3"),
    ("rm -rf build src a.py", "T2"),
    ("rm ~/.bashrc", "T3"),
    ("echo x >> ~/.bashrc", "T3"),
    ("rm ~/.ssh/id_ed25519", "TX"),
    ("chmod 644 ~/.ssh/id_ed25519", "TX"),
    ("cat ~/.ssh/id_ed25519", "T3"),
    ("tar cf a.tar ~/.ssh", "T3"),
    ("tar cf a.tar src", "T1"),
    ("rm -rf ~/.claude/projects", "TX"),
    ("cat ~/.claude/projects/p/s.jsonl", "T0"),
    ("rm -rf ~", "TX"),
    ("find src -name '*.py' -delete", "T2"),
    ("touch t; rm t", "T1"),
    ("mkdir d; touch d/x; rm -rf d", "T1"),
    ("mkdir d; mv notes.txt d/; rm -rf d", "T2"),
    ("mkdir d; rm -rf d; mv src d", "T2"),
    ("ln -s /home/op/other l; rm l/data.db", "T3"),
    ("ln -s notes.txt l; echo x > l", "T2"),
    ("T=$(mktemp -d); rm -rf $T", "T1"),
    ("T=$(mktemp -d); rm -rf $T/*", "T3"),  # an empty variable would make it /*
    ("T=$(mktemp -d); rm -rf $T/sub", "T1"),
    ("T=$(mktemp -u); rm -rf $T", "T3"),
    ("TMPDIR=/home/op T=$(mktemp -d); TMPDIR=/home/op; T=$(mktemp -d); rm -rf $T", "T3"),
]


@pytest.mark.parametrize(("command", "tier"), TABLE)
def test_the_tier_of_an_act(command: str, tier: str) -> None:
    result = sh(command)
    assert result.tier is Tier(tier), result.reasons


def test_a_file_of_this_session_in_a_temporary_folder_may_go_one_elsewhere_not() -> None:
    written = context(written=("/tmp/x", f"{HOME}/other/data.db", f"{WORK}/notes.txt"))
    assert sh("rm /tmp/x", where=written).tier is Tier.T1
    assert sh("echo y > /tmp/x", where=written).tier is Tier.T1
    assert sh(f"rm {HOME}/other/data.db", where=written).tier is Tier.T3
    assert sh("rm notes.txt", where=written).tier is Tier.T2
    assert sh("rm -rf /tmp", where=written).tier is Tier.T3


def test_effects_and_targets_say_what_is_there() -> None:
    deleted = sh("rm -rf build")
    target = next(e for e in deleted.effects if e.kind is EffectKind.DELETE).targets[0]
    assert (target.path, target.exists, target.files, target.size, target.inside) == (f"{WORK}/build", True, 2, 3, True)
    written = next(e for e in sh("echo x > notes.txt").effects if e.kind is EffectKind.WRITE).targets[0]
    assert (written.exists, written.files, written.size, written.tracked) == (True, 1, 5, False)
    fresh = next(e for e in sh("echo x > new").effects if e.kind is EffectKind.CREATE).targets[0]
    assert (fresh.exists, fresh.files, fresh.inside) == (False, None, True)
    outside = next(e for e in sh("rm /tmp/x").effects if e.kind is EffectKind.DELETE).targets[0]
    assert (outside.inside, outside.tracked) == (False, None)


def test_a_tree_that_is_too_large_to_look_through_asks() -> None:
    tree = FakeTree({f"{WORK}/big/{index}": b"x" for index in range(20_001)})
    result = sh("rm -rf big", tree)
    assert result.tier is Tier.T3
    assert result.targets[0].partial


def test_what_cannot_be_looked_at_asks() -> None:
    tree = shop()
    tree.nodes[f"{WORK}/loop"] = "loop"
    assert sh("echo x > loop/y", tree).tier is Tier.T3


def test_each_tier_has_its_ruling() -> None:
    assert [ruling_of(tier) for tier in (Tier.T0, Tier.T1, Tier.T2, Tier.T3, Tier.TX)] == [
        Ruling.ALLOW,
        Ruling.ALLOW,
        Ruling.ASK,
        Ruling.ASK,
        Ruling.DENY,
    ]


@pytest.mark.parametrize(
    ("command", "tier"),
    [
        ("rm -rf /proc/self/cwd/build", "T2"),
        ("rm -rf /proc/self/root/home/op/other", "T3"),
        ("rm /proc/self/fd/3", "T3"),
        ("rm -rf /proc/1/root/home/op/other", "T3"),
        ("echo x > /dev/fd/1", "T1"),
        ("rm " + "a/" * 9000, "T3"),  # longer than any path can be
        ("find src -type f -exec chmod 600 {} +", "T1"),
        ("rm -rf src/*", "T2"),
        ("rm -rf build/* src/*", "T2"),
        ("rm -rf ./README.md build", "T2"),
    ],
)
def test_the_tier_of_an_act_by_an_odd_name(command: str, tier: str) -> None:
    result = sh(command)
    assert result.tier is Tier(tier), result.reasons


def test_the_reason_names_what_is_protected_and_what_holds_it() -> None:
    itself = next(r for r in sh("rm ~/.ssh/id_ed25519").reasons if r.rule == "protect.never-touch")
    assert itself.text == f"{HOME}/.ssh/id_ed25519 is on the never-touch list."
    above = next(r for r in sh("rm -rf ~/.ssh").reasons if r.rule == "protect.never-touch")
    assert above.text.startswith(f"{HOME}/.ssh holds {HOME}/.ssh/id_ed25519, which is")
