"""Whether what is written to a folder outlives the machine or container it is written on.

Source: proc_pid_mountinfo(5); the layout of volumes is that of Docker, Podman and Kubernetes.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

MOUNTS: Final = Path("/proc/self/mountinfo")
CONTAINER_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))

IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
LAYERED: Final = frozenset({"overlay", "aufs", "fuse.fuse-overlayfs"})

_OCTAL = re.compile(r"\\([0-7]{3})")
_NAMELESS_VOLUME = re.compile(r"/volumes/([0-9a-f]{64}/_data|kubernetes\.io~empty-dir/)")


class Mount(NamedTuple):
    """`root`: which folder of the file system is mounted; `point`: where; `source`: a device or a name."""

    root: str
    point: Path
    kind: str
    source: str

    @property
    def is_whole_device(self) -> bool:
        return self.root == "/" and self.source.startswith("/dev/")


def why_lost(folder: Path) -> str:
    """Say why a folder will not be there after a restart, "" where it will, or where nobody can tell."""
    with suppress(OSError):
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        in_container = any(mark.exists() for mark in CONTAINER_MARKS)
        return why_lost_on(folder.resolve(), mounts, in_container=in_container)
    return ""


def why_lost_on(folder: Path, mountinfo: str, *, in_container: bool) -> str:
    """As `why_lost`, of an absolute folder without links on a machine with these mounts."""
    mounts = [_mount(line) for line in mountinfo.split("\n") if line]
    around = [mount for mount in mounts if folder.is_relative_to(mount.point)]
    if not around:
        return ""
    # Of those mounted at one point, the last covers the others.
    innermost = max(reversed(around), key=lambda mount: len(mount.point.parts))
    if innermost.kind in IN_MEMORY:
        return f"{innermost.point} is {innermost.kind}: it is gone when the machine or container stops"
    # Where layers are kept on btrfs or ZFS, the root of a container is no overlay, but no device either; a
    # virtual machine that was made of an image has its mark, and a disk.
    is_layer = in_container and innermost.point == Path("/") and not innermost.is_whole_device
    if innermost.kind in LAYERED or is_layer:
        return "it is a part of the container, and goes with it"
    if _NAMELESS_VOLUME.search(innermost.root):
        return "it is a volume without a name, which the next container does not get"
    return ""


def _mount(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    root, point = before.split(" ")[3:5]
    kind, source = after.split(" ")[:2]
    return Mount(_plain(root), Path(_plain(point)), kind, _plain(source))


def _plain(escaped: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), escaped)
