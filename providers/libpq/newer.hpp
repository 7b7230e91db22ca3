// What libpq 17 and newer have and the headers that this is compiled with may not: looked up when it runs.
#pragma once

#include <libpq-fe.h>

namespace pg::libpq {

/// The cancel request of libpq 17, declared here under another name for headers that lack it.
struct CancelConnection;

/// Functions of the libpq that is loaded; null where it does not have them.
struct NewerFunctions {
    CancelConnection* (*cancel_create)(PGconn*) = nullptr;
    int (*cancel_start)(CancelConnection*) = nullptr;
    PostgresPollingStatusType (*cancel_poll)(CancelConnection*) = nullptr;
    int (*cancel_socket)(const CancelConnection*) = nullptr;
    void (*cancel_finish)(CancelConnection*) = nullptr;
    int (*send_pipeline_sync)(PGconn*) = nullptr;

    [[nodiscard]] bool can_cancel() const noexcept {
        return cancel_create && cancel_start && cancel_poll && cancel_socket && cancel_finish;
    }
};

/// Found once. Thread-safe.
[[nodiscard]] const NewerFunctions& newer_functions() noexcept;

}  // namespace pg::libpq
