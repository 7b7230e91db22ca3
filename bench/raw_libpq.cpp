// libpq by hand, in binary: the yardstick. What good C would do, without a line that a query does not need.
#include "bench/raw_libpq.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace bench::raw {
namespace {

std::uint16_t swapped(std::uint16_t value) { return __builtin_bswap16(value); }
std::uint32_t swapped(std::uint32_t value) { return __builtin_bswap32(value); }
std::uint64_t swapped(std::uint64_t value) { return __builtin_bswap64(value); }

template <class T>
T load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return swapped(value);
}

template <class T>
void store(char* to, T value) {
    value = swapped(value);
    std::memcpy(to, &value, sizeof value);
}

std::uint64_t since_2000(const Record& record) {
    return static_cast<std::uint64_t>(record.made.time_since_epoch().count() - postgres_epoch);
}

/// Appends one field of a COPY: its length and its bytes.
template <class T>
char* put(char* to, T value) {
    store(to, std::uint32_t{sizeof value});
    store(to + 4, value);
    return to + 4 + sizeof value;
}

}  // namespace

Connection connect(const std::string& conninfo) {
    Connection connection(PQconnectdb(conninfo.c_str()));
    if (PQstatus(connection.get()) != CONNECTION_OK) fail("connect", PQerrorMessage(connection.get()));
    return connection;
}

void expect(PGconn* connection, const PGresult* result, ExecStatusType status) {
    if (PQresultStatus(result) != status) fail("libpq", PQerrorMessage(connection));
}

void expect(PGconn* connection, int succeeded) {
    if (succeeded != 1) fail("libpq", PQerrorMessage(connection));
}

void execute(PGconn* connection, const char* sql) {
    const Result result(PQexec(connection, sql));
    const ExecStatusType status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(sql, PQerrorMessage(connection));
}

void prepare(PGconn* connection, const char* name, const char* sql, std::initializer_list<Oid> types) {
    const Result result(PQprepare(connection, name, sql, static_cast<int>(types.size()), types.begin()));
    expect(connection, result.get(), PGRES_COMMAND_OK);
}

namespace {

template <class Row>
void read(const PGresult* result, int row, Row& out) {
    out.id = static_cast<std::int32_t>(load<std::uint32_t>(PQgetvalue(result, row, 0)));
    out.big = static_cast<std::int64_t>(load<std::uint64_t>(PQgetvalue(result, row, 1)));
    out.real = std::bit_cast<double>(load<std::uint64_t>(PQgetvalue(result, row, 2)));
    out.name = std::string_view(PQgetvalue(result, row, 3), static_cast<std::size_t>(PQgetlength(result, row, 3)));
    const auto made = static_cast<std::int64_t>(load<std::uint64_t>(PQgetvalue(result, row, 4)));
    out.made = decltype(out.made)(std::chrono::microseconds(made + postgres_epoch));
    out.flag = *PQgetvalue(result, row, 5) != 0;
    if (PQgetisnull(result, row, 6) != 0)
        out.maybe.reset();
    else
        out.maybe = static_cast<std::int32_t>(load<std::uint32_t>(PQgetvalue(result, row, 6)));
}

}  // namespace

void read_record(const PGresult* result, int row, Record& out) { read(result, row, out); }
void read_view(const PGresult* result, int row, RecordView& out) { read(result, row, out); }

void InsertArguments::set(const Record& record) {
    store(id_, static_cast<std::uint32_t>(record.id));
    store(big_, static_cast<std::uint64_t>(record.big));
    store(real_, std::bit_cast<std::uint64_t>(record.real));
    values_[3] = record.name.data();
    lengths_[3] = static_cast<int>(record.name.size());
    store(made_, since_2000(record));
    flag_[0] = record.flag ? 1 : 0;
    values_[6] = record.maybe ? maybe_ : nullptr;
    store(maybe_, static_cast<std::uint32_t>(record.maybe.value_or(0)));
}

const int* InsertArguments::formats() {
    static constexpr int binary[7] = {1, 1, 1, 1, 1, 1, 1};
    return binary;
}

CopyWriter::CopyWriter(PGconn* connection, const char* sql) : connection_(connection) {
    const Result begun(PQexec(connection_, sql));
    expect(connection_, begun.get(), PGRES_COPY_IN);
    static constexpr char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";  // the last zero is the literal's own
    end_ = std::copy_n(header, sizeof header, end_);
}

void CopyWriter::write(const Record& record) {
    constexpr std::size_t fixed_size = 64;
    const std::size_t room = piece - static_cast<std::size_t>(end_ - buffer_.get());
    if (record.name.size() + fixed_size > room) {
        send();
        if (record.name.size() + fixed_size > piece) fail("copy", "a row of more than a piece");
    }
    char* end = end_;
    store(end, std::uint16_t{7});
    end = put(end + 2, static_cast<std::uint32_t>(record.id));
    end = put(end, static_cast<std::uint64_t>(record.big));
    end = put(end, std::bit_cast<std::uint64_t>(record.real));
    store(end, static_cast<std::uint32_t>(record.name.size()));
    std::memcpy(end + 4, record.name.data(), record.name.size());
    end = put(end + 4 + record.name.size(), since_2000(record));
    store(end, std::uint32_t{1});
    end[4] = record.flag ? 1 : 0;
    end += 5;
    if (record.maybe) {
        end = put(end, static_cast<std::uint32_t>(*record.maybe));
    } else {
        store(end, ~std::uint32_t{0});
        end += 4;
    }
    end_ = end;
}

void CopyWriter::send() {
    expect(connection_, PQputCopyData(connection_, buffer_.get(), static_cast<int>(end_ - buffer_.get())));
    end_ = buffer_.get();
}

std::uint64_t CopyWriter::finish() {
    send();
    static constexpr char trailer[2] = {'\377', '\377'};
    expect(connection_, PQputCopyData(connection_, trailer, sizeof trailer));
    expect(connection_, PQputCopyEnd(connection_, nullptr));
    const Result ended(PQgetResult(connection_));
    expect(connection_, ended.get(), PGRES_COMMAND_OK);
    const std::uint64_t rows = std::strtoull(PQcmdTuples(ended.get()), nullptr, 10);
    while (PQgetResult(connection_) != nullptr) {
    }
    return rows;
}

}  // namespace bench::raw
