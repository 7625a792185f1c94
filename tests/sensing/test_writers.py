"""Who may change a file: the kernel's rules for owner, group, others, and for putting another file in its place."""

import os
from pathlib import Path

from controlroom.sensing.writers import Credentials, credentials, writers

OTHER = Credentials(os.getuid() + 4321, frozenset({os.getgid() + 4321}))
IN_GROUP = Credentials(OTHER.uid, frozenset({os.getgid()}))


def test_by_owner_group_and_others(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "f"
    file.write_text("x")
    for mode, agent, may in ((0o600, OTHER, False), (0o620, IN_GROUP, True), (0o640, IN_GROUP, False), (0o602, OTHER, True)):
        file.chmod(mode)
        found = writers(str(file), agent)
        assert (found.agent, found.mode) == (may, f"{mode:04o}")
    assert writers(str(file), None).agent is None


def test_whoever_writes_the_folder_replaces_the_file(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("x")
    file.chmod(0o600)
    tmp_path.chmod(0o777)
    assert "in its place" in writers(str(file), OTHER).why
    tmp_path.chmod(0o1777)
    assert writers(str(file), OTHER).agent is False


def test_what_is_not_there_is_made_by_who_may_write_the_nearest_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    missing = str(tmp_path / "a" / "b" / "settings.json")
    assert writers(missing, OTHER).agent is False
    assert "can make it" in writers(missing, Credentials(os.getuid(), frozenset())).why


def test_the_credentials_of_a_process() -> None:
    found = credentials(os.getpid())
    assert found is not None and found.uid == os.geteuid() and os.getegid() in found.groups
    assert credentials(2**22 + 1) is None
