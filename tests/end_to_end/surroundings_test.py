#!/usr/bin/env python3
"""What a run meets around it: few descriptors, a log that is no file, no inodes left, a full disk with small blocks."""

import resource

import mounts
from fleet import *

CANNOT_MOUNT = mounts.why_not()


class Surroundings(FleetTest):
    def setUp(self):
        super().setUp()
        self.data = self.dir / "data"

    def test_too_few_descriptors_are_refused(self):
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, code=3,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (15, 15)))
        self.assertIn("limit on open files is 15, but this run needs 27", ran.stderr)
        self.assertFalse(self.data.exists())

    def test_a_log_file_that_can_be_none_is_refused(self):
        os.mkfifo(self.dir / "pipe")
        (self.dir / "folder").mkdir()
        named = socket.socket(socket.AF_UNIX)
        self.addCleanup(named.close)
        named.bind(str(self.dir / "socket"))
        for name, reason in (("pipe", "is a named pipe"), ("folder", "is a directory"), ("socket", "is a socket"),
                             ("/dev/null", "is a device")):
            for command in ([], ["check"]):
                ran = self.fleet_sim(*command, "--identities", IDENTITIES, "--data-dir", "data", "--duration", 1, code=2,
                                     env={"FLEET_SIM_LOGGING_FILE": name}, timeout=20)
                self.assertIn(reason, ran.stderr)
        self.assertFalse(self.data.exists())

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_no_inodes_left_is_a_full_disk(self):
        disk = self.dir / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=50m,nr_inodes=12", "tmpfs", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk])
        ran = self.fleet_sim("--identities", IDENTITIES, "--data-dir", disk / "data", "--shard-by", "location", "--rate", 1,
                             "--duration", 3, env={"FLEET_SIM_LOGGING_FORMAT": "json"}, code=1)
        log = (self.dir / "log/fleet-sim.log").read_text()
        self.assertIn("no inodes left", log)
        self.assertGreater(ran.summary.lost, 0)

    def mount_file(self, size, *how):
        """A file system of its own in a file."""
        image, disk = self.dir / "disk.image", self.dir / "disk"
        with open(image, "wb") as file:
            file.truncate(size)
        subprocess.run(["mkfs.ext4", "-q", *how, image], check=True, capture_output=True)
        disk.mkdir()
        mounted = subprocess.run(["mount", "-o", "loop", image, disk], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no file can be mounted here: {mounted.stderr}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", disk])
        return disk

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_no_room_for_another_file_is_a_full_disk(self):
        disk = self.mount_file(12 << 20, "-N", "4096")
        fleet = self.write_identities([identity(f"S{i:04}") for i in range(2000)])
        ran = self.fleet_sim("--identities", fleet, "--data-dir", disk / "data", "--shard-by", "sensor", "--rate", 1,
                             "--duration", 3, code=1, timeout=120)
        log = (self.dir / "log/fleet-sim.log").read_text()
        self.assertNotIn("No such file", log)
        self.assertIn("no room for another file", log)
        self.assertGreater(ran.summary.lost, 0)

    @unittest.skipIf(CANNOT_MOUNT, f"no file system can be mounted here: {CANNOT_MOUNT}")
    def test_a_full_disk_with_small_blocks_kills_nobody(self):
        disk = self.mount_file(16 << 20, "-b", "1024", "-m", "0", "-N", "512")
        fleet = self.write_identities([identity(f"S{i:03}") for i in range(60)])
        process = self.start("--identities", fleet, "--data-dir", disk / "data", "--shard-by", "sensor", "--rate", 200,
                             "--duration", 5, env={"FLEET_SIM_DATABASE_PENDING_ROWS": "20000"})
        process.wait(120)
        self.assertEqual(process.returncode, 1, "rows were lost, and nobody died")
        log = (self.dir / "log/fleet-sim.log").read_text()
        self.assertRegex(log, "disk is full|No space left")


if __name__ == "__main__":
    main()
