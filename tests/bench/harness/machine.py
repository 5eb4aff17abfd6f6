"""Processes: started on a core, timed by the kernel, and gone when the script is."""

import atexit
import ctypes
import os
import platform
import signal
import socket
import subprocess
import sys
import time

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]

_libc = ctypes.CDLL(None)
_started = []


def spawn(argv, *, core=None, **options):
    """Starts a process that is told to stop when this one ends, however it ends."""

    def prepare():
        _libc.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if core is not None:
            os.sched_setaffinity(0, {core})

    process = subprocess.Popen([str(word) for word in argv], preexec_fn=prepare, **options)
    _started.append(process)
    return process


def run(argv, **options):
    """Runs a program to its end and returns what it printed; its own words are in the error."""
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, **options)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise RuntimeError(f"`{' '.join(map(str, argv))}` ended with {done.returncode}: {words}")
    return done.stdout


def stop(process, grace=60):
    """Asks a process to stop, waits for it, and returns its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"process {process.pid} did not stop within {grace} s of SIGTERM")
    return process.returncode


def stop_all():
    """Stops whatever was started and still runs."""
    running = [process for process in _started if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()


atexit.register(stop_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def free_ports(count):
    """Loopback ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def children(pid):
    """The processes that a process has started and that still run."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children") as file:
            found += [int(child) for child in file.read().split()]
    return found


def cpu_ns(pid):
    """CPU time of a process and its children in ns, threads that have ended included.

    It is the sum that /proc/PID/task/*/schedstat shows, so waiting for a core is not in it. A thread
    that runs at this moment may be up to one tick (4 ms) behind: read it when the server is idle."""
    own = time.clock_gettime_ns((~pid << 3) | 2)  # the clock id of another process's CPU time
    return own + sum(cpu_ns(child) for child in children(pid))


def peak_rss_kib(pid):
    """Most memory that a process has held, 0 once it has ended. (The `ru_maxrss` of a child would
    start from this process's own memory.)"""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("VmHWM:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def rss_kib(pid):
    """Memory that a process holds now."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def wait_until(true, what, timeout, process=None, pause=0.002):
    """Waits for a condition; fails when the time is over or the process has ended."""
    end = time.monotonic() + timeout
    while not true():
        if process is not None and process.poll() is not None:
            raise Ended(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {timeout} s")
        time.sleep(pause)


class Ended(RuntimeError):
    """A process ended where it should have gone on."""


def describe():
    """The machine in a line."""
    model = platform.processor()
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} CPUs, Linux {platform.release()}"
