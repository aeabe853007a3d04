"""websocket-echo: the gateway's transport and codec as WebSocket (RFC 6455), without the chat."""

import asyncio
import os
import random

import pytest
import websockets

from process import Process, answers, free_port
from raw_socket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, frame

MIB = 1024 * 1024
SIZES = [0, 1, 125, 126, 127, 65535, 65536, 65537, MIB, 16 * MIB]


@pytest.fixture(scope="module")
def echo(bin_dir, state_dir):
    port = free_port()
    process = Process("websocket-echo", [bin_dir / "websocket-echo", "--port", port], state_dir / "log")
    process.start()
    process.wait_ready(lambda: answers(port))
    yield f"ws://127.0.0.1:{port}/"
    assert process.stop() == 0


def connect(url: str):
    return websockets.connect(url, compression=None, max_size=None, ping_interval=None, open_timeout=20, close_timeout=20)


@pytest.mark.parametrize("size", SIZES)
def test_text_and_binary_of_every_size(echo, size):
    async def run():
        async with connect(echo) as socket:
            binary = os.urandom(size)
            await socket.send(binary)
            assert await socket.recv() == binary
            text = "aé€🙂"[:size] + "x" * (size - len("aé€🙂".encode())) if size >= 10 else "x" * size
            assert len(text.encode()) == size
            await socket.send(text)
            assert await socket.recv() == text
    asyncio.run(run())


def test_many_messages_pipelined(echo):
    async def run():
        async with connect(echo) as socket:
            generator = random.Random(1)
            sent = [generator.randbytes(generator.choice([0, 10, 1000, 100_000])) for _ in range(500)]
            async def send_all():
                for message in sent:
                    await socket.send(message)
            sending = asyncio.create_task(send_all())
            assert [await socket.recv() for _ in sent] == sent
            await sending
    asyncio.run(run())


def test_ping_is_answered_with_its_payload(echo):
    with RawSocket(echo) as raw:
        for payload in (b"", b"hello", bytes(range(125))):
            raw.send(frame(PING, payload))
            assert raw.receive() == (PONG, True, payload)
        raw.send(frame(PONG, b"unasked") + frame(TEXT, b"goes on"))
        assert raw.receive() == (TEXT, True, b"goes on")


def test_fragments_with_a_ping_between_them(echo):
    with RawSocket(echo) as raw:
        text = "fragmentiert: aé€🙂".encode()
        pieces = [text[i:i + 1] for i in range(len(text))]  # characters are cut, too
        data = frame(TEXT, pieces[0], fin=False)
        for piece in pieces[1:]:
            data += frame(PING, piece) + frame(CONTINUATION, piece, fin=False)
        for byte in data:  # and every frame is, on its way
            raw.send(bytes([byte]))
        raw.send(frame(CONTINUATION))
        assert [raw.receive() for _ in pieces[1:]] == [(PONG, True, piece) for piece in pieces[1:]]
        message = b""
        while True:
            _, fin, payload = raw.receive()
            message += payload
            if fin:
                break
        assert message == text


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_a_close_is_answered_with_its_code(echo, code):
    async def run():
        async with connect(echo) as socket:
            await socket.close(code, "bye")
            assert socket.close_code == code
    asyncio.run(run())


def test_a_close_without_a_code(echo):
    with RawSocket(echo) as raw:
        raw.send(frame(CLOSE))
        opcode, _, payload = raw.receive()
        assert (opcode, payload) in [(CLOSE, b""), (CLOSE, (1000).to_bytes(2, "big"))]
        with pytest.raises(EOFError):
            raw.receive()


VIOLATIONS = {
    "not masked": (frame(TEXT, b"x", masked=False), 1002),
    "reserved bit": (frame(TEXT, b"x", reserved=4), 1002),
    "reserved opcode 3": (frame(3, b"x"), 1002),
    "reserved opcode 11": (frame(11), 1002),
    "fragmented ping": (frame(PING, b"x", fin=False), 1002),
    "long ping": (frame(PING, b"x" * 126), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "text within a fragmented text": (frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
    "close of one byte": (frame(CLOSE, b"x"), 1002),
    "close code 999": (frame(CLOSE, (999).to_bytes(2, "big")), 1002),
    "close code 1005": (frame(CLOSE, (1005).to_bytes(2, "big")), 1002),
    "close code 5000": (frame(CLOSE, (5000).to_bytes(2, "big")), 1002),
    "close reason not UTF-8": (frame(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    "text not UTF-8": (frame(TEXT, b"ok \xc3\x28"), 1007),
    "surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
    "overlong": (frame(TEXT, b"\xc0\xaf"), 1007),
    "beyond U+10FFFF": (frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "cut character at the end": (frame(TEXT, b"x", fin=False) + frame(CONTINUATION, "€".encode()[:2]), 1007),
    "not UTF-8 before the end": (frame(TEXT, b"\xff", fin=False), 1007),
    "length of 2^63": (bytes([0x82, 0xFF]) + b"\x80" + bytes(7) + bytes(4), 1002),
    "longer than allowed": (bytes([0x82, 0xFF]) + (18 * MIB).to_bytes(8, "big") + bytes(4), 1009),
    "fragments longer than allowed": (frame(BINARY, bytes(10 * MIB), fin=False) + frame(CONTINUATION, bytes(8 * MIB)), 1009),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violations_close_with_their_code(echo, name):
    data, code = VIOLATIONS[name]
    with RawSocket(echo) as raw:
        try:
            raw.send(data)
        except OSError:
            pass  # closed before all was sent; the code is still to be read
        assert raw.close_code() == code


def test_binary_of_any_bytes_is_not_taken_for_text(echo):
    with RawSocket(echo) as raw:
        raw.send(frame(BINARY, b"\xff\xfe\xc3\x28"))
        assert raw.receive() == (BINARY, True, b"\xff\xfe\xc3\x28")
