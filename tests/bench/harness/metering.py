"""What it costs to meter: calls per second with and without, sealing and folding, exports, a month's close."""

import json
import shutil
import sqlite3
import time

from . import limits, machine, rounds
from .load import Load
from .product import Product
from .servers import Postgres, postgres_missing
from .table import at_least, at_most, no_less, not_measured, told

WAYS = ["off", "process", "power"]
# Calls per second at which waits are compared: below what the slowest way answers, so that no queue is measured.
CALM = 2_000
# What waits in a journal until it is folded at once.
STILL = {"METERING__FOLD_INTERVAL_MS": "60000", "METERING__MAX_BACKLOG_SEGMENTS": "1024"}
FORMATS = ["csv", "ndjson", "parquet"]
# Ten times the rows must need about the same memory.
GROWTH = 1.10
CALL, UNIT = "0.001", "0.0005"


def measure(bench):
    """The rows of the part."""
    product = bench.demo("metering")
    site = bench.site(product, min(1_000, bench.given.products))
    load = Load(bench.given.tools, site.bodies, site.keys)
    rows = _answers(bench, product, load)
    rows += _folding(bench)
    rows += _exports(bench, product, load)
    rows += _close(bench)
    return rows


def _answers(bench, product, load):
    """Calls per second and their waits by what an answered call survives."""
    given, rows = bench.given, []
    for calm in (False, True):
        players, servers = {}, []
        for way in WAYS:
            copy = product.copy(bench.scratch / f"metering-{way}-{'calm' if calm else 'full'}")
            server = copy.serve({"METERING__DURABILITY": way}, core=machine.SERVER_CORE, timeout=120)
            servers.append(server)
            options = {"rate": CALM} if calm else {}
            players[way] = rounds.Contender(way, server.pid, server.port, load, folds=True, options=options)
        rounds.play(list(players.values()), given.rounds, given.slice, given.seed, bench.say)
        for server in servers:
            server.stop()
        what = f"at {CALM:,} calls a second" if calm else "as fast as it goes"
        for way in WAYS[1:]:
            of, to = players[way], players["off"]
            if not calm:
                rates = rounds.spread([a / b for a, b in zip(of.rates[1:], to.rates[1:])])
                rows.append(at_least(f"metering {way} / off, calls per second", rates, 0.95 if way == "process" else None))
                rows.append(at_least(f"metering {way} / off, CPU", rounds.ratio(of, to)))
            waits = rounds.spread([a / b for a, b in zip(of.p99_us[1:], to.p99_us[1:])])
            rows.append(at_least(f"metering {way} / off, p99 {what}", waits))
        for way, player in players.items():
            p99 = rounds.median(player.p99_us[1:])
            rows.append(told(f"metering {way}, {what}: calls per second, p99 us", f"{player.per_second():,.0f}, {p99:,.0f}"))
    return rows


def _folding(bench):
    """A journal that was left behind is folded: sealed, hashed, packed, summed and written."""
    events, rows = (50_000, []) if bench.given.quick else (2_000_000, [])
    engines = {"SQLite": None}
    if why := postgres_missing():
        rows.append(not_measured("events sealed and folded per second, PostgreSQL", why))
    else:
        engines["PostgreSQL"] = Postgres(bench.scratch / "metering-pg", core=machine.LOAD_CORE)
    for name, database in engines.items():
        settings = {} if database is None else {"DATABASE__URL": database.url}
        node = Product(bench.given.bin, bench.scratch / f"metering-fold-{name}", settings)
        node.seed_demo()
        site = bench.site(node, min(1_000, bench.given.products))
        server = node.serve(STILL, core=machine.SERVER_CORE, timeout=120)
        calls = Load(bench.given.tools, site.bodies, site.keys).run(server.port, count=events, seed=bench.given.seed)
        server.kill()
        seconds, peak = node.timed("usage", "recover", node.data_dir, "--dead")
        rate = events / seconds
        what = f"events sealed and folded per second, {name}"
        rows.append(no_less(what, rate, 10_000))
        rows.append(told(f"{what} / calls answered per second", f"{rate * calls['seconds'] / events:.2f}"))
        rows.append(told(f"folding {events:,} events, {name}: seconds, peak MiB", f"{seconds:.1f}, {peak:,.0f}"))
        if database is not None:
            database.stop()
            database.process.wait()
    return rows


def _exports(bench, product, load):
    """Signed exports of so many events, and of ten times as many."""
    sizes = [20_000, 200_000] if bench.given.quick else [1_000_000, 10_000_000]
    rows, found, had = [], {}, 0
    full = product.copy(bench.scratch / "metering-export")
    for size in sizes:
        bench.say(f"making {size:,} events")
        server = full.serve(core=machine.SERVER_CORE, timeout=120)
        load.run(server.port, count=size - had, seed=bench.given.seed, timeout=3_600)
        server.stop()
        had = size
        for form in FORMATS:
            bench.say(f"exporting {size:,} events as {form}")
            out = bench.scratch / f"metering-{form}"
            seconds, peak = full.timed("usage", "export", "--format", form, "--out", out)
            exported = json.loads((out / "manifest.json").read_text())["total"]["requests"]
            found[form, size] = exported / seconds, peak
            if form == "csv":
                (bench.scratch / "metering.jwks").write_text(full.cli("usage", "keys"))
                words = ["usage", "verify", out, "--keys", bench.scratch / "metering.jwks"]
                seconds, peak = full.timed(*words)
                found["verify", size] = exported / seconds, peak
            shutil.rmtree(out)
    for what in [*FORMATS, "verify"]:
        name = "export verified" if what == "verify" else f"export as {what}"
        (small, few), (rate, many) = (found[what, size] for size in sizes)
        rows.append(told(f"{name}, {sizes[1]:,} events: rows per second", f"{rate:,.0f}", f"{small:,.0f} of {sizes[0]:,}"))
        ratio = at_most(f"{name}: memory of {sizes[1]:,} / of {sizes[0]:,} events", many / few, GROWTH, None, "{:.2f}")
        ratio.spread = f"{many:,.0f} / {few:,.0f} MiB"
        rows.append(ratio)
    return rows


def _prices(period):
    charges = [
        {"name": "calls", "meter": "requests", "model": "per_unit", "unit_price": CALL},
        {"name": "units", "meter": "weight", "model": "per_unit", "unit_price": UNIT},
    ]
    return json.dumps({"currency": "EUR", "period": period, "charges": charges})


def _close(bench):
    """The close of a period in which many apps are billed, on SQLite; of a tenth of them, too."""
    most, calls_of_each = (200, 5) if bench.given.quick else (10_000, 50)
    rows, found = [], {}
    for apps in (most // 10, most):
        bench.say(f"making {apps:,} apps")
        product = bench.demo(f"metering-close-{apps}")
        site = bench.site(product, min(1_000, bench.given.products))
        keys = limits.file_of(bench, f"close-{apps}", limits.imported_keys(product, apps, apps, bench.given.seed))
        with sqlite3.connect(product.data_dir / "comptoir.db") as db:
            plan = db.execute("SELECT id FROM plans WHERE name = 'crowd'").fetchone()[0]
        db.close()
        product.cli("plan", "update", plan, "--prices", _prices("month"), "--prices-from", "now")
        load = Load(bench.given.tools, site.bodies, keys, requests=limits.REQUESTS)
        server = product.serve(core=machine.SERVER_CORE, timeout=300)
        load.run(server.port, count=apps * calls_of_each, seed=bench.given.seed)
        server.stop()
        # The period ends here, at once.
        product.cli("plan", "update", plan, "--prices", _prices("quarter"), "--prices-from", "now")
        token = product.cli("token", "create", "--name", "bench", "--role", "owner").splitlines()[-1]
        server = product.serve({"BILLING__GRACE_S": "0"}, core=machine.SERVER_CORE, timeout=300)
        before = machine.peak_rss_kib(server.pid) / 1024
        period = next(server.pages(token, "/admin/v1/billing/periods"))
        clock = time.monotonic()
        status, close = server.admin(token, "POST", f"/admin/v1/billing/periods/{period['id']}/close", {})
        seconds = time.monotonic() - clock
        if status != 200 or close["statements"] < apps:
            raise RuntimeError(f"the close answered {status}: {str(close)[:500]}")
        found[apps] = seconds, machine.peak_rss_kib(server.pid) / 1024, before
        server.stop()
    (seconds, peak, before), (few_seconds, few_peak, _) = found[most], found[most // 10]
    what = f"close of a month with {most:,} apps"
    rows.append(told(f"{what}: seconds", f"{seconds:.2f}", f"{few_seconds:.2f} with a tenth"))
    rows.append(told(f"{what}: peak MiB, ready MiB", f"{peak:,.0f}, {before:,.0f}", f"{few_peak:,.0f} with a tenth"))
    return rows
