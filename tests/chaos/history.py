"""What a run of the fault test has observed: values only, so that the checker can be fed by hand.

Times are seconds of one monotonic clock; `at` is the contract's microseconds. A message is known by its key: who of the clients
sent it, and its number there.
"""

import collections
import dataclasses
import math

NEVER = math.inf
_SEQUENCE_BITS = 32


def key_of(client: int, sequence: int) -> int:
    return client << _SEQUENCE_BITS | sequence


def id_of(key: int) -> str:
    return f"{key >> _SEQUENCE_BITS}-{key & ((1 << _SEQUENCE_BITS) - 1)}"


def key_of_id(text: str) -> int | None:
    """None: not an id of ours."""
    client, dash, sequence = text.partition("-")
    return key_of(int(client), int(sequence)) if dash and client.isdecimal() and sequence.isdecimal() else None


def payload_of(key: int) -> str:
    """Follows from the key, so that nobody needs to keep it."""
    return f"{id_of(key)}: grüß dich ✓ " + "." * (key * 2654435761 % 300)


@dataclasses.dataclass(slots=True)
class Message:
    sender: str
    recipient: str
    first_sent: float
    attempts: int = 0  # how often it went out
    acked: float = NEVER
    ack_at: int = 0
    answers: int | None = None  # key of the message that this one is a reply to


@dataclasses.dataclass(slots=True)
class Session:
    """From `registered` until the client saw the connection end."""

    begin: float
    end: float = NEVER
    gateway: str = ""


@dataclasses.dataclass
class ClientRecord:
    """One client: one cursor chain, over all its sessions."""

    index: int
    user: str
    sessions: list[Session] = dataclasses.field(default_factory=list)
    live: dict[int, tuple[float, int]] = dataclasses.field(default_factory=dict)  # first seen live: when, at
    # Given by sync: when the client knew that it had to ask (the resync's arrival, else the page's), at.
    synced: dict[int, tuple[float, int]] = dataclasses.field(default_factory=dict)
    synced_twice: list[int] = dataclasses.field(default_factory=list)
    resyncs: list[float] = dataclasses.field(default_factory=list)
    live_repeats: int = 0
    close_codes: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    complaints: list[tuple] = dataclasses.field(default_factory=list)  # what the contract does not allow, with its time


@dataclasses.dataclass(slots=True)
class FaultRecord:
    kind: str
    what: str
    begin: float
    end: float = NEVER


@dataclasses.dataclass(slots=True)
class StoredRow:
    sender: str
    recipient: str
    id: str
    at: int
    payload: str
    committed: float = 0.0


@dataclasses.dataclass
class History:
    messages: dict[int, Message] = dataclasses.field(default_factory=dict)
    clients: list[ClientRecord] = dataclasses.field(default_factory=list)
    faults: list[FaultRecord] = dataclasses.field(default_factory=list)
    stored: list[StoredRow] = dataclasses.field(default_factory=list)
    crashes: list[tuple] = dataclasses.field(default_factory=list)  # processes that ended by themselves
    closed: float = NEVER  # until when sessions were left to live delivery; what came later was the final sync
    worst_lag: float = 0.0  # how late this test's own event loop ever was
