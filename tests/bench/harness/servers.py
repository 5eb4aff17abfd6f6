"""PostgreSQL and Redis of one's own: started on a free port, killed, stopped and started again."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from . import machine


def listens(port):
    """Whether a port takes connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Redis:
    """A Redis that keeps nothing on disk."""

    name = "redis"

    def __init__(self, directory, core=None):
        directory.mkdir()
        self.directory, self.core = directory, core
        (self.port,) = machine.free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}"
        self.begin()
        machine.wait_until(self.ready, "redis-server", 20, self.process)

    def begin(self):
        """Starts it, without waiting."""
        words = ["--bind", "127.0.0.1", "--port", self.port, "--save", "", "--appendonly", "no"]
        self.process = machine.spawn(
            ["redis-server", *words, "--dir", self.directory], core=self.core, stdout=subprocess.DEVNULL
        )

    def ready(self):
        return listens(self.port)

    def stop(self):
        """Asks it to stop, without waiting."""
        self.process.terminate()

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def scripts(self):
        """Scripts that it has run."""
        told = machine.run(["redis-cli", "-p", self.port, "INFO", "commandstats"])
        found = re.findall(r"^cmdstat_(?:evalsha|eval):calls=(\d+)", told, re.MULTILINE)
        return sum(int(calls) for calls in found)


def redis_missing():
    """Why there is no Redis here, or None."""
    return None if shutil.which("redis-server") else "redis-server is not installed"


class Postgres:
    """A PostgreSQL that keeps what it has committed: with fsync, unless that is turned off."""

    name = "database"

    def __init__(self, directory, fsync=True, core=None):
        directory.mkdir()
        # It refuses to run as root, and so that the other user gets to its directory.
        self.user = "postgres" if os.geteuid() == 0 else None
        if self.user:
            shutil.chown(directory, self.user)
            directory.parent.chmod(0o755)
        self.directory, self.core, self.fsync = directory, core, fsync
        self.programs = _programs()
        (self.port,) = machine.free_ports(1)
        self.url = f"postgres://comptoir@127.0.0.1:{self.port}/postgres"
        words = ["-D", directory / "data", "-U", "comptoir", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8"]
        machine.run([self.programs / "initdb", *words], **self._as_user())
        self.begin()
        machine.wait_until(self.ready, "postgres", 60, self.process)

    def begin(self):
        """Starts it, without waiting."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.directory,
            "max_connections": 100,
            "fsync": "on" if self.fsync else "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.directory.parent / "postgres.log", "ab") as log:
            self.process = machine.spawn(
                [self.programs / "postgres", "-D", self.directory / "data", "-p", self.port, *words],
                core=self.core,
                stdout=log,
                stderr=log,
                **self._as_user(),
            )

    def ready(self):
        """Whether it answers; while it recovers it does not."""
        words = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(words).returncode == 0

    def stop(self):
        """Asks it to stop and to end its sessions, without waiting."""
        self.process.send_signal(signal.SIGINT)

    def kill(self):
        """kill -9 of the postmaster. Its processes see that it is gone, and end where they next wait; until then
        the next one does not start."""
        self.process.kill()
        self.process.wait()

    def rows(self, query):
        """The rows of a query, each a list of texts."""
        words = ["psql", self.url, "-X", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query]
        return [line.split("\t") for line in machine.run(words).splitlines()]

    def _as_user(self):
        return {"user": self.user, "group": self.user, "extra_groups": [], "cwd": "/"} if self.user else {}


def postgres_missing():
    """Why there is no PostgreSQL here, or None."""
    try:
        _programs()
    except RuntimeError as error:
        return str(error)
    return None


def _programs():
    """Where the newest one's programs are; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    initdb = found[-1] if found else shutil.which("initdb")
    if initdb is None:
        raise RuntimeError("postgresql is not installed")
    return Path(initdb).parent
