"""SIGTERM under full load: what was answered is recorded, and nothing else; nobody is cut off."""

import time

from . import machine
from .load import Load, answered, report
from .table import at_most

# A rolling deployment waits no longer.
MUST_STOP_IN = 30.0


def months(since):
    """The months (UTC) from then to now, as the export names them."""
    names, now = [], time.time()
    while since < now + 86_400:
        name = time.strftime("%Y-%m", time.gmtime(min(since, now)))
        if name not in names:
            names.append(name)
        since += 86_400
    return names


def measure(bench):
    """The rows: a server is told to stop in the middle of a load that goes on calling."""
    began = time.time()
    product = bench.demo("stop")
    site = bench.site(product, min(1_000, bench.given.products))
    known = {row["event_id"] for row in product.export(months(began))}
    seconds = 2.0 if bench.given.quick else 10.0
    record = bench.scratch / "stop.record"
    load = Load(bench.given.tools, site.bodies, site.keys)
    server = product.serve(core=machine.SERVER_CORE)
    process = load.start(server.port, seconds=seconds, record=record, seed=bench.given.seed)
    time.sleep(seconds / 2)
    told_at = time.monotonic()
    server.stop()
    stopped_in = time.monotonic() - told_at
    told = report(process)
    answers = [event_id for event_id, _ in answered(record)]
    events = {row["event_id"] for row in product.export(months(began))} - known
    rate = told["answered"] / (seconds / 2)
    failed = sum(count for status, count in told["status"].items() if status != "200")
    wrong = failed + told["cut"] + sum(told["faults"].values())
    bench.notes.append(
        f"SIGTERM: {told['answered']:,} calls answered before and {told['unanswered']} sent that the server closed "
        f"the connection on without a byte, which a client may send again; {len(events):,} events."
    )
    what = f"at SIGTERM under {rate:,.0f} calls per second"
    differ = len(set(answers) ^ events) + len(answers) - len(set(answers))
    return [
        at_most(f"answers and events that differ {what}", differ, 0),
        at_most(f"calls that failed or were cut off {what}", wrong, 0),
        at_most(f"seconds until all is folded and the process gone {what}", stopped_in, MUST_STOP_IN, None, "{:.2f}"),
    ]
