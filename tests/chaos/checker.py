"""Holds a history against the contract. Pure."""

import bisect
import collections
import dataclasses

from history import NEVER, ClientRecord, FaultRecord, History, Message, Session, id_of, key_of_id, payload_of

TOLD_WITHIN_S = 10.0  # guarantee 3
OFFENDERS_MAX = 4  # kept with details, of each sort and reason
FAILURES = ("lost", "doubled", "altered", "missed", "reordered", "hidden", "unanswered", "broken", "crashed")


@dataclasses.dataclass
class Findings:
    counts: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    reasons: dict[str, collections.Counter] = dataclasses.field(default_factory=dict)  # by sort: how many for which reason
    offenders: dict[str, list[dict]] = dataclasses.field(default_factory=dict)

    def add(self, sort: str, why: str = "", **details) -> None:
        self.counts[sort] += 1
        reasons = self.reasons.setdefault(sort, collections.Counter())
        reasons[why] += 1
        if reasons[why] <= OFFENDERS_MAX:
            self.offenders.setdefault(sort, []).append({"why": why, **details})

    @property
    def failed(self) -> bool:
        return any(self.counts[sort] for sort in FAILURES)


class Deadlines:
    """Until when a message must have been seen or announced: the first moment by which there were ten seconds without a fault."""

    def __init__(self, faults: list[FaultRecord], allowed: float):
        self._allowed = allowed
        self._begins: list[float] = []
        self._ends: list[float] = []
        for fault in sorted(faults, key=lambda fault: fault.begin):
            if self._ends and fault.begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], fault.end)
            else:
                self._begins.append(fault.begin)
                self._ends.append(fault.end)

    def after(self, moment: float) -> float:
        index = bisect.bisect_right(self._ends, moment)
        while index < len(self._ends) and self._begins[index] < moment + self._allowed:
            moment = self._ends[index]
            index += 1
        return moment + self._allowed


def check(history: History) -> Findings:
    findings = Findings()
    stored = _check_store(history, findings)
    _check_replies(history, stored, findings)
    by_user = collections.defaultdict(list)
    for key, row in stored.items():
        for user in {row.sender, row.recipient}:
            by_user[user].append(key)
    deadlines = Deadlines(history.faults, TOLD_WITHIN_S + history.worst_lag)
    for client in history.clients:
        _check_sync(history, client, stored, by_user[client.user], findings)
        _check_times(history, client, stored, findings)
        _check_hidden(history, client, stored, by_user[client.user], deadlines, findings)
        for complaint in client.complaints:
            findings.add("broken", client=client.index, user=client.user, complaint=complaint)
    for crash in history.crashes:
        findings.add("crashed", process=crash)
    return findings


def _describe(history: History, key: int) -> dict:
    message = history.messages[key]
    return {"id": id_of(key), "from": message.sender, "to": message.recipient, "first_sent": message.first_sent,
            "attempts": message.attempts, "acked": message.acked}


def _check_store(history: History, findings: Findings) -> dict:
    """Exactly once what was acked, and nothing that nobody sent. Returns the rows by key."""
    stored = {}
    for row in history.stored:
        key = key_of_id(row.id)
        message = history.messages.get(key)
        if message is None or (message.sender, message.recipient) != (row.sender, row.recipient):
            findings.add("altered", row=(row.sender, row.recipient, row.id), why="nobody sent this")
        elif key in stored:
            findings.add("doubled", "in the store", **_describe(history, key))
        else:
            stored[key] = row
            if row.payload != payload_of(key):
                findings.add("altered", **_describe(history, key), why="another payload")
    counts = findings.counts
    counts["sent"], counts["stored"] = len(history.messages), len(history.stored)
    for key, message in history.messages.items():
        counts["repeated"] += message.attempts - 1 if message.attempts else 0
        if message.acked == NEVER:
            findings.add("unanswered", **_describe(history, key))
            continue
        counts["acked"] += 1
        if key not in stored:
            findings.add("lost", **_describe(history, key))
    return stored


def _place(stored: dict, key: int) -> tuple:
    row = stored[key]
    return row.at, row.sender, row.id


def _check_replies(history: History, stored: dict, findings: Findings) -> None:
    """A reply sorts after what it answers; unless that was sent more than once, for then its stored time may be of a later attempt."""
    for key, message in history.messages.items():
        answered = message.answers
        if answered is None or key not in stored or answered not in stored or history.messages[answered].attempts != 1:
            continue
        findings.counts["replies"] += 1
        if _place(stored, key) <= _place(stored, answered):
            findings.add("reordered", **_describe(history, key), why="a reply before what it answers", answers=id_of(answered),
                         at=stored[key].at, answered_at=stored[answered].at)


def _check_sync(history: History, client: ClientRecord, stored: dict, own: list[int], findings: Findings) -> None:
    for key in client.synced_twice:
        findings.add("doubled", "by sync", **_describe(history, key), client=client.index)
    for key in own:
        if key not in client.synced:
            findings.add("missed", **_describe(history, key), client=client.index, user=client.user)
    for key, (_, at) in client.synced.items():
        if key not in stored:
            findings.add("altered", **_describe(history, key), why="sync shows what the store does not hold", client=client.index)
        elif at != stored[key].at:
            findings.add("reordered", **_describe(history, key), why="sync shows another time than the store's", at=at,
                         stored_at=stored[key].at, client=client.index)


def _check_times(history: History, client: ClientRecord, stored: dict, findings: Findings) -> None:
    """Who sorts by what came live, or by the ack, must get the store's order. A repeat has a time of its own: left out."""
    for key, (_, at) in client.live.items():
        findings.counts["seen_live"] += 1
        if key in stored and history.messages[key].attempts == 1 and at != stored[key].at:
            findings.add("reordered", **_describe(history, key), why="another time live than stored", at=at,
                         stored_at=stored[key].at, client=client.index)
    findings.counts["live_repeats"] += client.live_repeats
    findings.counts["resyncs"] += len(client.resyncs)
    findings.counts["sessions"] += len(client.sessions)
    for key, (told, _) in client.synced.items():
        message = history.messages[key]
        if key >> 32 == client.index:
            if key in stored and message.attempts == 1 and message.acked != NEVER and message.ack_at != stored[key].at:
                findings.add("reordered", **_describe(history, key), why="another time acked than stored", at=message.ack_at,
                             stored_at=stored[key].at)
        elif told < client.live.get(key, (NEVER, 0))[0] and told < history.closed:
            findings.counts["seen_by_sync"] += 1


def _check_hidden(history: History, client: ClientRecord, stored: dict, own: list[int], deadlines: Deadlines, findings: Findings) -> None:
    """What others sent, against each session that was there after the ack and before the client had seen it."""
    ends = [min(session.end, history.closed) for session in client.sessions]
    for key in own:
        message = history.messages[key]
        if key >> 32 == client.index or message.acked == NEVER:
            continue
        seen = min(client.live.get(key, (NEVER, 0))[0], client.synced.get(key, (NEVER, 0))[0])
        verdict = "in_time"
        for index in range(bisect.bisect_right(ends, message.acked), len(ends)):
            session = client.sessions[index]
            begin = max(message.acked, session.begin)
            if begin >= seen:
                break
            deadline = deadlines.after(begin)
            if seen <= deadline:
                break
            if ends[index] > deadline:
                verdict = "hidden"
                resyncs = [moment for moment in client.resyncs if max(message.first_sent, session.begin) <= moment <= deadline]
                committed = stored[key].committed
                findings.add("hidden", _why_hidden(message, session, committed, resyncs), **_describe(history, key), client=client.index,
                             user=client.user, gateway=session.gateway, session_begin=session.begin, session_end=ends[index],
                             committed=committed, resyncs=resyncs, deadline=deadline, seen=seen)
                break
            verdict = "undecided"  # its connection ended before its time was up
        if verdict != "hidden":
            findings.counts[verdict] += 1


def _why_hidden(message: Message, session: Session, committed: float, resyncs: list[float]) -> str:
    """For whoever looks for the defect. `resyncs`: those in time."""
    if any(moment > committed for moment in resyncs):
        return "though a resync came after the commit"
    if resyncs:
        return "a resync came, but only before the commit"
    if session.begin <= message.first_sent:
        return "no resync; registered before it was sent"
    if session.begin <= message.acked:
        return "no resync; registered between its sending and its ack"
    return "no resync; registered between its ack and its commit" if session.begin < committed else "no resync; registered after its commit"
