# SPDX-License-Identifier: GPL-2.0
"""A Prometheus in a guest, and what it knows."""

import json
import shlex
import time
import urllib.parse

from lab import Guest

RULES = "/usr/share/kvblade/kvblade.rules.yml"
METRICS = "http://127.0.0.1:9978/metrics"
FOLDER = "/run/prometheus-test"
SERVER = "127.0.0.1:9090"

CONFIGURATION = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{FOLDER}/rules.yml]
scrape_configs:
  - job_name: kvblade
    static_configs: [{{targets: ["127.0.0.1:9978"]}}]
"""


class Prometheus:
    """Runs while the context lasts, with the alert rules of the package, which do not wait here."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    def __enter__(self) -> "Prometheus":
        guest = self.guest
        guest.run(f"mkdir {FOLDER}; sed '/^ *for: /d' {RULES} >{FOLDER}/rules.yml")
        guest.write_file(f"{FOLDER}/prometheus.yml", CONFIGURATION)
        self.job = guest.spawn(
            f"exec prometheus --config.file={FOLDER}/prometheus.yml --web.listen-address={SERVER}"
            f" --storage.tsdb.path={FOLDER}/data --log.level=warn"
        )
        return self

    def __exit__(self, *_exception: object) -> None:
        self.job.kill()
        self.guest.run(f"rm -r {FOLDER}")

    def ask(self, path: str) -> dict:
        """What its interface answers, once it does."""
        return json.loads(fetch(self.guest, f"http://{SERVER}/api/v1/{path}"))["data"]

    def query(self, expression: str) -> list[dict]:
        """The series that an expression finds."""
        return self.ask("query?" + urllib.parse.urlencode({"query": expression}))["result"]

    def firing(self) -> set[tuple[str, ...]]:
        """Alerts that fire: their names, and of which export on which interface."""
        keys = ("alertname", "export", "interface")
        alerts = self.ask("alerts")["alerts"]
        return {
            tuple(alert["labels"].get(key, "") for key in keys)
            for alert in alerts
            if alert["state"] == "firing"
        }

    def wait(self, what: str, is_so) -> None:
        """Waits until something holds."""
        for _ in range(120):
            if is_so():
                return
            time.sleep(1)
        said = self.guest.run(f"cat {self.job.base}.out", check=False).stdout
        raise AssertionError(f"{what}: not so; firing: {self.firing()}; Prometheus said:\n{said}")


def fetch(guest: Guest, url: str, accept: str = "*/*") -> str:
    """The page at an address; whoever serves it may still be starting."""
    program = (
        "import sys, time, urllib.request as r\n"
        "for attempt in range(60):\n"
        "    try:\n"
        "        asked = r.Request(sys.argv[1], headers={'Accept': sys.argv[2]})\n"
        "        page = r.urlopen(asked, timeout=60)\n"
        "        break\n"
        "    except OSError:\n"
        "        time.sleep(1)\n"
        "sys.stdout.write(page.read().decode())\n"
    )
    words = shlex.join(["python3", "-c", program, url, accept])
    return guest.run(words, timeout=180).stdout


def promtool(guest: Guest, words: str) -> str:
    """What promtool has to say."""
    return guest.run(f"promtool {words} 2>&1", timeout=120).stdout
