#!/usr/bin/env python3
"""Runs whose digests are written down here: every build, machine and version of this model makes the same data.

scripts/check builds runs it with other optimization levels and compilers. Whoever changes the model or a shipped type on
purpose records the new digest.
"""

from fleet import *

RECORDED = "c53c91983412ca97517d3a7982a0486c"

# By file in configs/types: of a day of two sensors of its type, in two sites.
RECORDED_TYPES = {
    "engine": "f8132c53b202f675a2ba0ab024fafaa5",
    "environment": "55b412c1a2a6219404372dbd4b779495",
    "lifelike": "83cc1e5875b226a344011f125b75cf39",
    "meter": "f9f755fb4fb7317a24375315a0d1ba7c",
    "pump": "49037ec4f729f44e678b3b8b1a33a4bb",
    "wearing_pump": "293d2c60a04220a4a46f181185f73c17",
}


class RecordedDigest(FleetTest):
    def test_digest(self):
        self.fleet_sim("generate", "--count", 300, "--seed", 3, "--out", "fleet.jsonl")
        self.fill("data", "--duration", "10m", "--shard-by", "location", identities="fleet.jsonl")
        digest = self.digest("data")
        self.assertEqual(digest["readings"] + total(self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events "
                                                    "WHERE anomaly_type = 'missing_data'"), 300 * 600)
        self.assertEqual(digest["digest"], RECORDED)

    def test_types(self):
        """Every bit of what is read of the shipped types."""
        files = sorted((SOURCE / "configs" / "types").glob("*.yaml"))
        self.assertEqual([path.stem for path in files], sorted(RECORDED_TYPES))
        for path in files:
            with self.subTest(path.name):
                names = re.findall(r"^  (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
                fleet = self.write_identities([identity(f"{name} {place}", type=name, location=f"Site {place} - Hall")
                                               for name in names for place in (1, 2)])
                self.fill(path.stem, "--config", path, "--interval", "37s", "--duration", "1d", identities=fleet)
                rows = sorted(row[1:] for row in query_all(self.dir / path.stem, "SELECT * FROM sensor_readings"))
                self.assertEqual(len({row[1] for row in rows}), len(names) * 2)
                self.assertEqual(hashlib.sha256(repr(rows).encode()).hexdigest()[:32], RECORDED_TYPES[path.stem])


if __name__ == "__main__":
    main()
