"""What repeats on a busy machine: instructions and system calls per read."""

import re
import shutil
import signal
import subprocess
import time
from collections import defaultdict

from . import machine

CONNS = 8
WARM, CALLS = 2_000, 4_000
TRACED_CALLS = 20_000


def valgrind(directory):
    """The words that run a program under callgrind, its counts kept by thread."""
    directory.mkdir()
    out = f"--callgrind-out-file={directory}/counts.%p"
    return ["valgrind", "--tool=callgrind", "--separate-threads=yes", "-q", out]


def missing(program):
    """Why a count cannot be made, or None."""
    return None if shutil.which(program) else f"{program} is not installed"


def instructions(directory, pid, port, load):
    """User-space instructions per read of a server under `valgrind`: (of the thread that answers, of
    all threads). Counts at two points of one run, so starting and stopping are not in them."""
    load.run(port, count=WARM, seed=1)
    _dump(directory, pid)
    load.run(port, count=CALLS, seed=2)
    threads = _dump(directory, pid)
    return max(threads.values()) / CALLS, sum(threads.values()) / CALLS


def _dump(directory, pid):
    """Instructions of each thread since the dump before."""
    known = set(directory.iterdir())
    machine.run(["callgrind_control", "--dump=reads", str(pid)], cwd=directory, timeout=120)
    threads = defaultdict(int)
    for file in set(directory.iterdir()) - known:
        text = file.read_text(errors="replace")
        thread = re.search(r"^thread: (\d+)", text, re.MULTILINE)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)
        if total:
            threads[thread.group(1) if thread else "1"] += int(total.group(1))
    if not threads:
        raise RuntimeError("callgrind wrote no counts")
    return threads


def system_calls(directory, pid, port, load):
    """System calls per read of a running server, all its threads together: (all, {name: of it})."""
    out = directory / "strace"
    tracer = machine.spawn(
        ["strace", "-f", "-c", "-S", "calls", "-o", out, "-p", pid],
        stderr=subprocess.PIPE,
        text=True,
    )
    line = tracer.stderr.readline()
    if "attached" not in line:
        raise RuntimeError(f"strace: {line.strip()}")
    time.sleep(0.5)  # every thread of it
    load.run(port, count=TRACED_CALLS, seed=3)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(30)
    names = {}
    for line in out.read_text().splitlines():
        words = line.split()
        if len(words) >= 5 and re.fullmatch(r"[\d.]+", words[0]) and words[-1] != "total":
            names[words[-1]] = int(words[3]) / TRACED_CALLS
    return sum(names.values()), names
