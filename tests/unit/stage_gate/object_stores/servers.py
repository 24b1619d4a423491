"""Which requests does a store get? moto's S3 server on loopback, asked through an application that counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import requests
from airflow.sdk.io import attach
from airflow.sdk.io import store as attached
from moto.server import DomainDispatcherApplication, create_backend_app
from s3fs import S3FileSystem
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

CONNECTION, BUCKET = "evidence_store", "evidence"
URL = f"s3://{CONNECTION}@{BUCKET}/gates"
Answer = Callable[[str, str], Response | None]
"""From verb and key to what is answered in the place of the store; ``None`` lets the store answer."""
_OPTIONS: dict[str, Any] = {"region_name": "us-east-1"}


@dataclass
class CountedS3:
    """An S3 server, who asked it what, and what it answers instead."""

    url: str = ""
    task: str = "nobody"
    """Who asks it just now."""
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Requests by task and verb."""
    answers: Answer = lambda verb, key: None

    ignores_conditions: bool = False
    """Whether it writes whatever lies there, as stores do that do not know If-None-Match."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        verb = _verb(environ)
        if self.ignores_conditions:
            environ.pop("HTTP_IF_NONE_MATCH", None)
        self.asked[self.task, verb] += 1
        instead = self.answers(verb, environ["PATH_INFO"].removeprefix(f"/{BUCKET}/"))
        return self._moto(environ, start_response) if instead is None else instead(environ, start_response)

    def open(self, **options: Any) -> None:
        """Attach the store as a new process sees it: with a driver that remembers nothing. ``options`` are s3fs'."""
        driver = S3FileSystem(
            **{"key": "x", "secret": "y", **options},
            client_kwargs={"endpoint_url": self.url, **_OPTIONS},
            skip_instance_cache=True,
        )
        attached._STORE_CACHE.pop(f"s3-{CONNECTION}", None)
        attach("s3", CONNECTION, fs=driver)

    def begin(self, task: str) -> None:
        """From now on it is this task that asks, and its process is new."""
        self.task = task
        self.open()

    def table(self) -> str:
        """Requests by task, each verb in a column: rows of Markdown."""
        verbs = ("GET", "LIST", "PUT", "HEAD", "DELETE")
        tasks = dict.fromkeys(task for task, _ in self.asked)
        rows = ((task, [self.asked[task, verb] for verb in verbs]) for task in tasks)
        lines = [f"| {task} | {' | '.join(map(str, counts))} | {sum(counts)} |" for task, counts in rows]
        return "\n".join([f"| task | {' | '.join(verbs)} | all |", "|---" * 7 + "|", *lines])

    def keys(self) -> list[str]:
        """The names of all that lies there."""
        driver = attached._STORE_CACHE[f"s3-{CONNECTION}"].fs
        driver.invalidate_cache()
        return sorted(name.removeprefix(f"{BUCKET}/gates/") for name in driver.find(f"{BUCKET}/gates"))

    def copy_to(self, folder: Path) -> None:
        """All that lies there, as files of a disk."""
        driver = attached._STORE_CACHE[f"s3-{CONNECTION}"].fs
        for name in self.keys():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(driver.cat_file(f"{BUCKET}/gates/{name}"))

    def __post_init__(self) -> None:
        self._moto: Any = DomainDispatcherApplication(create_backend_app)


def _verb(environ: dict[str, Any]) -> str:
    """A listing is a GET of the bucket."""
    verb = str(environ["REQUEST_METHOD"])
    return "LIST" if verb == "GET" and "list-type=" in environ.get("QUERY_STRING", "") else verb


def refusal(status: int, code: str, sentence: str = "No.") -> Response:
    """An error as S3 answers it."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{sentence}</Message></Error>"
    return Response(text, status, content_type="application/xml")


@contextmanager
def counted_s3() -> Iterator[CountedS3]:
    """A server with an empty bucket, attached under ``CONNECTION``. It takes one request at a time."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = CountedS3()
    server = make_server("127.0.0.1", 0, store)  # type: ignore[arg-type]
    serving = Thread(target=server.serve_forever)
    serving.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        requests.post(f"{store.url}/moto-api/reset", timeout=60)  # its buckets live as long as the process
        credentials = {"aws_access_key_id": "x", "aws_secret_access_key": "y", **_OPTIONS}
        boto3.client("s3", endpoint_url=store.url, **credentials).create_bucket(Bucket=BUCKET)
        store.open()
        store.asked.clear()
        yield store
    finally:
        attached._STORE_CACHE.pop(f"s3-{CONNECTION}", None)
        server.shutdown()
        serving.join()
        server.server_close()
