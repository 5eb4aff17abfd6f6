"""Holds the four counts beside each other, tells the differences by their cause, and says what is wrong."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from cluster import CALL, UNIT

UNCONFIRMED = "crash_unconfirmed"
# What is answered without an event: a head that did not become whole in time, the journal takes none, or the key could
# not be judged for the database is away.
WITHOUT = {"408", "503"}


@dataclass
class Line:
    """The counts of one key and operation."""

    received: int = 0
    ledger: int = 0
    exported: int = 0
    stated: int = 0
    # Of these, what costs something; of the clients, what they take for it.
    received_chargeable: int = 0
    ledger_billable: int = 0
    exported_billable: int = 0
    stated_billable: int = 0
    # Received and free, for the crash left it unclear; and the same, not received.
    unconfirmed_received: int = 0
    unconfirmed_unseen: int = 0
    # Billed and not received.
    billed_unseen: int = 0
    # Exported, not received, and free for another reason.
    free_unseen: int = 0
    # Sent and not answered; of these, answers that had begun; answers to what was sent again.
    broken: int = 0
    cut: int = 0
    retried: int = 0

    def add(self, other):
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@dataclass
class Outcome:
    """What came of the comparison."""

    lines: dict
    live: set
    unconfirmed: list
    faults: list
    # Answers without an event, by status.
    without: Counter
    by_status: Counter

    @property
    def total(self):
        total = Line()
        for line in self.lines.values():
            total.add(line)
        return total


def compare(clients, ledger, periods, live, graceful):
    """All checks. `live` are the keys whose calls are stated."""
    faults = [fault for period in periods for fault in period.faults]
    events = {}
    for period in periods:
        faults += [f"{i} is in two periods" for i in period.events if i in events]
        events |= period.events
    lines = _lines(clients, ledger, events, periods)
    faults += [f"two answers had the id {i}" for i in clients.twice]
    faults += [
        f"{n} answers with {status} to {operation} had no event"
        for (_, operation, status), n in clients.without.items()
        if status not in WITHOUT
    ]
    faults += _of_answers(clients, events, live)
    faults += _of_sums(ledger, events, periods, live)
    for (key, operation), line in lines.items():
        what = f"{operation} of {key}"
        unseen = line.billed_unseen + line.unconfirmed_unseen + line.free_unseen
        if unseen > line.broken:
            faults.append(f"{what}: {unseen} events that no client saw, and {line.broken} calls without an answer")
        if graceful and (unseen or line.unconfirmed_received):
            faults.append(f"{what}: {unseen} events that no client saw, {line.unconfirmed_received} that were not confirmed")
    unconfirmed = sorted(i for i, event in events.items() if event.outcome == UNCONFIRMED)
    if graceful and unconfirmed:
        faults.append(f"{len(unconfirmed)} events were not confirmed, and nothing was killed")
    without = Counter()
    for (_, _, status), n in clients.without.items():
        without[status] += n
    by_status = Counter(status for _, _, status in clients.received.values())
    return Outcome(lines, live, unconfirmed, faults, without, by_status)


def _lines(clients, ledger, events, periods):
    lines = {}

    def line(key, operation):
        return lines.setdefault((key, operation), Line())

    for event_id, (key, operation, status) in clients.received.items():
        of = line(key, operation)
        of.received += 1
        event = events.get(event_id)
        of.received_chargeable += status == "200" and (event is None or event.billable or event.outcome == UNCONFIRMED)
        of.unconfirmed_received += event is not None and event.outcome == UNCONFIRMED
    for event_id, event in events.items():
        of = line(event.key, event.operation)
        of.exported += 1
        of.exported_billable += event.billable
        if event_id not in clients.received:
            of.billed_unseen += event.billable
            of.unconfirmed_unseen += event.outcome == UNCONFIRMED
            of.free_unseen += not event.billable and event.outcome != UNCONFIRMED
    for (key, operation, _, _, billable), (requests, _) in ledger.items():
        line(key, operation).ledger += requests
        line(key, operation).ledger_billable += requests * billable
    for period in periods:
        for (key, operation, _, _, billable), (requests, _) in period.stated.items():
            line(key, operation).stated += requests
            line(key, operation).stated_billable += requests * billable
    for name, counts in (("broken", clients.broken), ("cut", clients.begun), ("retried", clients.retried)):
        for what, count in counts.items():
            setattr(line(*what), name, count)
    return dict(sorted(lines.items()))


def _of_answers(clients, events, live):
    """What a client has seen is exported as it was seen; what it was given whole is charged."""
    for event_id, (key, operation, status) in clients.received.items():
        event = events.get(event_id)
        if event is None:
            yield f"{event_id}: answered with {status}, not exported"
        elif (event.key, event.operation, event.status) != (key, operation, status):
            yield f"{event_id}: answered {status} to {operation} of {key}, exported as {event}"
        elif status == "200" and key in live and not event.billable and event.outcome != UNCONFIRMED:
            yield f"{event_id}: answered with 200, and free: {event}"
    for event_id, event in events.items():
        if event.outcome == UNCONFIRMED and event.billable:
            yield f"{event_id}: not confirmed, and billable"
    for event_id in clients.cut - events.keys():
        yield f"{event_id}: its head was answered, not exported"


def _of_sums(ledger, events, periods, live):
    """The ledger's sums by hour, the rows of the export and the statements are the same, and so is the money."""
    exported, money = {}, Counter()
    for event in events.values():
        what = event.key, event.operation, event.status, event.outcome, event.billable
        sums = exported.setdefault(what, [0, 0])
        sums[0] += 1
        sums[1] += event.weight_milli
    stated = {}
    for period in periods:
        for what, (requests, weight) in period.stated.items():
            sums = stated.setdefault(what, [0, 0])
            sums[0] += requests
            sums[1] += weight
    of_live = {what: sums for what, sums in exported.items() if what[0] in live}
    for one, other, name in ((ledger, exported, "ledger and export"), (of_live, stated, "export and statements")):
        for what in sorted(one.keys() | other.keys()):
            if one.get(what) != other.get(what):
                yield f"{name} differ in {what}: {one.get(what)} and {other.get(what)} (calls, thousandths of a unit)"
    for period in periods:
        money = {key: Decimal(0) for key in live}
        for event in period.events.values():
            if event.billable:
                money[event.key] += Decimal(CALL) + Decimal(UNIT) * event.weight_milli / 1000
        for key, amount in money.items():
            if period.exact.get(key, Decimal(0)) != amount:
                yield f"{key} owes {period.exact.get(key)} for {period.id}, and its calls come to {amount}"


HEADINGS = ["key", "operation", "clients", "ledger", "export", "statement", "unconfirmed", "cut", "retried"]


def table(outcome):
    """The counts of each key and operation as a Markdown table: all calls, and of these those that cost something."""
    cells = [HEADINGS]
    for (key, operation), line in [*outcome.lines.items(), (("all", ""), outcome.total)]:
        stated = (line.stated, line.stated_billable) if key in outcome.live or key == "all" else None
        pairs = [
            (line.received, line.received_chargeable),
            (line.ledger, line.ledger_billable),
            (line.exported, line.exported_billable),
            stated,
        ]
        counts = ["-" if pair is None else f"{pair[0]:,} / {pair[1]:,}" for pair in pairs]
        causes = [line.unconfirmed_unseen + line.unconfirmed_received, line.cut, line.retried]
        cells.append([key, operation, *counts, *(f"{cause:,}" for cause in causes)])
    widths = [max(len(line[n]) for line in cells) for n in range(len(HEADINGS))]
    rows = ["| " + " | ".join(_aligned(line, widths)) + " |" for line in cells]
    return "\n".join([rows[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *rows[1:]])


def _aligned(cells, widths):
    for place, (cell, width) in enumerate(zip(cells, widths)):
        yield cell.rjust(width) if place > 1 else cell.ljust(width)


def by_cause(outcome):
    """Why the clients' count is another than the export's."""
    total = outcome.total
    return [
        ("received by clients, in the export", total.received),
        ("not received, in the export: crash_unconfirmed, free", total.unconfirmed_unseen),
        ("not received, in the export: handed over and cut on the socket, billed", total.billed_unseen),
        ("not received, in the export: handed over and cut on the socket, free by its rule", total.free_unseen),
        ("export", total.exported),
        ("received, in the export as crash_unconfirmed: free", total.unconfirmed_received),
        ("answers that say that nothing was done, without an event: " + _counts(outcome.without), outcome.without.total()),
        ("calls sent and not answered", total.broken),
        ("of these, sent again and answered", total.retried),
    ]


def _counts(counts):
    return ", ".join(f"{n:,} with {status}" for status, n in sorted(counts.items())) or "none"
