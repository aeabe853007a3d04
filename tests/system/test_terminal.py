"""`simplechat chat`: for scripts (--send, --follow, pipes, exit codes) and for a person at a terminal."""

import asyncio
import base64
import contextlib
import hmac
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import termios
import threading
import time

import pytest
import rest
from chat import DEADLINE_S, Client, unique
from process import free_port, wait_until
from terminal import Terminal

SECRET = "a secret of at least thirty-two bytes"
OK, FAILED, USAGE, NOT_ACKED, UNAUTHORIZED = range(5)


@pytest.fixture
def chat(bin_dir):
    """Runs it to its end: chat(url, user, *flags, stdin=...)."""
    def run(url: str, me: str, *flags, stdin: str | bytes = b"", env: dict | None = None, seconds: float = 60):
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return subprocess.run([bin_dir / "simplechat", "chat", "--url", url, "--me", me, *map(str, flags)], input=data,
                              capture_output=True, timeout=seconds, env={**os.environ, **(env or {})})
    return run


@pytest.fixture
def start_chat(bin_dir):
    """Starts it; what still runs at the end of the test is killed."""
    started = []

    def start(url: str, me: str, *flags, **options) -> subprocess.Popen:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        child = subprocess.Popen([bin_dir / "simplechat", "chat", "--url", url, "--me", me, *map(str, flags)], **options)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()


def token(user: str, **claims) -> str:
    encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    signed = encode(b'{"alg":"HS256"}') + "." + encode(json.dumps({"sub": user, **claims}).encode())
    return signed + "." + encode(hmac.digest(SECRET.encode(), signed.encode(), "sha256"))


def messages_of(stdout: bytes) -> list[dict]:
    """JSON lines, each the contract's message."""
    messages = [json.loads(line) for line in stdout.splitlines()]
    for message in messages:
        assert list(message) == ["id", "from", "to", "payload", "at"] and isinstance(message["at"], int), message
    return messages


def payloads(messages: list[dict]) -> list[str]:
    return [message["payload"] for message in messages]


def read_lines(stream, count: int, seconds: float = DEADLINE_S) -> bytes:
    """The next `count` lines of an unbuffered pipe, at least; whole ones."""
    deadline, data = time.monotonic() + seconds, b""
    while data.count(b"\n") < count or not data.endswith(b"\n"):
        left = deadline - time.monotonic()
        assert left > 0 and select.select([stream], [], [], left)[0], f"not {count} lines within {seconds:.0f} s: {data!r}"
        piece = os.read(stream.fileno(), 65536)
        assert piece, f"ended after {data!r}"
        data += piece
    return data


def say_until_heard(chat, url: str, me: str, to: str, stream) -> None:
    """A follower that is being started hears a message as soon as it is registered; which one, nobody knows before."""
    deadline = time.monotonic() + DEADLINE_S
    while not select.select([stream], [], [], 0.1)[0]:
        assert time.monotonic() < deadline, "the follower heard nothing"
        assert chat(url, me, "--to", to, "--send", "are you there?").returncode == OK
    while select.select([stream], [], [], 0.5)[0]:
        assert os.read(stream.fileno(), 65536), "the follower ended"


# --- scripts ---

def test_what_was_sent_is_in_the_history(deployment, chat):
    alice, bob = unique("alice"), unique("bob")
    texts = ["one", "two ✓ 漢字 😀", "-three", "\x1b[31mfour\x7f"]
    sent = chat(deployment.near.ws_url, alice, "--to", bob, *[word for text in texts for word in ("--send", text)])
    assert (sent.returncode, sent.stdout, sent.stderr) == (OK, b"", b"")
    deadline = time.monotonic() + DEADLINE_S
    while True:  # in a cluster the ack is the queue's: the store follows
        printed = chat(deployment.far.ws_url, bob, "--to", alice, "--history", 50)
        assert printed.returncode == OK, printed
        if len(printed.stdout.splitlines()) == len(texts) or time.monotonic() > deadline:
            break
    history = messages_of(printed.stdout)
    assert payloads(history) == texts
    assert all((message["from"], message["to"]) == (alice, bob) for message in history)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", printed.stdout)
    assert payloads(messages_of(chat(deployment.far.ws_url, bob, "--to", alice, "--history", 2).stdout)) == texts[2:]


def test_a_history_of_several_pages(single, chat):
    alice, bob = unique("alice"), unique("bob")
    texts = [str(number) for number in range(450)]
    assert chat(single.ws_url, alice, "--to", bob, stdin="\n".join(texts)).returncode == OK
    assert payloads(messages_of(chat(single.ws_url, bob, "--to", alice, "--history", 10_000).stdout)) == texts
    assert payloads(messages_of(chat(single.ws_url, bob, "--to", alice, "--history", 250).stdout)) == texts[-250:]


def test_follow_prints_messages_as_they_arrive(deployment, chat, start_chat):
    alice, bob, carol = unique("alice"), unique("bob"), unique("carol")
    all_of_bob = start_chat(deployment.far.ws_url, bob, "--follow", bufsize=0)
    with_alice = start_chat(deployment.near.ws_url, bob, "--to", alice, "--follow", bufsize=0)
    for follower in (all_of_bob, with_alice):
        say_until_heard(chat, deployment.near.ws_url, alice, bob, follower.stdout)
    while select.select([all_of_bob.stdout], [], [], 0.5)[0]:
        os.read(all_of_bob.stdout.fileno(), 65536)
    assert chat(deployment.near.ws_url, carol, "--to", bob, "--send", "from carol").returncode == OK
    assert chat(deployment.near.ws_url, alice, "--to", bob, "--send", "from alice").returncode == OK
    assert chat(deployment.near.ws_url, bob, "--to", alice, "--send", "from another session").returncode == OK
    expected = ["from carol", "from alice", "from another session"]
    heard = messages_of(read_lines(all_of_bob.stdout, 3))
    assert payloads(heard) == expected and [message["from"] for message in heard] == [carol, alice, bob]
    assert payloads(messages_of(read_lines(with_alice.stdout, 2))) == expected[1:]
    for follower in (all_of_bob, with_alice):
        follower.send_signal(signal.SIGINT)
        assert follower.wait(DEADLINE_S) == OK
        assert follower.stderr.read() == b""


def test_pipes_in_and_out(deployment, chat):
    alice, bob, carol = unique("alice"), unique("bob"), unique("carol")
    plain = chat(deployment.near.ws_url, alice, "--to", bob, stdin="one\n\ntwo\nwithout its line end")
    assert (plain.returncode, plain.stdout, plain.stderr) == (OK, b"", b"")
    lines = [{"payload": "to bob", "id": "my-id"}, {"payload": "to\ncarol", "to": carol, "unknown": [1]}]
    receipts = chat(deployment.near.ws_url, alice, "--to", bob, "--json", stdin="\n".join(map(json.dumps, lines)))
    assert receipts.returncode == OK, receipts
    acked = sorted(messages_of(receipts.stdout), key=lambda message: message["at"])
    assert [(message["to"], message["payload"]) for message in acked] == [(bob, "to bob"), (carol, "to\ncarol")]
    assert acked[0]["id"] == "my-id" and acked[0]["from"] == alice

    async def everything():
        async with Client.registered(deployment.far.ws_url, alice) as client:
            deadline = time.monotonic() + DEADLINE_S
            while True:
                stored, _ = await client.sync_all()
                if len(stored) >= 5 or time.monotonic() > deadline:
                    return sorted(stored, key=lambda message: message["at"])
                await asyncio.sleep(0.1)
    stored = asyncio.run(everything())
    assert payloads(stored) == ["one", "two", "without its line end", "to bob", "to\ncarol"]
    # The same id once more is the same message.
    assert chat(deployment.near.ws_url, alice, "--to", bob, "--json", stdin=json.dumps(lines[0])).returncode == OK
    assert len(asyncio.run(everything())) == 5


def test_a_bot_reads_and_writes_at_the_same_time(single, chat, start_chat):
    bot, bob = unique("bot"), unique("bob")
    child = start_chat(single.ws_url, bot, "--follow", "--json", stdin=subprocess.PIPE, bufsize=0)
    say_until_heard(chat, single.ws_url, bob, bot, child.stdout)
    assert chat(single.ws_url, bob, "--to", bot, "--send", "a question").returncode == OK
    question = messages_of(read_lines(child.stdout, 1))[0]
    child.stdin.write(json.dumps({"to": question["from"], "payload": "an answer"}).encode() + b"\n")
    answer = messages_of(read_lines(child.stdout, 1))[0]  # an own message comes when it is acked, in the same order for all
    assert (answer["from"], answer["to"], answer["payload"]) == (bot, bob, "an answer") and answer["at"] > question["at"]
    child.stdin.close()
    child.stdin = None
    assert chat(single.ws_url, bob, "--to", bot, "--send", "still there?").returncode == OK
    assert payloads(messages_of(read_lines(child.stdout, 1))) == ["still there?"]


@pytest.mark.parametrize("stdin, reason", [("fine\n\xff\n".encode("latin-1"), b"line 2 of stdin: is not UTF-8"),
                                           (b"fine\n" + b"x" * 65_537 + b"\n", b"line 2 of stdin: is longer"),
                                           (b"fine\n" + b"x" * 500_000, b"line 2 of stdin: is too long")],
                         ids=["not UTF-8", "a long line", "a very long line"])
def test_a_bad_line_fails_and_what_was_before_it_is_sent(single, chat, stdin, reason):
    alice, bob = unique("alice"), unique("bob")
    outcome = chat(single.ws_url, alice, "--to", bob, stdin=stdin)
    assert outcome.returncode == FAILED and reason in outcome.stderr and len(outcome.stderr.splitlines()) == 1, outcome
    assert payloads(rest.sync_all(single.url, bob)) == ["fine"]


def test_a_refused_message_fails(single, chat):
    outcome = chat(single.ws_url, unique("alice"), "--to", "#no-such-group", "--send", "x")
    assert outcome.returncode == FAILED and b"not_found" in outcome.stderr and len(outcome.stderr.splitlines()) == 1, outcome


def test_a_closed_stdout_ends_it_quietly(single, chat, start_chat):
    alice, bob = unique("alice"), unique("bob")
    follower = start_chat(single.ws_url, bob, "--follow", bufsize=0)
    say_until_heard(chat, single.ws_url, alice, bob, follower.stdout)
    follower.stdout.close()  # and nothing more is written to it
    follower.stdout = None
    assert follower.wait(DEADLINE_S) == OK
    assert follower.stderr.read() == b""


def test_a_reader_that_is_slow_gets_everything_once(single, chat, start_chat):
    alice, bob = unique("alice"), unique("bob")
    follower = start_chat(single.ws_url, bob, "--follow", bufsize=0)
    say_until_heard(chat, single.ws_url, alice, bob, follower.stdout)
    texts = [f"{number} " + "x" * 10_000 for number in range(600)]  # much more than pipe and buffers take
    assert chat(single.ws_url, alice, "--to", bob, stdin="\n".join(texts)).returncode == OK
    assert payloads(messages_of(read_lines(follower.stdout, len(texts)))) == texts
    assert not select.select([follower.stdout], [], [], 0.5)[0]


# --- exit codes ---

def test_a_server_that_is_down_is_reported_in_time(chat):
    url = f"ws://127.0.0.1:{free_port()}"
    for work in (["--send", "x"], ["--history", "5"]):
        began = time.monotonic()
        outcome = chat(url, "alice", "--to", "bob", "--timeout", "1.5", *work)
        assert 1.5 <= time.monotonic() - began < 15
        assert outcome.returncode == NOT_ACKED and outcome.stdout == b"", outcome
        assert re.fullmatch(rb"simplechat: .* within 1.5 s: .*Connection refused\n", outcome.stderr), outcome.stderr


def test_unauthorized(another_single, chat, tmp_path):
    server = another_single("--auth", "jwt", "--jwt-secret", SECRET).start_ready()
    for flags in ([], ["--token", "nonsense"], ["--token", token("carol")]):
        outcome = chat(server.ws_url, "alice", "--to", "bob", "--send", "x", *flags)
        assert outcome.returncode == UNAUTHORIZED and len(outcome.stderr.splitlines()) == 1, outcome
        assert b"unauthorized" in outcome.stderr or b"forbidden" in outcome.stderr, outcome
    file = tmp_path / "token"
    file.write_text(token("alice") + "\n")
    assert chat(server.ws_url, "alice", "--to", "bob", "--send", "x", "--token-file", file).returncode == OK
    assert chat(server.ws_url, "alice", "--to", "bob", "--send", "x", "--token", token("alice")).returncode == OK
    assert chat(server.ws_url, "alice", "--to", "bob", "--send", "x", env={"SIMPLECHAT_TOKEN": token("alice")}).returncode == OK


def test_a_token_that_expires_while_connected_is_read_anew_from_its_file(another_single, chat, start_chat, tmp_path):
    server = another_single("--auth", "jwt", "--jwt-secret", SECRET).start_ready()
    soon = lambda user: token(user, exp=int(time.time()) + 4)  # noqa: E731
    (tmp_path / "alice").write_text(soon("alice"))
    (tmp_path / "bob").write_text(soon("bob"))
    alice = start_chat(server.ws_url, "alice", "--follow", "--token-file", tmp_path / "alice", stdin=subprocess.PIPE)
    bob = start_chat(server.ws_url, "bob", "--follow", "--token-file", tmp_path / "bob", stdin=subprocess.PIPE)
    sessions = lambda: rest.metric(server.url, "simplechat_sessions")  # noqa: E731
    expired = lambda: rest.metric(server.url, "simplechat_sessions_expired_total")  # noqa: E731
    wait_until(lambda: sessions() == 2, "both are registered")
    (tmp_path / "alice").write_text(token("alice"))
    assert bob.wait(60) == UNAUTHORIZED  # there is no other one in his file
    wait_until(lambda: (expired(), sessions()) == (2, 1), "alice is back")
    assert chat(server.ws_url, "carol", "--to", "alice", "--send", "hello", "--token", token("carol")).returncode == OK
    assert json.loads(alice.stdout.readline())["payload"] == "hello" and alice.poll() is None


@pytest.mark.parametrize("flags", [["--send", "x"], ["--to", "b b"], ["--bogus"], ["--to", "bob", "--timeout", "soon"], []])
def test_usage(chat, flags):
    outcome = chat("ws://127.0.0.1:1", "alice", *flags)
    assert outcome.returncode == USAGE and outcome.stdout == b"" and len(outcome.stderr.splitlines()) == 1, outcome


def test_help_says_what_the_exit_codes_mean(bin_dir):
    outcome = subprocess.run([bin_dir / "simplechat", "chat", "--help"], capture_output=True, text=True, timeout=30)
    assert outcome.returncode == OK and "Exit codes:" in outcome.stdout and "--timeout" in outcome.stdout


def test_a_servers_environment_may_hold_the_clients_token(bin_dir):
    outcome = subprocess.run([bin_dir / "simplechat", "check-config"], capture_output=True, timeout=30,
                             env={**os.environ, "SIMPLECHAT_TOKEN": "x"})
    assert outcome.returncode == OK, outcome


# --- TLS, by a proxy ---

def pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tls(single, tmp_path):
    """The port of a proxy with a certificate for localhost, and that certificate's file."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):  # until the listener is closed
            while True:
                raw, _ = listener.accept()
                try:
                    client = context.wrap_socket(raw, server_side=True)
                except OSError:  # it did not like the certificate
                    continue
                server = socket.create_connection(("127.0.0.1", single.ws_port))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1], certificate
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_wss_verifies_the_certificate(single, chat, tls):
    port, certificate = tls
    alice, bob = unique("alice"), unique("bob")
    trusted = chat(f"wss://localhost:{port}/ws", alice, "--to", bob, "--send", "over TLS", "--ca-file", certificate)
    assert trusted.returncode == OK, trusted
    assert payloads(rest.sync_all(single.url, bob)) == ["over TLS"]
    unknown = chat(f"wss://localhost:{port}/", alice, "--to", bob, "--send", "x")
    other_name = chat(f"wss://127.0.0.1:{port}/", alice, "--to", bob, "--send", "x", "--ca-file", certificate)
    no_file = chat(f"wss://localhost:{port}/", alice, "--to", bob, "--send", "x", "--ca-file", "/no/such/file")
    for refused in (unknown, other_name, no_file):
        assert refused.returncode == FAILED and len(refused.stderr.splitlines()) == 1 and b"certificate" in refused.stderr, refused
    assert payloads(rest.sync_all(single.url, bob)) == ["over TLS"]


# --- faults ---

def test_kill_9_during_a_stream_loses_and_doubles_nothing(another_single, start_chat, chat):
    server = another_single().start_ready()
    alice, bob = unique("alice"), unique("bob")
    follower = start_chat(server.ws_url, bob, "--follow", bufsize=0)
    say_until_heard(chat, server.ws_url, alice, bob, follower.stdout)
    writer = start_chat(server.ws_url, alice, "--to", bob, stdin=subprocess.PIPE, bufsize=0)
    texts = [str(number) for number in range(1500)]
    for number, text in enumerate(texts):
        writer.stdin.write(text.encode() + b"\n")
        if number in (400, 900):
            server.kill()
            server.start_ready()
        time.sleep(0.0005)
    writer.stdin.close()
    writer.stdin = None
    assert writer.wait(60) == OK, writer.stderr.read()
    stored = sorted(rest.sync_all(server.url, bob), key=lambda message: message["at"])
    assert [text for text in payloads(stored) if text.isdigit()] == texts
    heard = messages_of(read_lines(follower.stdout, len(texts), 60))
    assert payloads(heard) == texts
    assert not select.select([follower.stdout], [], [], 3)[0], "a message was printed twice"


def test_a_gateway_of_a_cluster_is_killed_during_a_stream(cluster, another_gateway, start_chat, chat):
    gateway = another_gateway()
    alice, bob = unique("alice"), unique("bob")
    follower = start_chat(gateway.ws_url, bob, "--to", alice, "--follow", bufsize=0)
    say_until_heard(chat, cluster.gateways[0].ws_url, alice, bob, follower.stdout)
    writer = start_chat(gateway.ws_url, alice, "--url", cluster.gateways[1].ws_url, "--to", bob, stdin=subprocess.PIPE, bufsize=0)
    texts = [str(number) for number in range(600)]
    for number, text in enumerate(texts):
        writer.stdin.write(text.encode() + b"\n")
        if number == 300:
            gateway.kill()
        time.sleep(0.001)
    writer.stdin.close()
    writer.stdin = None
    assert writer.wait(60) == OK, writer.stderr.read()  # it went on at the other gateway
    gateway.start_ready()
    heard: list[dict] = []
    while len(heard) < len(texts):
        heard += messages_of(read_lines(follower.stdout, 1, 60))
    assert sorted(payloads(heard), key=int) == texts
    assert not select.select([follower.stdout], [], [], 3)[0], "a message was printed twice"


def test_sigterm_of_the_server_is_ridden_out(another_single, start_chat):
    server = another_single().start_ready()
    alice, bob = unique("alice"), unique("bob")
    writer = start_chat(server.ws_url, alice, "--to", bob, stdin=subprocess.PIPE, bufsize=0)
    texts = [str(number) for number in range(300)]
    for number, text in enumerate(texts):
        writer.stdin.write(text.encode() + b"\n")
        if number == 150:
            server.signal(signal.SIGTERM)
        time.sleep(0.001)
    assert server.child.wait(30) == 0
    server.start_ready()
    writer.stdin.close()
    writer.stdin = None
    assert writer.wait(60) == OK, writer.stderr.read()
    assert sorted(payloads(rest.sync_all(server.url, bob)), key=int) == texts


# --- a person ---

@pytest.fixture
def terminal(bin_dir):
    opened = []

    def open_terminal(url: str, me: str, *flags) -> Terminal:
        opened.append(Terminal([bin_dir / "simplechat", "chat", "--url", url, "--me", me, *flags]))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def test_two_people_talk(deployment, terminal):
    alice, bob = unique("alice"), unique("bob")
    of_alice = terminal(deployment.near.ws_url, alice, "--to", bob)
    of_bob = terminal(deployment.far.ws_url, bob, "--to", alice)
    of_alice.expect(f"no messages with {bob} yet")
    of_bob.expect(f"no messages with {alice} yet")
    of_alice.type("hello")
    of_bob.expect(f"{alice} is writing")
    of_alice.type(" 漢字 ✓\r")
    of_bob.expect("hello 漢字 ✓\r\n")
    of_alice.expect(f"{alice}:\x1b[0m hello 漢字 ✓\r\n")
    of_alice.expect(f"read by {bob}")
    of_bob.type("and hello\x7f\x7f\x7f\x7f\x7fyou\r")
    of_alice.expect("and you\r\n")
    of_alice.type("/quit\r")
    of_bob.type("\x04")
    assert of_alice.wait() == OK and of_bob.wait() == OK
    back = terminal(deployment.far.ws_url, alice, "--to", bob, "--history", "1")
    back.expect("and you\r\n")
    assert "漢字".encode() not in back.seen
    back.type("/history\r")
    back.expect("hello 漢字 ✓\r\n")
    back.type("\x03")
    assert back.wait() == OK


def test_no_escape_sequence_of_others_reaches_the_terminal(single, chat, terminal):
    alice, mallory = unique("alice"), unique("mallory")
    person = terminal(single.ws_url, alice, "--to", mallory)
    person.expect("no messages with")
    person.type("a line that is being written")
    evil = "\x1b]0;title\x07\x1b[2J\x1b[31m\x9b5n\x00\x08\x7f‮reversed\r\n23:59 bob: a fake\nlast"
    assert chat(single.ws_url, mallory, "--to", alice, "--json", stdin=json.dumps({"payload": evil})).returncode == OK
    person.expect("last\r\n")
    person.expect("a line that is being written")  # it was drawn again below
    for raw in (b"\x1b]", b"\x1b[2J\x1b[31m", b"\x1b[31m", b"\x07", b"\xc2\x9b", b"\x00", b"\x08", b"\x7f", "‮".encode()):
        assert raw not in person.seen, (raw, person.seen)
    for shown in (b"\\x1b]0;title\\x07\\x1b[2J\\x1b[31m\\x9b5n\\x00\\x08\\x7f\\u{202e}reversed", "┆ ".encode() + b"\x1b[0m23:59 bob: a fake"):
        assert shown in person.seen, (shown, person.seen)


def test_a_person_rides_out_a_restart(another_single, terminal, chat):
    server = another_single().start_ready()
    alice, bob = unique("alice"), unique("bob")
    person = terminal(server.ws_url, alice, "--to", bob)
    person.expect("no messages with")
    server.kill()
    person.expect("offline, trying again")
    person.type("written meanwhile\r")
    person.expect("… written meanwhile")
    server.start_ready()
    person.expect(f"{alice}:\x1b[0m written meanwhile\r\n", 60)
    person.expect("sent")
    assert payloads(rest.sync_all(server.url, bob)) == ["written meanwhile"]
    server.kill()
    person.expect("offline, trying again")
    person.type("never sent\r\x04")
    person.expect("waiting for 1 message")
    person.type("\x03")
    person.expect("1 message not acknowledged")
    assert person.wait() == NOT_ACKED


def test_the_terminal_is_given_back_as_it_was(single, terminal):
    person = terminal(single.ws_url, unique("alice"))
    local_modes = termios.ICANON | termios.ECHO | termios.ISIG
    person.expect("begins a conversation")
    assert termios.tcgetattr(person.descriptor)[3] & local_modes == 0
    person.type("to nobody\r")
    person.expect("to whom?")
    person.type("/help\r")
    person.expect("/quit")
    os.kill(person.pid, signal.SIGTERM)
    person.expect("\x1b[?2004l")
    assert person.wait() == OK
    assert termios.tcgetattr(person.descriptor)[3] & local_modes == local_modes


def test_unauthorized_at_a_terminal(another_single, terminal):
    server = another_single("--auth", "jwt", "--jwt-secret", SECRET).start_ready()
    person = terminal(server.ws_url, "alice", "--to", "bob", "--token", "nonsense")
    person.expect("unauthorized")
    assert person.wait() == UNAUTHORIZED
