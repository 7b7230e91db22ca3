// Finding functions in the very libpq that this program runs with, by the address of one that is surely there.
#include "providers/libpq/newer.hpp"

#include <dlfcn.h>

namespace pg::libpq {
namespace {

template <class Function>
void find(void* library, const char* name, Function& function) noexcept {
    function = reinterpret_cast<Function>(::dlsym(library, name));
}

NewerFunctions look_up() noexcept {
    NewerFunctions found;
    Dl_info place{};
    if (::dladdr(reinterpret_cast<void*>(&PQconnectPoll), &place) == 0) return found;
    // Not loaded anew; none when libpq is part of the executable, which then has what its headers have.
    void* library = ::dlopen(place.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) return found;
    find(library, "PQcancelCreate", found.cancel_create);
    find(library, "PQcancelStart", found.cancel_start);
    find(library, "PQcancelPoll", found.cancel_poll);
    find(library, "PQcancelSocket", found.cancel_socket);
    find(library, "PQcancelFinish", found.cancel_finish);
    find(library, "PQsendPipelineSync", found.send_pipeline_sync);
    ::dlclose(library);
    return found;
}

}  // namespace

const NewerFunctions& newer_functions() noexcept {
    static const NewerFunctions functions = look_up();
    return functions;
}

}  // namespace pg::libpq
