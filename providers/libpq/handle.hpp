// Owners of what libpq allocates.
#pragma once

#include <libpq-fe.h>
#include <memory>

namespace pg::libpq {

struct FinishConnection {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
struct ClearResult {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
struct FreeMemory {
    void operator()(void* memory) const noexcept { PQfreemem(memory); }
};

using ConnectionHandle = std::unique_ptr<PGconn, FinishConnection>;
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;
using MemoryHandle = std::unique_ptr<char, FreeMemory>;
using NotifyHandle = std::unique_ptr<PGnotify, FreeMemory>;

}  // namespace pg::libpq
