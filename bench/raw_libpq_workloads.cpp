// The operations of the benchmarks by libpq alone.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <libpq/libpq-fs.h>
#include <memory>
#include <poll.h>
#include <string>
#include <utility>

#include "bench/raw_libpq.hpp"

namespace bench {
namespace {

using raw::Result;

constexpr int binary = 1;
constexpr Oid int4_oid = 23;

/// A connection with the statements of the workloads, shared by them: they run one after the other.
class Peer {
public:
    Peer(std::string conninfo, const Scale& scale)
        : conninfo_(std::move(conninfo)),
          scale_(scale),
          connection_(raw::connect(conninfo_)),
          streaming_(raw::connect(conninfo_)),
          listening_(raw::connect(conninfo_)),
          records_(records(scale.inserts)) {
        raw::prepare(get(), "select_one", select_one, {int4_oid});
        raw::prepare(get(), "insert_one", insert_one, {23, 20, 701, 25, 1184, 16, 23});
        raw::execute(listening_.get(), "listen bench");
    }

    std::uint64_t connect() const {
        const raw::Connection connection = raw::connect(conninfo_);
        return static_cast<std::uint64_t>(PQserverVersion(connection.get()));
    }

    std::uint64_t point_select() const {
        Record record{};
        for (std::int32_t n = 0; n < selects; ++n) select(n, record);
        return digest(selects, record);
    }

    std::uint64_t one_select() {
        Record record{};
        select(next_++, record);
        return digest(1, record);
    }

    std::uint64_t unprepared_select() const {
        Record record{};
        for (std::int32_t n = 0; n < selects; ++n) {
            const KeyArgument key(scattered(scale_, n));
            const Result result(
                PQexecParams(get(), select_one, 1, &int4_oid, key.values(), key.lengths(), key.formats(), binary));
            raw::expect(get(), result.get(), PGRES_TUPLES_OK);
            if (PQntuples(result.get()) != 1) fail("point select", "not one row");
            raw::read_record(result.get(), 0, record);
        }
        return digest(selects, record);
    }

    std::uint64_t bulk_read() const {
        const std::vector<Record> rows = all_rows();
        return digest(rows.size(), rows.back());
    }

    std::uint64_t stream() const {
        // Not on the connection of the pipelines: libpq would hand the mode on to the first statement of the next one.
        PGconn* const own = streaming_.get();
        raw::expect(own, PQsendQueryParams(own, select_all, 0, nullptr, nullptr, nullptr, nullptr, binary));
        raw::expect(own, PQsetSingleRowMode(own));
        Record record{};
        std::uint64_t rows = 0;
        while (const Result result{PQgetResult(own)}) {
            if (PQresultStatus(result.get()) == PGRES_SINGLE_TUPLE) {
                raw::read_record(result.get(), 0, record);
                ++rows;
            } else {
                raw::expect(own, result.get(), PGRES_TUPLES_OK);
            }
        }
        return digest(rows, record);
    }

    /// libpq keeps all rows of a result: to read them one by one costs it more.
    std::uint64_t visit() const {
        const Result result = query(select_all);
        const int rows = PQntuples(result.get());
        RecordView record{};
        for (int row = 0; row < rows; ++row) raw::read_view(result.get(), row, record);
        return digest(static_cast<std::uint64_t>(rows), record.copy());
    }

    std::uint64_t batch_select() const {
        Record record{};
        const PipelineMode pipeline(get());
        for (std::int32_t n = 0; n < batch_depth; ++n) {
            send_select(n);
        }
        raw::expect(get(), PQpipelineSync(get()));
        for (std::int32_t n = 0; n < batch_depth; ++n) {
            receive_select(record);
        }
        end_of_pipeline();
        return digest(batch_depth, record);
    }

    /// Each with a Sync of its own, which sends: libpq before version 17 has no other.
    std::uint64_t awaited_select() const {
        Record record{};
        const PipelineMode pipeline(get());
        for (std::int32_t n = 0; n < batch_depth; ++n) {
            send_select(n);
            raw::expect(get(), PQpipelineSync(get()));
        }
        for (std::int32_t n = 0; n < batch_depth; ++n) {
            receive_select(record);
            end_of_pipeline();
        }
        return digest(batch_depth, record);
    }

    std::uint64_t copy_in() const {
        raw::CopyWriter writer(get(), bench::copy_in);
        for (const Record& record : records_) writer.write(record);
        return writer.finish();
    }

    std::uint64_t copy_out() const {
        const Result begun(PQexec(get(), bench::copy_out));
        raw::expect(get(), begun.get(), PGRES_COPY_OUT);
        std::uint64_t bytes = 0;
        char* row = nullptr;
        for (int length = 0; (length = PQgetCopyData(get(), &row, 0)) > 0; PQfreemem(row))
            bytes += static_cast<std::uint64_t>(length);
        const Result ended(PQgetResult(get()));
        raw::expect(get(), ended.get(), PGRES_COMMAND_OK);
        end_of_statement();
        return bytes;
    }

    std::uint64_t pipelined_insert() const {
        raw::InsertArguments arguments;
        std::size_t done = 0;
        const PipelineMode pipeline(get());
        while (done < records_.size()) {
            const std::size_t chunk = std::min<std::size_t>(records_.size() - done, batch_depth);
            for (std::size_t i = 0; i < chunk; ++i) {
                arguments.set(records_[done + i]);
                raw::expect(get(), PQsendQueryPrepared(get(), "insert_one", 7, arguments.values(), arguments.lengths(),
                                                       raw::InsertArguments::formats(), binary));
            }
            raw::expect(get(), PQpipelineSync(get()));
            for (std::size_t i = 0; i < chunk; ++i) {
                const Result result(PQgetResult(get()));
                raw::expect(get(), result.get(), PGRES_COMMAND_OK);
                end_of_statement();
            }
            end_of_pipeline();
            done += chunk;
        }
        return done;
    }

    std::uint64_t single_insert() const {
        raw::InsertArguments arguments;
        for (std::int32_t n = 0; n < selects; ++n) {
            arguments.set(records_[static_cast<std::size_t>(n)]);
            const Result result(PQexecPrepared(get(), "insert_one", 7, arguments.values(), arguments.lengths(),
                                               raw::InsertArguments::formats(), binary));
            raw::expect(get(), result.get(), PGRES_COMMAND_OK);
        }
        return selects;
    }

    std::uint64_t transaction() const {
        raw::execute(get(), "begin");
        raw::execute(get(), "commit");
        return 1;
    }

    std::uint64_t savepoint() const {
        raw::execute(get(), "begin");
        raw::execute(get(), "savepoint s");
        raw::execute(get(), "release s");
        raw::execute(get(), "commit");
        return 1;
    }

    /// Out on one connection and back on another.
    std::uint64_t notify() const {
        raw::execute(get(), "notify bench, 'hello'");
        pollfd socket{PQsocket(listening_.get()), POLLIN, 0};
        for (;;) {
            if (::poll(&socket, 1, 5000) != 1) fail("notify", "nothing came back");
            raw::expect(listening_.get(), PQconsumeInput(listening_.get()));
            const std::unique_ptr<PGnotify, void (*)(void*)> heard(PQnotifies(listening_.get()), PQfreemem);
            if (heard) return std::char_traits<char>::length(heard->extra);
        }
    }

    /// Counts the elements of an array by its header and reads each.
    std::uint64_t array() const {
        const Result result = query(select_array);
        const char* at = PQgetvalue(result.get(), 0, 0) + 12;  // past the dimensions, the flags and the type
        const std::uint32_t count = __builtin_bswap32(word(at));
        at += 8;  // past the size and the lower bound
        std::vector<std::int32_t> elements(count);
        for (std::int32_t& element : elements) {
            element = integer(at + 4);
            at += 8;
        }
        return elements.size() + static_cast<std::uint64_t>(elements.back());
    }

    std::uint64_t jsonb() const {
        const Result result = query(select_jsonb);
        const std::string text(PQgetvalue(result.get(), 0, 0) + 1,  // past the version
                               static_cast<std::size_t>(PQgetlength(result.get(), 0, 0)) - 1);
        return text.size();
    }

    /// Ranges of integers, both of whose bounds are there: flags, then each bound behind its length.
    std::uint64_t range() const {
        const Result result = query(select_ranges);
        std::vector<std::pair<std::int32_t, std::int32_t>> ranges(static_cast<std::size_t>(PQntuples(result.get())));
        for (int row = 0; auto& [lower, upper] : ranges) {
            const char* const at = PQgetvalue(result.get(), row++, 0);
            lower = integer(at + 5);
            upper = integer(at + 13);
        }
        return ranges.size() + static_cast<std::uint64_t>(ranges.back().second);
    }

    /// Composites: the number of attributes, then the type, the length and the bytes of each.
    std::uint64_t composite() const {
        const Result result = query(select_composites);
        std::vector<Pair> pairs(static_cast<std::size_t>(PQntuples(result.get())));
        for (int row = 0; Pair & pair : pairs) {
            const char* const at = PQgetvalue(result.get(), row++, 0);
            pair.id = integer(at + 12);
            pair.name.assign(at + 24, static_cast<std::size_t>(integer(at + 20)));
        }
        return pairs.size() + static_cast<std::uint64_t>(pairs.back().id) + pairs.back().name.size();
    }

    std::uint64_t large_object() const {
        std::vector<char> bytes(large_object_size, 'x');
        raw::execute(get(), "begin");
        const Oid oid = lo_create(get(), 0);
        const int object = lo_open(get(), oid, INV_READ | INV_WRITE);
        if (oid == 0 || object < 0) fail("large object", PQerrorMessage(get()));
        constexpr int size = large_object_size;
        if (lo_write(get(), object, bytes.data(), bytes.size()) != size) fail("large object", PQerrorMessage(get()));
        if (lo_lseek64(get(), object, 0, SEEK_SET) != 0) fail("large object", PQerrorMessage(get()));
        if (lo_read(get(), object, bytes.data(), bytes.size()) != size) fail("large object", PQerrorMessage(get()));
        if (lo_close(get(), object) != 0 || lo_unlink(get(), oid) != 1) fail("large object", PQerrorMessage(get()));
        raw::execute(get(), "commit");
        return bytes.size();
    }

private:
    class KeyArgument {
    public:
        explicit KeyArgument(std::int32_t id) : bytes_(__builtin_bswap32(static_cast<std::uint32_t>(id))) {}
        [[nodiscard]] const char* const* values() const { return &value_; }
        [[nodiscard]] const int* lengths() const { return &length_; }
        [[nodiscard]] const int* formats() const { return &binary; }

    private:
        std::uint32_t bytes_;
        const char* value_ = reinterpret_cast<const char*>(&bytes_);
        int length_ = sizeof bytes_;
    };

    class PipelineMode {
    public:
        explicit PipelineMode(PGconn* connection) : connection_(connection) {
            raw::expect(connection, PQenterPipelineMode(connection));
        }
        ~PipelineMode() { PQexitPipelineMode(connection_); }
        PipelineMode(const PipelineMode&) = delete;
        PipelineMode& operator=(const PipelineMode&) = delete;

    private:
        PGconn* connection_;
    };

    [[nodiscard]] static std::uint32_t word(const char* at) {
        std::uint32_t value = 0;
        std::memcpy(&value, at, sizeof value);
        return value;
    }

    [[nodiscard]] static std::int32_t integer(const char* at) {
        return static_cast<std::int32_t>(__builtin_bswap32(word(at)));
    }

    [[nodiscard]] PGconn* get() const { return connection_.get(); }

    [[nodiscard]] Result query(const char* sql) const {
        Result result(PQexecParams(get(), sql, 0, nullptr, nullptr, nullptr, nullptr, binary));
        raw::expect(get(), result.get(), PGRES_TUPLES_OK);
        return result;
    }

    [[nodiscard]] std::vector<Record> all_rows() const {
        const Result result = query(select_all);
        const int count = PQntuples(result.get());
        std::vector<Record> rows(static_cast<std::size_t>(count));
        for (int row = 0; row < count; ++row) raw::read_record(result.get(), row, rows[static_cast<std::size_t>(row)]);
        return rows;
    }

    void end_of_statement() const {
        if (PQgetResult(get()) != nullptr) fail("libpq", "a second result of one statement");
    }
    void send_select(std::int32_t n) const {
        const KeyArgument key(scattered(scale_, n));
        raw::expect(get(),
                    PQsendQueryPrepared(get(), "select_one", 1, key.values(), key.lengths(), key.formats(), binary));
    }
    void receive_select(Record& record) const {
        const Result result(PQgetResult(get()));
        raw::expect(get(), result.get(), PGRES_TUPLES_OK);
        if (PQntuples(result.get()) != 1) fail("point select", "not one row");
        raw::read_record(result.get(), 0, record);
        end_of_statement();
    }
    void end_of_pipeline() const {
        const Result result(PQgetResult(get()));
        raw::expect(get(), result.get(), PGRES_PIPELINE_SYNC);
    }

    void select(std::int32_t n, Record& record) const {
        const KeyArgument key(scattered(scale_, n));
        const Result result(PQexecPrepared(get(), "select_one", 1, key.values(), key.lengths(), key.formats(), binary));
        raw::expect(get(), result.get(), PGRES_TUPLES_OK);
        if (PQntuples(result.get()) != 1) fail("point select", "not one row");
        raw::read_record(result.get(), 0, record);
    }

    std::string conninfo_;
    Scale scale_;
    std::int32_t next_ = 0;
    raw::Connection connection_, streaming_, listening_;
    std::vector<Record> records_;
};

}  // namespace

std::vector<Workload> raw_libpq_workloads(const std::string& conninfo, const Scale& scale) {
    const auto peer = std::make_shared<Peer>(conninfo, scale);
    return {
        {operation::connect, 1, [peer] { return peer->connect(); }},
        {operation::point_select, selects, [peer] { return peer->point_select(); }},
        {operation::one_select, 1, [peer] { return peer->one_select(); }},
        {operation::unprepared, selects, [peer] { return peer->unprepared_select(); }},
        {operation::bulk_read, scale.rows, [peer] { return peer->bulk_read(); }},
        {operation::stream, scale.rows, [peer] { return peer->stream(); }},
        {operation::visit, scale.rows, [peer] { return peer->visit(); }},
        {operation::views, scale.rows, [peer] { return peer->visit(); }},
        {operation::batch_select, batch_depth, [peer] { return peer->batch_select(); }},
        {operation::awaited_select, batch_depth, [peer] { return peer->awaited_select(); }},
        {operation::copy_in, scale.inserts, [peer] { return peer->copy_in(); }, true},
        {operation::copy_out, scale.rows, [peer] { return peer->copy_out(); }},
        {operation::pipelined_insert, scale.inserts, [peer] { return peer->pipelined_insert(); }, true},
        {operation::single_insert, selects, [peer] { return peer->single_insert(); }, true},
        {operation::transaction, 1, [peer] { return peer->transaction(); }},
        {operation::savepoint, 1, [peer] { return peer->savepoint(); }},
        {operation::notify, 1, [peer] { return peer->notify(); }},
        {operation::array, 1, [peer] { return peer->array(); }},
        {operation::jsonb, 1, [peer] { return peer->jsonb(); }},
        {operation::range, few_rows, [peer] { return peer->range(); }},
        {operation::composite, few_rows, [peer] { return peer->composite(); }},
        {operation::large_object, 1, [peer] { return peer->large_object(); }},
    };
}

}  // namespace bench
