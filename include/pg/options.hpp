// Options of a request and of a transaction: plain, trivially destructible structs, safe in any expression.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

/// "As long as it takes", in so many words: for LISTEN, VACUUM and the like.
inline constexpr std::chrono::nanoseconds no_timeout = std::chrono::nanoseconds::max();

/// Where zero has a meaning of its own: as the connection string says.
inline constexpr std::size_t as_configured = static_cast<std::size_t>(-1);

/// What becomes of result columns that no field of a struct asks for.
enum class Extra : std::uint8_t { refuse /** a shape error names them */, ignore /** they are skipped */ };

/// How one request is run. Value. Views must outlive the call, and the stream or COPY that it opens.
struct QueryOptions {
    /// Time for the request, acquiring a session included. Zero: the client's default (30 s). `pg::no_timeout`: as long
    /// as it takes. For a stream it bounds each wait for the server, not the loop's body.
    std::chrono::nanoseconds timeout{};
    /// Cancels the request when it is asked to stop; null: nothing does. See `<pg/stop.hpp>`.
    const StopToken* stop = nullptr;
    /// Asks for all columns in this format. Text is for types without a binary form inside a transaction.
    Format format = Format::binary;
    /// It may be run twice without harm: a statement or a batch is sent again, once, when its connection is lost.
    bool idempotent = false;
    /// More received bytes than this give ResultTooLarge. Zero: no limit. A batch, which has none, refuses another one.
    std::size_t max_result_bytes = 0;
    /// What becomes of columns without a field.
    Extra extra = Extra::refuse;
    /// What observers know it by ("checkout.load_cart"); few different ones. Empty: nothing. No part of the statement.
    std::string_view label{};
};

/// A text known at run time with its options: goes wherever a text goes. Value. Views must outlive the call.
struct Query {
    std::string_view sql;  ///< one statement
    /// As in `QueryOptions`. @{
    std::chrono::nanoseconds timeout{};
    const StopToken* stop = nullptr;
    Format format = Format::binary;
    bool idempotent = false;
    std::size_t max_result_bytes = 0;
    Extra extra = Extra::refuse;
    std::string_view label{};

    [[nodiscard]] constexpr QueryOptions options() const {
        return {.timeout = timeout,
                .stop = stop,
                .format = format,
                .idempotent = idempotent,
                .max_result_bytes = max_result_bytes,
                .extra = extra,
                .label = label};
    }  /// @}
};

/// What BEGIN says; `server_default`: nothing. @{
enum class Isolation : std::uint8_t { server_default, read_committed, repeatable_read, serializable };
enum class Access : std::uint8_t { server_default, read_write, read_only };  /// @}

/// How a transaction begins, and how `transaction(…)` runs it again. Value.
struct TransactionOptions {
    Isolation isolation = Isolation::server_default;  ///< for this transaction
    Access access = Access::server_default;           ///< for this transaction
    /// Waits for a snapshot that can neither fail nor disturb; serializable and read only.
    bool deferrable = false;
    /// Time for all of it, repetitions included; zero: no limit. Each of its waits, that for COMMIT too, has at most
    /// the client's default besides, and a statement the time of its own options.
    std::chrono::nanoseconds timeout{};
    /// `transaction(…)` runs its function again at most this many times, on errors whose scope is the transaction.
    int retries = 3;
    const StopToken* stop = nullptr;  ///< as in `QueryOptions`; outlives the transaction
};

}  // namespace pg
