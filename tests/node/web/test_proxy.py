"""Whose address counts, behind a proxy and without one."""

import http.client
import threading
from collections.abc import Iterable
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from werkzeug.test import Client

from node.web.process import Listening, listen
from node.web.proxy import BehindProxy, is_near


def say_who(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REMOTE_ADDR"].encode()]


def test_what_a_proxy_on_this_machine_says_reaches_the_application() -> None:
    server = Listening()
    url = server.add(BehindProxy(say_who), listen("site", "127.0.0.1", 0), 1, 1000, 10)
    thread = threading.Thread(target=server.run)
    thread.start()
    asking = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=10)
    asking.request("GET", "/", headers={"X-Forwarded-For": "192.0.2.1, 192.0.2.77"})
    said = asking.getresponse().read()
    asking.close()
    server.stop()
    thread.join(10)
    assert said == b"192.0.2.77"


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("172.17.0.1", True), ("192.168.9.1", True),
        ("fd00::1", True), ("fe80::1%eth0", True), ("::ffff:10.0.0.1", True), ("8.8.8.8", False),
        ("2a00:1450::1", False), ("::ffff:8.8.8.8", False), ("", False), ("a name", False),
    ],
)  # fmt: skip
def test_a_stranger_who_comes_without_the_proxy_is_not_believed(address: str, near: bool) -> None:
    assert is_near(address) is near
    said = Client(BehindProxy(say_who)).get(
        "/", headers={"X-Forwarded-For": "192.0.2.77"}, environ_overrides={"REMOTE_ADDR": address}
    )
    assert said.text == ("192.0.2.77" if near else address)
