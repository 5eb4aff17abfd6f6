"""CPU per call, side by side: in each round every server has one slice of load, in a new order."""

import random
import statistics
import time
from dataclasses import dataclass, field

from . import machine

# After a slice of the product: its usage is folded once a second, and that is its work too.
FOLDED_AFTER = 1.3


@dataclass
class Contender:
    """A running server in the comparison. `options` are those of the load, beside its length."""

    name: str
    pid: int
    port: int
    load: object
    folds: bool = False
    options: dict = field(default_factory=dict)
    cpu_us: list = field(default_factory=list)
    at_once_us: list = field(default_factory=list)
    rates: list = field(default_factory=list)
    p99_us: list = field(default_factory=list)

    def slice(self, seconds, seed):
        """One slice of load: CPU per call with what follows from it, and without."""
        before = machine.cpu_ns(self.pid)
        told = self.load.run(self.port, seconds=seconds, seed=seed, **self.options)
        answered = told["answered"]
        self.rates.append(answered / told["seconds"])
        self.p99_us.append(told["p99_us"])
        at_once = machine.cpu_ns(self.pid)
        if self.folds:
            time.sleep(FOLDED_AFTER)
        after = machine.cpu_ns(self.pid)
        return (after - before) / answered / 1000, (at_once - before) / answered / 1000

    def per_second(self):
        """Calls answered per second, the first slice left out."""
        return median(self.rates[1:])


def play(contenders, rounds, seconds, seed, say):
    """Plays the rounds; the first slice of each contender warms it up and does not count."""
    order = random.Random(seed)
    for number in range(rounds + 1):
        for contender in order.sample(contenders, len(contenders)):
            whole, at_once = contender.slice(seconds, seed * 1000 + number)
            if number > 0:
                contender.cpu_us.append(whole)
                contender.at_once_us.append(at_once)
        say(f"round {number} of {rounds}")


def median(values):
    return statistics.median(values)


@dataclass
class Ratio:
    """The median of the rounds' ratios, and the quartiles around it."""

    median: float
    low: float
    high: float


def ratio(of, to, at_once=False):
    """How often `of` answers in the CPU time in which `to` answers once: above 1, `of` is cheaper."""
    a, b = (of.at_once_us, to.at_once_us) if at_once else (of.cpu_us, to.cpu_us)
    return spread([theirs / ours for ours, theirs in zip(a, b)])


def spread(each):
    """The median and the quartiles of ratios."""
    low, median, high = statistics.quantiles(each, n=4, method="inclusive")
    return Ratio(median, low, high)
