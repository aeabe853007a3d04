"""Settings of the running kernel that a scenario needs, put back when it ends, and a network of its own."""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import signal
import socket
import struct

SYSCTL = pathlib.Path("/proc/sys")

# A million connections, both ends on this machine. Numbers are raised, never lowered; what a kernel does not have is passed over.
MANY_CONNECTIONS = {
    "fs/file-max": 4_194_304,
    "net/core/netdev_max_backlog": 100_000,  # loopback drops packets beyond it, and a reconnecting crowd comes at once
    "net/core/somaxconn": 4096,
    "net/ipv4/tcp_max_syn_backlog": 8192,
    "net/ipv4/tcp_max_orphans": 1_048_576,  # a killed gateway leaves all its sockets as orphans for a moment
    "net/ipv4/tcp_max_tw_buckets": 1_048_576,
    "net/ipv4/tcp_child_ehash_entries": 4_194_304,  # of the table in which a network made by own_network() finds its sockets
}
# Else the scheduler gives each session of processes the same share of a core under load: a gateway as much as all load generators together,
# or as the whole database.
ONE_SHARE_PER_THREAD = {"kernel/sched_autogroup_enabled": 0}

CLONE_NEWNET = 0x40000000  # linux/sched.h
IFF_UP = 1  # linux/if.h
SIOCSIFFLAGS = 0x8914  # linux/sockios.h


@contextlib.contextmanager
def own_network():
    """This thread, and the processes that it starts, in a network namespace of their own with nothing but loopback.

    A kernel sizes its table of established sockets at boot (here 262 144 places), and every packet is looked up in it; a namespace may have a
    larger one. And a firewall that tracks connections, as container tools set up, looks up every packet of the machine's own namespace again. With a
    million connections the two took a fifth of all CPU time.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def must(result: int) -> None:
        if result != 0:
            raise OSError(ctypes.get_errno(), "a network namespace (needs root)")

    with open("/proc/thread-self/ns/net") as machines:
        must(libc.unshare(CLONE_NEWNET))
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                request = struct.pack("16sh22x", b"lo", IFF_UP)
                fcntl.ioctl(control, SIOCSIFFLAGS, request)
            yield
        finally:
            must(libc.setns(machines.fileno(), CLONE_NEWNET))


@contextlib.contextmanager
def adjusted(at_least: dict[str, int], exactly: dict[str, int]):
    """The settings at their values, those of `at_least` perhaps higher; they are put back also when the scenario fails or is ended by SIGTERM."""
    def interrupted(*_):
        raise KeyboardInterrupt

    before: dict[pathlib.Path, str] = {}
    handler = signal.signal(signal.SIGTERM, interrupted)
    try:
        for name, value in {**at_least, **exactly}.items():
            path = SYSCTL / name
            if not path.exists() or int(path.read_text()) == value or (name in at_least and int(path.read_text()) > value):
                continue
            before[path] = path.read_text()
            path.write_text(str(value))
        yield
    finally:
        for path, value in before.items():
            path.write_text(value)
        signal.signal(signal.SIGTERM, handler)
