"""The four counts of the same calls: the clients', the ledger's, the export's and the statements'."""

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from harness.load import BROKEN

# What the id of a call has behind its run where there is no event of it.
UNMETERED = ".u"
# What was exported of an event.
KEPT = ("key_id", "operation_id", "status", "outcome", "billable", "weight_milli")


@dataclass
class Clients:
    """What the clients wrote down."""

    keys: list
    # By the id of the event: (key, operation, status).
    received: dict = field(default_factory=dict)
    # Ids that two answers had.
    twice: list = field(default_factory=list)
    # Answers without an event, by (key, operation, status).
    without: Counter = field(default_factory=Counter)
    # Calls that were sent and not answered, by (key, operation), and the ids of those whose answer was cut behind its head.
    broken: Counter = field(default_factory=Counter)
    cut: set = field(default_factory=set)
    # Of the broken ones, those whose answer had begun.
    begun: Counter = field(default_factory=Counter)
    # Answers to calls that had been sent before.
    retried: Counter = field(default_factory=Counter)

    @classmethod
    def read(cls, record, keys):
        """From the record of the load generator."""
        clients = cls(keys)
        with open(record) as lines:
            for line in lines:
                clients._take(*line.rstrip("\n").split("\t"))
        return clients

    def _take(self, event_id, status, key, operation, retries, _server, _at):
        what = self.keys[int(key)], operation
        if status in BROKEN:
            self.broken[what] += 1
            self.begun[what] += status == "cut"
            if event_id != "-" and UNMETERED not in event_id:
                self.cut.add(event_id)
            return
        self.retried[what] += retries != "0"
        if event_id == "-" or UNMETERED in event_id:
            self.without[*what, status] += 1
        elif event_id in self.received:
            self.twice.append(event_id)
        else:
            self.received[event_id] = *what, status


@dataclass
class Event:
    """A row of the export."""

    key: str
    operation: str
    status: str
    outcome: str
    billable: bool
    weight_milli: int


@dataclass
class Period:
    """A billing period with what was exported and stated of it."""

    id: str
    start: str
    end: str
    # By id.
    events: dict = field(default_factory=dict)
    # By (key, operation, status, outcome, billable): calls and their weight.
    stated: dict = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    # What the statements ask for before rounding, by key.
    exact: dict = field(default_factory=dict)
    # What was wrong with it.
    faults: list = field(default_factory=list)


def ledger(sql):
    """The sums by hour, by (key, operation, status, outcome, billable): calls and their weight."""
    query = (
        "SELECT key_id, operation, status, outcome, billable, SUM(requests), SUM(weight_milli) FROM usage_hours "
        "GROUP BY 1, 2, 3, 4, 5"
    )
    rows = sql(query)
    return {(*row[:4], row[4] == "t"): [int(row[5]), int(row[6])] for row in rows}


def periods(server, token, count):
    """The first periods that are not closed."""
    found = server.pages(token, "/admin/v1/billing/periods")
    return [Period(one["id"], one["from"], one["to"]) for one, _ in zip(found, range(count))]


def read(period, desk, scratch):
    """Exports a period, signed, has it verified, and reads it."""
    out, keys = scratch / f"export-{period.id}", scratch / "signers.json"
    desk.cli("usage", "export", "--from", period.start, "--to", period.end, "--out", out)
    # The first export makes the key that it is signed with.
    keys.write_text(desk.cli("usage", "keys"))
    said = desk.cli("usage", "verify", out, "--keys", keys)
    period.faults += [f"verify: {line}" for line in said.splitlines() if line.startswith("GAP")]
    for part in sorted(out.glob("*.csv")):
        with open(part, newline="") as file:
            for row in csv.DictReader(file):
                if row["event_id"] in period.events:
                    period.faults.append(f"{row['event_id']} is twice in the export")
                key, operation, status, outcome, billable, weight = (row[name] for name in KEPT)
                event = Event(key, operation, status, outcome, billable == "true", int(weight))
                period.events[row["event_id"]] = event


def statements(server, token, period):
    """The statements of a period: by id, what they say that stays the same when it is closed."""
    said = {}
    for row in server.pages(token, f"/admin/v1/billing/statements?period_id={period.id}"):
        _, found = server.admin(token, "GET", f"/admin/v1/billing/statements/{row['id']}")
        said[row["id"]] = {name: found[name] for name in ("app_id", "exact", "total", "lines", "usage")}
    return said


def state(server, token, period, key_of):
    """Reads the statements as they are before the close, closes the period, and holds them beside what was frozen.
    Each app has one key, so what is stated of an app is stated of that."""
    provisional = statements(server, token, period)
    status, told = server.admin(token, "POST", f"/admin/v1/billing/periods/{period.id}/close", {})
    if status != 200:
        period.faults.append(f"the period could not be closed: {status} {told}")
    elif statements(server, token, period) != provisional:
        period.faults.append("the frozen statements are others than the provisional ones")
    for statement in provisional.values():
        app = statement["app_id"]
        period.exact[key_of[app]] = Decimal(statement["exact"])
        for used in statement["usage"]:
            what = key_of[app], used["operation"], str(used["status"]), used["outcome"], used["billable"]
            sums = period.stated[what]
            sums[0] += used["requests"]
            sums[1] += used["weight_milli"]


