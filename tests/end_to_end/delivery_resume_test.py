#!/usr/bin/env python3
"""A run whose rows arrive imperfectly can be killed anywhere and resumed, also while its fleet is reloaded amid holds, so that sensors get
another rate or another file, leave and come back: it is held against one that is never interrupted, as in resume_reload_test.py."""

import scenario_resume_test
from scenario_resume_test import *

del Told, Returned

DELIVERY = {"drop": "3%", "late": {"share": "25%", "median": "1s"}, "duplicate": "5%", "jitter": "20ms"}
HOLDS = [
    {"name": "cut", "at": "+3s", "for": "6s", "waves": {"0s": "60%"}, "spread": "5s", "deliver": {"hold": True, "drain": 2}},
    {"name": "cut2", "at": "+13s", "for": "5s", "where": {"id": "S[0-9]"}, "spread": "4s", "deliver": {"hold": True, "drain": 1}},
    {"name": "bad", "at": "+7s", "for": "9s", "where": {"id": "S1*"}, "deliver": {"late": {"share": "50%", "median": "3s"}}},
]
ROW = "sensor_id, due, sequence, timestamp, arrived_at, temperature, vibration, voltage, anomaly_type, firmware_version, model, location"


class Delivered(scenario_resume_test.Told):
    def configure(self, *arguments, **options):
        super().configure(*arguments, **options)
        config = json.loads((self.dir / "config.yaml").read_text(encoding="utf-8"))
        config["delivery"] = DELIVERY
        (self.dir / "next").write_text(json.dumps(config), encoding="utf-8")
        os.replace(self.dir / "next", self.dir / "config.yaml")

    def empty_copy(self):
        super().empty_copy()
        for path in shards(self.dir / "again"):
            query(path, "DELETE FROM deliveries")

    def check_rows(self):
        """Each has arrived as it would have, in the same place in its file, and the files say so."""
        for path in shards(self.data):
            other = self.dir / "again" / path.name
            for sql in (f"SELECT {ROW} FROM sensor_readings ORDER BY sensor_id, id",
                        "SELECT sensor_id, kind, due, sequence, arrived_at, readings FROM deliveries ORDER BY sensor_id, id"):
                self.assertEqual(query(path, sql), query(other, sql), path.name)
        rows = query_all(self.data, "SELECT kind, count(*) FROM deliveries GROUP BY kind")
        self.kinds |= {kind for kind, _ in rows}

    def test_killed_at_random(self):
        self.kinds = set()
        for seed in range(ROUNDS - 1):
            with self.subTest(seed=seed):
                self.entries = [*(one for one in ENTRIES if seed % 2 or one["name"] in ("up", "heat", "out", "fault")), *HOLDS]
                with self.a_round(seed + 100):
                    self.ravage(("location", "sensor", "none")[seed % 3], reloads=True)
        self.assertEqual(self.kinds, {"drop", "late", "duplicate", "hold", "drained"})

    def change(self):
        """Of sensors and rates alone, so that holds go on."""
        draw = self.at_random
        sensor = f"S{draw.randrange(20)}"
        if draw.random() < 0.3:
            return self.configure(draw.choice((0, 0.3)), rate=draw.choice((1, 5, 12)))
        if draw.random() < 0.3 and len(list(self.folder.iterdir())) > 2:
            return (self.folder / f"{sensor}.json").unlink(missing_ok=True)
        more = {"readings_per_second": draw.choice((0.7, 3, 20))} if draw.random() < 0.5 else {}
        self.put(sensor, location=draw.choice(SITES), firmware_version=draw.choice(("1.3", "1.4")), **more)


if __name__ == "__main__":
    main()
