# PostgreSQL and Redis on free ports of this machine, from the programs of Debian's packages. To be sourced.
# What is started is added to the array `started`; whoever sources this ends it.

started=()

# stop_servers: ends what was started, the last first, each when the one before has ended: who uses a
# server is gone before it.
stop_servers() {
    local i
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null || true
        wait "${started[i]}" 2>/dev/null || true
    done
    started=()
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for PORT NAME: returns when the port takes connections.
wait_for() {
    python3 - "$1" "$2" <<'PY'
import socket, sys, time
port, name = int(sys.argv[1]), sys.argv[2]
until = time.monotonic() + 60
while time.monotonic() < until:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        sys.exit(0)
    except OSError:
        time.sleep(0.05)
sys.exit(f"{name} did not start")
PY
}

# find_initdb: the newest; Debian keeps PostgreSQL's programs out of PATH.
find_initdb() {
    ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1 | grep . || command -v initdb
}

# start_redis DIR: sets redis_url. Nothing is kept on disk.
start_redis() {
    local port
    port=$(free_port)
    # In a session of its own, here and below: a Ctrl-C is for whoever sources this alone.
    setsid redis-server --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$1" \
        >"$1/redis.log" 2>&1 &
    started+=($!)
    wait_for "$port" Redis
    redis_url="redis://127.0.0.1:$port"
}

# start_postgres DIR: sets postgres_url, that of a server's first database. Fast and not durable: for trials
# and tests.
start_postgres() {
    local bin port as_postgres=()
    bin=$(dirname "$(find_initdb)")
    port=$(free_port)
    mkdir "$1/pg"
    if [ "$(id -u)" = 0 ]; then
        # PostgreSQL refuses to run as root.
        id postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
        chown postgres "$1/pg"
        chmod 755 "$1"
        as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    "${as_postgres[@]}" "$bin/initdb" -D "$1/pg/data" -U comptoir --auth=trust -E UTF8 \
        --locale=C.UTF-8 >"$1/initdb.log"
    setsid "${as_postgres[@]}" "$bin/postgres" -D "$1/pg/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$1/pg" -c fsync=off -c max_connections=300 \
        >"$1/postgres.log" 2>&1 &
    started+=($!)
    wait_for "$port" PostgreSQL
    # It takes connections before it answers them.
    until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
        kill -0 "${started[-1]}" || { tail -n 5 "$1/postgres.log" >&2; return 1; }
        sleep 0.1
    done
    postgres_url="postgres://comptoir@127.0.0.1:$port/postgres"
}
