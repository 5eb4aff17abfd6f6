"""What partners and tills do beside single reads: searches, lists, stock, a stream of levels.

Latencies are those of one caller on one kept connection, its own work (some tens of us) included; the
product read beside them is the yardstick."""

import http.client
import json
import random
import threading
import time

from . import machine
from .product import Reader
from .table import at_most

# Levels per second that a gateway must take in while it serves.
MUST = 50_000
# What has a bound of its own beside the time that any call takes.
SEARCH = "search, two words of a name"
NEAREST = "the store nearest to a place"
# The call that the nearest store is held against: the same way and the same answer, without a place to be near to.
ONE_STORE = "page of one store"


def quantile(sorted_values, q):
    return sorted_values[min(len(sorted_values) - 1, int(q * len(sorted_values)))]


class Caller:
    """One partner who waits for each answer."""

    def __init__(self, port, key):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Bearer {key}"}

    def get(self, path):
        """The body of the answer to a GET of a path, or to the query of a grid, which begins with a brace."""
        if path.startswith("{"):
            headers = self.headers | {"Content-Type": "application/json"}
            self.connection.request("POST", "/v1/stock/query", path, headers)
        else:
            self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return body

    def microseconds(self, path):
        began = time.perf_counter_ns()
        self.get(path)
        return (time.perf_counter_ns() - began) / 1_000

    def spread(self, paths):
        """p50 and p99 in us over the paths."""
        taken = sorted(self.microseconds(path) for path in paths)
        return quantile(taken, 0.5), quantile(taken, 0.99)


def beside(times, search):
    """Rows of what a search takes beside a get, `search` us at most, and of what it takes to find the nearest store, 10 us
    at most beside a page of any one store; from microseconds by question."""
    return [
        at_most(f"{what}: p50 us beside that of a {other}", times[what] - times[other], most)
        for what, other, most in [(SEARCH, "get", search), (NEAREST, ONE_STORE, 10)]
    ]


def ready_to_search(port, key, timeout=300):
    """Waits until the search index is made."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def made():
        connection.request("GET", "/v1/products?q=a", headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status == 200

    machine.wait_until(made, "the search index", timeout, pause=0.05)


def questions(server, key, seed, count):
    """Paths of each kind of read, from what the server has."""
    reader, chance = Reader(server.port, key), random.Random(seed)
    products = [item for page in pages(reader, "/v1/products?limit=200", 25) for item in page]
    places = [item for page in pages(reader, "/v1/stores?limit=200", 15) for item in page]
    stores = [place["id"] for place in places]
    reader.connection.close()
    near = lambda: "lat={latitude}&lon={longitude}".format(**chance.choice(places)["geo"])  # noqa: E731
    pick = lambda: chance.choice(products)  # noqa: E731
    words = lambda: "+".join(pick()["name"].split()[:2])  # noqa: E731
    quoted = lambda text: "".join(c if c.isalnum() or c == "+" else "" for c in text)  # noqa: E731
    return products, {
        "get": [f"/v1/products/{pick()['id']}" for _ in range(count)],
        SEARCH: [
            f"/v1/products?limit=20&q={chance_text}"
            for chance_text in (quoted(words()) for _ in range(count))
            if chance_text.isascii() and chance_text.strip("+")
        ],
        "the same with facets of brand, category, price": [
            f"/v1/products?limit=20&facets=brand,category_id,price&q={chance_text}"
            for chance_text in (quoted(words()) for _ in range(count // 4))
            if chance_text.isascii() and chance_text.strip("+")
        ],
        "facets of brand and price over all products (a scan)": [
            "/v1/products?limit=20&facets=brand,price"
        ] * (count // 100),
        "page of 50 products sorted by price (a scan)": ["/v1/products?sort=price"] * (count // 100),
        "suggestions for three letters": [
            f"/v1/suggest?q={letters}"
            for letters in (quoted(pick()["name"])[:3] for _ in range(count // 4))
            if letters.isascii() and len(letters) == 3
        ],
        ONE_STORE: ["/v1/stores?limit=1"] * (count // 4),
        NEAREST: [f"/v1/stores?limit=1&{near()}" for _ in range(count // 4)],
        "stores near a place, 10 km": [f"/v1/stores?{near()}" for _ in range(count // 4)],
        "stock of a product near a place, 10 km": [
            f"/v1/stock?product_id={pick()['id']}&{near()}" for _ in range(count // 4)
        ],
        "page of 50 products": ["/v1/products?limit=50"] * (count // 10),
        "page of 50 products in a store": [
            f"/v1/products?limit=50&store_id={chance.choice(stores)}" for _ in range(count // 10)
        ],
        "offers of a product, 50 at most": [
            f"/v1/products/{pick()['id']}/offers" for _ in range(count // 4)
        ],
        "grid of 50 x 50": [
            json.dumps({
                "product_ids": [pick()["id"] for _ in range(50)],
                "store_ids": chance.sample(stores, min(50, len(stores))),
            })
            for _ in range(count // 20)
        ],
        "stock of a product in 50 stores": [
            f"/v1/products/{pick()['id']}/stock?store_id={','.join(chance.sample(stores, min(50, len(stores))))}"
            for _ in range(count // 4)
        ],
    }


def pages(reader, path, most):
    for _ in range(most):
        page = json.loads(reader.get(path))
        yield page["items"]
        path = page.get("next")
        if not path:
            return


class Till(threading.Thread):
    """Sends levels in one stream, as fast as they are taken or at a pace."""

    def __init__(self, server, token, chunks, lines, pace=None, mark=None):
        super().__init__(daemon=True)
        self.server, self.token, self.chunks, self.lines = server, token, chunks, lines
        self.pace, self.mark = pace, mark
        self.receipt, self.seconds = None, None

    def paced(self):
        began = time.monotonic()
        for number, chunk in enumerate(self.chunks):
            if self.pace:
                due = began + number * self.lines / self.pace
                time.sleep(max(0, due - time.monotonic()))
            yield chunk
            if self.mark and number % Mark.EACH == 0:
                yield self.mark.line()

    def run(self):
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.server.admin_port, timeout=120)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/x-ndjson",
            "Transfer-Encoding": "chunked",
        }
        connection.request(
            "POST", "/admin/v1/stock/levels", self.paced(), headers, encode_chunked=True
        )
        answer = connection.getresponse()
        self.receipt = json.loads(answer.read())
        self.seconds = time.monotonic() - began


class Mark:
    """One level within a stream, sent again and again with a later count each time: how long until a reader sees it."""

    EACH = 10  # chunks

    def __init__(self, product, store, second):
        self.product, self.store = product, store
        self.first = int(time.time()) - 3_600 + second
        self.sent, self.seen, self.milliseconds = [], 0, []

    def line(self):
        as_of = instant(self.first + len(self.sent))
        self.sent.append(time.monotonic())
        return level(self.product, self.store, 1, as_of)

    def look(self, caller):
        """Asks for the level, as a reader does, and notes which of the marks are seen first with this answer."""
        path = f"/v1/products/{self.product}/stock?store_id={self.store}"
        as_of = json.loads(caller.get(path))["items"][0]["as_of"]
        now = time.monotonic()
        while as_of and self.seen < len(self.sent) and instant(self.first + self.seen) <= as_of:
            self.milliseconds.append((now - self.sent[self.seen]) * 1_000)
            self.seen += 1


def instant(second):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def level(product, store, quantity, as_of):
    line = '{"product_id":"%s","store_id":"%s","quantity":%d,"as_of":"%s","source":"pos"}\n'
    return (line % (product, store, quantity, as_of)).encode()


def levels(products, stores, count, chunk_lines, second, seed):
    """Chunks of levels of random products in random stores, all newer than those of a second before."""
    chance, as_of = random.Random(seed), instant(time.time() - 3_600 + second)
    line = lambda: level(chance.choice(products)["id"], chance.choice(stores), chance.randrange(40), as_of)  # noqa: E731
    return [b"".join(line() for _ in range(chunk_lines)) for _ in range(count // chunk_lines)]
