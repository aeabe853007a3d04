"""A Prometheus from Debian's package, started by hand on loopback, with this project's alert rules."""

import json
import pathlib
import shutil
import urllib.parse
import urllib.request

from process import Process, answers, free_port

RULES = pathlib.Path(__file__).resolve().parents[1] / "prometheus" / "alerts.yml"


class Prometheus:
    """`jobs`: job name -> addresses. `hold_s`: how long a condition must hold, instead of each rule's `for`."""

    def __init__(self, root: pathlib.Path, jobs: dict[str, list[str]], interval_s: int = 1, hold_s: int | None = None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dir = pathlib.Path(root) / "prometheus"
        self.dir.mkdir(parents=True, exist_ok=True)
        rules = self.dir / "alerts.yml"
        if hold_s is None:
            shutil.copy(RULES, rules)
        else:
            rules.write_text("\n".join(f"{line.split('for:')[0]}for: {hold_s}s" if line.strip().startswith("for:") else line
                                       for line in RULES.read_text().splitlines()) + "\n")
        (self.dir / "prometheus.yml").write_text(json.dumps({  # JSON is YAML
            "global": {"scrape_interval": f"{interval_s}s", "evaluation_interval": f"{interval_s}s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()]}))
        self.process = Process("prometheus", ["prometheus", f"--config.file={self.dir / 'prometheus.yml'}", f"--storage.tsdb.path={self.dir / 'data'}",
                                              f"--web.listen-address=127.0.0.1:{self.port}"], self.dir, cwd=self.dir)

    def start(self) -> "Prometheus":
        self.process.start()
        self.process.wait_ready(lambda: answers(self.port) and self._ready())
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        self.process.stop()

    def api(self, path: str, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}{query}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def query(self, expression: str) -> list[dict]:
        return self.api("query", query=expression)["result"]

    def firing(self) -> dict[str, dict]:
        """By the alert's name, the labels of one that fires."""
        return {alert["labels"]["alertname"]: alert["labels"] for alert in self.api("alerts")["alerts"] if alert["state"] == "firing"}
