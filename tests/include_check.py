#!/usr/bin/env python3
"""Holds every #include of src/ against the dependency table of ARCHITECTURE.md, and names what breaks it."""

import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"

# Room -> the rooms that it may include. Each may include itself.
ALLOWED = {
    "chat": set(),
    "wire": {"chat"},
    "websocket": set(),
    "runtime": set(),
    "sv_websocket": {"chat", "wire", "websocket", "runtime"},
    "sv_discover": {"chat", "wire", "runtime"},
    "sv_persist": {"chat", "wire", "runtime"},
    "adapters": {"chat", "wire", "runtime"},
    # A client shares words and bytes with the server, nothing of how a server runs.
    "chat_client": {"chat", "wire", "websocket"},
    # The operator's tool knows the admin APIs by their JSON only.
    "ctl": {"runtime"},
    "apps": {"ctl", "chat", "wire", "websocket", "runtime", "sv_websocket", "sv_discover", "sv_persist", "adapters", "chat_client"},
}
# `chat` is the standard library and awaitable; `websocket` the standard library and, in one file, a hash function.
ALLOWED_SYSTEM = {"chat": {"boost/asio/awaitable.hpp"}, "websocket": {"openssl/evp.h"}}
# Room -> the files that may name Asio, Beast, OpenSSL or the system's headers. The rest of the room is sans I/O, so that it can be
# tested without a socket or a terminal.
IO_FILES = {"chat_client": {"chat_program", "standard_streams", "terminal_mode", "websocket_link"}, "ctl": {"ctl_program"}}
IO_HEADERS = re.compile(r"boost/|openssl/|sys/|(unistd|poll|termios|fcntl|signal|csignal|fstream|iostream|thread)(\.h)?$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def complaints(path: pathlib.Path) -> list[str]:
    room, *inner = path.relative_to(SRC).parts
    is_test = path.stem.endswith(("_test", "_bench", "_fuzz")) or path.stem.startswith("test_") or "contract" in inner
    found = []
    for bracket, target in INCLUDE.findall(path.read_text()):
        first = target.split("/")[0]
        if bracket == '"':
            if first not in ALLOWED:
                found.append(f'includes "{target}": name it from src/, with its room')
            elif first != room and first not in ALLOWED[room] and not is_test:
                found.append(f'includes "{target}": {room} may not know {first}')
            elif room == "adapters" and first == "adapters" and not is_test and target.split("/")[1] != inner[0]:
                found.append(f'includes "{target}": adapters do not know each other')
        elif room in IO_FILES and path.stem not in IO_FILES[room] and IO_HEADERS.match(target) and not is_test:
            found.append(f"includes <{target}>: this part of {room} does no I/O")
        elif room in ALLOWED_SYSTEM and ("/" in target and not target.startswith("sys/")) and not is_test:
            if target not in ALLOWED_SYSTEM[room]:
                found.append(f"includes <{target}>: {room} stays free of libraries")
    return found


def main() -> int:
    bad = 0
    files = sorted([*SRC.rglob("*.h"), *SRC.rglob("*.cc")])
    for path in files:
        for complaint in complaints(path):
            print(f"{path.relative_to(SRC.parent)}: {complaint}")
            bad += 1
    print(f"include check: {len(files)} files, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
