"""Real data taken in: rows per second, and memory that does not grow with the file."""

import gzip
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from . import machine

FILES = {
    "products": ("products.csv.gz", "precios-claros-products.toml"),
    "stores": ("stores.csv.gz", "precios-claros-stores.toml"),
    "offers": ("prices-2020-04-13.csv.gz", "precios-claros-prices.toml"),
}


def data(root):
    """Where the real data is, or None."""
    folder = Path(os.environ.get("COMPTOIR_DATA") or root.parent / "shared" / "data")
    folder = folder / "precios-claros"
    return folder if all((folder / file).exists() for file, _ in FILES.values()) else None


@dataclass
class Import:
    """One file taken in."""

    rows: int
    seconds: float
    peak_mib: float

    @property
    def rate(self):
        return self.rows / self.seconds


class Importer:
    """Imports the files of a folder into data directories."""

    def __init__(self, root, folder, scratch):
        self.mappings, self.folder, self.scratch = root / "config" / "feeds", folder, scratch

    def take(self, product, feed, half=False):
        """Imports a file, or the first half of its rows."""
        name, mapping = FILES[feed]
        file = self.folder / name
        rows = count_rows(file)
        if half:
            rows //= 2
            file = head(file, rows, self.scratch / f"half-{name}")
        # 3: taken in, with rows rejected and reported; the survey has products that it does not list.
        seconds, peak_mib = product.timed("import", feed, file, "--mapping", self.mappings / mapping, ends=(0, 3))
        return Import(rows, seconds, peak_mib)


def count_rows(file):
    """Rows of a compressed CSV without its header."""
    with gzip.open(file) as rows:
        return sum(1 for _ in rows) - 1


def head(file, rows, to):
    """A compressed CSV of the header and the first rows of another."""
    with gzip.open(file) as source, gzip.open(to, "wb", compresslevel=1) as out:
        for _, line in zip(range(rows + 1), source):
            out.write(line)
    return to


def ready_after(product, times=5):
    """Seconds from the start of the program to the first 200 of /readyz: the median of some starts."""
    seconds = []
    for _ in range(times):
        server = product.serve(core=machine.SERVER_CORE, timeout=120)
        seconds.append(server.ready_after)
        server.stop()
    return statistics.median(seconds)
