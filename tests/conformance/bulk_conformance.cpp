// What moves many things at once: batches and COPY; and LISTEN.
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>
#include <pg/listener.hpp>

#include "conformance.hpp"

namespace conformance {
namespace {

/// Rows on their way in.
template <class... T>
class CopyIn {
public:
    using Both = Either<pg::CopyIn<T...>, pg::AsyncCopyIn<T...>>;
    using Row = typename pg::CopyIn<T...>::Row;

    explicit CopyIn(Both both) : both_(std::move(both)) {}
    static CopyIn open(const Executor& executor, std::string_view target) {
        return Executor::Both::make<CopyIn>(
            executor.both(), [&](pg::Executor& own) { return pg::CopyIn<T...>(own, target); },
            [&](pg::AsyncExecutor& own) { return pg::AsyncCopyIn<T...>::open(own, target); });
    }
    void write(const std::vector<Row>& rows) const {
        if (both_.awaited) return both_.awaited->write(rows).get();
        for (const Row& row : rows) both_.blocking->write(row);
    }
    std::uint64_t finish() const {
        return both_.ask([](auto& copy) { return copy.finish(); });
    }
    [[nodiscard]] pg::Expected<std::uint64_t> try_finish() const {
        return both_.ask([](auto& copy) { return copy.try_finish(); });
    }
    void fail(std::string_view reason) const {
        both_.ask([&](auto& copy) { return copy.fail(reason); });
    }

private:
    Both both_;
};

/// All rows of a COPY out of the server.
template <class... T>
auto copied_out(const Executor& executor, std::string_view target) {
    std::vector<typename pg::CopyOut<T...>::Row> rows;
    if (executor.both().awaited) {
        auto copy = pg::AsyncCopyOut<T...>::open(*executor.both().awaited, target).get();
        for (auto some = copy.read(300).get(); !some.empty(); some = copy.read(300).get())
            rows.insert(rows.end(), some.begin(), some.end());
    } else {
        for (const auto& row : pg::CopyOut<T...>(*executor.both().blocking, target)) rows.push_back(row);
    }
    return rows;
}

std::uint64_t write_bytes(const Executor& executor, pg::Sql<0> sql, std::initializer_list<std::string> pieces) {
    if (executor.both().awaited) {
        auto writer = pg::AsyncCopyWriter::open(*executor.both().awaited, sql).get();
        for (const std::string& piece : pieces) writer.write(piece).get();
        return writer.finish().get();
    }
    pg::CopyWriter writer(*executor.both().blocking, sql);
    for (const std::string& piece : pieces) writer.write(piece);
    return writer.finish();
}

std::string read_bytes(const Executor& executor, pg::Sql<0> sql) {
    std::string bytes;
    if (executor.both().awaited) {
        auto reader = pg::AsyncCopyReader::open(*executor.both().awaited, sql).get();
        while (const auto piece = reader.read().get()) bytes += *piece;
    } else {
        pg::CopyReader reader(*executor.both().blocking, sql);
        while (const auto piece = reader.read()) bytes += *piece;
    }
    return bytes;
}

class Listener {
public:
    explicit Listener(Client& db, Form form) {
        if (form == Form::awaited)
            both_.awaited = std::make_shared<pg::AsyncListener>(db.client());
        else
            both_.blocking = std::make_shared<pg::Listener>(db.client());
    }
    void listen(std::string_view channel) const {
        both_.ask([&](auto& listener) { return listener.listen(channel); });
    }
    void unlisten(std::string_view channel) const {
        both_.ask([&](auto& listener) { return listener.unlisten(channel); });
    }
    [[nodiscard]] std::optional<pg::Notification> next(std::chrono::nanoseconds timeout) const {
        return both_.awaited ? both_.awaited->next(timeout).get().message : both_.blocking->next(timeout);
    }

private:
    Either<pg::Listener, pg::AsyncListener> both_;
};

class Bulk : public Conformance {
protected:
    /// A client with one session: what is asked next finds it as the last one left it.
    static Client connect_one() { return connect({.provider = GetParam().provider, .pool_max_size = 1}); }
};

TEST_P(Bulk, RunsABatchOfEveryVerb) {
    db.run_script("create table filled (n int)");
    const auto doubled = db.prepare<int(int)>("select $1 * 2");
    pg::Batch batch = db.batch();
    const auto rows = batch.query("select 1, 2");
    const auto all = batch.query_all<int>("select generate_series(1, 3)");
    const auto one = batch.query_one<std::string>("select $1::text", "seven");
    const auto none = batch.query_maybe<int>("select 1 where false");
    const auto filled = batch.exec("insert into filled select generate_series(1, 5)");
    const auto prepared = batch.add(doubled.statement(), 21);
    EXPECT_THROW(static_cast<void>(one.get()), pg::UsageError) << "it did not run yet";
    db.run(batch);
    const pg::Result row = rows.get();
    EXPECT_EQ(row.columns().size(), 2u);
    EXPECT_EQ(all.get(), (std::vector{1, 2, 3}));
    EXPECT_EQ(one.get(), "seven");
    EXPECT_EQ(none.get(), std::nullopt);
    EXPECT_EQ(filled.get(), 5u);
    EXPECT_EQ(prepared.get(), 42);
}

TEST_P(Bulk, RunsAnAtomicBatchAsAWholeOrNotAtAll) {
    db.run_script("create table filled (n int primary key)");
    pg::Batch batch = db.batch();
    const auto before = batch.exec("insert into filled values (1)");
    const auto failed = batch.exec("insert into filled values (1)");
    const auto behind = batch.exec("insert into filled values (2)");
    EXPECT_THROW(db.run(batch), pg::UniqueViolation);
    for (const auto& statement : {before, failed, behind}) {
        const auto answer = statement.try_get();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().outcome(), pg::Outcome::not_applied);
    }
    EXPECT_THROW(static_cast<void>(failed.get()), pg::UniqueViolation);
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from filled"), 0);
}

TEST_P(Bulk, RunsEachStatementOfABatchAlone) {
    db.run_script("create table filled (n int primary key)");
    pg::Batch batch = db.batch();
    const auto first = batch.exec("insert into filled values (1)");
    const auto failed = batch.exec("insert into filled values (1)");
    const auto no_row = batch.query_one<int>("select n from filled where n = 2");
    const auto last = batch.exec("insert into filled values (2)");
    db.run(batch, pg::BatchMode::each);
    EXPECT_EQ(first.get(), 1u);
    EXPECT_THROW(static_cast<void>(failed.get()), pg::UniqueViolation);
    EXPECT_THROW(static_cast<void>(no_row.get()), pg::NoRows);
    EXPECT_EQ(last.get(), 1u);
    EXPECT_EQ(db.query_all<int>("select n from filled order by n"), (std::vector{1, 2}));
}

TEST_P(Bulk, RunsABatchInATransaction) {
    db.run_script("create table filled (n int)");
    const Transaction tx = db.begin();
    pg::Batch batch = tx.batch();
    batch.exec("insert into filled values (1)");
    const auto seen = batch.query_one<std::int64_t>("select count(*) from filled");
    tx.run(batch);
    EXPECT_EQ(seen.get(), 1);
    tx.rollback();
    EXPECT_EQ(db.query_one<std::int64_t>("select count(*) from filled"), 0);
}

TEST_P(Bulk, CopiesRowsInAndOut) {
    db.run_script("create table copied (n int, word text)");
    using Row = std::tuple<int, std::optional<std::string>>;
    std::vector<Row> rows;
    for (int n = 0; n < 1000; ++n)
        rows.emplace_back(n, n % 3 == 0 ? std::nullopt : std::optional("word " + std::to_string(n)));
    const auto copy = CopyIn<int, std::optional<std::string>>::open(db, "copied (n, word)");
    copy.write(rows);
    EXPECT_EQ(copy.finish(), 1000u);
    EXPECT_THROW(copy.finish(), pg::UsageError);
    EXPECT_EQ((copied_out<int, std::optional<std::string>>(db, "(select * from copied order by n)")), rows);
    EXPECT_EQ(copied_out<int>(db, "(select n from copied where false)"), std::vector<int>());
}

TEST_P(Bulk, CopiesBytesOfAnyFormat) {
    db.run_script("create table copied (n int, word text)");
    EXPECT_EQ(write_bytes(db, "copy copied from stdin (format csv)", {"1,on", "e\n2,\"t,wo\"\n", "3,three\n"}), 3u);
    EXPECT_EQ(read_bytes(db, "copy (select * from copied order by n) to stdout (format csv, header)"),
              "n,word\n1,one\n2,\"t,wo\"\n3,three\n");
}

TEST_P(Bulk, CopiesNothingOfWhatIsGivenUp) {
    const Client one = connect_one();
    one.run_script("create table copied (n int)");
    const auto failed = CopyIn<int>::open(one, "copied");
    failed.write({1, 2, 3});
    failed.fail("changed my mind");
    EXPECT_EQ(one.query_one<std::int64_t>("select count(*) from copied"), 0);
    {
        const auto left = CopyIn<int>::open(one, "copied");
        left.write({1, 2, 3});
    }
    EXPECT_EQ(one.query_one<std::int64_t>("select count(*) from copied"), 0);
    const char* many = "(select n from generate_series(1, 200000) n)";
    if (GetParam().form == Form::awaited) {
        auto copy = pg::AsyncCopyOut<int>::open(*one.both().awaited, many).get();
        EXPECT_EQ(copy.read(7).get().size(), 7u);
    } else {
        pg::CopyOut<int> copy(*one.both().blocking, many);
        EXPECT_TRUE(copy.try_next().value());
    }
    EXPECT_EQ(one.query_one<int>("select 1"), 1);
}

TEST_P(Bulk, TellsWhatTheServerSaysOfACopy) {
    db.run_script("create table copied (n int primary key)");
    const auto copy = CopyIn<int>::open(db, "copied");
    copy.write({1, 2, 1});
    const auto refused = copy.try_finish();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), pg::ErrorKind::unique_violation);
    EXPECT_EQ(refused.error().constraint(), "copied_pkey");
    EXPECT_EQ(refused.error().outcome(), pg::Outcome::not_applied);
    EXPECT_TRUE(refused.error().connection_usable());
    EXPECT_THROW(static_cast<void>(read_bytes(db, "copy nowhere to stdout")), pg::ServerError);
    EXPECT_THROW(static_cast<void>(copied_out<int>(db, "(select 1/(3-n) from generate_series(1, 5) n)")),
                 pg::ServerError);
}

TEST_P(Bulk, NamesWhatDoesNotFitTheColumnsOfACopy) {
    db.run_script("create table copied (n int, word text)");
    EXPECT_THROW(static_cast<void>(CopyIn<std::string>::open(db, "copied (n)")), pg::ShapeError);
    EXPECT_THROW(static_cast<void>(copied_out<std::string>(db, "copied (n)")), pg::ShapeError);
}

TEST_P(Bulk, HearsWhatIsSentToItsChannels) {
    const Listener listener(db, GetParam().form);
    listener.listen("news");
    listener.listen("Gossip");
    const auto send = [&](const char* channel, const char* payload) {
        db.exec("select pg_notify($1, $2)", channel, payload);
    };
    const auto heard = [&] {
        const auto message = listener.next(10s);
        return message ? message->channel + ": " + message->payload : "nothing";
    };
    send("news", "one");
    send("Gossip", "two");
    EXPECT_EQ(heard(), "news: one");
    EXPECT_EQ(heard(), "Gossip: two");
    listener.unlisten("news");
    send("news", "three");
    send("Gossip", "four");
    EXPECT_EQ(heard(), "Gossip: four");
    EXPECT_FALSE(listener.next(1ms));
}

PGCLIENT_CONFORMANCE(Bulk);

}  // namespace
}  // namespace conformance
