"""File systems of a test's own: small ones in memory, that can be full, grow, and be read-only, and one that stops.

They are mounted in a mount namespace of the test's process alone and go with it, whatever becomes of it.
"""

import ctypes
import os
import subprocess

CLONE_NEWNS = 0x00020000


def _mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True, text=True)


def why_not():
    """Why this process cannot mount anything, or None when it can. Call once, before any thread."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return os.strerror(ctypes.get_errno())
    try:
        _mount("--make-rprivate", "/")
    except (OSError, subprocess.CalledProcessError) as failure:
        return getattr(failure, "stderr", None) or str(failure)
    return None


class SmallDisk:
    """A file system of so many kilobytes."""

    def __init__(self, path, kilobytes):
        self.path = path
        path.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", path)

    def grow(self, kilobytes):
        _mount("-o", f"remount,size={kilobytes}k", self.path)

    def free(self):
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self):
        """To the last byte, with a file of somebody else."""
        with open(self.path / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(1 << 16))
            except OSError:
                pass

    def make_room(self):
        (self.path / "filler").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.path], check=True)


class StoppingDisk:
    """A file system in a file, that answers no write for a while."""

    def __init__(self, path, megabytes):
        self.path = path
        image = path.with_suffix(".image")
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True)
        path.mkdir()
        _mount("-o", "loop", image, path)

    def stop_for(self, seconds):
        """From when this returns. A process of its own ends it, for who waits for such a disk cannot be killed."""
        script = 'fsfreeze --freeze "$0" && echo frozen; sleep "$1"; exec fsfreeze --unfreeze "$0"'
        self.stopped = subprocess.Popen(["sh", "-c", script, self.path, str(seconds)], stdout=subprocess.PIPE,
                                        start_new_session=True)
        if self.stopped.stdout.readline() != b"frozen\n":
            raise OSError("cannot freeze a file system here")

    def is_stopped(self):
        return self.stopped.poll() is None

    def close(self):
        self.stopped.wait()
        subprocess.run(["umount", "--lazy", self.path], check=True)


def cover_read_only(path):
    """What is opened in the folder from now on is read-only; what is open stays as it is. Undone by `uncover`."""
    # Made elsewhere and moved there whole: a file that is opened in between would keep it from becoming read-only.
    elsewhere = path.with_name(path.name + ".read-only")
    elsewhere.mkdir()
    _mount("--bind", path, elsewhere)
    _mount("-o", "remount,bind,ro", elsewhere)
    _mount("--move", elsewhere, path)


def uncover(path):
    subprocess.run(["umount", path], check=True)
