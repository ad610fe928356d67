#!/usr/bin/env python3
"""Measures the sinks beside their bare loops: starts PostgreSQL and VictoriaMetrics on loopback addresses, as far as they are
installed, and runs fleet_bench with their addresses. Run from the folder whose disk is to be measured.

python3 bench/sinks.py build-bench/bench/fleet_bench [FLEET_BENCH ARGUMENTS]     such as --rounds 9
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "end_to_end"))
os.environ.setdefault("FLEET_SIM", "/bin/false")  # which the tests' code asks for, and nothing here runs

from fleet import free_port  # noqa: E402
from postgresql_server import PROGRAMS, PostgresqlServer  # noqa: E402


class DurableServer(PostgresqlServer):
    """As it comes, so that a commit waits for the disk, on the disk of this folder."""

    def start(self):
        code, output = self._run("pg_ctl", "start", "-w", "-l", self.folder / "log", "-o",
                                 f"-p {self.port} -k {self.folder} -h 127.0.0.1 -c max_wal_size=8GB -c shared_buffers=512MB")
        if code != 0:
            sys.exit(f"PostgreSQL does not start: {output}")


def main(program, *arguments):
    folder = Path(tempfile.mkdtemp(prefix="fleet_bench_servers.", dir="."))
    folder = folder.resolve()
    folder.chmod(0o755)
    servers, workloads, ends = [], ["ndjson"], []
    try:
        if PROGRAMS is None:
            print("PostgreSQL is not installed", file=sys.stderr)
        else:
            postgresql = DurableServer(folder / "postgresql")
            ends.append(postgresql.quit)
            servers.append(postgresql.address().split("?")[0])
            workloads.append("postgresql")
        if shutil.which("victoria-metrics") is None:
            print("VictoriaMetrics is not installed", file=sys.stderr)
        else:
            port = free_port()
            metrics = subprocess.Popen(["victoria-metrics", f"-storageDataPath={folder}/metrics", f"-httpListenAddr=127.0.0.1:{port}",
                                        "-retentionPeriod=100y"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            ends.append(lambda: (metrics.terminate(), metrics.wait()))
            servers.append(f"lines+http://127.0.0.1:{port}/write")
            workloads.append("lines_http")
        return subprocess.run([program, *workloads, *(word for server in servers for word in ("--server", server)), *arguments]).returncode
    finally:
        for end in ends:
            end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
