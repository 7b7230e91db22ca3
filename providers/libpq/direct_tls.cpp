// Looking through libpq and the libraries that it brought along.
#include "providers/libpq/direct_tls.hpp"

#include <dlfcn.h>
#include <libpq-fe.h>

// Of the libraries that the executable was linked with; null where it has none.
extern "C" {
[[gnu::weak]] int SSL_read(void*, void*, int);
[[gnu::weak]] int SSL_peek(void*, void*, int);
[[gnu::weak]] int SSL_pending(const void*);
[[gnu::weak]] int SSL_write(void*, const void*, int);
[[gnu::weak]] int SSL_get_error(const void*, int);
[[gnu::weak]] void ERR_clear_error();
[[gnu::weak]] unsigned long ERR_get_error();
[[gnu::weak]] const char* ERR_reason_error_string(unsigned long);
}

namespace pg::libpq::direct {
namespace {

template <class Function>
void find(void* library, const char* name, Function& function) noexcept {
    function = reinterpret_cast<Function>(::dlsym(library, name));
}

TlsFunctions look_up() noexcept {
    TlsFunctions found;
    Dl_info place{};
    if (::dladdr(reinterpret_cast<void*>(&PQsslStruct), &place) == 0) return found;
    // Not loaded anew; none when libpq is part of the executable, which then was linked with what libpq calls. Looking
    // a symbol up in a library looks in those that it needs too, so this is the libssl that libpq calls, whatever else
    // the process has.
    void* library = ::dlopen(place.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr)
        return {.read = &SSL_read,
                .peek = &SSL_peek,
                .pending = &SSL_pending,
                .write = &SSL_write,
                .get_error = &SSL_get_error,
                .clear_error = &ERR_clear_error,
                .take_error = &ERR_get_error,
                .reason = &ERR_reason_error_string};
    found.in_shared_library = true;
    find(library, "SSL_read", found.read);
    find(library, "SSL_peek", found.peek);
    find(library, "SSL_pending", found.pending);
    find(library, "SSL_write", found.write);
    find(library, "SSL_get_error", found.get_error);
    find(library, "ERR_clear_error", found.clear_error);
    find(library, "ERR_get_error", found.take_error);
    find(library, "ERR_reason_error_string", found.reason);
    ::dlclose(library);
    return found;
}

}  // namespace

const TlsFunctions& tls_functions() noexcept {
    static const TlsFunctions functions = look_up();
    return functions;
}

}  // namespace pg::libpq::direct
