"""Three nodes, a PostgreSQL with fsync and a Redis, each of which can be killed, stopped and started again.

What takes its time is a generator that says `yield` while it waits, so that one loop does several at once."""

import secrets
import time

from harness import growth, machine
from harness.product import Product
from harness.servers import Postgres, Redis

NODES = 3
PRODUCTS = 40
# So long a part may take to be back, or a command to end.
PATIENCE = 600
# What a call and a unit cost. The price list begins with months; one with longer periods ends these, at once.
CALL, UNIT = "0.001", "0.0005"
PERIODS = ["month", "quarter", "year"]
LIMITS = ["--limit", "burst:1000000:1", "--limit", "hour:1000000000:3600"]
# The nodes differ, so that segments are small, middling and as usual, and answers of the third wait for its disk.
JOURNALS = [
    {"METERING__SEGMENT_RECORDS": "127", "METERING__FOLD_INTERVAL_MS": "100"},
    {"METERING__SEGMENT_RECORDS": "1023"},
    {"METERING__DURABILITY": "power"},
]


def pause(seconds):
    """Waits."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        yield


def until(true, what):
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {PATIENCE} s")
        yield


def prices(period):
    """The price list with periods of a length, as the command line takes it."""
    charges = ", ".join(
        f'{{"name": "{name}", "meter": "{meter}", "model": "per_unit", "unit_price": "{price}"}}'
        for name, meter, price in [("calls", "requests", CALL), ("units", "weight", UNIT)]
    )
    return f'{{"currency": "EUR", "period": "{period}", "charges": [{charges}]}}'


class Server:
    """The database or Redis."""

    def __init__(self, server):
        self.server, self.name, self.away = server, server.name, False

    def kill(self):
        self.away = True
        self.server.kill()

    def stopped(self):
        """A stop."""
        self.away = True
        self.server.stop()
        yield from until(lambda: self.server.process.poll() is not None, f"{self.name} stops")

    def back(self):
        """Starts it until it answers: what a killed one has left may still be in the way."""
        yield from _again_until_ready(self.name, self.server.begin, lambda: self.server)
        self.away = False


class Node:
    """A node: its process, and the directory that outlives it."""

    def __init__(self, number, binary, scratch, settings, database):
        self.name, self.number, self.database = f"node {number + 1}", number, database
        self.binary, self.scratch, self.settings = binary, scratch, settings
        self.ports, self.replaced = machine.free_ports(2), 0
        self.product = self._in_directory()

    def _in_directory(self):
        name = f"node{self.number + 1}" + (f"-{self.replaced}" if self.replaced else "")
        return Product(self.binary, self.scratch / name, self.settings)

    def begin(self):
        self.server = self.product.start(ports=self.ports)

    def back(self):
        """Starts it until it is ready: where the database is away, a start fails."""
        yield from _again_until_ready(self.name, self.begin, lambda: self.server)

    def kill(self):
        self.server.kill()

    def stopped(self):
        """A graceful stop. Exit code 1 says that what is left could not be folded, which it may only where the
        database was away; the next start folds it then."""
        alone = self.database.away
        self.server.process.terminate()
        for _ in until(lambda: self.server.process.poll() is not None, f"{self.name} stops"):
            alone = alone or self.database.away
            yield
        code = self.server.process.returncode
        if code and not (alone and code == 1):
            raise RuntimeError(f"{self.name} stopped with {code}: {self.server.log.read_text()[-2000:]}")

    def recovered(self):
        """Has another process bring in what it has recorded; again, while the database is away."""
        other = Product(self.binary, self.scratch / "recovers", self.settings)
        yield from _until_done(other, "usage", "recover", self.product.data_dir, "--dead")

    def replace(self):
        """From now on it is a new node in a directory of its own."""
        self.replaced += 1
        self.product = self._in_directory()


def _again_until_ready(name, begin, started):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        begin()
        while started().process.poll() is None and time.monotonic() < end:
            if started().ready():
                return
            yield
        yield from pause(0.2)
    raise RuntimeError(f"{name} did not come back within {PATIENCE} s")


def _until_done(product, *words):
    """Runs a command of the program, again and again while it fails: the database may be away."""
    end = time.monotonic() + PATIENCE
    log = product.data_dir.parent / f"{product.data_dir.name}.log"
    while time.monotonic() < end:
        with open(log, "ab") as out:
            process = machine.spawn([product.binary, *words], env=product.environment(), stdout=out, stderr=out)
        yield from until(lambda: process.poll() is not None, f"comptoir {words[0]}")
        if process.returncode == 0:
            return
        yield from pause(0.3)
    raise RuntimeError(f"comptoir {' '.join(map(str, words))} failed for {PATIENCE} s, see {log}")


class Cluster:
    """All of it, with keys whose calls are priced."""

    def __init__(self, binary, scratch, backend):
        self.database, self.redis = Server(Postgres(scratch / "pg")), Server(Redis(scratch / "redis"))
        self.sql = self.database.server.rows
        shared = {
            "DATABASE__URL": self.database.server.url,
            "REDIS__URL": self.redis.server.url,
            "ACCESS__PEPPER": secrets.token_hex(32),
            "LIMITS__BACKEND": backend,
            "BILLING__GRACE_S": "0",
        }
        self.desk = Product(binary, scratch / "desk", shared)
        self.desk.make()
        # As few products as will do: how long a node needs to be back is not what is tried here.
        growth.fill(self.desk, scratch, PRODUCTS, 1, lambda _: None)
        self.token = self.desk.cli("token", "create", "--name", "crash", "--role", "owner").splitlines()[-1]
        self.plan = self.desk.cli("plan", "create", "--name", "crash", *LIMITS, "--prices", prices(PERIODS[0]))
        self.lengths = iter(PERIODS[1:])
        environments = ["live"] * 5 + ["test"]
        self.keys = [self._key(f"crash {n}", environment) for n, environment in enumerate(environments, 1)]
        self.nodes = [Node(n, binary, scratch, {**shared, **JOURNALS[n]}, self.database) for n in range(NODES)]
        self.victims = {each.name: each for each in [*self.nodes, self.database, self.redis]}

    def _key(self, name, environment):
        """The text of a key of a new app of a new partner."""
        name = ["--name", name]
        partner = self.desk.cli("partner", "create", *name)
        app = self.desk.cli("app", "create", "--partner", partner, "--plan", self.plan, *name)
        return self.desk.cli("key", "create", "--app", app, "--env", environment)

    def key_ids(self):
        """The ids of the keys with those of their apps, in the order of the keys."""
        return self.sql("SELECT id, app_id FROM keys ORDER BY created_at, id")

    def change_periods(self):
        """Puts prices with longer periods in, at once: the present period of each app ends. Tried until the database
        is there."""
        words = ["--prices", prices(next(self.lengths)), "--prices-from", "now"]
        yield from _until_done(self.desk, "plan", "update", self.plan, *words)
