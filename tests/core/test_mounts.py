"""Where a home is kept: on what stays, or on what goes with a container or a reboot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.mounts import why_lost, why_lost_on

DATA = Path("/var/lib/trader")
LAPTOP = """\
24 1 0:22 / /proc rw,relatime - proc proc rw
29 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
40 29 0:36 / /tmp rw,nosuid,nodev shared:18 - tmpfs tmpfs rw
41 29 0:37 / /mnt/my\\040disk rw - btrfs /dev/sdb1 rw,subvol=/
"""
CONTAINER = """\
700 650 0:60 / / ro,relatime master:300 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u,workdir=/w
701 700 0:61 / /proc rw - proc proc rw
702 700 0:62 / /tmp rw,nosuid - tmpfs tmpfs rw
"""
ON_ZFS = "700 650 0:60 / / ro - zfs tank/docker/f00 rw\n"
ON_DISK = "29 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
ON_BTRFS = "700 650 0:60 /subvolumes/f00 / ro - btrfs /dev/sda rw\n"
NAMED = "703 700 8:1 /var/lib/docker/volumes/trader/_data /var/lib/trader rw - ext4 /dev/sda1 rw\n"
ANONYMOUS = NAMED.replace("/trader/_data", f"/{'0f' * 32}/_data")
OF_A_POD = NAMED.replace(
    "/var/lib/docker/volumes/trader/_data",
    "/var/lib/kubelet/pods/5b3f/volumes/kubernetes.io~empty-dir/home",
)
BOUND = "703 700 8:1 /home/me/trader /var/lib/trader rw - ext4 /dev/sda1 rw\n"
IN_MEMORY = "703 700 0:70 / /var/lib/trader rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("folder", "mounts", "in_container", "said"),
    [
        pytest.param(DATA, LAPTOP, False, "", id="disk"),
        pytest.param(Path("/mnt/my disk/trader"), LAPTOP, False, "", id="name with a blank"),
        pytest.param(Path("/tmp/trader"), LAPTOP, False, "/tmp is tmpfs", id="memory"),
        pytest.param(Path("/tmpfs/trader"), LAPTOP, False, "", id="a name that only begins alike"),
        pytest.param(DATA, CONTAINER, True, "part of the container", id="layer"),
        pytest.param(DATA, CONTAINER, False, "part of the container", id="layer in an unmarked container"),
        pytest.param(DATA, ON_BTRFS, True, "part of the container", id="layer without overlay"),
        pytest.param(DATA, ON_ZFS, True, "part of the container", id="layer that is a data set"),
        pytest.param(DATA, ON_BTRFS, False, "", id="the same root on a machine"),
        pytest.param(DATA, ON_DISK, True, "", id="a machine made of an image"),
        pytest.param(DATA, CONTAINER + NAMED, True, "", id="named volume"),
        pytest.param(DATA / "home", CONTAINER + BOUND, True, "", id="folder of the host"),
        pytest.param(DATA, CONTAINER + ANONYMOUS, True, "without a name", id="anonymous volume"),
        pytest.param(DATA, CONTAINER + OF_A_POD, True, "without a name", id="volume of a pod"),
        pytest.param(DATA, CONTAINER + IN_MEMORY, True, "/var/lib/trader is tmpfs", id="volume in memory"),
        pytest.param(DATA, CONTAINER + NAMED + IN_MEMORY, True, "is tmpfs", id="covered by memory"),
        pytest.param(DATA, CONTAINER + IN_MEMORY + NAMED, True, "", id="memory covered"),
        pytest.param(DATA, "", True, "", id="nothing known"),
    ],
)
def test_what_stays_and_what_is_lost(folder: Path, mounts: str, in_container: bool, said: str) -> None:
    why = why_lost_on(folder, mounts, in_container=in_container)
    assert said in why
    assert bool(why) is bool(said)


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="this machine has no /dev/shm")
def test_memory_of_this_machine_is_told_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "home"
    link.symlink_to("/dev/shm")
    assert "/dev/shm is tmpfs" in why_lost(link / "trader")
