# Each room (folder of src/) is one static library and one namespace.
#
#   simplechat_room(NAME SOURCES a.cc b.cc DEPENDS chat wire)   the room's library
#   simplechat_test(NAME SOURCES a_test.cc DEPENDS chat)        one GoogleTest program, registered with CTest
#   simplechat_app(NAME SOURCES main.cc DEPENDS ...)            a program in bin/
#   simplechat_fuzz(NAME SOURCES a_fuzz.cc DEPENDS ...)         a libFuzzer program; without SIMPLECHAT_FUZZ nothing
#   simplechat_bench(NAME SOURCES a_bench.cc DEPENDS ...)       a Google Benchmark program in bin/

function(simplechat_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
endfunction()

function(simplechat_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "${ARG_LABELS}")
endfunction()

function(simplechat_app name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
endfunction()

function(simplechat_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  simplechat_app(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS} benchmark::benchmark_main)
endfunction()

function(simplechat_fuzz name)
  if(NOT SIMPLECHAT_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  simplechat_app(${name} SOURCES ${ARG_SOURCES} DEPENDS ${ARG_DEPENDS})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY simplechat_fuzz_targets ${name})
endfunction()
