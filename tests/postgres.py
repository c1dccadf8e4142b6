"""A PostgreSQL of the tests' own: a new cluster in a temporary folder, on a free port."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

DEBIAN = Path("/usr/lib/postgresql")


def binaries() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`; Debian does not put them on the path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max((path.parent for path in DEBIAN.glob("*/bin/initdb")), default=None)


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Start a cluster and yield its address, up to the name of a database; stop and delete it.

    PostgreSQL refuses to run as root: there it runs as Debian's user `postgres`.
    """
    folder = binaries()
    if folder is None:
        reason = "PostgreSQL is not installed (Debian: apt-get install postgresql)."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # noqa: S108 (short: it holds a socket)
    if prefix:
        shutil.chown(data, "postgres")

    def run(name: str, *arguments: str) -> None:
        subprocess.run([*prefix, folder / name, *arguments], check=True, capture_output=True)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    cluster, log = str(data / "cluster"), str(data / "log")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        run("initdb", "-D", cluster, "-U", "dialgraph", "--auth=trust", "--no-sync", "-E", "UTF8")
        run("pg_ctl", "-D", cluster, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql://dialgraph@127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-D", cluster, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(data, ignore_errors=True)


def database(server: str) -> str:
    """Make an empty database on a cluster and return its address; it goes with the cluster."""
    name = f"test_{os.urandom(6).hex()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"
