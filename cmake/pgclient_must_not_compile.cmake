# Tests that wrong use of the library does not compile, and that the compiler says why.

# pgclient_must_not_compile(<file.cpp>)
#
# The file holds right use, which must compile, and wrong uses one by one:
#
#   #if CASE == 1  // refuses: a regular expression that the compiler's words match
#   …
#   #endif
#
# Each case is a test, case 0 (none of them) too.
function(pgclient_must_not_compile file)
  get_filename_component(name ${file} NAME_WE)
  set(path ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  file(STRINGS ${path} conditions REGEX "^#if CASE == [0-9]+")
  list(TRANSFORM conditions REPLACE "^#if CASE == ([0-9]+).*" "\\1" OUTPUT_VARIABLE cases)
  if(NOT cases)
    message(FATAL_ERROR "${path} has no line '#if CASE == 1  // refuses: …'")
  endif()
  foreach(case 0 ${cases})
    set(test must_not_compile.${name}.${case})
    add_test(NAME ${test} COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tests/must_not_compile/compile_case.py
      ${path} ${case} ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only -I ${PROJECT_SOURCE_DIR}/include)
    set_tests_properties(${test} PROPERTIES LABELS must_not_compile TIMEOUT 120)
  endforeach()
endfunction()
