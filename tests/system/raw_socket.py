"""A WebSocket as bytes: frames that no library would send, and a peer that does not read (RFC 6455)."""

import base64
import os
import socket
import ssl
import struct
import urllib.parse

DEADLINE_S = 20.0

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


def handshake_request(url: str, **replaced) -> bytes:
    """A valid opening handshake, but for the headers replaced (None: left out; `_` stands for `-`)."""
    parts = urllib.parse.urlsplit(url)
    headers = {"Host": parts.netloc, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
    headers.update({name.replace("_", "-"): value for name, value in replaced.items()})
    lines = [f"GET {parts.path or '/'} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(opcode: int, payload: bytes = b"", fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    head = bytes([(0x80 if fin else 0) | reserved << 4 | opcode])
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    stream = mask * (len(payload) // 4 + 1)
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(stream[:len(payload)], "big")).to_bytes(len(payload), "big")


class RawSocket:
    """Connected and upgraded. `receive_buffer`: the kernel's, small for a peer that shall be slow."""

    def __init__(self, url: str, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(DEADLINE_S)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((parts.hostname, parts.port))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=parts.hostname)
        self._bytes = bytearray()
        self.socket.sendall(handshake_request(url))
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, self._bytes = self._bytes.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101 "), head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _more(self) -> None:
        received = self.socket.recv(1 << 16)
        if not received:
            raise EOFError
        self._bytes += received

    def _take(self, count: int) -> bytes:
        while len(self._bytes) < count:
            self._more()
        taken = bytes(self._bytes[:count])
        del self._bytes[:count]
        return taken

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, bool, bytes]:
        """Opcode, fin and payload of the next frame; EOFError at the connection's end."""
        first, second = self._take(2)
        assert second & 0x80 == 0, "a server's frames are not masked"
        size = second & 0x7F
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        return first & 0x0F, first & 0x80 != 0, self._take(size)

    def close_code(self) -> int:
        """Reads up to the close frame and returns its code (1005 if it has none); the server must end the connection then."""
        while True:
            opcode, _, payload = self.receive()
            if opcode == CLOSE:
                break
        code = struct.unpack("!H", payload[:2])[0] if payload else 1005
        try:
            self.send(frame(CLOSE, payload[:2]))
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass  # it was faster
        return code
