#!/usr/bin/env python3
"""What it costs a running fleet to be watched: the processor time of its process with the dashboard open in a real
Chromium and /metrics scraped each second, against the same process when nobody looks.

One fleet runs all the time; stretches with and without watchers take turns, so that whatever else the machine does
meets both alike. Time is user and system time of all the process's threads, to the nanosecond. On a machine that is
busy with other things the two differ by more than watching costs; the time of the thread that answers, which does
nothing else, is then the steadier figure.

  bench/status_cost.py                     10,000 sensors at 1 Hz, 16 shards, 12 rounds of 2 x 10 s: about five minutes
  bench/status_cost.py --view sensor       the page shows a sensor's live channels instead of its top
  bench/status_cost.py --view anomalies    ... the table of recent anomalies
  bench/status_cost.py --view none         no page, only /metrics

Needs python3-selenium, chromium and chromium-driver; FLEET_SIM names the executable, else it is looked for in build*/.
"""

import argparse
import contextlib
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
SETTLE_SECONDS = 2  # after the page was opened or closed


def executable():
    found = [os.environ["FLEET_SIM"]] if "FLEET_SIM" in os.environ else sorted(
        SOURCE.glob("build*/fleet-sim"), key=lambda path: path.stat().st_mtime)
    if not found:
        sys.exit("no build*/fleet-sim; build it, or name one in FLEET_SIM")
    return found[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """Of the whole process, and of the thread that answers requests."""
    spent = [((task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0]) / 1e9)
             for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(seconds for _, seconds in spent), sum(seconds for name, seconds in spent if name == "http")


class Fleet:
    def __init__(self, folder, sensors, shards, rate):
        self.port = free_port()
        program = executable()
        subprocess.run([program, "generate", "--count", str(sensors), "--seed", "1", "--out", folder / "fleet.jsonl"],
                       check=True, capture_output=True)
        self.process = subprocess.Popen(
            [program, "--identities", folder / "fleet.jsonl", "--data-dir", folder / "data", "--shard-by", f"hash:{shards}",
             "--duration", "0", "--rate", str(rate), "--status-address", f"127.0.0.1:{self.port}", "--quiet"],
            cwd=folder, stdout=subprocess.DEVNULL, env={**os.environ, "FLEET_SIM_LOGGING_FILE": "fleet-sim.log"})
        for _ in range(600):
            if self.answers():
                return
            time.sleep(0.1)
        sys.exit("the fleet does not start")

    def answers(self):
        try:
            return self.get("/readyz") is not None
        except OSError:
            return False

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read().decode() if answer.status == 200 else None

    def end(self):
        self.process.terminate()
        self.process.wait()


class Scraper:
    """Asks for /metrics each second over one connection, as Prometheus does."""

    def __init__(self, port):
        self.port = port
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        while not self.done.wait(1):
            connection.request("GET", "/metrics")
            connection.getresponse().read()
        connection.close()

    def stop(self):
        self.done.set()
        self.thread.join()


class Page:
    """The dashboard, with what `view` names in the window."""

    def __init__(self, fleet, view):
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1000"):
            options.add_argument(argument)
        self.browser = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        self.address = f"http://127.0.0.1:{fleet.port}/"
        self.view = view
        self.sensor = re.search(r'"id":"([^"]+)"', fleet.get("/api/sensors?limit=1"))[1]

    def open(self):
        self.browser.get(self.address + (f"#sensor={self.sensor}" if self.view == "sensor" else ""))
        if self.view == "anomalies":
            self.browser.execute_script("document.getElementById('anomalies-title').scrollIntoView()")

    def close(self):
        seen = self.browser.execute_script("return samples.length")
        if seen < 3:
            sys.exit("the page saw nothing")
        self.browser.get("about:blank")

    def end(self):
        self.browser.quit()


def cores_used(fleet, seconds):
    before, since = cpu_seconds(fleet.process.pid), time.monotonic()
    time.sleep(seconds)
    span, after = time.monotonic() - since, cpu_seconds(fleet.process.pid)
    return [(b - a) / span for a, b in zip(before, after)]


def watched(fleet, page, seconds):
    scraper = Scraper(fleet.port)
    if page:
        page.open()
    time.sleep(SETTLE_SECONDS)
    used = cores_used(fleet, seconds)
    if page:
        page.close()
    scraper.stop()
    return used


def alone(fleet, seconds):
    time.sleep(SETTLE_SECONDS)
    return cores_used(fleet, seconds)


def spread(values, form):
    return f"{form(statistics.median(values))} ({form(min(values))} to {form(max(values))})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sensors", type=int, default=10_000)
    parser.add_argument("--shards", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1, help="readings per second of each sensor")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=10, help="that each stretch is measured")
    parser.add_argument("--view", choices=["top", "sensor", "anomalies", "none"], default="top")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as ended:
        fleet = Fleet(Path(folder), said.sensors, said.shards, said.rate)
        ended.callback(fleet.end)
        page = None if said.view == "none" else Page(fleet, said.view)
        if page:
            ended.callback(page.end)
        with_watchers, without = [], []
        for i in range(said.rounds):
            for turn in ("with", "without") if i % 2 else ("without", "with"):
                if turn == "with":
                    with_watchers.append(watched(fleet, page, said.seconds))
                else:
                    without.append(alone(fleet, said.seconds))
    cores = lambda value: f"{value:.5f}"
    more = lambda value: f"{value:+.1f}%"
    quiet, seen, answering = [one for one, _ in without], [one for one, _ in with_watchers], [one for _, one in with_watchers]
    usual = statistics.median(quiet)
    print(f"{said.sensors:,} sensors at {said.rate:g} Hz, {said.shards} shards, view {said.view}, {said.rounds} rounds; median (range)")
    print(f"  cores, nobody looks            {spread(quiet, cores)}")
    print(f"  cores, watched                 {spread(seen, cores)}")
    print(f"  more, of the medians           {more(100 * (statistics.median(seen) / usual - 1))}")
    print(f"  more, round by round           {spread([100 * (a / b - 1) for a, b in zip(seen, quiet)], more)}")
    print(f"  cores, the answering thread    {spread(answering, cores)}")
    print(f"  that of what nobody costs      {spread([100 * one / usual for one in answering], more)}")


if __name__ == "__main__":
    main()
