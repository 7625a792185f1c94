"""Where cgroup v2 is, and which rung follows from it, in words."""

from pathlib import Path

import pytest

from controlroom.containment import cage, cgroup, rungs
from controlroom.containment.cgroup import Mount
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Rung

HYBRID = """24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
25 24 0:23 / /sys/fs/cgroup/pids rw,relatime shared:5 - cgroup cgroup rw,pids
26 24 0:24 / /sys/fs/cgroup/unified rw,relatime shared:6 - cgroup2 cgroup2 rw
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HYBRID, Mount("/sys/fs/cgroup/unified", "/")),
        ("30 1 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n", Mount("/sys/fs/cgroup", "/")),
        ("30 1 0:26 /docker/ab /mnt/with\\040blank rw - cgroup2 none rw\n", Mount("/mnt/with blank", "/docker/ab")),
        ("25 24 0:23 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n", None),
        ("", None),
    ],
)
def test_the_mount_is_found_in_mountinfo(text: str, found: Mount | None) -> None:
    assert cgroup.mount(text) == found


@pytest.mark.parametrize(
    ("path", "at", "found"),
    [
        ("/", Mount("/sys/fs/cgroup", "/"), "/sys/fs/cgroup"),
        ("/a/b", Mount("/sys/fs/cgroup", "/"), "/sys/fs/cgroup/a/b"),
        ("/docker/ab/x", Mount("/cg", "/docker/ab"), "/cg/x"),
        ("/docker/ab", Mount("/cg", "/docker/ab"), "/cg"),
        ("/docker/abc", Mount("/cg", "/docker/ab"), ""),
        ("/../other", Mount("/cg", "/docker/ab"), ""),
    ],
)
def test_a_group_is_named_by_its_absolute_path(path: str, at: Mount, found: str) -> None:
    assert cgroup.absolute(path, at) == found


def test_without_cgroup_v2_a_pid_namespace_is_the_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "mount", lambda: None)
    monkeypatch.setattr(rungs, "bwrap_refuses", lambda: "")

    assert rungs.probe() == Probe(Rung.PIDNS, "", "PID namespace by bwrap: no cgroup v2 hierarchy is mounted")


def test_without_both_the_subreaper_is_the_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "mount", lambda: None)
    monkeypatch.setattr(rungs, "bwrap_refuses", lambda: "there is no bwrap")

    why = "subreaper shim: no cgroup v2 hierarchy is mounted; no PID namespace: there is no bwrap"
    assert rungs.probe() == Probe(Rung.SUBREAPER, "", why)


def test_a_bwrap_that_the_system_forbids_says_so_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    bwrap.chmod(0o700)
    monkeypatch.setattr(cage, "find_bwrap", lambda: str(bwrap))
    rungs.bwrap_refuses.cache_clear()

    assert rungs.bwrap_refuses() == "bwrap: setting up uid map: Permission denied"
    rungs.bwrap_refuses.cache_clear()


def test_a_hierarchy_that_may_not_be_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "mount", lambda: Mount("/proc/self", "/"))
    monkeypatch.setattr(cgroup, "path_of", lambda _pid, _at: "/proc/self")
    monkeypatch.setattr(rungs, "bwrap_refuses", lambda: "there is no bwrap")

    found = rungs.probe()

    assert found.rung is Rung.SUBREAPER
    assert found.why.startswith("subreaper shim: no cgroup can be made in /proc/self/controlroom-")


def test_the_probe_leaves_no_leaf_behind(cgroup_probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    create = cgroup.create

    def watched(leaf: str) -> None:
        made.append(leaf)
        create(leaf)

    monkeypatch.setattr(cgroup, "create", watched)

    assert rungs.probe() == cgroup_probe
    assert len(made) == 1
    assert made[0] not in cgroup.groups(cgroup_probe.base)
    assert cgroup_probe.leaf("s") == f"{cgroup_probe.base}/s"
    assert cgroup_probe.why == f"cgroup v2 in {cgroup_probe.base}"


def test_a_folder_that_is_no_cgroup_is_never_written(tmp_path: object) -> None:
    for act in (cgroup.kill, cgroup.join, lambda leaf: cgroup.set_frozen(leaf, True)):
        with pytest.raises(FileNotFoundError):
            act(str(tmp_path))
    assert cgroup.remove(str(tmp_path)) is True


def test_the_kernels_limits_are_set_where_the_leaf_has_the_controllers(tmp_path: Path) -> None:
    """No machine of ours has both controllers in version 2, so the folder is a plain one: what is written is the test."""
    (tmp_path / "pids.max").write_text("max\n", encoding="ascii")
    cgroup.limit(str(tmp_path), 1024, 16 << 30)
    assert (tmp_path / "pids.max").read_text(encoding="ascii").split() == ["1024"]
    assert not (tmp_path / "memory.max").exists()


def test_a_real_group_takes_what_limits_it_can(cgroup_probe: Probe) -> None:
    leaf = cgroup_probe.leaf("limit-test")
    cgroup.create(leaf)
    try:
        cgroup.share_controllers(cgroup_probe.base)
        cgroup.limit(leaf, 512, 8 << 30)
        if Path(leaf, "pids.max").exists():
            assert Path(leaf, "pids.max").read_text(encoding="ascii").strip() == "512"
    finally:
        assert cgroup.remove(leaf)
