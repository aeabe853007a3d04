"""What a run prints and leaves behind."""

import bisect
import collections
import json
import pathlib

from checker import FAILURES, Findings
from history import ClientRecord, History

COUNTS = ["sent", "repeated", "acked", "stored", "seen_live", "live_repeats", "seen_by_sync", "resyncs", "sessions", "replies", "in_time",
          "undecided", *FAILURES]


def longest_gap(times: list[float], begin: float, end: float) -> float:
    """Within [begin, end]."""
    within = [begin, *times[bisect.bisect_right(times, begin):bisect.bisect_left(times, end)], end]
    return max(after - before for before, after in zip(within, within[1:]))


def outages(history: History, acks: list[float], probes: list[ClientRecord]) -> dict[str, dict]:
    """By kind: how often it came, and the longest time without any ack, and without a message for one of the probes, from its
    beginning until the next fault's."""
    seen = [sorted(moment for moment, _ in probe.live.values()) for probe in probes]
    kinds = collections.defaultdict(lambda: {"count": 0, "seconds": 0.0, "no_ack_s": 0.0, "no_delivery_s": 0.0})
    ends = [fault.begin for fault in history.faults[1:]] + [history.closed]
    for fault, end in zip(history.faults, ends):
        entry = kinds[fault.kind]
        entry["count"] += 1
        entry["seconds"] = max(entry["seconds"], fault.end - fault.begin)
        entry["no_ack_s"] = max(entry["no_ack_s"], longest_gap(acks, fault.begin, end))
        entry["no_delivery_s"] = max(entry["no_delivery_s"], *(longest_gap(times, fault.begin, end) for times in seen))
    return dict(sorted(kinds.items()))


def relative(history: History, start: float, details):
    """Times of the run's clock as seconds since `start`, for reading beside the printed lines."""
    if isinstance(details, dict):
        return {name: relative(history, start, value) for name, value in details.items()}
    if isinstance(details, list | tuple):
        return [relative(history, start, value) for value in details]
    return round(details - start, 3) if isinstance(details, float) and details >= start else details


def faults_around(history: History, start: float, moment: float) -> list[str]:
    return [f"{fault.begin - start:.1f}..{fault.end - start:.1f} {fault.what}" for fault in history.faults
            if fault.begin < moment + 20 and fault.end > moment - 20]


def render(history: History, findings: Findings, kinds: dict[str, dict], start: float) -> str:
    lines = ["", f"{'fault':14}{'times':>6}{'longest s':>11}{'no ack s':>10}{'no delivery s':>15}"]
    for kind, entry in kinds.items():
        lines.append(f"{kind:14}{entry['count']:6}{entry['seconds']:11.1f}{entry['no_ack_s']:10.1f}{entry['no_delivery_s']:15.1f}")
    lines.append("")
    lines += [f"{name.replace('_', ' '):14}{findings.counts[name]:10}" for name in COUNTS]
    lines.append(f"\nthe test's own event loop was late by {history.worst_lag:.2f} s at most")
    for sort in FAILURES:
        for why, count in findings.reasons.get(sort, {}).items():
            lines.append(f"\n{sort}: {count} {why}; the first of them, in seconds since the start:")
            offenders = [offender for offender in findings.offenders[sort] if offender["why"] == why]
            lines += [f"  {relative(history, start, {name: value for name, value in details.items() if name != 'why'})}" for details in offenders]
            lines += [f"      {fault}" for fault in faults_around(history, start, offenders[0].get("first_sent", 0.0))]
    return "\n".join(lines)


def write(path: pathlib.Path, arguments: dict, history: History, findings: Findings, kinds: dict[str, dict], start: float) -> None:
    close_codes = sum((client.close_codes for client in history.clients), collections.Counter())
    path.write_text(json.dumps({
        "arguments": arguments, "counts": {name: findings.counts[name] for name in COUNTS}, "faults_by_kind": kinds,
        "close_codes": {str(code): count for code, count in close_codes.items()}, "worst_lag_s": history.worst_lag,
        "reasons": findings.reasons, "offenders": relative(history, start, findings.offenders),
        "faults": [{"kind": fault.kind, "what": fault.what, "begin": fault.begin - start, "end": fault.end - start}
                   for fault in history.faults],
    }, indent=1, default=str) + "\n")
