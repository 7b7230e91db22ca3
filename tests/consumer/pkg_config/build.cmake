# A stranger's build without CMake: the compiler with the flags that pkg-config gives, then the program itself.
# cmake -D PREFIX=… -D COMPILER=… -D LIBDIR=… -D OUTPUT=… -P build.cmake
set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
execute_process(COMMAND pkg-config --cflags --libs pgclient
  OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${COMPILER} -std=c++20 ${CMAKE_CURRENT_LIST_DIR}/../main.cpp -o ${OUTPUT} ${flags}
  COMMAND_ERROR_IS_FATAL ANY)
set(ENV{LD_LIBRARY_PATH} ${PREFIX}/${LIBDIR})
execute_process(COMMAND ${OUTPUT} COMMAND_ERROR_IS_FATAL ANY)
