"""A small client of Redis: RESP2 over a socket, with TLS, users and Sentinel."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import RedisError

_MAX_REPLY = 512 << 20  # what Redis allows a string to have


@dataclass(frozen=True)
class Address:
    """Where Redis is, and how to log in."""

    hosts: tuple[tuple[str, int], ...] = (("localhost", 6379),)
    master: str = ""  # name of the primary, when hosts are Sentinels
    username: str = ""
    password: str = ""
    db: int = 0
    tls: ssl.SSLContext | None = None

    @classmethod
    def parse(cls, url: str, tls: ssl.SSLContext | None = None) -> Address:
        """Read a URL.

        redis://user:password@host:6379/0 is a server, rediss:// the same by TLS,
        and redis+sentinel://user:password@host:26379,host:26379/master/0 a primary
        that Sentinels know. tls replaces the default settings of rediss://.
        """
        if "://" not in url:
            url = "redis://" + url
        u = urlsplit(url)
        if u.scheme not in ("redis", "rediss", "redis+sentinel", "rediss+sentinel"):
            raise RedisError(f"{u.scheme}: the URL must begin with redis://, rediss:// or redis+sentinel://")
        login, _, hosts = u.netloc.rpartition("@")
        username, _, password = login.partition(":")
        sentinel = u.scheme.endswith("+sentinel")
        path = [unquote(p) for p in u.path.split("/") if p]
        master = path.pop(0) if sentinel and path else ""
        if sentinel and not master:
            raise RedisError("redis+sentinel: the path must name the primary, as in redis+sentinel://host:26379/mymaster")
        if u.scheme.startswith("rediss"):
            tls = tls or ssl.create_default_context()
        else:
            tls = None
        try:
            db = int(path[0]) if path else 0
            pairs = tuple(_host(h, 26379 if sentinel else 6379) for h in hosts.split(","))
        except ValueError:
            raise RedisError(f"{u.path or hosts}: the database and the ports must be numbers") from None
        return cls(pairs, master, unquote(username), unquote(password), db, tls)


def _host(text: str, port: int) -> tuple[str, int]:
    if text.startswith("["):  # an IPv6 address
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:]) if rest else port
    host, _, number = text.partition(":")
    return host or "localhost", int(number) if number else port


class Connection:
    """One connection, for one thread at a time."""

    def __init__(self, address: Address, timeout: float = 5.0) -> None:
        host, port = _resolve(address, timeout) if address.master else address.hosts[0]
        self._where = f"{host}:{port}"
        try:
            self._socket = socket.create_connection((host, port), timeout)
            if address.tls:
                self._socket = address.tls.wrap_socket(self._socket, server_hostname=host)
        except OSError as err:
            raise RedisError(f"connect to Redis at {self._where}: {err}") from err
        self._file = self._socket.makefile("rb")
        if address.password:
            self.call("AUTH", *([address.username] if address.username else []), address.password)
        if address.db:
            self.call("SELECT", str(address.db))
        if address.master and self.call("ROLE")[0] != b"master":
            self.close()
            raise RedisError(f"{self._where} is not the primary any more")

    def call(self, *args: str | bytes) -> Any:
        """Run a command and return its reply: bytes, int, None or a list of these."""
        self.send(*args)
        return self.reply()

    def send(self, *args: str | bytes) -> None:
        """Send a command."""
        out = [b"*%d\r\n" % len(args)]
        for a in args:
            b = a.encode() if isinstance(a, str) else a
            out.append(b"$%d\r\n%s\r\n" % (len(b), b))
        with self._errors():
            self._socket.sendall(b"".join(out))

    def reply(self) -> Any:
        """Wait for the next reply or message."""
        with self._errors():
            return self._read()

    def set_timeout(self, seconds: float | None) -> None:
        """Set how long a command may take; None is for ever."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Close the connection, which ends a reply that is waited for."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> Any:
        line = self._file.readline(1 << 16)
        if not line.endswith(b"\r\n"):
            raise RedisError(f"Redis at {self._where} closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(f"Redis at {self._where}: {rest.decode(errors='replace')}")
        if kind == b":":
            return int(rest)
        n = int(rest)
        if n < 0:
            return None
        if kind == b"$" and n <= _MAX_REPLY:
            data = self._file.read(n + 2)
            if len(data) < n + 2:
                raise RedisError(f"Redis at {self._where} closed the connection")
            return data[:n]
        if kind == b"*":
            return [self._read() for _ in range(n)]
        raise RedisError(f"Redis at {self._where} answers {line[:40]!r}")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as err:
            raise RedisError(f"Redis at {self._where}: {err}") from err


def _resolve(address: Address, timeout: float) -> tuple[str, int]:
    """Ask the Sentinels for the primary."""
    errors = []
    for host in address.hosts:
        try:
            sentinel = Connection(replace(address, hosts=(host,), master="", db=0, username="", password=""), timeout)
            try:
                found = sentinel.call("SENTINEL", "get-master-addr-by-name", address.master)
            finally:
                sentinel.close()
        except RedisError as err:
            errors.append(str(err))
            continue
        if found:
            return found[0].decode(), int(found[1])
        errors.append(f"{host[0]}:{host[1]} knows no {address.master}")
    raise RedisError(f"no Sentinel tells the primary {address.master}: {'; '.join(errors)}")
