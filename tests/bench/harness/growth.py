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


def measure(made, size, seed, count):
    """What a catalog costs: microseconds by read, bytes, seconds until it serves."""
    key = made.make_keys(apps=1, keys_of_each=1)[0]
    first = made.serve(timeout=300)
    retail.ready_to_search(first.port, key, timeout=1_800)
    first.stop()
    server = made.serve(timeout=300)
    retail.ready_to_search(server.port, key)
    found = {"ready": server.ready_after, "resident": machine.peak_rss_kib(server.pid) * 1024}
    _, asked = retail.questions(server, key, seed, count)
    caller = retail.Caller(server.port, key)
    # What scans needs few calls to show its time, and has little of it to give.
    few = max(5, 1_000_000 // size)
    found["times"] = {
        what: caller.spread(paths[:few] if is_scan(what) else paths) for what, paths in asked.items()
    }
    reader = Reader(server.port, key)
    ids = reader.product_ids(1_000)
    found["body"] = sum(len(reader.get(f"/v1/products/{i}")) for i in ids) / len(ids)
    reader.connection.close()
    server.stop()
    return found


def is_scan(what):
    return "a scan" in what


def may_grow(what):
    """Searches rank what matches, which is a share of everything; scans look at everything."""
    return is_scan(what) or "search" in what or "facets" in what or "suggestions" in what


def rows(found):
    """The table from what was found by size: what the largest costs, as a ratio to a tenth of it."""
    sizes = sorted(found)
    small, large = found[sizes[-2]], found[sizes[-1]]
    shown = ", ".join(f"{size:,}" for size in sizes)
    table = []
    for what, (p50, p99) in large["times"].items():
        ratio = p50 / small["times"][what][0]
        each = ", ".join(f"{found[size]['times'][what][0]:,.0f}" for size in sizes)
        log = math.log(sizes[-1]) / math.log(sizes[-2])
        table.append(
            at_most(
                f"{what}: p50 of {sizes[-1]:,} / of a tenth",
                ratio,
                None if may_grow(what) else log,
                None,
                "{:.2f}",
                f"p50 us of {shown}: {each}; p99 {p99:,.0f}",
            )
        )
    each = (large["resident"] - small["resident"]) / (sizes[-1] - sizes[-2])
    sent = large["body"]
    table += [
        at_most("memory of one more product with price and level / its body", each / sent, 1.15, None, "{:.2f}", f"{each:,.0f} / {sent:,.0f} bytes"),
        told(f"resident MiB with {sizes[-1]:,} products", f"{large['resident'] / 2**20:,.0f}"),
        at_most(f"ready to serve {sizes[-1]:,} products, seconds", large["ready"], 5.0, None, "{:.2f}"),
        told(f"ready with {sizes[-1]:,} / with a tenth", f"{large['ready'] / small['ready']:.1f}"),
    ]
    times = {what: p50 for what, (p50, _) in large["times"].items()}
    return table + retail.beside_a_get(times, 2_000)
