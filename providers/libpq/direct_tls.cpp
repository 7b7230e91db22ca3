// Looking through libpq and the libraries that it brought along.
#include "providers/libpq/direct_tls.hpp"

#include <dlfcn.h>
#include <libpq-fe.h>

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
    // Not loaded anew; none when libpq is part of the executable. Looking a symbol up in a library looks in those that
    // it needs too, so this is the libssl that libpq calls, whatever else the process has.
    void* library = ::dlopen(place.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) return found;
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
