# The one way to make a test program: labels say its price.
# What `./run verify` builds alone: the programs that have threads to race.
add_custom_target(pgclient_threads_tests)

# GoogleTest's header takes a third of the time that a test file takes to compile, so it is parsed once for all of them.
# ccache takes part with CCACHE_SLOPPINESS=pch_defines,time_macros, which ./run sets.
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp CONTENT "")
add_library(pgclient_test_headers OBJECT ${CMAKE_CURRENT_BINARY_DIR}/test_headers.cpp)
target_link_libraries(pgclient_test_headers PRIVATE pgclient_flags GTest::gtest_main)
target_compile_options(pgclient_test_headers PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
target_precompile_headers(pgclient_test_headers PRIVATE <gtest/gtest.h>)

# Compiled once, and linked into each program.
if(PGCLIENT_COVERAGE)
  add_library(pgclient_coverage_of_children OBJECT ${PROJECT_SOURCE_DIR}/tests/coverage_of_children.cpp)
  target_link_libraries(pgclient_coverage_of_children PRIVATE pgclient_flags)
endif()

# pgclient_test(<name> SOURCES … [LIBRARIES target…] [DB | CONFORMANCE] [THREADS] [TIMEOUT seconds])
#
# A program is a test, which writes its cases to reports/<name>.xml: a process for each case would take longer to start
# than to run, under a sanitizer by far. Without DB or CONFORMANCE it needs no server and is labelled `unit`; with one of
# them it starts one server and runs all its cases on it, and is labelled `db` or `conformance`. THREADS adds the label
# `threads`: it runs under ThreadSanitizer as well.
function(pgclient_test name)
  cmake_parse_arguments(arg "DB;CONFORMANCE;THREADS" "TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pgclient_test(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE pgclient_flags ${arg_LIBRARIES} GTest::gtest_main)
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
  target_precompile_headers(${name} REUSE_FROM pgclient_test_headers)
  if(PGCLIENT_COVERAGE)
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:pgclient_coverage_of_children>)
    target_link_options(${name} PRIVATE LINKER:--wrap=_exit,--wrap=execvpe,--wrap=setuid)
  endif()

  set(labels unit)
  set(timeout 300)
  if(arg_CONFORMANCE)
    set(labels conformance)
    set(timeout 600)
  elseif(arg_DB)
    set(labels db)
    set(timeout 600)
  endif()
  if(arg_THREADS)
    list(APPEND labels threads)
    add_dependencies(pgclient_threads_tests ${name})
  endif()
  if(arg_TIMEOUT)
    set(timeout ${arg_TIMEOUT})
  endif()

  if((arg_DB OR arg_CONFORMANCE) AND TARGET pgclient::libpq)
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/no_fallback.cpp)
    target_link_libraries(${name} PRIVATE pgclient::libpq PostgreSQL::PostgreSQL)
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_output=xml:${PROJECT_BINARY_DIR}/reports/${name}.xml)
  # Those that take longest begin first.
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout} COST ${timeout})
endfunction()

# pgclient_with_newer_libpq(<name> <program> [variable=value…])
#
# The program once more with the libpq of newer majors, which cancels encrypted and speaks a newer protocol: built with the
# headers of 15 all the same. The cases that its own test leaves out are left out here too. Not under a sanitizer: what is
# loaded was built without it.
function(pgclient_with_newer_libpq name program)
  if(PGCLIENT_SANITIZE OR NOT TARGET ${program})
    return()
  endif()
  get_property(changes TEST ${program} PROPERTY ENVIRONMENT_MODIFICATION)
  get_property(serial TEST ${program} PROPERTY RUN_SERIAL)
  get_property(timeout TEST ${program} PROPERTY TIMEOUT)
  foreach(major 17 18)
    set(test ${name}_with_libpq_${major})
    add_test(NAME ${test} COMMAND ${CMAKE_COMMAND}
      -DMAJOR=${major} -DPROGRAM=$<TARGET_FILE:${program}>
      -DREPORT=${PROJECT_BINARY_DIR}/reports/${test}.xml
      -P ${PROJECT_SOURCE_DIR}/cmake/run_with_libpq.cmake)
    set_tests_properties(${test} PROPERTIES LABELS libpq17 TIMEOUT ${timeout} SKIP_REGULAR_EXPRESSION "SKIPPED: "
      ENVIRONMENT "${ARGN}" ENVIRONMENT_MODIFICATION "${changes}" RUN_SERIAL "${serial}")
  endforeach()
endfunction()
