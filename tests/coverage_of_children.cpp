// Linked into the test programs of a coverage build: what a child process ran counts too.
//
// gcc writes the counters at exit(). A child of fork() ends by _exit() or becomes another program by execvpe(), so both
// are wrapped (by the linker's --wrap) to write them first.
#include <unistd.h>

extern "C" {

// The names are the linker's: __wrap_x takes the calls of x, __real_x is x.
void __gcov_dump(void);
[[noreturn]] void __real__exit(int status);
int __real_execvpe(const char* file, char* const* arguments, char* const* environment);

[[noreturn]] void __wrap__exit(int status) {
    __gcov_dump();
    __real__exit(status);
}

int __wrap_execvpe(const char* file, char* const* arguments, char* const* environment) {
    __gcov_dump();
    return __real_execvpe(file, arguments, environment);
}
}
