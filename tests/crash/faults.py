"""What happens to whom and when, decided by the seed, and how it is done."""

import random
import time
from dataclasses import dataclass

from cluster import pause

NODE, DATABASE, REDIS = "node", "database", "redis"


def node_killed(node, down):
    """kill -9 of a node, which then starts again and folds what it had recorded."""
    node.kill()
    yield from pause(down)
    yield from node.back()


def node_recovered(node, down):
    """kill -9 of a node, whose journal another process brings in before it starts again."""
    node.kill()
    yield from node.recovered()
    yield from pause(down)
    yield from node.back()


def node_replaced(node, down):
    """kill -9 of a node that never returns: its journal is brought in, and a new node takes its place."""
    node.kill()
    yield from node.recovered()
    node.replace()
    yield from pause(down)
    yield from node.back()


def node_stopped(node, down):
    """SIGTERM to a node, which ends by itself and starts again."""
    yield from node.stopped()
    yield from pause(down)
    yield from node.back()


def server_killed(server, down):
    """kill -9 of the database or Redis."""
    server.kill()
    yield from pause(down)
    yield from server.back()


def server_stopped(server, down):
    """The database or Redis is told to stop."""
    yield from server.stopped()
    yield from pause(down)
    yield from server.back()


# What may happen: how, to what, and for how many seconds the victim stays away at most.
KILLS = [
    (node_killed, NODE, 2),
    (node_killed, NODE, 2),
    (node_killed, NODE, 0),
    (node_recovered, NODE, 1),
    (node_replaced, NODE, 1),
    (node_stopped, NODE, 1),
    (server_killed, DATABASE, 4),
    (server_killed, DATABASE, 0.5),
    (server_killed, REDIS, 3),
]
STOPS = [
    (node_stopped, NODE, 2),
    (node_stopped, NODE, 0),
    (server_stopped, DATABASE, 3),
    (server_stopped, REDIS, 3),
]
# Seconds from one to the next, at least and at most; some come before the one before is over.
APART = (0.3, 4.0)
# From the beginning, and before the end of the load.
CALM = (2.0, 3.0)


@dataclass
class Fault:
    """One of them."""

    at: float
    how: object
    victim: str
    down: float

    def __str__(self):
        return f"{self.at:6.1f} s  {self.how.__name__.replace('_', ' ')}: {self.victim}, away {self.down:.1f} s"


def plan(seed, seconds, graceful, nodes):
    """The faults of a run, in the order of their times: each kind comes once before one comes again."""
    chance, kinds, faults, deck = random.Random(seed), STOPS if graceful else KILLS, [], []
    at = CALM[0]
    while at < seconds - CALM[1]:
        deck = deck or chance.sample(kinds, len(kinds))
        how, what, longest = deck.pop()
        victim = f"node {chance.randrange(nodes) + 1}" if what == NODE else what
        faults.append(Fault(at, how, victim, chance.uniform(0, longest)))
        at += chance.uniform(*APART)
    return faults


class Run:
    """Has faults happen to their victims, each when its time has come and its victim is back from the one before."""

    def __init__(self, faults, victims, say):
        self.waiting, self.victims, self.say = list(faults), victims, say
        self.under_way, self.began, self.done = {}, time.monotonic(), 0

    def step(self, more):
        """Goes as far as it can without waiting; begins others only where there shall be `more`."""
        for name, work in list(self.under_way.items()):
            if next(work, self) is self:
                del self.under_way[name]
        due = time.monotonic() - self.began
        for fault in [fault for fault in self.waiting if more and fault.at <= due]:
            if fault.victim not in self.under_way:
                self.waiting.remove(fault)
                self.done += 1
                self.say(str(fault))
                self.also(fault.victim, fault.how(self.victims[fault.victim], fault.down))

    def also(self, name, work):
        """Has something go on beside."""
        self.under_way[name] = work
