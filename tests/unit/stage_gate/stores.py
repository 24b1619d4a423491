"""Evidence stores that are no folder: a real S3 server on loopback, and a driver that answers as it is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import boto3
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import DomainDispatcherApplication, create_backend_app
from s3fs import S3FileSystem
from werkzeug.serving import make_server

from stage_gate.evidence.files import open_store

BUCKET = "evidence"
_CREDENTIALS = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3 server with an empty bucket. It takes one request at a time: its condition is no single step."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
    serving = Thread(target=server.serve_forever)
    serving.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        boto3.client("s3", endpoint_url=url, **_CREDENTIALS).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def s3_store(url: str) -> Path:
    """The bucket as a process of its own sees it: with a driver, and so with a memory of listings, of its own."""
    driver = S3FileSystem(
        key="x",
        secret="y",
        client_kwargs={"endpoint_url": url, "region_name": "us-east-1"},
        skip_instance_cache=True,
    )
    return _store_of(driver)


class Grumbling(MemoryFileSystem):  # type: ignore[misc]
    """Keeps files as an object store does; ``creates`` says what becomes of each exclusive creation."""

    cachable = False

    def __init__(self, creates: Callable[[Callable[[], None]], None]) -> None:
        super().__init__(skip_instance_cache=True)
        self.store: dict[str, Any] = {}  # not the one that all others of this process share
        self.pseudo_dirs = [""]
        self.creates = creates

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        if mode == "create":
            self.creates(lambda: super(Grumbling, self).pipe_file(path, value, mode="create"))
        else:
            super().pipe_file(path, value, mode=mode)


def grumbling_store(creates: Callable[[Callable[[], None]], None], kind: str = "s3") -> Path:
    """A store whose exclusive creations go as ``creates`` lets them; it is handed the honest one."""
    return _store_of(Grumbling(creates), kind)


def overwriting_store() -> Path:
    """A store that does not know If-None-Match: it writes, whatever lies there."""

    def creates(create: Callable[[], None]) -> None:
        store.fs.store.clear()  # type: ignore[attr-defined]
        create()

    store = grumbling_store(creates)
    return store


def _store_of(driver: Any, kind: str = "s3") -> Path:
    connection = f"store_{uuid4().hex}"
    attach(kind, connection, fs=driver)
    return open_store(f"{kind}://{connection}@{BUCKET}/gates")
