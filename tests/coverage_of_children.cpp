// Linked into the test programs of a coverage build: what a child process ran counts too.
//
// gcc writes the counters at exit(). A child of fork() ends by _exit() or becomes another program by execvpe(), so both
// are wrapped (by the linker's --wrap) to write them first. So is setuid(): only the account that built the program may
// write into its folder.
#include <unistd.h>

extern "C" {

// The names are the linker's: __wrap_x takes the calls of x, __real_x is x.
void __gcov_dump(void);
void __gcov_reset(void);
[[noreturn]] void __real__exit(int status);
int __real_execvpe(const char* file, char* const* arguments, char* const* environment);
int __real_setuid(uid_t account);
}

namespace {

const uid_t writer = ::geteuid();

/// Without the reset there would be no second time: a child that could not become its program goes on.
void write_counters() {
    if (::geteuid() != writer) return;
    __gcov_dump();
    __gcov_reset();
}

}  // namespace

extern "C" {

[[noreturn]] void __wrap__exit(int status) {
    write_counters();
    __real__exit(status);
}

int __wrap_execvpe(const char* file, char* const* arguments, char* const* environment) {
    write_counters();
    return __real_execvpe(file, arguments, environment);
}

int __wrap_setuid(uid_t account) {
    write_counters();
    return __real_setuid(account);
}
}
