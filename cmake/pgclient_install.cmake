# Install, export and package: find_package(pgclient), pkg-config, CPack.
option(PGCLIENT_INSTALL "Make the rules of `cmake --install`" ${PROJECT_IS_TOP_LEVEL})
if(NOT PGCLIENT_INSTALL)
  return()
endif()

get_property(components GLOBAL PROPERTY PGCLIENT_BUILT_COMPONENTS)
list(TRANSFORM components PREPEND pgclient_ OUTPUT_VARIABLE libraries)
string(JOIN " " component_names ${components})
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/pgclient)

# --- libraries and headers, and the targets of find_package
install(TARGETS ${libraries} pgclient EXPORT pgclientTargets FILE_SET HEADERS)
install(EXPORT pgclientTargets NAMESPACE pgclient:: DESTINATION ${package_folder})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

include(CMakePackageConfigHelpers)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/pgclientConfig.cmake.in
  ${PROJECT_BINARY_DIR}/pgclientConfig.cmake INSTALL_DESTINATION ${package_folder})
# Until 1.0 a minor release may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pgclientConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pgclientConfig.cmake ${PROJECT_BINARY_DIR}/pgclientConfigVersion.cmake
  DESTINATION ${package_folder})

# --- pkg-config: paths relative to the file, so that the prefix can be moved
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix "${pc_prefix}")
set(pc_libraries)
foreach(component IN LISTS components)
  string(PREPEND pc_libraries " -lpgclient_${component}")
endforeach()
if(BUILD_SHARED_LIBS)
  set(pc_libpq "Requires.private: libpq")
  set(pc_definition " -DPGCLIENT_SHARED")
else()
  set(pc_libpq "Requires: libpq")
  set(pc_definition)
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/pgclient.pc.in ${PROJECT_BINARY_DIR}/pgclient.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pgclient.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# --- packages: `cpack` in the build folder makes a .deb and a .tar.gz
if(PROJECT_IS_TOP_LEVEL)
  set(CPACK_GENERATOR DEB TGZ)
  set(CPACK_PACKAGE_NAME libpgclient-dev)
  set(CPACK_PACKAGE_VENDOR "the pgclient authors")
  set(CPACK_PACKAGE_CONTACT "the pgclient authors <pgclient@invalid>")
  set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
  set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
  set(CPACK_VERBATIM_VARIABLES ON)
  set(CPACK_STRIP_FILES OFF)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_DEPENDS "libpq-dev (>= 14)")
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ${BUILD_SHARED_LIBS})  # there is nothing to look up in an archive
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/src ${PROJECT_BINARY_DIR}/providers)
  include(CPack)
endif()
