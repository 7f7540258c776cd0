"""Which file system a folder is on."""

from __future__ import annotations

# Shares of another machine's files: changes that are made there raise no event here.
# Not NFS and CIFS: a developer's own saves through them do.
SILENT_SYSTEMS = frozenset(
    {"9p", "drvfs", "fuse.grpcfuse", "fuse.vmhgfs-fuse", "prl_fs", "vboxsf", "virtiofs"}
)


def find_file_system(folder: str, mounts: str) -> str:
    """Return the kind of file system that a folder is on: `ext4`; empty if unknown.

    Args:
        folder: The folder, absolute.
        mounts: The text of `/proc/self/mounts`, see proc_pid_mounts(5).
    """
    kind, longest = "", -1
    for line in mounts.splitlines():
        _device, point, system, *_rest = line.split(" ")
        point = point.encode().decode("unicode_escape").rstrip("/")
        if f"{folder}/".startswith(f"{point}/") and len(point) >= longest:
            kind, longest = system, len(point)
    return kind
