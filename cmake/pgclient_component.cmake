# The one way to make a component: a target pgclient::<name> with our warnings and visibility, and what
# pgclient_install.cmake installs.
include(components)

# Flags of our own code. Never PUBLIC: a user's warnings are the user's.
add_library(pgclient_flags INTERFACE)
target_compile_features(pgclient_flags INTERFACE cxx_std_20)
target_compile_options(pgclient_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual)
# GCC 12 sees overlaps in the concatenation of strings that cannot be (GCC PR 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(pgclient_flags INTERFACE -Wno-restrict)
endif()
if(PGCLIENT_WERROR)
  target_compile_options(pgclient_flags INTERFACE -Werror)
endif()

if(PGCLIENT_SANITIZE)
  add_compile_options(-fsanitize=${PGCLIENT_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PGCLIENT_SANITIZE})
  if(PGCLIENT_SANITIZE MATCHES undefined)
    # The check of vptrs reads memory through a pipe, and takes a process without free descriptors for a broken object.
    add_compile_options(-fno-sanitize-recover=undefined -fno-sanitize=vptr)
  endif()
endif()
if(PGCLIENT_COVERAGE)
  # With -pthread gcc counts atomically; to ask for it by -fprofile-update is unknown to ccache, which then does nothing.
  add_compile_options(--coverage -pthread)
  add_link_options(--coverage)
endif()
if(PGCLIENT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# All components without the tests: what a packager builds.
add_custom_target(pgclient_libraries)

# pgclient_component(<name> SOURCES … [DEPENDS component…] [PRIVATE target…])
#
# Its public headers are those that the table of floors gives it.
function(pgclient_component name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "pgclient_component(${name}): unknown argument ${arg_UNPARSED_ARGUMENTS}")
  endif()
  add_library(pgclient_${name} ${arg_SOURCES})
  add_library(pgclient::${name} ALIAS pgclient_${name})
  add_dependencies(pgclient_libraries pgclient_${name})

  list(TRANSFORM PGCLIENT_HEADERS_${name} PREPEND ${PROJECT_SOURCE_DIR}/include/pg/ OUTPUT_VARIABLE patterns)
  set(headers)
  if(patterns)
    file(GLOB headers CONFIGURE_DEPENDS ${patterns})
  endif()
  target_sources(pgclient_${name}
    PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/include FILES ${headers})
  target_include_directories(pgclient_${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)

  list(TRANSFORM arg_DEPENDS PREPEND pgclient::)
  target_link_libraries(pgclient_${name}
    PUBLIC ${arg_DEPENDS} PRIVATE $<BUILD_INTERFACE:pgclient_flags> ${arg_PRIVATE})
  target_compile_features(pgclient_${name} PUBLIC cxx_std_20)
  target_compile_definitions(pgclient_${name} PRIVATE PGCLIENT_BUILDING)
  if(BUILD_SHARED_LIBS)
    target_compile_definitions(pgclient_${name} PUBLIC PGCLIENT_SHARED)
  endif()
  # Until 1.0 a minor release may change the interface.
  set_target_properties(pgclient_${name} PROPERTIES
    EXPORT_NAME ${name} OUTPUT_NAME pgclient_${name}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    INSTALL_RPATH $ORIGIN  # the components lie side by side, and find each other there
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  set_property(GLOBAL APPEND PROPERTY PGCLIENT_BUILT_COMPONENTS ${name})
endfunction()
