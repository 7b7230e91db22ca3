# Installs the build into a folder and moves that folder, so that nothing may depend on where it was.
# cmake -D BUILD=… -D PREFIX=… -D VERSION=… -P install.cmake
file(REMOVE_RECURSE ${PREFIX} ${PREFIX}.before)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}.before
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}.before ${PREFIX})

# Programs ask for a shared library by the versions that they can run with: until 1.0 those of one minor release.
string(REGEX MATCH "^[0-9]+\\.[0-9]+" compatible ${VERSION})
file(GLOB_RECURSE shared ${PREFIX}/libpgclient_*.so)
foreach(library IN LISTS shared)
  file(READ_SYMLINK ${library} name)
  if(NOT name MATCHES "\\.so\\.${compatible}$")
    message(FATAL_ERROR "${library} is ${name}, and not known by the version ${compatible}")
  endif()
endforeach()
