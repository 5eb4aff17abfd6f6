"""What limits and keys cost: counters shared through Redis, calls that are refused, keys that are none, and
very many keys and partners."""

import csv
import hashlib
import http.client
import random
import sqlite3
import time
from collections import defaultdict

from . import counts, machine, rounds, servers
from .load import Load
from .product import QUIET
from .table import at_least, at_most, not_measured, told

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# A batch of keys that are imported.
BATCH = 10_000
# Requests that are made ready, so that calls come with as many keys as there are.
REQUESTS = 131_072
# One call of an app is admitted while the benchmark runs.
REFUSING = ["--limit", "day:1:86400"]
# A revocation has to be in force within a second.
REVOKED_WITHIN_MS = 1_000


def measure(bench):
    """The rows of the part."""
    quick = bench.given.quick
    crowd = (10_000, 1_000) if quick else (100_000, 10_000)
    product = bench.demo("limits")
    few, many = product.copy(bench.scratch / "limits-few"), product.copy(bench.scratch / "limits-many")
    site = bench.site(product, min(1_000, bench.given.products))
    tools = bench.given.tools
    players, running, rows = {}, {}, []

    def add(name, of, keys, settings=(), expected=("200",)):
        server = of.serve(settings, core=machine.SERVER_CORE, timeout=300)
        load = Load(tools, site.bodies, keys, expected=expected, requests=REQUESTS)
        running[name] = server
        players[name] = rounds.Contender(name, server.pid, server.port, load, folds=True)

    def beside(name):
        return product.copy(bench.scratch / f"limits-{name}")

    refusing = beside("refused")
    one_a_day = file_of(bench, "refused", refusing.make_keys(8, 8, REFUSING, "refused"))
    none = file_of(bench, "garbage", garbage(product, bench))
    files = {}
    for name, of, (keys, partners) in [("few", few, (10, 10)), ("many", many, crowd)]:
        bench.say(f"making {keys:,} keys of {partners:,} partners")
        files[name] = file_of(bench, name, imported_keys(of, keys, partners, bench.given.seed))
    token = many.cli("token", "create", "--name", "bench", "--role", "owner").splitlines()[-1]

    add("local", beside("local"), site.keys)
    redis, no_redis = None, servers.redis_missing()
    if no_redis is None:
        redis = servers.Redis(bench.scratch / "limits-redis", core=machine.LOAD_CORE)
        for backend in ("strict", "leased"):
            shared = {"LIMITS__BACKEND": backend, "REDIS__URL": redis.url, "REDIS__PREFIX": backend}
            # A moment without an answer would be measured as what it is not.
            shared["REDIS__RESPONSE_TIMEOUT_MS"] = "5000"
            add(backend, beside(backend), site.keys, shared)
    add("refused", refusing, one_a_day, expected=("429", "200"))
    add("garbage", beside("garbage"), none, expected=("401",))
    add("few", few, files["few"])
    add("many", many, files["many"])
    rounds.play(list(players.values()), bench.given.rounds, bench.given.slice, bench.given.seed, bench.say)

    def ratio(what, of, to, must=None, aim=None, at_once=False):
        rows.append(at_least(what, rounds.ratio(players[of], players[to], at_once), must, aim))

    if redis is None:
        rows.append(not_measured("limits shared through Redis", no_redis))
    else:
        ratio("limits leased on Redis / local", "leased", "local", 0.95, 0.98)
        ratio("the same without what follows beside the calls", "leased", "local", at_once=True)
        ratio("limits strict on Redis / local", "strict", "local")
        for name in ("local", "leased", "strict"):
            rows.append(told(f"calls per second, limits {name}", f"{players[name].per_second():,.0f}"))
        for name in ("leased", "strict"):
            trips = round_trips(redis, players[name], 5_000 if quick else 50_000)
            rows.append(told(f"Redis round trips per call, {name}", f"{trips:.3f}"))
    ratio("refused call (429) / admitted one", "refused", "local")
    ratio("call with a key that is none (401) / admitted one", "garbage", "local")
    each = rounds.median(players["garbage"].cpu_us)
    rows.append(told("garbage keys refused per CPU second", f"{1e6 / each:,.0f}"))
    what = f"{crowd[0]:,} keys, {crowd[1]:,} partners / 10 of each"
    # Each key that was used has rows of its own to be written: their share of the folding is told apart.
    ratio(f"governed read with {what}", "many", "few", 0.97, at_once=True)
    ratio("the same with the folding that follows, each call by another key", "many", "few")
    rss = {name: machine.rss_kib(running[name].pid) * 1024 for name in ("few", "many")}
    each = (rss["many"] - rss["few"]) / (crowd[0] - 10)
    rows.append(told("memory of one more key and its part of app and partner, bytes", f"{each:,.0f}"))
    rows.append(revocation(running["many"], many, token, crowd[0]))
    for server in running.values():
        server.stop()
    if redis is not None:
        machine.stop(redis.process)
    rows += instructions(bench, site, {"few": few, "many": many}, files, what)
    cpu = ", ".join(f"{p.name} {min(p.cpu_us):.1f}" for p in players.values())
    bench.notes.append(
        f"Limits: {site.count} products of the demo data, 64 connections; Redis on the core of the load. "
        f"Lowest CPU us per call of the server process in this run: {cpu}."
    )
    return rows


def file_of(bench, name, lines):
    path = bench.scratch / f"limits.{name}.keys"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def base62(number):
    digits = ""
    for _ in range(11):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits


def garbage(product, bench):
    """Texts that are no keys here: noise, and ours with a fault in it. Whole ones that were never given out are not among
    them: those wait for the next look at the log of changes, in case that they were given out just now on another node."""
    chance = random.Random(bench.given.seed)
    noise = ["".join(chance.choices(DIGITS, k=48)) for _ in range(400)]
    whole = product.copy(bench.scratch / "limits-elsewhere").make_keys(1, 8, name="elsewhere")
    faulty = [key[:20] + ("a" if key[20] != "a" else "b") + key[21:] for key in whole]
    return noise + faulty * 50


def copies(db, table, of, changes):
    """Inserts a row of a table again and again, each time with other values."""
    names = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
    row = dict(zip(names, db.execute(f"SELECT * FROM {table} WHERE {of[0]} = ?", [of[1]]).fetchone()))
    marks = ", ".join("?" for _ in names)
    rows = ([{**row, **change}[name] for name in names] for change in changes)
    db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def imported_keys(product, keys, partners, seed):
    """Makes partners with an app each, and keys of another gateway's form shared out over the apps: the texts
    of these. The product must not be running."""
    chance = random.Random(seed)
    product.make_keys(1, 0, name="crowd")
    ids = [base62(chance.getrandbits(64)) for _ in range(partners)]
    with sqlite3.connect(product.data_dir / "comptoir.db") as db:
        app, partner = db.execute(
            "SELECT a.id, a.partner_id FROM apps a JOIN partners p ON p.id = a.partner_id WHERE p.name = 'crowd'"
        ).fetchone()
        named = ((i, {"id": f"prt_{i}", "name": f"crowd {i}"}) for i in ids)
        copies(db, "partners", ("id", partner), (row for _, row in named))
        copies(db, "apps", ("id", app), ({"id": f"app_{i}", "partner_id": f"prt_{i}"} for i in ids))
        subscription = db.execute("SELECT id FROM app_subscriptions WHERE app_id = ?", [app]).fetchone()[0]
        kind = subscription.split("_")[0]
        mine = ({"id": f"{kind}_{i}", "app_id": f"app_{i}"} for i in ids)
        copies(db, "app_subscriptions", ("id", subscription), mine)
    db.close()
    texts = [f"old-{chance.getrandbits(128):032x}" for _ in range(keys)]
    file = product.data_dir.parent / f"{product.data_dir.name}.import.csv"
    for start in range(0, keys, BATCH):
        with open(file, "w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["app_id", "name", "sha256"])
            for number, text in enumerate(texts[start : start + BATCH], start):
                digest = hashlib.sha256(text.encode()).hexdigest()
                rows.writerow([f"app_{ids[number % partners]}", f"key {number}", digest])
        product.cli("key", "import", file)
    file.unlink()
    return texts


def round_trips(redis, player, calls):
    """Scripts that Redis ran for each of some calls."""
    before = redis.scripts()
    player.load.run(player.port, count=calls, seed=7)
    return (redis.scripts() - before) / calls


def revocation(server, product, token, keys):
    """How long it takes until a key is revoked for sure on the node that is told so."""
    with sqlite3.connect(f"file:{product.data_dir / 'comptoir.db'}?mode=ro", uri=True) as db:
        ids = [row[0] for row in db.execute("SELECT id FROM keys ORDER BY id LIMIT 5")]
    db.close()
    took = []
    for each in ids:
        connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=60)
        began = time.monotonic()
        connection.request("POST", f"/admin/v1/keys/{each}/revoke", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        took.append((time.monotonic() - began) * 1000)
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"revoking answered {answer.status}: {body[:300]!r}")
    what = f"revoked and in force on the node with {keys:,} keys, ms"
    return at_most(what, rounds.median(took), REVOKED_WITHIN_MS)


def instructions(bench, site, products, files, what):
    """Instructions per read of the thread that answers, with few keys and with many."""
    # Starting with very many keys takes minutes under it.
    if why := "not with --quick" if bench.given.quick else counts.missing("valgrind"):
        return [not_measured(f"instructions per read with {what}", why)]
    found = defaultdict(float)
    for name, product in products.items():
        directory = bench.scratch / f"limits-callgrind-{name}"
        under = counts.valgrind(directory)
        server = product.serve(QUIET, before=under, timeout=900)
        load = Load(bench.given.tools, site.bodies, files[name], counts.CONNS, requests=REQUESTS)
        found[name], _ = counts.instructions(directory, server.pid, server.port, load)
        server.stop()
    shown = ", ".join(f"{name} {value:,.0f}" for name, value in found.items())
    bench.notes.append(f"Instructions per read of the answering thread, by keys: {shown}.")
    ratio = found["few"] / found["many"]
    return [at_least(f"instructions per read with {what}", rounds.Ratio(ratio, ratio, ratio), 0.97)]
