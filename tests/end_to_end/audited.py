"""What tests of audits share: rows as files, and what `fleet-sim audit` says of them."""

import csv
import random
import sys

from fleet import *

sys.path.insert(0, str(SOURCE / "tests"))
import auditing  # noqa: E402

KINDS = ("expected", "delivered", "missing", "duplicate", "altered", "unexpected")


class AuditTest(FleetTest):
    def write_rows(self, rows, name="rows.csv"):
        """As CSV or NDJSON, by the name's ending. A row of CSV has all columns that any row has."""
        with open(self.dir / name, "w", newline="", encoding="utf-8") as file:
            if name.endswith(".csv"):
                columns = list(dict.fromkeys(column for row in rows for column in row))
                writer = csv.DictWriter(file, columns, restval="")
                writer.writeheader()
                writer.writerows(rows)
            else:
                file.writelines(json.dumps({column: self.typed(column, text) for column, text in row.items()}) + "\n" for row in rows)
        return name

    def typed(self, column, text):
        if column in ("sensor_id", "timestamp", "due", "arrived_at", "anomaly_type", "firmware_version", "model", "manufacturer", "location"):
            return text or None
        return json.loads(text) if text else None

    def audit(self, rows, *arguments, runs=("data",), name="rows.csv", code=0, **options):
        self.write_rows(rows, name)
        return json.loads(self.fleet_sim("audit", *runs, "--rows", name, "--json", *arguments, code=code, **options).stdout)

    def counts(self, told):
        return {kind: told[kind] for kind in KINDS}

    def assert_clean(self, rows, *arguments, **options):
        """Every reading once and unchanged, and as many as the files have."""
        told = self.audit(rows, *arguments, **options)
        readings = len(set(map(auditing.key_of, rows)))
        self.assertEqual(self.counts(told), {**dict.fromkeys(KINDS, 0), "expected": readings, "delivered": readings}, told)
        return told
