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
# Else the scheduler gives each session of processes the same share of a core under load: a gateway as much as all load generators together,
# or as the whole database.
ONE_SHARE_PER_THREAD = {"kernel/sched_autogroup_enabled": 0}


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
