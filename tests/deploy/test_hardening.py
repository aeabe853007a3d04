"""The programs have what compiler and linker give against the use of memory errors: cmake/Toolchain.cmake says what each costs."""

import re
import subprocess

import pytest

PROGRAMS = ["simplechat", "sv-websocket", "sv-discover", "sv-persist"]


@pytest.fixture(scope="module", params=PROGRAMS)
def elf(request, bin_dir) -> str:
    return subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", "--dyn-syms", bin_dir / request.param],
                          check=True, capture_output=True, text=True).stdout


def test_it_lies_at_another_address_each_time(elf):
    assert re.search(r"^ +Type: +DYN ", elf, re.MULTILINE) and re.search(r"\(FLAGS_1\) .*\bPIE\b", elf)
    assert "(TEXTREL)" not in elf


def test_no_memory_is_writable_and_executable(elf):
    segments = re.findall(r"^ +(\w+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ (.{3}) \S+$", elf, re.MULTILINE)
    assert ("GNU_STACK", "RW ") in segments and [flags for name, flags in segments if name == "LOAD"], segments
    assert not [segment for segment in segments if "W" in segment[1] and "E" in segment[1]]


def test_its_tables_of_functions_are_read_only(elf):
    assert re.search(r"^ +GNU_RELRO ", elf, re.MULTILINE) and re.search(r"\(FLAGS\) .*\bBIND_NOW\b", elf)


def test_it_looks_for_libraries_only_where_the_system_has_them(elf):
    assert "(RPATH)" not in elf and "(RUNPATH)" not in elf


@pytest.mark.parametrize("symbol", [r"__stack_chk_fail", r"__\w+_chk"], ids=["the stack's canaries", "the sizes of buffers"])
def test_its_code_checks(elf, symbol):
    assert re.search(rf" UND {symbol}(@|$)", elf, re.MULTILINE)
