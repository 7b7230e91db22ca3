// libpq by hand: what the raw peer reads, writes and checks with.
#pragma once

#include <libpq-fe.h>
#include <memory>

#include "bench/workload.hpp"

namespace bench::raw {

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, Finish>;
using Result = std::unique_ptr<PGresult, Clear>;

/// Opens a connection, or fails.
[[nodiscard]] Connection connect(const std::string& conninfo);
/// Fails unless `result` has this status.
void expect(PGconn* connection, const PGresult* result, ExecStatusType status);
/// Fails when a call of libpq that answers 1 for success did not.
void expect(PGconn* connection, int succeeded);

/// Runs a text without arguments; its rows are thrown away.
void execute(PGconn* connection, const char* sql);
/// Prepares a statement whose parameters have these types.
void prepare(PGconn* connection, const char* name, const char* sql, std::initializer_list<Oid> types);

/// Reads a row of `select_one` or `select_all`, received in binary.
void read_record(const PGresult* result, int row, Record& out);
/// The same, whose text stays in the result.
void read_view(const PGresult* result, int row, RecordView& out);

/// The seven binary arguments of `insert_one`. One thread at a time.
class InsertArguments {
public:
    void set(const Record& record);
    [[nodiscard]] const char* const* values() const { return values_; }
    [[nodiscard]] const int* lengths() const { return lengths_; }
    [[nodiscard]] static const int* formats();

private:
    char id_[4], big_[8], real_[8], made_[8], flag_[1], maybe_[4];
    const char* values_[7] = {id_, big_, real_, nullptr, made_, flag_, nullptr};
    int lengths_[7] = {4, 8, 8, 0, 8, 1, 4};
};

/// A stream of COPY in binary, handed to libpq in pieces of many rows: each call of it costs as much as encoding one.
class CopyWriter {
public:
    /// Begins the COPY that `sql` says.
    CopyWriter(PGconn* connection, const char* sql);
    void write(const Record& record);
    /// Ends the stream; the number of rows that were copied.
    std::uint64_t finish();

private:
    static constexpr std::size_t piece = 64 * 1024;

    void send();

    PGconn* connection_;
    std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(piece);
    char* end_ = buffer_.get();
};

}  // namespace bench::raw
