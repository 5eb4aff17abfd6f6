"""Three nodes on one PostgreSQL: how soon a key that was revoked at one of them is refused by all."""

import http.client
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from . import machine, servers
from .product import Product
from .table import at_most, not_measured

NODES = 3
POLL_MS = 250
# A revocation is in force within a second where Redis wakes the nodes, within a poll more where none does.
WITHIN_MS = 1_000
# So seldom that a revocation is not found by chance.
HARDLY_POLLED = {"ACCESS__CONTROL_POLL_MS": "60000", "ACCESS__STALE_AFTER_S": "300"}


def measure(bench):
    """The rows of the part."""
    if why := servers.postgres_missing() or servers.redis_missing():
        return [not_measured("revocations over three nodes", why)]
    revoked = 60 if bench.given.quick else 500
    redis = servers.Redis(bench.scratch / "nodes-redis")
    ways = [
        ("Redis", {"REDIS__URL": redis.url, **HARDLY_POLLED}, WITHIN_MS),
        (f"a poll each {POLL_MS} ms", {"ACCESS__CONTROL_POLL_MS": str(POLL_MS)}, WITHIN_MS + POLL_MS),
    ]
    rows = []
    for number, (way, settings, within) in enumerate(ways):
        bench.say(f"three nodes with {way}, {revoked} revocations")
        took = sorted(_revoked(bench, number, settings, revoked))
        for name, share, must in [("p50", 0.5, None), ("p99", 0.99, None), ("the longest", 1.0, within)]:
            what = f"last call that one of {NODES} nodes accepts after a revocation, {way}, {name}, ms"
            rows.append(at_most(what, took[min(int(len(took) * share), len(took) - 1)], must))
    machine.stop(redis.process)
    return rows


def _revoked(bench, number, settings, count):
    """How many ms after each of so many revocations was asked for a node was last called and accepted the key: one
    figure for each revocation and node."""
    database = servers.Postgres(bench.scratch / f"nodes-postgres-{number}")
    shared = {"DATABASE__URL": database.url, "ACCESS__PEPPER": secrets.token_hex(32), **settings}
    products = [Product(bench.given.bin, bench.scratch / f"nodes-{number}-{n}", shared) for n in range(NODES)]
    products[0].seed_demo()
    token = products[0].cli("token", "create", "--name", "bench", "--role", "owner").splitlines()[-1]
    nodes = [product.serve() for product in products]
    keys = [_key(nodes[0], token, app) for app in _apps(products[0], count)]
    with ThreadPoolExecutor(NODES) as callers:
        # Every node knows every key before the first is revoked.
        for node in nodes:
            machine.wait_until(lambda: _status(_connect(node), keys[-1][1]) == 200, "a key comes to work", 30)
        took = []
        for at, (key, text) in enumerate(keys):
            began = time.monotonic()
            calling = [callers.submit(_last_accepted, node, text, began) for node in nodes]
            status, found = nodes[at % NODES].admin(token, "POST", f"/admin/v1/keys/{key}/revoke")
            if status != 200:
                raise RuntimeError(f"revoking answered {status}: {found}")
            took += [each.result() for each in calling]
    for node in nodes:
        node.stop()
    machine.stop(database.process)
    return took


def _apps(product, count):
    """An app for each revocation to come, by turns of ten."""
    plan = product.cli("plan", "create", "--name", "nodes", "--limit", "burst:1000000:1")
    partner = product.cli("partner", "create", "--name", "nodes")
    named = (["--plan", plan, "--name", f"nodes-{n}"] for n in range(10))
    apps = [product.cli("app", "create", "--partner", partner, *words) for words in named]
    return [apps[n % len(apps)] for n in range(count)]


def _key(node, token, app):
    body = {"app_id": app, "name": "revoked", "environment": "live"}
    status, made = node.admin(token, "POST", "/admin/v1/keys", body)
    if status != 201:
        raise RuntimeError(f"making a key answered {status}: {made}")
    return made["key"]["id"], made["text"]


def _connect(node):
    return http.client.HTTPConnection("127.0.0.1", node.port, timeout=60)


def _status(connection, key):
    connection.request("GET", "/v1/products?limit=1", headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _last_accepted(node, key, began):
    """Calls a node until it refuses; when the last call was made that it accepted, in ms after `began`."""
    connection, last = _connect(node), began
    while True:
        made = time.monotonic()
        status = _status(connection, key)
        if status == 401:
            connection.close()
            return (last - began) * 1000
        if status != 200 or made > began + 60:
            raise RuntimeError(f"a call with a key that is being revoked answered {status}")
        last = made
