"""What the proxy does to a connection in each of its modes, against a server that sends everything back."""

import contextlib
import socket
import socketserver
import struct
import threading
import time

import pytest
from links import Links

DEADLINE_S = 20.0


class SendBack(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(1 << 16):
                self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    closed = threading.Event()  # a connection, by us

    def shutdown_request(self, request):
        super().shutdown_request(request)
        self.closed.set()


@pytest.fixture
def echo():
    with Server(("127.0.0.1", 0), SendBack) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def links(tmp_path):
    links = Links(tmp_path / "log")
    yield links
    links.close()
    assert (tmp_path / "log").read_text() == ""


@pytest.fixture
def port(links, echo) -> int:
    url = links("here", "there", f"amqp://guest:guest@127.0.0.1:{echo}/%2F")
    assert url.startswith("amqp://guest:guest@127.0.0.1:") and url.endswith("/%2F")
    assert links("here", "there", f"amqp://guest:guest@127.0.0.1:{echo}/%2F") == url
    return int(url.split(":")[3].split("/")[0])


LINK = "here->there"


def connected(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
    made.settimeout(DEADLINE_S)
    return made


def says(connection: socket.socket, text: bytes) -> None:
    connection.sendall(text)
    heard = b""
    while len(heard) < len(text):
        heard += connection.recv(1 << 16)
    assert heard == text


def nothing_comes(connection: socket.socket) -> bool:
    connection.settimeout(0.3)
    try:
        return connection.recv(1) is None
    except TimeoutError:
        return True
    finally:
        connection.settimeout(DEADLINE_S)


def test_passes_much_and_the_end(port):
    with connected(port) as connection:
        writer = threading.Thread(target=lambda: (connection.sendall(b"x" * 20_000_000), connection.shutdown(socket.SHUT_WR)))
        writer.start()
        left = 20_000_000
        while left:
            data = connection.recv(1 << 20)
            assert data, f"{left} bytes are missing"
            left -= len(data)
        writer.join()
        assert connection.recv(1) == b""


def test_refuses(links, port):
    with connected(port) as connection:
        says(connection, b"before")
        links.cut(LINK, "refuse")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with pytest.raises(ConnectionRefusedError):
        connected(port)
    links.heal(LINK)
    with connected(port) as connection:
        says(connection, b"after")


def test_silent_then_all_of_it(links, port):
    with connected(port) as old:
        says(old, b"before")
        links.cut(LINK, "silent")
        old.sendall(b"during")
        with connected(port) as new:
            new.sendall(b"new")
            assert nothing_comes(old) and nothing_comes(new)
            links.heal(LINK)
            assert old.recv(100) == b"during"
            assert new.recv(100) == b"new"
            says(old, b"after")


def test_silent_then_reset(links, port):
    with connected(port) as connection:
        says(connection, b"before")
        links.cut(LINK, "silent")
        connection.sendall(b"during")
        links.heal(LINK, reset=True)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_an_end_that_is_held_back_for_a_peer_that_resets(links, port):
    with connected(port) as connection:
        says(connection, b"before")
        Server.closed.clear()
        links.cut(LINK, "slow", delay=0.5)  # each way, so that the end stays with the proxy for a while
        connection.shutdown(socket.SHUT_WR)
        assert Server.closed.wait(DEADLINE_S)
        for _ in range(3):  # the end from the server is with the proxy before these are answered
            links.cut(LINK, "slow", delay=0.5)
        links.cut(LINK, "silent")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    links.heal(LINK)
    with connected(port) as connection:
        says(connection, b"after")


def test_slow_in_order(links, port):
    with connected(port) as connection:
        links.cut(LINK, "slow", delay=0.2)
        begin = time.monotonic()
        says(connection, b"1")
        assert time.monotonic() - begin > 0.39  # there and back: never less
        for number in range(100):
            connection.sendall(b"%02d" % number)
        links.heal(LINK)
        heard = b""
        while len(heard) < 200:
            heard += connection.recv(1 << 16)
        assert heard == b"".join(b"%02d" % number for number in range(100))
