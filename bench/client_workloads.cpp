// The operations of the benchmarks by the library itself.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "bench/poll_loop.hpp"
#include "bench/workload.hpp"
#include "pg/async.hpp"
#include "pg/batch.hpp"
#include "pg/connection.hpp"
#include "pg/copy.hpp"
#include "pg/large_object.hpp"
#include "pg/listener.hpp"
#include "pg/rows.hpp"
#include "pg/savepoint.hpp"
#include "pg/types/array.hpp"
#include "pg/types/composite.hpp"
#include "pg/types/datetime.hpp"
#include "pg/types/range.hpp"

template <>
struct pg::Codec<bench::Pair> : pg::CompositeCodec<bench::Pair> {
    static constexpr TypeId type{{}, {}, "bench_pair"};
};

namespace bench {
namespace {

/// A client with one session and the prepared statements of the workloads.
class Peer {
public:
    Peer(std::string conninfo, const Scale& scale)
        : conninfo_("engine=direct " + std::move(conninfo)), scale_(scale), records_(records(scale.inserts)) {
        listener_.listen("bench_client");
    }

    std::uint64_t connect() const {
        const pg::Client client = pg::connect(conninfo_);
        return static_cast<std::uint64_t>(pg::Client(client).connection().server_version());
    }

    std::uint64_t point_select() const {
        Record record{};
        for (std::int32_t n = 0; n < selects; ++n) record = select_one_(scattered(scale_, n));
        return digest(selects, record);
    }

    std::uint64_t one_select() { return digest(1, select_one_(scattered(scale_, next_++))); }

    std::uint64_t unprepared_select() {
        Record record{};
        for (std::int32_t n = 0; n < selects; ++n)
            record = client_.query_one<Record>(pg::runtime(select_one), scattered(scale_, n));
        return digest(selects, record);
    }

    std::uint64_t bulk_read() {
        const std::vector<Record> rows = client_.query_all<Record>(pg::runtime(select_all));
        return digest(rows.size(), rows.back());
    }

    std::uint64_t stream() {
        Record last{};
        std::uint64_t rows = 0;
        for (Record& record : client_.stream<Record>(pg::runtime(select_all))) {
            std::swap(last, record);
            ++rows;
        }
        return digest(rows, last);
    }

    std::uint64_t visit() {
        Record last{};
        std::uint64_t rows = 0;
        for (const RecordView& record : client_.stream<RecordView>(pg::runtime(select_all)))
            if (++rows == static_cast<std::uint64_t>(scale_.rows)) last = record.copy();
        return digest(rows, last);
    }

    std::uint64_t views() {
        const pg::Result result = client_.query(pg::runtime(select_all));
        Record last{};
        std::uint64_t rows = 0;
        for (const RecordView& record : result.rows<RecordView>())
            if (++rows == result.size()) last = record.copy();
        return digest(rows, last);
    }

    std::uint64_t batch_select() {
        std::vector<pg::Deferred<Record>> rows;
        rows.reserve(batch_depth);
        batch_.clear();
        for (std::int32_t n = 0; n < batch_depth; ++n) rows.push_back(batch_.add(select_one_, scattered(scale_, n)));
        batch_.run();
        Record record{};
        for (const pg::Deferred<Record>& row : rows) record = row.get();
        return digest(batch_depth, record);
    }

    std::uint64_t awaited_select() {
        std::vector<pg::Async<Record>> rows;
        rows.reserve(batch_depth);
        const pg::AsyncClient async = awaited_.async();
        for (std::int32_t n = 0; n < batch_depth; ++n)
            rows.push_back(async.call(awaited_select_one_, scattered(scale_, n)));
        const std::vector<Record> records = loop_.run(pg::when_all(std::move(rows)));
        return digest(batch_depth, records.back());
    }

    std::uint64_t copy_in() {
        pg::CopyIn<Record> copy(client_, "bench_inserts");
        for (const Record& record : records_) copy.write(record);
        return copy.finish();
    }

    std::uint64_t copy_out() {
        pg::CopyReader reader(client_, pg::runtime(bench::copy_out));
        std::uint64_t bytes = 0;
        while (const auto piece = reader.read()) bytes += piece->size();
        return bytes;
    }

    std::uint64_t pipelined_insert() {
        for (std::size_t done = 0; done < records_.size();) {
            batch_.clear();
            for (const std::size_t end = std::min<std::size_t>(done + batch_depth, records_.size()); done < end; ++done)
                add_insert(records_[done]);
            batch_.run();
        }
        return records_.size();
    }

    std::uint64_t single_insert() const {
        for (std::int32_t n = 0; n < selects; ++n) {
            const Record& record = records_[static_cast<std::size_t>(n)];
            insert_one_(record.id, record.big, record.real, record.name, record.made, record.flag, record.maybe);
        }
        return selects;
    }

    std::uint64_t transaction() {
        client_.begin().commit();
        return 1;
    }

    std::uint64_t savepoint() {
        pg::Transaction transaction = client_.begin();
        transaction.savepoint().release();
        transaction.commit();
        return 1;
    }

    /// Out on one session and back on another.
    std::uint64_t notify() {
        client_.exec("notify bench_client, 'hello'");
        const std::optional<pg::Notification> heard = listener_.next(std::chrono::seconds(5));
        if (!heard) fail("notify", "nothing came back");
        return heard->payload.size();
    }

    std::uint64_t array() {
        const auto elements = client_.query_one<std::vector<std::int32_t>>(pg::runtime(select_array));
        return elements.size() + static_cast<std::uint64_t>(elements.back());
    }

    std::uint64_t jsonb() { return client_.query_one<std::string>(pg::runtime(select_jsonb)).size(); }

    std::uint64_t range() {
        const auto ranges = client_.query_all<pg::Range<std::int32_t>>(pg::runtime(select_ranges));
        return ranges.size() + static_cast<std::uint64_t>(ranges.back().upper.value());
    }

    std::uint64_t composite() {
        const auto pairs = client_.query_all<Pair>(pg::runtime(select_composites));
        return pairs.size() + static_cast<std::uint64_t>(pairs.back().id) + pairs.back().name.size();
    }

    std::uint64_t large_object() {
        std::vector<std::byte> bytes(large_object_size, std::byte{'x'});
        pg::Transaction transaction = client_.begin();
        pg::LargeObject object(transaction, pg::LargeObject::create(transaction), pg::LargeObjectMode::read_write);
        object.write(bytes);
        object.seek(0);
        const std::size_t read = object.read(bytes);
        object.close();
        pg::LargeObject::remove(transaction, object.oid());
        transaction.commit();
        return read;
    }

private:
    using Insert = pg::Affected(std::int32_t, std::int64_t, double, std::string, decltype(Record::made), bool,
                                std::optional<std::int32_t>);

    void add_insert(const Record& record) {
        batch_.add(insert_one_, record.id, record.big, record.real, record.name, record.made, record.flag,
                   record.maybe);
    }

    std::string conninfo_;
    Scale scale_;
    std::int32_t next_ = 0;
    std::vector<Record> records_;
    pg::Client client_ = pg::connect(conninfo_);
    pg::Prepared<Record(std::int32_t)> select_one_ = client_.prepare<Record(std::int32_t)>(pg::runtime(select_one));
    pg::Prepared<Insert> insert_one_ = client_.prepare<Insert>(pg::runtime(insert_one));
    PollLoop loop_;
    pg::Client awaited_ = pg::open(conninfo_, {.provider = "async", .pool_max_size = 1, .event_loop = &loop_});
    pg::Prepared<Record(std::int32_t)> awaited_select_one_ =
        awaited_.prepare<Record(std::int32_t)>(pg::runtime(select_one));
    pg::Batch batch_{client_};
    pg::Listener listener_{client_};
};

}  // namespace

std::vector<Workload> client_workloads(const std::string& conninfo, const Scale& scale) {
    const auto peer = std::make_shared<Peer>(conninfo, scale);
    return {
        {operation::connect, 1, [peer] { return peer->connect(); }},
        {operation::point_select, selects, [peer] { return peer->point_select(); }},
        {operation::one_select, 1, [peer] { return peer->one_select(); }},
        {operation::unprepared, selects, [peer] { return peer->unprepared_select(); }},
        {operation::bulk_read, scale.rows, [peer] { return peer->bulk_read(); }},
        {operation::stream, scale.rows, [peer] { return peer->stream(); }},
        {operation::visit, scale.rows, [peer] { return peer->visit(); }},
        {operation::views, scale.rows, [peer] { return peer->views(); }},
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
