"""The product as its users have it: its command line, its settings, its HTTP interface.

Everything that knows how `comptoir` is called stands here."""

import csv
import http.client
import io
import json
import os
import shutil
import signal
import time
from pathlib import Path

from . import machine

# Never reached by a load generator on this machine, so no call is refused.
LIMITS = ["burst:1000000:1", "hour:1000000000:3600"]
# For counting: what runs by the clock runs too rarely to be in the counts.
QUIET = {
    "ACCESS__STALE_AFTER_S": "60",
    "ACCESS__CONTROL_POLL_MS": "5000",
    "ACCESS__STALE_AFTER_S": "60",
    "CATALOG__CHANGE_POLL_MS": "5000",
    "CATALOG__STOCK_POLL_MS": "5000",
    "METERING__SYNC_INTERVAL_MS": "60000",
    "METERING__FOLD_INTERVAL_MS": "60000",
}


class Product:
    """A data directory and the program that works in it, under settings that all its commands have."""

    def __init__(self, binary, data_dir, settings=()):
        self.binary, self.data_dir = Path(binary).resolve(), Path(data_dir)
        self.settings = dict(settings)

    def environment(self, settings=()):
        """This process's environment with no settings but these."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COMPTOIR__")}
        settings = {
            "SERVER__DATA_DIR": str(self.data_dir),
            "TELEMETRY__LOG_LEVEL": "warn",
            **self.settings,
            **dict(settings),
        }
        return environment | {f"COMPTOIR__{name}": value for name, value in settings.items()}

    def cli(self, *words):
        """Runs a command of the program and returns what it printed."""
        return machine.run([self.binary, *words], env=self.environment()).strip()

    def copy(self, data_dir):
        """The same data under another directory. The product must not be running."""
        shutil.copytree(self.data_dir, data_dir)
        return Product(self.binary, data_dir, self.settings)

    def make(self):
        """Makes an empty database."""
        self.cli("migrate")

    def seed_demo(self):
        """Fills the data directory with the demo's fictional retailer."""
        self.cli("demo", "--seed-only", "--data-dir", self.data_dir)

    def timed(self, *words, ends=(0,)):
        """Runs a command of the program: (seconds, the most MiB of memory that it held). `ends` are the exit codes that
        it may have."""
        log = self.data_dir.parent / f"{words[0]}.log"
        with open(log, "ab") as out:
            started = time.monotonic()
            process = machine.spawn([self.binary, *words], env=self.environment(), stdout=out, stderr=out)
            peak = 0
            while process.poll() is None:
                peak = max(peak, machine.peak_rss_kib(process.pid))
                time.sleep(0.005)
            seconds = time.monotonic() - started
        if process.returncode not in ends:
            said = log.read_text(errors="replace")[-2000:].strip()
            raise RuntimeError(f"comptoir {' '.join(map(str, words))} ended with {process.returncode}: {said}")
        return seconds, peak / 1024

    def make_keys(self, apps, keys_of_each, limits=None, name="bench"):
        """Live keys of new apps of a new partner, under a plan that refuses nothing where no `limits` are given."""
        limits = limits or [word for limit in LIMITS for word in ("--limit", limit)]
        plan = self.cli("plan", "create", "--name", name, *limits)
        partner = self.cli("partner", "create", "--name", name)
        keys = []
        for number in range(apps):
            named = ["--plan", plan, "--name", f"{name}-{number}"]
            app = self.cli("app", "create", "--partner", partner, *named)
            for _ in range(keys_of_each):
                keys.append(self.cli("key", "create", "--app", app, "--env", "live"))
        return keys

    def export(self, periods):
        """Every usage event of some months, each a dict of its columns."""
        rows = []
        for period in periods:
            text = self.cli("usage", "export", "--period", period, "--format", "csv")
            rows += csv.DictReader(io.StringIO(text))
        return rows

    def serve(self, settings=(), *, core=None, ports=None, before=(), timeout=60):
        """Starts the server with one worker and waits until it is ready. `before` are words of a
        program that runs it, such as valgrind."""
        server = self.start(settings, core=core, ports=ports, before=before)
        server.wait(timeout)
        return server

    def start(self, settings=(), *, core=None, ports=None, before=()):
        """The same without waiting."""
        return Server(self, dict(settings), core, ports or machine.free_ports(2), before)


class Server:
    """A running product."""

    def __init__(self, product, settings, core, ports, before):
        self.port, self.admin_port = ports
        settings = {
            "SERVER__PUBLIC_LISTEN": f"127.0.0.1:{self.port}",
            "SERVER__ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "SERVER__WORKERS": "1",
            "TELEMETRY__ACCESS_LOG": "off",
            **settings,
        }
        self.log = product.data_dir.parent / f"{product.data_dir.name}.log"
        self.started = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = machine.spawn(
                [*before, product.binary, "serve"],
                core=core,
                env=product.environment(settings),
                stdout=log,
                stderr=log,
            )

    def wait(self, timeout):
        """Returns when it is ready."""
        try:
            machine.wait_until(self.ready, "comptoir serve", timeout, self.process)
        except machine.Ended as error:
            raise machine.Ended(f"{error}: {self.log.read_text()[-2000:].strip()}") from None
        self.ready_after = time.monotonic() - self.started

    @property
    def pid(self):
        return self.process.pid

    def ready(self):
        """Whether it takes calls now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self):
        """Graceful stop; anything but exit code 0 is a failure."""
        code = machine.stop(self.process)
        if code != 0:
            raise RuntimeError(f"the server stopped with {code}: {self.log.read_text()[-2000:]}")

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


    def admin(self, token, method, path, body=None):
        """What the admin API answers: (status, the JSON of it)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=600)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        connection.close()
        return answer.status, found

    def pages(self, token, path):
        """All items of a list of the admin API."""
        page = path
        while page:
            status, found = self.admin(token, "GET", page)
            if status != 200:
                raise RuntimeError(f"GET {page} answered {status}: {found}")
            yield from found["items"]
            page = found.get("next")


class Reader:
    """A partner that reads one thing after another and remembers the id of each answer."""

    def __init__(self, port, key):
        self.key, self.event_ids = key, []
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path):
        """The body of a 200."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"GET {path} answered {answer.status}: {body[:500]!r}")
        self.event_ids.append(answer.getheader("Usage-Event-Id"))
        return body

    def product_ids(self, most):
        """Ids of the first products, at most so many."""
        ids, page = [], "/v1/products?limit=200"
        while page and len(ids) < most:
            listed = json.loads(self.get(page))
            ids += [item["id"] for item in listed["items"]]
            page = listed.get("next")
        return ids[:most]

    def bodies(self, ids):
        """`id<TAB>body` lines, the bodies as they are sent."""
        return b"".join(b"%s\t%s\n" % (i.encode(), self.get(f"/v1/products/{i}")) for i in ids)
