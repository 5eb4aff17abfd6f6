"""Three nodes, PostgreSQL and Redis, killed or stopped under load: what clients received is in the ledger, the
export and the statements, each time the same."""

import random
import subprocess
import time

import books
import faults
from cluster import NODES, PATIENCE, Cluster
from compare import by_cause, compare, table
from harness import machine
from harness.load import report

CONNS = 48
# Answers after which a connection goes on to the next node, so that one that comes back has its part again.
TURN = 200
# More ids than these are told in the figures only.
SHOWN = 100


def paths(sql):
    """What is called, as `operation<TAB>path` lines: what is charged, by weight too, what is not found and what is wrong."""
    products = [row[0] for row in sql("SELECT id FROM products WHERE status = 'active' ORDER BY id")]
    lines = [f"get_product\t/v1/products/{i}" for i in products]
    lines += [f"list_product_stock\t/v1/products/{i}/stock" for i in products[:10]]
    lines += [f"list_products\t/v1/products?limit={n}" for n in range(1, 11)]
    lines += ["list_stores\t/v1/stores?limit=3"] * 5
    lines += ["get_product\t/v1/products/prd_00000000000"] * 3
    lines += ["list_products\t/v1/products?limit=none"] * 2
    lines += ["unrouted\t/v1/nothing"] * 2
    return lines


def run(given, scratch, say):
    """The figures of a run."""
    backend = random.Random(given.seed).choice(["local", "leased", "strict"])
    what = "stops" if given.graceful else "kills and stops"
    say(f"seed {given.seed}: {given.seconds} s of {what}, {given.rate:,} calls a second, limits {backend}")
    cluster = Cluster(given.bin, scratch, backend)
    record = _under_load(given, cluster, scratch, say)
    outcome = _settled(given, cluster, record, scratch, say)
    say("")
    say(table(outcome))
    say("")
    for cause, number in by_cause(outcome):
        say(f"{number:>12,}  {cause}")
    shown = outcome.unconfirmed[:SHOWN]
    more = len(outcome.unconfirmed) - len(shown)
    if shown:
        say(f"crash_unconfirmed: {' '.join(shown)}" + (f" and {more:,} more" if more else ""))
    for fault in outcome.faults[:SHOWN]:
        say(f"FAULT {fault}")
    say(f"seed {given.seed}: {len(outcome.faults)} faults")
    return {
        "seed": given.seed,
        "causes": dict(by_cause(outcome)),
        "statuses": dict(outcome.by_status),
        "unconfirmed": outcome.unconfirmed,
        "faults": outcome.faults,
    }


def _under_load(given, cluster, scratch, say):
    """The load with its faults; all nodes are stopped in the end. Returns the clients' record."""
    (scratch / "paths").write_text("".join(f"{line}\n" for line in paths(cluster.sql)))
    (scratch / "keys").write_text("".join(f"{key}\n" for key in cluster.keys))
    record = scratch / "record"
    for node in cluster.nodes:
        node.begin()
    for node in cluster.nodes:
        node.server.wait(PATIENCE)
    words = {
        "port": ",".join(str(node.ports[0]) for node in cluster.nodes),
        "paths": scratch / "paths",
        "keys": scratch / "keys",
        "conns": CONNS,
        "turn": TURN,
        "rate": given.rate,
        "seconds": given.seconds,
        "timeout": given.seconds + given.timeout,
        "seed": given.seed,
        "record": record,
    }
    words = [word for name, value in words.items() for word in (f"--{name}", value)]
    load = machine.spawn([given.tools / "load", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    planned = faults.plan(given.seed, given.seconds, given.graceful, NODES)
    happens = faults.Run(planned, cluster.victims, say)
    half = time.monotonic() + given.seconds / 2
    while load.poll() is None or happens.under_way:
        happens.step(load.poll() is None)
        if half is not None and time.monotonic() > half:
            half = None
            say("the prices get longer periods: the present period ends")
            happens.also("prices", cluster.change_periods())
        time.sleep(0.002)
    if happens.done < len(planned):
        say(f"{happens.done} of {len(planned)} have happened: the victims of the others were not back in time")
    told = report(load)
    rate = told["answered"] / told["seconds"]
    say(
        f"{told['answered']:,} answers, {rate:,.0f} a second, p99 {told['p99_us'] / 1000:,.1f} ms; {told['unanswered']:,} calls "
        f"sent and not answered, of {told['cut']:,} the answer had begun; {told['retried']:,} answers to calls sent again"
    )
    if told["faults"]:
        raise RuntimeError(f"the load generator has met {told['faults']}")
    for node in cluster.nodes:
        for _ in node.stopped():
            time.sleep(0.01)
    return record


def _settled(given, cluster, record, scratch, say):
    """Ends the second period, too, and reads and compares everything."""
    for _ in cluster.change_periods():
        time.sleep(0.01)
    keys = cluster.key_ids()
    ids, key_of = [key for key, _ in keys], {app: key for key, app in keys}
    clients, ledger = books.Clients.read(record, ids), books.ledger(cluster.sql)
    node = cluster.nodes[0]
    for _ in node.back():
        time.sleep(0.01)
    periods = books.periods(node.server, cluster.token, 2)
    for period in periods:
        books.read(period, cluster.desk, scratch)
        books.state(node.server, cluster.token, period, key_of)
        say(f"{period.id}: from {period.start} to {period.end}, {len(period.events):,} events, closed")
    _, health = node.server.admin(cluster.token, "GET", "/admin/v1/usage/health")
    for _ in node.stopped():
        time.sleep(0.01)
    for server in (cluster.database, cluster.redis):
        for _ in server.stopped():
            time.sleep(0.01)
    # The last key is for tests: its calls are on no statement.
    outcome = compare(clients, ledger, periods, set(ids[:-1]), given.graceful)
    if health["silent_runs"] or health["missing_events"]:
        outcome.faults.append(f"the ledger lacks something: {health}")
    return outcome
