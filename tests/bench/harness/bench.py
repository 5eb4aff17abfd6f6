"""The parts of the benchmark, each giving rows of the table."""

import json
import shutil
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

from . import counts, growth, imports, limits, machine, metering, nodes, peers, plot, retail, rounds, stop
from .load import Load
from .product import QUIET, Product, Reader
from .table import at_least, at_most, failed, no_less, not_measured, told

PARTS = ["import", "reads", "counts", "limits", "retail", "growth", "metering", "nodes", "crash"]
# Half of a file and all of it must need about the same memory.
GROWTH = 1.10


@dataclass
class Site:
    """An installation with keys, and what its products look like from outside."""

    product: Product
    keys: Path
    bodies: Path  # id<TAB>body lines
    mean_bytes: float
    count: int


class Bench:
    """One run: its scratch directory, its programs, its notes and pictures."""

    def __init__(self, root, given, scratch, say):
        self.root, self.given, self.scratch, self.say = root, given, scratch, say
        self.notes = []
        self.pictures = {}
        self.real = imports.data(root) if given.data != "demo" else None
        if given.data == "real" and self.real is None:
            raise RuntimeError("there is no real data; set COMPTOIR_DATA to its folder")
        if given.data == "auto" and given.quick:
            self.real = None
        self.imported = None

    def measure(self):
        """The rows of the parts that were asked for."""
        parts = {
            "reads": self.reads,
            "counts": self.counts,
            "limits": lambda: limits.measure(self),
            "retail": self.retail,
            "growth": self.growth,
            "metering": lambda: metering.measure(self),
            "nodes": lambda: nodes.measure(self),
            "import": self.imports,
            "crash": self.crash,
        }
        rows = []
        for name, part in parts.items():
            if name in self.given.only:
                self.say(f"{name} ...")
                try:
                    rows += part()
                except RuntimeError as error:
                    # The other parts stand on their own.
                    self.say(traceback.format_exc())
                    machine.stop_all()
                    rows.append(failed(name, error))
        return rows

    # Installations

    def demo(self, name):
        product = Product(self.given.bin, self.scratch / name)
        product.seed_demo()
        return product

    def survey(self):
        """The real data, imported once: the installation and what each import took."""
        if self.imported is None:
            importer = imports.Importer(self.root, self.real, self.scratch)
            product = Product(self.given.bin, self.scratch / "survey")
            product.make()
            taken = {}
            for feed in imports.FILES:
                self.say(f"importing {feed}")
                if feed == "offers":
                    product.copy(self.scratch / "survey-without-prices")
                taken[feed] = importer.take(product, feed)
            self.imported = product, taken, importer
        return self.imported

    def site(self, product, most):
        """Makes keys for an installation and reads its products once."""
        keys = product.make_keys(apps=8, keys_of_each=8)
        server = product.serve(core=machine.SERVER_CORE)
        reader = Reader(server.port, keys[0])
        ids = reader.product_ids(most)
        lines = reader.bodies(ids)
        reader.connection.close()
        server.stop()
        files = [product.data_dir.parent / f"{product.data_dir.name}.{end}" for end in ("keys", "bodies")]
        files[0].write_text("".join(f"{key}\n" for key in keys))
        files[1].write_bytes(lines)
        sent = len(lines) - sum(len(i) + 2 for i in ids)
        return Site(product, *files, sent / len(ids), len(ids))

    # Parts

    def reads(self):
        """CPU per read, side by side."""
        product = self.survey()[0].copy(self.scratch / "reads") if self.real else self.demo("reads")
        site = self.site(product, self.given.products)
        load = Load(self.given.tools, site.bodies, site.keys)
        rows, running, players = [], [], {}

        def add(name, process, port, folds=False):
            running.append(process)
            players[name] = rounds.Contender(name, process.pid, port, load, folds)

        def governed(name, binary=None, **settings):
            copy = product.copy(self.scratch / f"reads-{name}")
            copy.binary = binary or copy.binary
            server = copy.serve(settings, core=machine.SERVER_CORE, timeout=120)
            add(name, server.process, server.port, folds=True)

        for framework, answer in [("web", "const"), ("web", "catalogue"), ("http", "catalogue")]:
            name = f"actix-{framework} {answer}"
            add(name, *peers.bare(self.given.tools, framework, answer, site.bodies))
        governed("governed")
        governed("logged", TELEMETRY__ACCESS_LOG=str(self.scratch / "access.log"))
        no_metering = None
        if self.given.unmetered:
            governed("unmetered", self.given.unmetered)
        else:
            try:
                governed("unmetered", METERING__DURABILITY="off")
            except machine.Ended as error:
                no_metering = "metering cannot be turned off; give --unmetered a build without it"
                self.say(f"without metering: {error}")
        no_nginx = peers.nginx_missing()
        if no_nginx is None:
            add("nginx", *peers.nginx(self.scratch / "nginx", site.bodies, site.keys))

        rounds.play(
            list(players.values()), self.given.rounds, self.given.slice, self.given.seed, self.say
        )
        for process in running:
            machine.stop(process)

        def row(what, of, to, must=None, aim=None, at_once=False):
            rows.append(at_least(what, rounds.ratio(players[of], players[to], at_once), must, aim))

        bare = "actix-web const", "actix-web catalogue", "actix-http catalogue"
        row("governed read / bare actix-web, one body", "governed", bare[0], 0.75, 1.0)
        row("governed read / bare actix-web, same bodies", "governed", bare[1], 0.75, 1.0)
        row("governed read / bare actix-http, same bodies", "governed", bare[2])
        row("the first without the folding that follows", "governed", bare[0], at_once=True)
        if no_nginx is None:
            row("governed and logged read / nginx with Lua", "logged", "nginx", 1.25, 1.5)
        else:
            rows.append(not_measured("governed and logged read / nginx with Lua", no_nginx))
        if no_metering is None:
            row("metering on / off", "governed", "unmetered", 0.95, 0.98)
        else:
            rows.append(not_measured("metering on / off", no_metering))
        row("access log on / off", "logged", "governed", 0.92)
        self.notes += self._reads_notes(site, players.values())
        return rows

    def _reads_notes(self, site, players):
        data = "real" if self.real else "demo"
        each = ", ".join(f"{p.name} {min(p.cpu_us):.1f}" for p in players)
        return [
            f"Reads: {site.count} products of the {data} data, {site.mean_bytes:.0f} bytes each on "
            f"average, 64 keys, 64 connections; {self.given.rounds} rounds of {self.given.slice} s. "
            "Ratios are CPU time per call, yardstick / product.",
            f"Lowest CPU us per call in this run (not comparable with another run): {each}.",
        ]

    def counts(self):
        """Instructions and system calls per read."""
        most = min(500, self.given.products)
        site = self.site(self.demo("counts"), most)
        load = Load(self.given.tools, site.bodies, site.keys)
        rows = []
        what = "instructions that policy adds to a read"
        if why := counts.missing("valgrind"):
            rows.append(not_measured(what, why))
        else:
            few = Load(self.given.tools, site.bodies, site.keys, conns=counts.CONNS)
            policy, threads = self._instructions(site, few)
            base = policy["actix-http"]
            rows.append(at_most(what, policy["governed"] - base, 8_000, 5_000))
            shown = ", ".join(f"{name} {value:,.0f}" for name, value in policy.items())
            self.notes.append(
                f"Instructions per read of the answering thread: {shown}; policy is the governed read "
                f"less bare actix-http. All threads of the governed server: {threads:,.0f}."
            )
        what = "system calls per read"
        if why := counts.missing("strace"):
            rows.append(not_measured(what, why))
        else:
            # Tracing slows reads but not the clock, so what runs by the clock would count too often.
            server = site.product.serve(QUIET, core=machine.SERVER_CORE)
            calls, names = counts.system_calls(self.scratch, server.pid, server.port, load)
            server.stop()
            rows.append(at_most(what, calls, 2.1, 2.03, "{:.2f}"))
            most = sorted(names.items(), key=lambda item: -item[1])[:6]
            shown = ", ".join(f"{name} {value:.3f}" for name, value in most)
            self.notes.append(f"System calls per read, all threads: {shown}.")
        return rows

    def retail(self):
        """Searches, lists and stock as one partner waits for them, and levels taken in meanwhile."""
        product = self.survey()[0].copy(self.scratch / "retail") if self.real else self.demo("retail")
        key = product.make_keys(apps=1, keys_of_each=1)[0]
        token = product.cli("token", "create", "--name", "bench", "--role", "owner").splitlines()[-1]
        server = product.serve(timeout=120)
        retail.ready_to_search(server.port, key)
        rows, count = self._memory(server, key), 400 if self.given.quick else 4_000
        products, asked = retail.questions(server, key, self.given.seed, count)
        caller = retail.Caller(server.port, key)
        times = {}
        for what, paths in asked.items():
            times[what], p99 = p50, _ = caller.spread(paths)
            rows.append(told(f"{what}: p50 us, p99 us, p50 / get", f"{p50:,.0f}, {p99:,.0f}, {p50 / times['get']:.2f}"))
        rows += retail.beside(times, 200)
        rows += self._levels(server, key, token, products, asked["get"])
        rows.append(told("resident MiB in the end", f"{machine.peak_rss_kib(server.pid) / 1024:,.0f}"))
        server.stop()
        return rows

    def growth(self):
        """What costs more with ten times the products."""
        sizes = [1_000, 10_000] if self.given.quick else [10_000, 100_000, 1_000_000]
        grown, made = {}, {}
        for size in sizes:
            made[size] = growth.catalog(self.given.bin, self.scratch, size, self.given.seed, self.say)
            self.say(f"starting with {size:,} products")
            grown[size] = growth.Grown(made[size], self.given.seed, 400 if self.given.quick else 2_000)
        self.say("reading")
        times = growth.spreads(grown)
        for size in sizes:
            grown[size].server.stop()
            shutil.rmtree(made[size].data_dir)
        title = "Median time of a call by the number of products; one caller on one connection"
        lines = {what: [times[size][what][0] for size in sizes] for what in times[sizes[0]]}
        self.pictures["growth.svg"] = plot.growth(title, sizes, lines)
        return growth.rows(grown, times)

    def _memory(self, full, key):
        """What the catalog of a server holds in memory, beside one that has none."""
        empty = Product(self.given.bin, self.scratch / "empty")
        empty.make()
        alone = empty.serve(timeout=60)
        more = machine.peak_rss_kib(full.pid) - machine.peak_rss_kib(alone.pid)
        alone.stop()
        reader = Reader(full.port, key)
        products = json.loads(reader.get("/v1/products?limit=1&include_total=true"))["total"]
        reader.connection.close()
        what = "the catalog in memory, ready to be searched: MiB, bytes per product"
        return [told(what, f"{more / 1024:,.0f}, {more * 1024 / products:,.0f}")]

    def _levels(self, server, key, token, products, gets):
        stores = [
            item["id"]
            for page in retail.pages(Reader(server.port, key), "/v1/stores?limit=200", 3)
            for item in page
        ]
        count, lines = (100_000, 500) if self.given.quick else (500_000, 500)
        caller, sent = retail.Caller(server.port, key), 0

        def till(pace=None, mark=None):
            nonlocal sent
            sent += 1
            chunks = retail.levels(products, stores, count, lines, 60 * sent, 1)
            return retail.Till(server, token, chunks, lines, pace, mark)

        def alone():
            stream = till()
            stream.run()
            return stream

        def beside(pace, mark):
            """A stream, and the microseconds of a partner's reads meanwhile."""
            stream, taken = till(pace, mark), []
            stream.start()
            while stream.is_alive():
                taken.append(caller.microseconds(gets[len(taken) % len(gets)]))
                mark.look(caller)
            stream.join()
            mark.look(caller)
            return stream, sorted(taken)

        marked = products[0]["id"], stores[0]
        streams = [alone(), alone()]
        quiet = caller.spread(gets)
        # Later than every level of the streams, and each mark than those before it.
        fastest, paced = retail.Mark(*marked, 1_000), retail.Mark(*marked, 2_000)
        full, _ = beside(None, fastest)
        steady, taken = beside(retail.MUST, paced)
        for stream, marks in zip([*streams, full, steady], (0, 0, len(fastest.sent), len(paced.sent))):
            receipt = stream.receipt
            if receipt["rejected"] or receipt["written"] + receipt["unchanged"] != count + marks:
                raise RuntimeError(f"not every level was taken: {receipt}")
        rate = lambda stream: count / stream.seconds  # noqa: E731
        seen = sorted(fastest.milliseconds + paced.milliseconds)
        worst = max(seen)
        return [
            no_less("levels taken in per second, all new", rate(streams[0]), retail.MUST),
            no_less("levels taken in per second, known before", rate(streams[1]), retail.MUST),
            no_less("levels taken in per second while a partner reads", rate(full), retail.MUST),
            at_most("level sent and seen by a reader meanwhile: slowest, ms", worst, 1_000),
            told("the same: how many, p50 ms, p99 ms", f"{len(seen)}, {retail.quantile(seen, 0.5):,.0f}, {retail.quantile(seen, 0.99):,.0f}"),
            told("get alone: p50 us, p99 us", f"{quiet[0]:,.0f}, {quiet[1]:,.0f}"),
            told(
                f"get beside {retail.MUST:,} levels a second: p50 us, p99 us",
                f"{retail.quantile(taken, 0.5):,.0f}, {retail.quantile(taken, 0.99):,.0f}",
            ),
        ]

    def _instructions(self, site, load):
        policy = {}
        for framework in ("web", "http"):
            directory = self.scratch / f"callgrind-{framework}"
            under = counts.valgrind(directory)
            process, port = peers.bare(self.given.tools, framework, "catalogue", site.bodies, under)
            name = f"actix-{framework}"
            policy[name], _ = counts.instructions(directory, process.pid, port, load)
            machine.stop(process)
        directory = self.scratch / "callgrind-governed"
        under = counts.valgrind(directory)
        server = site.product.serve(QUIET, before=under, timeout=300)
        policy["governed"], threads = counts.instructions(directory, server.pid, server.port, load)
        server.stop()
        return policy, threads

    def imports(self):
        """Rows per second, memory, and the start with what was imported."""
        if self.real is None:
            why = "demo data was asked for" if imports.data(self.root) else "there is no real data"
            return [not_measured("import, memory, ready to serve", why)]
        product, taken, importer = self.survey()
        rows = []
        for feed in ("products", "offers"):
            name = f"{taken[feed].rows:,} {'prices' if feed == 'offers' else feed}"
            rows.append(told(f"import of {name}, rows per second", f"{taken[feed].rate:,.0f}"))
            rows.append(told(f"import of {name}, peak MiB", f"{taken[feed].peak_mib:,.0f}"))
            start = self.scratch / f"half-{feed}"
            if feed == "offers":
                half_product = Product(self.given.bin, self.scratch / "survey-without-prices").copy(start)
            else:
                half_product = Product(self.given.bin, start)
            half = importer.take(half_product, feed, half=True)
            shutil.rmtree(start)
            growth = taken[feed].peak_mib / half.peak_mib
            what = f"import of {name}, memory / of half the file"
            rows.append(at_most(what, growth, GROWTH, None, "{:.2f}"))
        what = "ready to serve with that data, seconds"
        rows.append(at_most(what, imports.ready_after(product), 5.0, 0.5, "{:.2f}"))
        return rows

    def crash(self):
        """Answered calls that a server lost which was killed, and one which was told to stop."""
        calls, kills = (5_000, 2) if self.given.quick else (100_000, 20)
        result = self.scratch / "crash.json"
        words = ["--calls", calls, "--kills", kills, "--seed", self.given.seed, "--json", result]
        programs = ["--bin", self.given.bin, "--tools", self.given.tools]
        script = self.root / "tests" / "crash" / "run"
        process = machine.spawn([sys.executable, script, *words, *programs], stdout=sys.stderr)
        process.wait(1800)
        if not result.exists():
            raise RuntimeError(f"tests/crash/run ended with {process.returncode}")
        lost = json.loads(result.read_text())["lost"]
        killed = at_most(f"answered calls lost of {calls:,} in {kills} kill -9", lost, 0, 0)
        return [killed, *stop.measure(self)]
