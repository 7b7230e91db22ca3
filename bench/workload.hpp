// What every peer is measured by: the same tables, the same rows, the same operations under the same names.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// A row of the tables `bench_rows` and `bench_inserts`, whose columns have these names.
struct Record {
    std::int32_t id;
    std::int64_t big;
    double real;
    std::string name;
    std::chrono::sys_time<std::chrono::microseconds> made;
    bool flag;
    std::optional<std::int32_t> maybe;

    friend bool operator==(const Record&, const Record&) = default;
};

/// The same as a row that borrows its text.
struct RecordView {
    std::int32_t id;
    std::int64_t big;
    double real;
    std::string_view name;
    std::chrono::sys_time<std::chrono::microseconds> made;
    bool flag;
    std::optional<std::int32_t> maybe;

    [[nodiscard]] Record copy() const { return {id, big, real, std::string(name), made, flag, maybe}; }
};

/// A value of the composite type `bench_pair`, whose attributes have these names.
struct Pair {
    std::int32_t id;
    std::string name;
};

/// Rows of `bench_rows`, numbered from 1, as `tables_sql` generates them.
struct Scale {
    std::int32_t rows = 100'000;
    std::int32_t inserts = 20'000;  ///< rows that one run of an insert workload adds
};

/// The depth of a batch of pipelined selects.
inline constexpr std::int32_t batch_depth = 64;
/// Point selects that one run of a workload of them does, one after the other.
inline constexpr std::int32_t selects = 256;
/// Rows of `select_ranges` and `select_composites`.
inline constexpr std::int32_t few_rows = 1000;
/// The size of a large object, in bytes.
inline constexpr std::size_t large_object_size = 256 * 1024;

/// Makes the tables and fills `bench_rows`. May be run again.
[[nodiscard]] std::string tables_sql(const Scale& scale);

/// The row that `tables_sql` generates under this number.
[[nodiscard]] Record record(std::int32_t id);
/// The rows 1 to `count`: what the insert workloads insert.
[[nodiscard]] std::vector<Record> records(std::int32_t count);

/// The number of the row that the `n`th point select asks for: all over the table, the same for every peer.
[[nodiscard]] inline std::int32_t scattered(const Scale& scale, std::int32_t n) {
    return static_cast<std::int32_t>(std::int64_t{n} * 7919 % scale.rows) + 1;
}

/// The microseconds from 1970 to 2000, from where the server counts.
inline constexpr std::int64_t postgres_epoch = 946'684'800'000'000;

inline constexpr const char* select_one =
    "select id, big, \"real\", name, made, flag, maybe from bench_rows where id = $1";
inline constexpr const char* select_all = "select id, big, \"real\", name, made, flag, maybe from bench_rows";
inline constexpr const char* insert_one = "insert into bench_inserts values ($1, $2, $3, $4, $5, $6, $7)";
inline constexpr const char* copy_in = "copy bench_inserts from stdin (format binary)";
inline constexpr const char* copy_out = "copy bench_rows to stdout (format binary)";
inline constexpr const char* select_array = "select array_agg(n) from generate_series(1, 1000) n";
inline constexpr const char* select_jsonb = "select jsonb_build_object('id', 7, 'tags', array['a', 'b', 'c'])";
inline constexpr const char* select_ranges = "select int4range(n, 2 * n) from generate_series(1, 1000) n";
inline constexpr const char* select_composites =
    "select row(n, 'row ' || n)::bench_pair from generate_series(1, 1000) n";

// The operations, as they are named in every report.
namespace operation {
inline constexpr std::string_view connect = "connect";
inline constexpr std::string_view point_select = "point_select";  // W1: prepared
inline constexpr std::string_view one_select = "one_select";      // the next of those, by itself
inline constexpr std::string_view unprepared = "point_select_unprepared";
inline constexpr std::string_view bulk_read = "bulk_read";  // W2
inline constexpr std::string_view stream = "stream";
inline constexpr std::string_view visit = "visit";  // W2 without a copy: a stream of rows that borrow
inline constexpr std::string_view views = "views";  // W2 without a copy: a stored result, read where it lies
inline constexpr std::string_view batch_select = "batch_select";  // W4b
/// W4b where each statement is a transaction of its own, with a Sync of its own: by as many coroutines.
inline constexpr std::string_view awaited_select = "awaited_select";
inline constexpr std::string_view copy_in = "copy_in";  // W3
inline constexpr std::string_view copy_out = "copy_out";
inline constexpr std::string_view pipelined_insert = "pipelined_insert";
inline constexpr std::string_view single_insert = "single_insert";
inline constexpr std::string_view transaction = "transaction";
inline constexpr std::string_view savepoint = "savepoint";
inline constexpr std::string_view notify = "notify";
inline constexpr std::string_view array = "array";
inline constexpr std::string_view jsonb = "jsonb";
inline constexpr std::string_view range = "range";
inline constexpr std::string_view composite = "composite";
inline constexpr std::string_view large_object = "large_object";  // made, written, read and removed
}  // namespace operation

/// One operation of one peer, ready to be run again and again on a connection of its own.
struct Workload {
    std::string_view operation;
    std::int64_t items;                  ///< queries or rows in one run: what a cost is divided by
    std::function<std::uint64_t()> run;  ///< a digest of what it read, the same for every peer
    bool inserts = false;                ///< it fills `bench_inserts`, which is to be emptied now and then
};

/// What a read workload digests: how many rows there were and what is in the last of them.
[[nodiscard]] std::uint64_t digest(std::uint64_t rows, const Record& last);

/// Fails a workload: what it was doing, and what its library says.
[[noreturn]] void fail(std::string_view doing, std::string_view message);

// The peers. Each opens the connections it needs on `conninfo`.
[[nodiscard]] std::vector<Workload> raw_libpq_workloads(const std::string& conninfo, const Scale& scale);
[[nodiscard]] std::vector<Workload> client_workloads(const std::string& conninfo, const Scale& scale);
[[nodiscard]] std::vector<Workload> pqxx_workloads(const std::string& conninfo, const Scale& scale);
[[nodiscard]] std::vector<Workload> soci_workloads(const std::string& conninfo, const Scale& scale);

}  // namespace bench
