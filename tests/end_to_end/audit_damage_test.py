#!/usr/bin/env python3
"""What an audit says of damaged rows, against what was done to them and against a second auditor (tests/auditing.py)."""

from collections import Counter

from audited import *
from several_types_test import TYPES, fleet_of_three

SEEDS = range(300 if AT_LENGTH else 12)
CONFIG = "simulation: {interval: 20s}\nanomalies: {probability: 0.2}\n"


class Damaged(AuditTest):
    def make(self, *arguments, config=CONFIG):
        self.write("my.yaml", config)
        fleet = self.write_identities([identity(f"S{n}") for n in range(4)])
        self.fill("data", "--config", "my.yaml", "--duration", "50m", *arguments, identities=fleet)
        self.truth = auditing.stored_rows(self.dir / "data")
        self.assertGreater(len(self.truth), 500)


class SecondAuditor(Damaged):
    """It finds what was done, so that it is worth being compared with."""

    def test_what_was_done_is_found(self):
        self.make("--shard-by", "sensor")
        for seed in SEEDS:
            with self.subTest(seed=seed):
                damage = auditing.random_damage(self.truth, seed)
                self.assertEqual(auditing.audit(self.truth, damage.rows).counts(), damage.counts)
        clean = auditing.audit(self.truth, self.truth)
        self.assertEqual((clean.counts()["delivered"], sum(clean.counts().values())), (len(self.truth), 2 * len(self.truth)))
        self.assertEqual(clean.out_of_order, 0)

    def test_what_is_missing_is_told_as_intervals(self):
        self.make()
        rows = [row for row in self.truth if row["sensor_id"] == "S1"]
        gone = rows[10:15] + rows[20:21]
        audit = auditing.audit(self.truth, [row for row in self.truth if row not in gone])
        self.assertEqual(audit.missing_intervals(self.truth), [("S1", *(auditing.moment(row["timestamp"]) for row in ends), count)
                                                               for ends, count in ((rows[10:15:4], 5), (rows[20:21] * 2, 1))])


class Named(Damaged):
    """Each damage is named with its count, and nothing else is."""

    def check(self, damage, name="rows.csv", **options):
        done = auditing.audit(self.truth, damage.rows)
        self.assertEqual(done.counts(), damage.counts)
        is_clean = not any(damage.counts[kind] for kind in KINDS[2:])
        told = self.audit(damage.rows, name=name, code=0 if is_clean else 1, **options)
        self.assertEqual(self.counts(told), damage.counts)
        self.assertEqual(told["out_of_order"], done.out_of_order)
        columns = Counter(column for row in done.altered for _, _, column, _, _ in row)
        self.assertEqual(told["altered_columns"], columns)
        known = {(sensor, auditing.moment_text(at), column) for row in done.altered for sensor, at, column, _, _ in row}
        self.assertLessEqual({(row["sensor_id"], row["due"], row["column"]) for row in told["altered_rows"]}, known)
        gaps = [(sensor, auditing.moment_text(first), auditing.moment_text(last), readings)
                for sensor, first, last, readings in done.missing_intervals(self.truth)]
        self.assertEqual(sorted((gap["sensor_id"], gap["from"], gap["until"], gap["readings"]) for gap in told["gaps"]), sorted(gaps))
        for group in ("by_location", "by_hour"):
            for kind in KINDS[:3]:
                self.assertEqual(sum(one[kind] for one in told[group]), told[kind], (group, kind))
        return told

    def test_each_kind_alone(self):
        self.make()
        for kind, do in auditing.DAMAGES.items():
            with self.subTest(kind):
                damage = auditing.Damage(self.truth, 1)
                do(damage, 7)
                self.check(damage)

    def test_some_of_everything(self):
        self.make("--shard-by", "sensor")
        for seed in SEEDS:
            with self.subTest(seed=seed):
                self.check(auditing.random_damage(self.truth, seed), name=("rows.csv", "rows.ndjson")[seed % 2])

    def test_a_shift_to_other_readings(self):
        """Where there are readings an hour later, too."""
        self.make("--duration", "3h", "--interval", "1m")
        damage = auditing.Damage(self.truth, 5)
        damage.shift(40)
        damage.drop(9)
        self.check(damage)

    def test_columns_that_only_later_lines_have(self):
        """JSON has no header: lines of a type may come after thousands of others that lack its channels."""
        self.write("types.yaml", TYPES)
        self.fill("data", "--config", "types.yaml", "--duration", "5m", identities=self.write_identities(fleet_of_three()))
        order = ("TEMP", "PUMP", "GAS")
        truth = sorted(auditing.stored_rows(self.dir / "data"), key=lambda row: order.index(row["sensor_id"][:-2]))
        self.assertGreater(sum(row["sensor_id"] < "TEMP" and "methane" not in row for row in truth), 1_000)
        self.assert_clean(truth, name="rows.ndjson")
        rows = [dict(row) for row in truth]
        gas, pump = ([row for row in rows if row["sensor_id"].startswith(kind)] for kind in ("GAS", "PUMP"))
        for row, methane in zip(gas[::50], ("1", "2", "", "3")):
            row["methane"] = methane
        for row in pump[10:13]:
            row["flow"] = ""
        told = self.audit(rows, name="rows.ndjson", code=1)
        self.assertEqual((told["altered"], told["altered_columns"]), (7, {"methane": 4, "flow": 3}))
        self.assertEqual((told["missing"], told["duplicate"], told["unexpected"]), (0, 0, 0))
        without = [{name: text for name, text in row.items() if name != "methane"} for row in truth]
        self.assert_clean(without, name="rows.ndjson")

    def test_of_an_imperfect_delivery(self):
        """What the run itself dropped, delayed and repeated is not held against the pipeline."""
        self.make(config=CONFIG + "delivery: {drop: 2%, late: {share: 10%, median: 40s}, duplicate: 3%, jitter: 20ms}\n")
        for seed in range(4):
            damage = auditing.Damage(self.truth, seed)
            for kind in ("drop", "repeat", "swap", "round"):
                auditing.DAMAGES[kind](damage, 5)
            self.check(damage)


if __name__ == "__main__":
    main()
