#!/usr/bin/env python3
"""One run whose digest is written down here: every build, machine and version of this model makes the same data.

scripts/check builds runs it with other optimization levels and compilers. Whoever changes the model on purpose records
the new digest.
"""

from fleet import *

RECORDED = "c53c91983412ca97517d3a7982a0486c"


class RecordedDigest(FleetTest):
    def test_digest(self):
        self.fleet_sim("generate", "--count", 300, "--seed", 3, "--out", "fleet.jsonl")
        self.fill("data", "--duration", "10m", "--shard-by", "location", identities="fleet.jsonl")
        digest = self.digest("data")
        self.assertEqual(digest["readings"] + total(self.dir / "data", "SELECT sum(readings_affected) FROM anomaly_events "
                                                    "WHERE anomaly_type = 'missing_data'"), 300 * 600)
        self.assertEqual(digest["digest"], RECORDED)


if __name__ == "__main__":
    main()
