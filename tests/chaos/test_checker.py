"""The checker must count what it is there for. No servers."""

import pytest
from checker import FAILURES, TOLD_WITHIN_S, Deadlines, check
from history import NEVER, ClientRecord, FaultRecord, History, Message, Session, StoredRow, id_of, key_of, key_of_id, payload_of

ALICE, BOB = 0, 1


def at_of(moment: float) -> int:
    return int(moment * 1_000_000)


class Told(History):
    """alice and bob are online for 100 s; what goes well by default is spoilt by the tests."""

    def __init__(self):
        super().__init__(closed=100.0)
        self.clients = [ClientRecord(index, name, sessions=[Session(0.0)]) for index, name in enumerate(["alice", "bob"])]

    def say(self, sender: int, sequence: int, moment: float, answers: int | None = None) -> int:
        key = key_of(sender, sequence)
        names = [client.user for client in self.clients]
        self.messages[key] = Message(names[sender], names[1 - sender], moment, 1, moment + 0.1, at_of(moment), answers)
        self.stored.append(StoredRow(names[sender], names[1 - sender], id_of(key), at_of(moment), payload_of(key)))
        self.clients[1 - sender].live[key] = (moment + 0.1, at_of(moment))
        for client in self.clients:
            client.synced[key] = (101.0, at_of(moment))
        return key


@pytest.fixture
def told() -> Told:
    history = Told()
    first = history.say(ALICE, 1, 1.0)
    history.say(BOB, 1, 2.0, answers=first)
    history.say(ALICE, 2, 50.0)
    return history


def failures(history: History) -> dict[str, int]:
    counts = check(history).counts
    return {sort: counts[sort] for sort in FAILURES if counts[sort]}


LAST = key_of(ALICE, 2)


def test_ids():
    assert key_of_id(id_of(key_of(71, 12345))) == key_of(71, 12345)
    assert key_of_id("from elsewhere") is None and key_of_id("a-1") is None


def test_a_good_run_is_found_good(told):
    findings = check(told)
    assert not findings.failed, findings.offenders
    assert (findings.counts["sent"], findings.counts["acked"], findings.counts["stored"]) == (3, 3, 3)
    assert (findings.counts["seen_live"], findings.counts["replies"], findings.counts["in_time"]) == (3, 1, 3)


def test_lost(told):
    del told.stored[-1]
    for client in told.clients:
        del client.synced[LAST]
    assert failures(told) == {"lost": 1}


def test_not_acked_may_be_stored_or_not_but_is_answered_in_the_end(told):
    told.messages[LAST].acked = NEVER
    assert failures(told) == {"unanswered": 1}


def test_doubled_in_the_store(told):
    told.stored.append(told.stored[-1])
    assert failures(told) == {"doubled": 1}


def test_doubled_by_sync(told):
    told.clients[BOB].synced_twice.append(LAST)
    assert failures(told) == {"doubled": 1}


def test_altered(told):
    told.stored[-1].payload += "!"
    assert failures(told) == {"altered": 1}


def test_what_nobody_sent(told):
    told.stored.append(StoredRow("alice", "bob", "0-77", 1, "?"))
    assert failures(told) == {"altered": 1}


def test_missed_by_sync(told):
    del told.clients[BOB].synced[LAST]
    assert failures(told) == {"missed": 1}


def test_a_reply_before_what_it_answers(told):
    reply = key_of(BOB, 1)
    told.messages[reply].attempts = 2  # so that only the order of the store counts
    told.stored[1].at = at_of(0.5)
    for client in told.clients:
        client.synced[reply] = (101.0, at_of(0.5))
    assert failures(told) == {"reordered": 1}
    told.messages[key_of(ALICE, 1)].attempts = 2
    assert failures(told) == {}, "the stored one may be of a later attempt"


@pytest.mark.parametrize("seen_at", ["live", "synced"])
def test_another_time_than_the_stores(told, seen_at):
    getattr(told.clients[BOB], seen_at)[LAST] = (50.1, 7)
    assert failures(told) == {"reordered": 1}


def test_another_time_in_the_ack(told):
    told.messages[LAST].ack_at += 1
    assert failures(told) == {"reordered": 1}


def not_seen_live(told):
    del told.clients[BOB].live[LAST]


def test_hidden(told):
    not_seen_live(told)
    assert failures(told) == {"hidden": 1}


def test_told_in_time_by_a_resync(told):
    not_seen_live(told)
    told.clients[BOB].synced[LAST] = (50.0 + TOLD_WITHIN_S, at_of(50.0))
    assert failures(told) == {}


def test_told_too_late(told):
    not_seen_live(told)
    told.clients[BOB].synced[LAST] = (50.2 + TOLD_WITHIN_S, at_of(50.0))
    assert failures(told) == {"hidden": 1}


def test_the_time_counts_from_the_end_of_faults_until_there_was_peace(told):
    not_seen_live(told)
    told.clients[BOB].synced[LAST] = (76.0, at_of(50.0))
    told.faults = [FaultRecord("cut", "", 45.0, 58.0), FaultRecord("stall", "", 60.0, 66.5)]
    assert failures(told) == {}
    told.faults[1].begin = 68.5
    told.faults[1].end = 69.0
    told.clients[BOB].synced[LAST] = (80.0, at_of(50.0))
    assert failures(told) == {"hidden": 1}


def test_a_session_that_ended_before_its_time_was_up_decides_nothing(told):
    not_seen_live(told)
    told.clients[BOB].sessions = [Session(0.0, 59.0)]
    assert failures(told) == {}
    assert check(told).counts["undecided"] == 1


def test_hidden_from_a_later_session_whose_first_sync_came_before_the_commit(told):
    not_seen_live(told)
    told.clients[BOB].sessions = [Session(0.0, 49.0), Session(52.0)]
    assert failures(told) == {"hidden": 1}


def test_hidden_by_the_death_of_the_gateway_that_acked_it_within_another_fault(told):
    not_seen_live(told)
    told.faults = [FaultRecord("cut", "cut", 49.0, 50.5), FaultRecord("kill", "kill", 51.0, 51.5)]
    assert failures(told) == {"hidden": 1}


def test_deadlines_without_faults_and_with_faults_long_ago():
    deadlines = Deadlines([FaultRecord("cut", "", 1.0, 5.0)], 10.0)
    assert deadlines.after(3.0) == 15.0
    assert deadlines.after(5.0) == 15.0
    assert deadlines.after(20.0) == 30.0


def test_complaints_and_crashes_fail_the_run(told):
    told.clients[ALICE].complaints.append((1.0, "closed for good"))
    told.crashes.append(("sv-persist-1", -6))
    assert failures(told) == {"broken": 1, "crashed": 1}
