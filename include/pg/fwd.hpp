// The names of the library without their definitions, and the few values that every floor speaks.
#pragma once

#include <cstdint>

/// What a shared build of the library exports. Everything else stays hidden.
#if defined(PGCLIENT_SHARED) || defined(PGCLIENT_BUILDING)
#define PGCLIENT_API __attribute__((visibility("default")))
#else
#define PGCLIENT_API
#endif
/// Part of whoever calls it, so that what it is given stays in registers.
#define PGCLIENT_INLINE __attribute__((always_inline))

namespace pg {

/// A PostgreSQL object identifier, most often that of a type (pg_type.oid).
enum class Oid : std::uint32_t {};

/// How a value travels: as the type's text or as its binary form.
enum class Format : std::uint8_t { text = 0, binary = 1 };

/// A place in a source. Value. As a default argument, `here()` is where the call stands.
struct CallSite {
    const char* file = "";   ///< lives as long as the program; empty: nobody said
    std::uint32_t line = 0;  ///< from 1
    [[nodiscard]] static constexpr CallSite here(const char* file = __builtin_FILE(),
                                                 std::uint32_t line = __builtin_LINE()) {  ///< the caller's place
        return {file, line};
    }
};

class Config;
class Error;
class SqlState;
class StopToken;
struct ErrorFields;
template <class T>
class Expected;

class Params;
class Result;
class Row;
class TypeCatalog;
class Writer;
struct Cell;
struct Column;
struct WireType;
template <class T>
struct Codec;

namespace spi {
class EventLoop;
class Interceptor;
class NoticeHandler;
class Observer;
class Registry;
class Scheduler;
}  // namespace spi

class AsyncClient;
class Client;
class Connection;
class Executor;
class Pool;
class Transaction;
struct Loan;
struct PoolOptions;
struct PoolTimeoutDetails;
struct StatementCacheStats;

}  // namespace pg
