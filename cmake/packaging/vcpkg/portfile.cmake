# vcpkg port of pgclient: configures the tree that it lies in, and installs it. Not run, see ../README.md.
get_filename_component(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)

# The libpq of vcpkg looks for a server's socket where upstream's does.
vcpkg_cmake_configure(SOURCE_PATH ${SOURCE_PATH}
  OPTIONS -DPGCLIENT_BUILD_TESTS=OFF -DPGCLIENT_BUILD_BENCH=OFF -DPGCLIENT_BUILD_EXAMPLES=OFF -DPGCLIENT_INSTALL=ON
    -DPGCLIENT_SOCKET_DIR=/tmp)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/pgclient)
vcpkg_fixup_pkgconfig()
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include ${CURRENT_PACKAGES_DIR}/debug/share)
