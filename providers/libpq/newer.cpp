// Finding functions in the very libpq that this program runs with, by the address of one that is surely there.
#include "providers/libpq/newer.hpp"

#include <dlfcn.h>

namespace pg::libpq {

// Those of a libpq in the executable, null where it has them not, by other names than newer headers declare.
extern "C" {
[[gnu::weak]] CancelConnection* pgclient_cancel_create(PGconn*) __asm__("PQcancelCreate");
[[gnu::weak]] int pgclient_cancel_start(CancelConnection*) __asm__("PQcancelStart");
[[gnu::weak]] PostgresPollingStatusType pgclient_cancel_poll(CancelConnection*) __asm__("PQcancelPoll");
[[gnu::weak]] int pgclient_cancel_socket(const CancelConnection*) __asm__("PQcancelSocket");
[[gnu::weak]] void pgclient_cancel_finish(CancelConnection*) __asm__("PQcancelFinish");
[[gnu::weak]] int pgclient_send_pipeline_sync(PGconn*) __asm__("PQsendPipelineSync");
}

namespace {

template <class Function>
void find(void* library, const char* name, Function& function) noexcept {
    function = reinterpret_cast<Function>(::dlsym(library, name));
}

NewerFunctions look_up() noexcept {
    NewerFunctions found;
    Dl_info place{};
    if (::dladdr(reinterpret_cast<void*>(&PQconnectPoll), &place) == 0) return found;
    // Not loaded anew; none when libpq is part of the executable.
    void* library = ::dlopen(place.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr)
        return {.cancel_create = &pgclient_cancel_create,
                .cancel_start = &pgclient_cancel_start,
                .cancel_poll = &pgclient_cancel_poll,
                .cancel_socket = &pgclient_cancel_socket,
                .cancel_finish = &pgclient_cancel_finish,
                .send_pipeline_sync = &pgclient_send_pipeline_sync};
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
