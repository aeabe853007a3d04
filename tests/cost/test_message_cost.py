"""What a message costs a gateway must not grow unnoticed. Counted, not timed: the same on every machine, but for the libraries' choice of
vector instructions. A change that makes it cheaper lowers the bounds."""

import os
import pathlib
import re
import subprocess

BIN = pathlib.Path(os.environ["SIMPLECHAT_BIN"])

# Counted at commit e994d2f: 0.25 and 10 250.
ALLOCATIONS_MAX = 0.4  # some for each batch, none for each message
INSTRUCTIONS_MAX = 12_500  # user space only


def allocations_per_message(messages: int) -> float:
    output = subprocess.run([BIN / "message_cost", str(messages)], check=True, capture_output=True, text=True, timeout=120).stdout
    return float(output)


def instructions(program: pathlib.Path, out: pathlib.Path, messages: int) -> int:
    report = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, str(messages)], check=True,
                            capture_output=True, text=True, timeout=240).stderr
    return int(re.search(r"Collected : (\d+)", report)[1])


def test_allocations_per_message():
    assert allocations_per_message(20_000) <= ALLOCATIONS_MAX


def test_instructions_per_message(tmp_path):
    program = tmp_path / "message_cost"
    # Debian's valgrind does not read this compiler's debug information.
    subprocess.run(["llvm-strip-19", "--strip-debug", "-o", program, BIN / "message_cost"], check=True)
    few, many = 1_000, 5_000
    per_message = (instructions(program, tmp_path / "many", many) - instructions(program, tmp_path / "few", few)) / (many - few)
    assert 1_000 < per_message <= INSTRUCTIONS_MAX
