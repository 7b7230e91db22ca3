# Installs the build into a folder and moves that folder, so that nothing may depend on where it was.
# cmake -D BUILD=… -D PREFIX=… -P install.cmake
file(REMOVE_RECURSE ${PREFIX} ${PREFIX}.before)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX}.before
  OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${PREFIX}.before ${PREFIX})
