// Recycled: memory for what comes and goes many at a time, awaited calls and coroutines.
#pragma once

#include <cstddef>

#include "pg/fwd.hpp"

namespace pg::detail {

/// A base without members. The memory of what derives from it is kept for the next one, by the thread that frees it.
struct PGCLIENT_API Recycled {
    static void* operator new(std::size_t size);
    static void operator delete(void* memory, std::size_t size) noexcept;
};

}  // namespace pg::detail
