"""One server on SQLite, killed under load: every call that a client saw answered must be in the usage export."""

import random
import time
from collections import Counter

from harness import machine
from harness.load import Load, answered, report
from harness.product import Product, Reader
from harness.stop import months

CONNS = 64


def run(given, scratch, say):
    """The figures of a run."""
    began = time.time()
    product = Product(given.bin, scratch / "data")
    product.seed_demo()
    answers, told = calls_with_kills(given, product, scratch, say)
    figures = compare(answers, product.export(months(began)), told, given.kills, say)
    statuses = ", ".join(f"{n:,} with {status}" for status, n in sorted(figures["statuses"].items()))
    say(f"client: {figures['client']:,} answered calls ({statuses}); export: {figures['export']:,} events")
    say(f"under way at the {given.kills} kills: {figures['under way at the kills']}")
    for what, number in figures["exported only"].items():
        say(f"exported, not seen by the client: {number} {what}")
    for what, number in figures["faults"].items():
        say(f"FAULT {what}: {number}")
    say(f"lost: {figures['lost']}")
    return figures


def answered_so_far(record):
    with open(record, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


def calls_with_kills(given, product, scratch, say):
    """Runs the load with its kills. Returns the client's answers, [(event id, status)], and what the
    generator says."""
    keys = product.make_keys(apps=4, keys_of_each=4)
    ports = machine.free_ports(2)
    server = product.serve(core=machine.SERVER_CORE, ports=ports)
    reader = Reader(server.port, keys[0])
    ids = reader.product_ids(1_000)
    reader.connection.close()
    (scratch / "ids").write_text("".join(f"{i}\n" for i in ids))
    (scratch / "keys").write_text("".join(f"{key}\n" for key in keys))
    record = scratch / "record"
    record.touch()
    load = Load(given.tools, scratch / "ids", scratch / "keys", CONNS)
    process = load.start(
        server.port, count=given.calls, record=record, seed=given.seed, timeout=given.timeout
    )
    chance = random.Random(given.seed)
    moments = sorted(chance.uniform(0.03, 0.95) * given.calls for _ in range(given.kills))
    for number, moment in enumerate(moments, 1):
        while answered_so_far(record) < moment:
            if process.poll() is not None:
                raise RuntimeError(f"the load ended early: {report(process)}")
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.01))
        server.kill()
        server = product.serve(core=machine.SERVER_CORE, ports=ports)
        say(f"kill {number} of {given.kills} after {moment:,.0f} answers; ready again in {server.ready_after:.2f} s")
    told = report(process)
    server.stop()
    answers = answered(record) + [(event_id, "200") for event_id in reader.event_ids]
    return answers, told


def compare(answers, exported, told, kills, say):
    """Holds the client's answers beside the export."""
    by_id, seen = {row["event_id"]: row for row in exported}, Counter(i for i, _ in answers)
    lost = [i for i in seen if i not in by_id]
    unbilled = [i for i, s in answers if s == "200" and i in by_id and by_id[i]["billable"] != "true"]
    changed = [i for i, s in answers if i in by_id and by_id[i]["status"] != s]
    beyond = Counter((r["outcome"], r["billable"]) for i, r in by_id.items() if i not in seen)
    in_flight = told["unanswered"]
    faults = {
        "answered, not exported": len(lost),
        "answered with 200, not billable": len(unbilled),
        "another status than the client saw": len(changed),
        "exported twice": len(exported) - len(by_id),
        "two answers with one id": sum(n - 1 for n in seen.values()),
        "crash_unconfirmed and billable": beyond[("crash_unconfirmed", "true")],
        # A call that was under way at a kill may be known to one side only; no other may.
        "exported, never seen, beyond those under way": max(0, sum(beyond.values()) - in_flight),
        "under way at the kills beyond the connections": max(0, in_flight - kills * CONNS),
    }
    figures = {
        "client": len(answers),
        "statuses": dict(Counter(status for _, status in answers)),
        "export": len(exported),
        "lost": len(lost),
        "under way at the kills": in_flight,
        "exported only": {f"{o}, billable {b}": n for (o, b), n in sorted(beyond.items())},
        "faults": {what: n for what, n in faults.items() if n},
    }
    if lost:
        say("for example lost: " + ", ".join(lost[:5]))
    return figures
