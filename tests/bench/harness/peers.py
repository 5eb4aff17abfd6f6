"""The servers that the product is held beside."""

import shutil
import subprocess
from pathlib import Path

from . import machine
from .servers import listens

NGINX_MODULES = Path("/usr/lib/nginx/modules")


def bare(tools, framework, answer, bodies, before=()):
    """A bare server: (process, port). `framework` is web or http, `answer` const or catalogue."""
    process = machine.spawn(
        [*before, tools / "bare", "--framework", framework, "--answer", answer, "--bodies", bodies],
        core=machine.SERVER_CORE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the bare server ended with {process.wait()}")
    return process, int(line)


def nginx_missing():
    """Why there is no nginx with Lua here, or None."""
    if not shutil.which("nginx"):
        return "nginx is not installed"
    for module in ("ndk_http_module.so", "ngx_http_lua_module.so"):
        if not (NGINX_MODULES / module).exists():
            return f"nginx has no {module} (Debian: libnginx-mod-http-lua)"
    return None


def nginx(directory, bodies, keys):
    """nginx with Lua doing what the product does for a read: (process, port)."""
    directory.mkdir()
    (port,) = machine.free_ports(1)
    (directory / "nginx.conf").write_text(
        NGINX_CONF.format(modules=NGINX_MODULES, dir=directory, port=port, answer=ANSWER_LUA)
    )
    (directory / "start.lua").write_text(START_LUA.format(bodies=bodies, keys=keys))
    process = machine.spawn(
        ["nginx", "-p", directory, "-c", directory / "nginx.conf", "-e", directory / "error.log"],
        core=machine.SERVER_CORE,
        stderr=subprocess.DEVNULL,
    )
    try:
        machine.wait_until(lambda: listens(port), "nginx", 20, process)
    except machine.Ended as error:
        raise RuntimeError(f"{error}: {(directory / 'error.log').read_text()[-2000:]}") from None
    return process, port


NGINX_CONF = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
    keepalive_requests 1000000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    lua_shared_dict limits 16m;
    lua_shared_dict usage 16m;
    log_format line escape=json '{{"at":"$time_iso8601","method":"$request_method","path":"$uri",'
        '"status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}}';
    access_log {dir}/access.log line buffer=64k flush=1s;
    init_by_lua_file {dir}/start.lua;
    server {{
        listen 127.0.0.1:{port};
        location /v1/products/ {{
            default_type application/json;
            content_by_lua_block {{{answer}}}
        }}
    }}
}}
"""

# Read before the first call, as in the product: keys, bodies and their ETags in memory before the first call.
START_LUA = """
bodies, etags, keys = {{}}, {{}}, {{}}
for line in io.lines("{bodies}") do
    local id, body = line:match("^([^\\t]+)\\t(.*)$")
    bodies[id] = body
    etags[id] = '"' .. ngx.md5(body) .. '"'
end
local n = 0
for key in io.lines("{keys}") do
    n = n + 1
    keys[key] = {{ name = "k" .. n, quota = 1000000, window = 1 }}
end
"""

# Key, limit (GCRA), count, headers, ETag; nginx itself writes the log. It stands in the configuration
# because a worker of another user cannot read the scratch directory.
ANSWER_LUA = """
local given = ngx.var.http_authorization
local key = given and keys[given:sub(8)]
if not key then return ngx.exit(401) end
local id = ngx.var.uri:sub(14)
local body = bodies[id]
if not body then return ngx.exit(404) end
local limits, now = ngx.shared.limits, ngx.now()
local step = key.window / key.quota
local tat = math.max(limits:get(key.name) or 0, now) + step
if tat - now > key.window then
    ngx.header["Retry-After"] = math.ceil(tat - now - key.window)
    return ngx.exit(429)
end
limits:set(key.name, tat)
ngx.shared.usage:incr(key.name, 1, 0)
local header, etag = ngx.header, etags[id]
header["RateLimit-Policy"] = '"burst";q=' .. key.quota .. ';w=' .. key.window
header["RateLimit"] = '"burst";r=' .. math.floor((key.window - (tat - now)) / step) .. ';t=1'
header["ETag"] = etag
header["Cache-Control"] = "private, max-age=60"
if ngx.var.http_if_none_match == etag then return ngx.exit(304) end
header["Content-Length"] = #body
ngx.print(body)
"""
