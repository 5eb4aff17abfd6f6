"""Catalogs of three sizes, each ten times the one before, to see what grows with them.

Made up, so that they differ in nothing but their size: names of words as frequent as in a language,
2,000 brands, 1,000 categories, 500 stores, one price and one stock level for each product."""

import json
import math
import random

from . import machine, retail
from .product import Product, Reader
from .table import at_most, told

WORDS, BRANDS, CATEGORIES, STORES = 20_000, 2_000, 1_000, 500
AS_OF = "2026-11-01T06:00:00Z"


def spell(number):
    """A word for a number: syllables, so that it reads and stems like one."""
    consonants, vowels, word = "bcdfglmnprstv", "aeiou", ""
    number += len(consonants) * len(vowels)
    while number:
        number, syllable = divmod(number, len(consonants) * len(vowels))
        word += consonants[syllable % 13] + vowels[syllable // 13]
    return word


def gtin(number):
    digits = f"952{number:09d}"
    total = sum(int(d) * (3 if place % 2 else 1) for place, d in enumerate(digits))
    return f"{digits}{-total % 10}"


def place(number, chance):
    return {
        "store_code": f"S{number:04d}",
        "name": f"Store {number}",
        "type": "supermarket",
        "address": {
            "street_address": f"{number} {spell(number)}",
            "postal_code": f"{10_000 + number}",
            "address_locality": spell(number).title(),
            "address_country": "FR",
        },
        "geo": {"latitude": f"{chance.uniform(43, 49):.6f}", "longitude": f"{chance.uniform(-1, 7):.6f}"},
        "time_zone": "Europe/Paris",
    }


def product(number, chance, words):
    # Words as in a language: the second half as frequent as the square root of the first.
    named = [words[int(len(words) ** chance.random()) - 1] for _ in range(5)]
    return {
        "sku": f"{number:08d}",
        "gtin": gtin(number),
        "name": " ".join(named).capitalize(),
        "description": {"plain": " ".join(chance.choices(words, k=40)).capitalize() + "."},
        "brand": {"name": spell(chance.randrange(BRANDS)).title()},
        "manufacturer": spell(chance.randrange(BRANDS)).title() + " SA",
        "category_codes": [f"C{chance.randrange(CATEGORIES):04d}"],
        "net_content": {"value": str(chance.randrange(50, 2_000)), "unit_code": "GRM"},
        "country_of_origin": "FR",
        "images": [{"url": f"https://media.example.com/{number}.jpg", "role": "front", "width": 900, "height": 900}],
        "additional_property": [{"property_id": "color", "name": "Color", "value": chance.choice(words[:50])}],
        "link": f"https://www.example.com/p/{number}",
    }


def offer(number, chance):
    amount = f"{chance.randrange(50, 20_000) / 100:.2f}"
    store = f"S{chance.randrange(STORES):04d}"
    return {
        "sku": f"{number:08d}",
        "store_code": store,
        "channel": "in_store",
        "price": {"amount": amount, "currency": "EUR"},
        "as_of": AS_OF,
    }


def level(number, chance):
    store = f"S{chance.randrange(STORES):04d}"
    return {"sku": f"{number:08d}", "store_code": store, "quantity": chance.randrange(40), "as_of": AS_OF}


def catalog(binary, directory, size, seed, say):
    """A data directory with a catalog of so many products."""
    made = Product(binary, directory / f"growth-{size}")
    made.make()
    fill(made, directory, size, seed, say)
    return made


def fill(made, directory, size, seed, say):
    """Imports a catalog of so many products."""
    chance = random.Random(seed)
    words = [spell(number) for number in range(WORDS)]
    codes = range(CATEGORIES)
    feeds = {
        "categories": ({"code": f"C{n:04d}", "name": spell(n).title()} for n in codes),
        "stores": (place(n, chance) for n in range(STORES)),
        "products": (product(n, chance, words) for n in range(size)),
        "offers": (offer(n, chance) for n in range(size)),
        "stock": (level(n, chance) for n in range(size)),
    }
    for feed, lines in feeds.items():
        file = directory / f"growth-{feed}.ndjson"
        with open(file, "w") as out:
            out.writelines(json.dumps(line) + "\n" for line in lines)
        say(f"importing {feed} of {size:,} products")
        made.cli("import", feed, file)
        file.unlink()


class Grown:
    """A gateway with a catalog of one size, ready: what it took to get there, and a partner to ask it."""

    def __init__(self, made, seed, count):
        key = made.make_keys(apps=1, keys_of_each=1)[0]
        first = made.serve(timeout=300)
        retail.ready_to_search(first.port, key, timeout=1_800)
        first.stop()
        self.server = made.serve(timeout=300)
        retail.ready_to_search(self.server.port, key)
        self.ready = self.server.ready_after
        self.peak = machine.peak_rss_kib(self.server.pid) * 1024
        self.resident = machine.rss_kib(self.server.pid) * 1024
        _, self.asked = retail.questions(self.server, key, seed, count)
        self.caller = retail.Caller(self.server.port, key)
        reader = Reader(self.server.port, key)
        ids = reader.product_ids(1_000)
        self.body = sum(len(reader.get(f"/v1/products/{i}")) for i in ids) / len(ids)
        reader.connection.close()


def spreads(grown):
    """p50 and p99 in us by size and question, from gateways by size. They are asked by turns, so that whatever else slows
    the machine down slows each of them down alike."""
    found = {size: {} for size in grown}
    for what in grown[min(grown)].asked:
        each = {size: one.asked[what] for size, one in grown.items()}
        # What scans needs few calls to show its time, and has little of it to give.
        calls = max(5, 1_000_000 // max(grown)) if is_scan(what) else min(len(paths) for paths in each.values())
        taken = {size: [] for size in grown}
        for nth in range(calls):
            for size, one in grown.items():
                taken[size].append(one.caller.microseconds(each[size][nth % len(each[size])]))
        for size, times in taken.items():
            times.sort()
            found[size][what] = (retail.quantile(times, 0.5), retail.quantile(times, 0.99))
    return found


def is_scan(what):
    return "a scan" in what


def may_grow(what):
    """Searches rank what matches, which is a share of everything; scans look at everything."""
    return is_scan(what) or "search" in what or "facets" in what or "suggestions" in what


def rows(grown, times):
    """The table from gateways and `spreads` by size: what the largest costs, as a ratio to a tenth of it."""
    sizes = sorted(grown)
    small, large = sizes[-2:]
    shown = ", ".join(f"{size:,}" for size in sizes)
    table = []
    for what, (p50, p99) in times[large].items():
        each = ", ".join(f"{times[size][what][0]:,.0f}" for size in sizes)
        log = math.log(large) / math.log(small)
        table.append(
            at_most(
                f"{what}: p50 of {large:,} / of a tenth",
                p50 / times[small][what][0],
                None if may_grow(what) else log,
                None,
                "{:.2f}",
                f"p50 us of {shown}: {each}; p99 {p99:,.0f}",
            )
        )
    small, large = grown[small], grown[large]
    more = sizes[-1] - sizes[-2]
    each, at_peak = (large.resident - small.resident) / more, (large.peak - small.peak) / more
    table += [
        at_most("memory of one more product with price and level / its body", each / large.body, 1.15, None, "{:.2f}", f"{each:,.0f} / {large.body:,.0f} bytes"),
        told("the same while it starts, at its peak", f"{at_peak / large.body:.2f}"),
        told(f"resident MiB with {sizes[-1]:,} products, at the peak", f"{large.resident / 2**20:,.0f}, {large.peak / 2**20:,.0f}"),
        at_most(f"ready to serve {sizes[-1]:,} products, seconds", large.ready, 5.0, None, "{:.2f}"),
        told(f"ready with {sizes[-1]:,} / with a tenth", f"{large.ready / small.ready:.1f}"),
    ]
    return table + retail.beside({what: p50 for what, (p50, _) in times[sizes[-1]].items()}, 2_000)
