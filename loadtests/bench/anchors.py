"""What the gateway is held against, each with its best reasonable settings for one core.

Every anchor keeps connections alive on both sides, passes the client's address on, and writes no
access log unless its name says so. A missing program is reported, never silently left out.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.bench.machine import Cores, find_program
from loadtests.bench.processes import BenchError, Program, free_port, running, wait_for

ANSWER: Final = ('{"id": 7, "name": "Ada", "kind": "dog", "note": "%s"}' % ("x" * 141)).encode()
"""What the origin answers: 192 bytes of JSON."""
FILE_BYTES: Final = 100 * 1024 * 1024
FILE_NAME: Final = "large.bin"
_MANY: Final = 2_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Something that answers on a port."""

    program: Program
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """An anchor by its name, and how to start it in front of an origin's port."""

    name: str
    requires: str | None
    start: Callable[[Path, Cores, int], AbstractContextManager[Server]]

    @property
    def absence(self) -> str:
        """Why it cannot run here; nothing when it can."""
        if self.requires is None or find_program(self.requires):
            return ""
        return f"{self.requires} is not installed (Debian: apt-get install {self.requires})"


def _program(name: str) -> str:
    path = find_program(name)
    if path is None:
        raise BenchError(f"{name} is not installed (Debian: apt-get install {name})")
    return path


def nginx_text(directory: Path, http: str) -> str:
    """Return an nginx configuration of one worker around `http { … }`."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"    {kind}_temp_path {directory}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{user}worker_processes 1;
daemon off;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
{temporary}
    access_log off;
    keepalive_requests {_MANY};
    keepalive_timeout 3600s;
    client_max_body_size 0;
    tcp_nodelay on;
    default_type application/json;
{http}
}}
"""


def nginx_proxy_text(
    port: int, origin: int, *, is_logging: bool = False, cache: Path | None = None
) -> str:
    """Return the body of `http { … }` for a proxy, bare or with what a gateway does besides.

    `cache` is the directory of its `proxy_cache`, if it has one.
    """
    more = more_location = ""
    if cache is not None:
        # Descriptors are kept open: the cheapest hits that nginx has.
        more = f"""
    proxy_cache_path {cache} keys_zone=answers:10m;
    open_file_cache max=1000;
    open_file_cache_valid 3600s;"""
        more_location = """
            proxy_cache answers;
            proxy_cache_key $uri;
            proxy_cache_valid 200 1h;"""
    if is_logging:
        fields = "request_id remote_addr request_method uri status body_bytes_sent request_time"
        line = ",".join(f'"{name}":"${name}"' for name in fields.split())
        more = f"""
    log_format line escape=json '{{{line}}}';
    access_log access.log line buffer=64k flush=1s;
    limit_req_zone $server_name zone=all:1m rate=1000000r/s;
    limit_req_zone $uri zone=each:10m rate=1000000r/s;"""
        more_location = """
            limit_req zone=all burst=1000000 nodelay;
            limit_req zone=each burst=1000000 nodelay;
            add_header X-Request-Id $request_id;"""
    return f"""{more}
    upstream origin {{
        server 127.0.0.1:{origin};
        keepalive 256;
        keepalive_requests {_MANY};
        keepalive_timeout 3600s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /refused {{ return 403; }}
        location / {{{more_location}
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_request_buffering off;
            client_body_buffer_size 64k;
            proxy_buffers 16 64k;
            proxy_buffer_size 64k;
            proxy_busy_buffers_size 128k;
            proxy_max_temp_file_size 0;
        }}
    }}"""


@contextlib.contextmanager
def _nginx(
    name: str, directory: Path, cores: tuple[int, ...], port: int, http: str, workdir: Path
) -> Iterator[Server]:
    workdir.mkdir(exist_ok=True)
    configuration = workdir / "nginx.conf"
    configuration.write_text(nginx_text(workdir, http), "utf-8")
    command = [_program("nginx"), "-p", str(workdir), "-c", str(configuration)]
    with running(name, command, directory=directory, cores=cores) as program:
        wait_for(program, port, "/refused")
        yield Server(program=program, port=port)


@contextlib.contextmanager
def origin(directory: Path, cores: Cores) -> Iterator[Server]:
    """Run the backend of all: nginx with a constant answer, and a large file under `/files/`."""
    port = free_port()
    files = directory / "files"
    files.mkdir(exist_ok=True)
    # A hole takes no space; reading it costs the origin's core only.
    with (files / FILE_NAME).open("wb") as large:
        large.truncate(FILE_BYTES)
    http = f"""    sendfile on;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 '{ANSWER.decode()}'; }}
        location /files/ {{ root {directory}; default_type application/octet-stream; }}
    }}"""
    with _nginx("origin", directory, cores.load, port, http, directory / "origin") as server:
        yield server


@contextlib.contextmanager
def nginx(
    directory: Path, cores: Cores, origin_port: int, *, is_logging: bool = False
) -> Iterator[Server]:
    """Run nginx as a proxy."""
    port = free_port()
    name = "nginx-logging" if is_logging else "nginx"
    http = nginx_proxy_text(port, origin_port, is_logging=is_logging)
    with _nginx(name, directory, cores.server, port, http, directory / name) as server:
        yield server


@contextlib.contextmanager
def _nginx_caching(directory: Path, cores: Cores, origin_port: int) -> Iterator[Server]:
    port = free_port()
    workdir = directory / "nginx-caching"
    http = nginx_proxy_text(port, origin_port, cache=workdir / "cache")
    with _nginx("nginx-caching", directory, cores.server, port, http, workdir) as server:
        yield server


@contextlib.contextmanager
def _nginx_logging(directory: Path, cores: Cores, origin_port: int) -> Iterator[Server]:
    with nginx(directory, cores, origin_port, is_logging=True) as server:
        yield server


def haproxy_text(port: int, origin: int) -> str:
    """Return HAProxy's configuration."""
    return f"""global
    nbthread 1
    maxconn 8192
defaults
    mode http
    option http-keep-alive
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 3600s
    timeout server 3600s
frontend clients
    bind 127.0.0.1:{port}
    default_backend origin
backend origin
    server one 127.0.0.1:{origin} pool-max-conn 256
"""


@contextlib.contextmanager
def haproxy(directory: Path, cores: Cores, origin_port: int) -> Iterator[Server]:
    """Run HAProxy with one thread."""
    port = free_port()
    configuration = directory / "haproxy.cfg"
    configuration.write_text(haproxy_text(port, origin_port), "utf-8")
    command = [_program("haproxy"), "-db", "-q", "-f", str(configuration)]
    with running("haproxy", command, directory=directory, cores=cores.server) as program:
        wait_for(program, port)
        yield Server(program=program, port=port)


def caddy_text(port: int, origin: int) -> str:
    """Return a Caddyfile."""
    return f"""{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{origin} {{
        transport http {{
            compression off
            keepalive_idle_conns 256
            keepalive_idle_conns_per_host 256
        }}
    }}
}}
"""


@contextlib.contextmanager
def caddy(directory: Path, cores: Cores, origin_port: int) -> Iterator[Server]:
    """Run Caddy on one processor."""
    port = free_port()
    configuration = directory / "Caddyfile"
    configuration.write_text(caddy_text(port, origin_port), "utf-8")
    command = [_program("caddy"), "run", "--config", str(configuration), "--adapter", "caddyfile"]
    # Its own directories stay inside ours; one processor is what the others have as well.
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    environment = {"GOMAXPROCS": "1"} | dict.fromkeys(names, str(directory))
    with running(
        "caddy", command, directory=directory, cores=cores.server, environment=environment
    ) as program:
        wait_for(program, port)
        yield Server(program=program, port=port)


@contextlib.contextmanager
def naive(directory: Path, cores: Cores, origin_port: int) -> Iterator[Server]:
    """Run the naive proxy."""
    port = free_port()
    module = "loadtests.bench.naive_proxy"
    command = [sys.executable, "-m", module, str(port), str(origin_port)]
    with running("naive", command, directory=directory, cores=cores.server) as program:
        wait_for(program, port)
        yield Server(program=program, port=port)


NGINX: Final = Anchor(name="nginx", requires="nginx", start=nginx)
NGINX_LOGGING: Final = Anchor(name="nginx + log, limits", requires="nginx", start=_nginx_logging)
NGINX_CACHING: Final = Anchor(name="nginx proxy_cache", requires="nginx", start=_nginx_caching)
HAPROXY: Final = Anchor(name="HAProxy", requires="haproxy", start=haproxy)
CADDY: Final = Anchor(name="Caddy", requires="caddy", start=caddy)
NAIVE: Final = Anchor(name="naive aiohttp", requires=None, start=naive)
