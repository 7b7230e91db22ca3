// What the first words of a statement tell of it.
#pragma once

#include <cstdint>
#include <string_view>

#include "pg/fwd.hpp"

namespace pg {

enum class TransactionControl : std::uint8_t {
    none,        // savepoints are none either: the transaction stays the same
    begins,      // BEGIN, START TRANSACTION
    commits,     // COMMIT, END, PREPARE TRANSACTION
    rolls_back,  // ROLLBACK, ABORT
};

/// Told by the statement's first words. What a procedure that it calls does is not seen.
[[nodiscard]] PGCLIENT_API TransactionControl transaction_control(std::string_view sql);

/// True for what ends a transaction and begins the next one: with AND CHAIN.
[[nodiscard]] PGCLIENT_API bool begins_another(std::string_view sql);

/// Whether a block is open behind a statement that began in one or not, and failed or not. A commit that fails has
/// ended its block, but where it was not understood: then no more runs in that.
[[nodiscard]] PGCLIENT_API bool in_block_behind(std::string_view sql, bool failed, bool in_block);

/// True for what a server hears in a transaction that has failed: its end, or going back to a savepoint.
[[nodiscard]] PGCLIENT_API bool ends_failure(std::string_view sql);

/// True for a statement that reads or changes rows and nothing else, as its first word says: SELECT, INSERT, UPDATE,
/// DELETE, MERGE, VALUES, TABLE, WITH. Functions that it calls are not seen.
[[nodiscard]] PGCLIENT_API bool is_about_rows(std::string_view sql);

/// True for a SELECT, VALUES or TABLE that locks no row: it waits for who changes the table itself, and for nobody
/// else. Functions that it calls are not seen. False, too, for some that lock none.
[[nodiscard]] PGCLIENT_API bool only_reads(std::string_view sql);

/// True for CALL, and for DO with what commits in it: outside a transaction block they do so in their middle.
[[nodiscard]] PGCLIENT_API bool may_commit_inside(std::string_view sql);

/// True for a statement that commits what it has done so far and goes on: VACUUM, CREATE INDEX CONCURRENTLY and their
/// like, which a server runs in no block.
[[nodiscard]] PGCLIENT_API bool commits_in_parts(std::string_view sql);

/// True for a statement that is a transaction of its own, which a server runs in no block: those, and CREATE
/// DATABASE and its like.
[[nodiscard]] PGCLIENT_API bool commits_by_itself(std::string_view sql);

/// The first word as it is written; empty when the statement begins with none.
[[nodiscard]] PGCLIENT_API std::string_view first_word(std::string_view sql);

/// True for a statement that gives rows, as its first word says: SELECT, VALUES, TABLE, WITH, SHOW, EXPLAIN, FETCH.
[[nodiscard]] PGCLIENT_API bool begins_as_query(std::string_view sql);

}  // namespace pg
