#!/usr/bin/env python3
"""Runs whose digests are written down here: every build, machine and version of this model makes the same data.

scripts/check builds runs it with other optimization levels and compilers. Whoever changes the model or a shipped type on
purpose records the new digest.
"""

from fleet import *

RECORDED = "c53c91983412ca97517d3a7982a0486c"

# By file in configs/types: of a day of two sensors of its type, in two sites.
RECORDED_TYPES = {
    "engine": "303f589b2ea009974d17f5379fa62481",
    "environment": "fa3370b51d2c0a7d8c8fd30c41b20b60",
    "lifelike": "fe68fa70b20583d22a94116258738b6e",
    "meter": "fbef2c0d8c576463e36049d28bda8658",
    "pump": "9fea1554535a74e8d5f44b8c4212a8eb",
    "wearing_pump": "5213cc61030901e052867c3b76d805e0",
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
