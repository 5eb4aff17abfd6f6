"""The load generator, and what it says."""

import json
import subprocess

from . import machine


# What the record has for the status of a call that was sent and not answered: nothing of it, or not all.
BROKEN = ("sent", "cut")


class Load:
    """Calls a server from one set of ids and keys. `expected` are the statuses that its answers may have,
    `requests` how many are made ready, over and over."""

    def __init__(self, tools, ids, keys, conns=64, expected=("200",), requests=16_384):
        self.program, self.expected = tools / "load", set(expected)
        self.words = ["--ids", ids, "--keys", keys, "--conns", conns, "--requests", requests]

    def start(self, port, **options):
        """Starts it on its own core. Options are those of the program: seconds, count, record, seed."""
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return machine.spawn(
            [self.program, "--port", port, *self.words, *words],
            core=machine.LOAD_CORE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, port, **options):
        """Runs it to its end; any other answer and any broken connection is a failure."""
        told = report(self.start(port, **options))
        if not set(told["status"]) <= self.expected or told["unanswered"] or told["lost"] or told["faults"]:
            raise RuntimeError(f"not every call was answered with {' or '.join(self.expected)}: {told}")
        return told


def report(process):
    """What a generator that was started says in the end."""
    out, words = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the load generator ended with {process.returncode}: {words.strip()} {out.strip()}")
    return json.loads(out)


def answered(record):
    """The answers that it has written down, [(event id, status)]."""
    lines = (line.split("\t") for line in record.read_text().splitlines())
    return [(event_id, status) for event_id, status, *_ in lines if status not in BROKEN]
