# Compiler and linker settings that hold for every target of the project.

set(SIMPLECHAT_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
option(SIMPLECHAT_COVERAGE "Build with source-based coverage" OFF)
option(SIMPLECHAT_FUZZ "Build the libFuzzer targets" OFF)

set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
# Against the use of memory errors; clang makes programs position-independent by itself. tests/deploy/test_hardening.py looks at the programs.
# By tests/cost these cost 1.2 % of a message's instructions (10 565 without, 10 690 with them), nearly all of it the canaries. Left out:
# _GLIBCXX_ASSERTIONS, 2.7 % more (10 976); -fcf-protection, which takes effect in a process only if every library in it is marked, and Debian
# 12's are not.
string(APPEND CMAKE_CXX_FLAGS_RELEASE " -fstack-protector-strong -fstack-clash-protection -D_FORTIFY_SOURCE=3")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wimplicit-fallthrough -Wunused -Werror -fcolor-diagnostics)
add_link_options(-fuse-ld=lld -Wl,--as-needed -Wl,-z,relro,-z,now)  # no writable tables of functions at run time

if(SIMPLECHAT_SANITIZE)
  add_compile_options(-fsanitize=${SIMPLECHAT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SIMPLECHAT_SANITIZE})
endif()
if(SIMPLECHAT_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
if(SIMPLECHAT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # every room counts coverage, or the fuzzer is blind in it
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
