"""The kernel's mount table, and what it says about the other names of a file."""

import pytest

from controlroom.sensing.mounts import below, elsewhere, parse

TABLE = parse(
    "\n".join(
        [
            "1 0 8:1 / / rw - ext4 /dev/a rw",
            "2 1 8:2 / /home rw - ext4 /dev/b rw",
            "3 1 8:2 /op/.ssh /mnt/keys\\040here rw - ext4 /dev/b rw",
            "4 2 8:3 / /home/op/disk rw - ext4 /dev/c rw",
            "5 1 8:1 /etc /srv/etc ro - ext4 /dev/a rw",
            "broken",
        ]
    )
)


@pytest.mark.row("N06")
@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("/mnt/keys here/id_rsa", ("/home/op/.ssh/id_rsa",)),
        ("/mnt/keys here", ("/home/op/.ssh",)),
        ("/home/op/.ssh/id_rsa", ("/mnt/keys here/id_rsa",)),
        ("/home/op/.sshx", ()),
        ("/home/op/disk/x", ()),
        ("/srv/etc/passwd", ("/etc/passwd",)),
        ("/etc/passwd", ("/srv/etc/passwd",)),
        ("/usr/bin", ()),
    ],
)
def test_a_file_has_the_names_of_all_its_mounts(path: str, others: tuple[str, ...]) -> None:
    assert elsewhere(TABLE, path) == others


def test_mount_points_below_a_folder() -> None:
    assert below(TABLE, "/home") == ("/home/op/disk",)
    assert set(below(TABLE, "/")) == {"/home", "/mnt/keys here", "/home/op/disk", "/srv/etc"}
    assert below(TABLE, "/hom") == ()
