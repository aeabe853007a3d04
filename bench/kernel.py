"""Settings of the running kernel that a scenario needs, put back when it ends."""

import contextlib
import pathlib
import signal

SYSCTL = pathlib.Path("/proc/sys")

# A million connections, both ends on this machine. Numbers are raised, never lowered; what a kernel does not have is passed over.
MANY_CONNECTIONS = {
    "fs/file-max": 4_194_304,
    "net/core/netdev_max_backlog": 100_000,  # loopback drops packets beyond it, and a reconnecting crowd comes at once
    "net/core/somaxconn": 4096,
    "net/ipv4/tcp_max_syn_backlog": 8192,
    "net/ipv4/tcp_max_orphans": 1_048_576,  # a killed gateway leaves all its sockets as orphans for a moment
    "net/ipv4/tcp_max_tw_buckets": 1_048_576,
    "net/netfilter/nf_conntrack_max": 4_194_304,
}


@contextlib.contextmanager
def raised(settings: dict[str, int]):
    """The settings at their values or higher; they are put back also when the scenario fails or is ended by SIGTERM."""
    def interrupted(*_):
        raise KeyboardInterrupt

    before: dict[pathlib.Path, str] = {}
    handler = signal.signal(signal.SIGTERM, interrupted)
    try:
        for name, least in settings.items():
            path = SYSCTL / name
            if not path.exists() or int(path.read_text()) >= least:
                continue
            before[path] = path.read_text()
            path.write_text(str(least))
        yield
    finally:
        for path, value in before.items():
            path.write_text(value)
        signal.signal(signal.SIGTERM, handler)
