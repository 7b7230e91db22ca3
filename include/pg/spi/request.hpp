// What goes down to a provider: requests, waits and the bookkeeping words of a session.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/deadline.hpp"
#include "pg/params.hpp"
#include "pg/result.hpp"

namespace pg {

/// A message of NOTIFY. Value.
struct Notification {
    std::string channel;  ///< as the server has it: lower case unless it was quoted
    std::string payload;  ///< empty when NOTIFY gave none
    int process = 0;      ///< of the server process that sent it
};

}  // namespace pg

namespace pg::spi {

/// How long a call may wait, and what may end it sooner. Value.
struct Wait {
    Deadline deadline = Deadline::never();  ///< when the call gives up
    const StopToken* stop = nullptr;        ///< null: nothing ends it sooner
    bool nudged = false;                    ///< a `Waiter::nudge` ends it, as if something were ready
};

/// What a server says that it did: "COMMIT", "INSERT 0 1". Value; of a longer one than any that a server has, the
/// beginning.
class CommandTag {
public:
    CommandTag() = default;  ///< of no statement: empty
    /// Copies it.
    explicit CommandTag(std::string_view tag) noexcept
        : size_(static_cast<std::uint8_t>(std::min(tag.size(), text_.size()))) {
        std::copy_n(tag.data(), size_, text_.data());
    }
    /// A view of this.
    [[nodiscard]] std::string_view text() const& noexcept { return {text_.data(), size_}; }
    std::string_view text() const&& = delete;

private:
    std::array<char, 63> text_{};
    std::uint8_t size_ = 0;
};

/// Whether the tag of a statement says more than how many rows there were: such a one ends in their number. A SELECT
/// without columns may have made a table of them.
[[nodiscard]] inline bool tells(std::string_view tag, bool has_columns) noexcept {
    return !tag.empty() && (tag.back() > '9' || (!has_columns && tag.front() == 'S'));
}

/// One statement to run. Passed by reference; its views and its params outlive the call.
struct Request {
    std::string_view sql{};          ///< its text; for a prepared statement too, for errors
    std::string_view statement{};    ///< the name of a prepared statement; empty: parse `sql`, without a name
    const Params* params = nullptr;  ///< null: no arguments
    /// What preparing the statement described, so that its results need not be described again; may be null.
    const std::shared_ptr<const ResultStorage>* description = nullptr;
    /// Not null: `statement` is prepared first, in the same flush, and what is described of its results is left here,
    /// null or without columns when it gives no rows. After an error it may be prepared or not.
    std::shared_ptr<const ResultStorage>* prepare = nullptr;
    /// Takes the rows as they come, which are then not in the result, nor is a tag that does not `tells`; null, or one
    /// that does not begin: they are. A provider may leave it alone.
    RowSink* sink = nullptr;
    Format format = Format::binary;    ///< of all result columns
    std::size_t max_result_bytes = 0;  ///< zero: no limit
};

/// A statement of a batch, and what became of it.
struct BatchItem {
    Request request;                            ///< its views and its params outlive the run
    std::optional<Expected<Result>> outcome{};  ///< null: it has not run yet

    /// It has run, or was kept from it, and this was the end of it.
    [[nodiscard]] bool failed() const { return outcome && !outcome->has_value(); }
};

/// How many Syncs a batch has.
enum class BatchSync : std::uint8_t {
    once,  ///< one at its end: an implicit transaction, a failure stops what follows
    each,  ///< one for each statement: they fail alone
};

/// What the server said last of the session's transaction.
enum class TransactionStatus : std::uint8_t {
    idle,     ///< no transaction
    open,     ///< in a transaction
    failed,   ///< in a transaction that a failure ended
    unknown,  ///< the connection is broken
};

/// What a prepared statement takes and gives.
struct Description {
    std::vector<Oid> parameters;                 ///< their types, as given or inferred
    std::vector<Column> columns;                 ///< their names are views of `names`
    std::shared_ptr<const ResultStorage> names;  ///< owns the bytes of the columns' names
};

}  // namespace pg::spi
