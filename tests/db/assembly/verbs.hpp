// The verbs of a client as tables, for suites that run all of them on a bad network: those that read, and those that
// insert.
#pragma once

#include <functional>
#include <optional>
#include <pg/client.hpp>
#include <string>
#include <vector>

namespace verbs {

/// The large object that the verbs read.
constexpr pg::Oid large_object{4711};

/// Makes the tables that the verbs read and fill: `verb_rows`, `verb_written` and the large object.
void make_tables(pg::Client& db);

/// A verb that reads, and all that it read: more than ten characters, the same each time.
struct Reader {
    const char* name;
    std::function<std::string(pg::Client&)> read;
    bool leaves_traces = false;  ///< in a session that it held: cleaning that may take two seconds more
    bool asks_first = false;     ///< what the rows are like, before it begins
};

/// What a verb says that became of the insert of a number; nothing when it says that it went well.
using Said = std::optional<pg::Outcome>;
/// A verb that inserts into `verb_written` one number, or three that begin with it.
struct Writer {
    const char* name;
    int numbers;
    std::function<std::vector<Said>(pg::Client&, int first)> write;
    bool is_one_request = false;  ///< whose answer alone says what became of it
};

/// All of one kind.
struct Table {
    std::vector<Reader> readers;
    std::vector<Writer> writers;
};
/// Those that wait, and those that are awaited, which need `provider=async`. @{
[[nodiscard]] const Table& blocking();
[[nodiscard]] const Table& awaited();  /// @}

/// What the database has to hold of an insert, from what was said of it; nothing when it may be either.
[[nodiscard]] inline std::optional<bool> claim(const Said& said) {
    if (said == pg::Outcome::unknown) return std::nullopt;
    return !said || said == pg::Outcome::applied;
}

/// Whether an error may say that its session goes on: it says what became of the statement, as it does on a machine so
/// slow that the time is over before the line goes bad.
[[nodiscard]] inline bool may_go_on(const pg::Error& error) {
    if (error.outcome() == pg::Outcome::not_sent) return true;
    return error.kind() == pg::ErrorKind::timeout && error.outcome() != pg::Outcome::unknown;
}

}  // namespace verbs
