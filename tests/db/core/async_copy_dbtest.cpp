// COPY of bytes, awaited: any format in and out, back-pressure, and what becomes of one that is given up.
#include <future>
#include <pg/async_copy.hpp>
#include <pg/sqlstate.hpp>
#include <stdexcept>
#include <stop_token>

#include "tests/db/core/async_database.hpp"
#include "tests/db/core/kept_session.hpp"

namespace {

/// Its codec does not read a three.
struct Picky {
    int number = 0;
};

}  // namespace

template <>
struct pg::Codec<Picky> : pg::detail::IntegerCodec<int> {
    static constexpr TypeId type = Codec<int>::type;
    static Fault decode(const Cell& cell, const WireType& wire, Picky& out) {
        const Fault fault = Codec<int>::decode(cell, wire, out.number);
        if (!fault && out.number == 3) throw std::length_error("no room");
        return fault;
    }
};

namespace {

using namespace std::chrono_literals;

/// The server says nothing before it has gathered some kilobytes.
constexpr char many_and_a_pause[] =
    "copy (select repeat('x', 100) from generate_series(1, 1000) union all select pg_sleep(60)::text) to stdout";

class AsyncCopyBytes : public AsyncDatabase {
protected:
    void SetUp() override {
        onlooker().run_script(
            "drop table if exists words, slow; create table words (id int, word text); create table slow (word text);"
            "create or replace function waits() returns trigger language plpgsql as $$"
            "  begin perform pg_advisory_xact_lock(1); return new; end $$;"
            "create trigger waits before insert on slow for each row execute function waits()");
    }
    static std::int64_t words() { return onlooker().query_one<std::int64_t>("select count(*) from words"); }

    /// While it is there, rows of `slow` are not taken.
    pg::Transaction lock() {
        pg::Transaction holder = onlooker().begin();
        holder.exec("select pg_advisory_xact_lock(1)");
        return holder;
    }
    /// A client of one session, to see whether that survives.
    pg::Client narrow = open(1);
};

pg::Task<std::string> in_and_out(pg::AsyncClient async) {
    auto csv = co_await pg::AsyncCopyWriter::open(async, "copy words (id, word) from stdin (format csv, header)");
    EXPECT_EQ(csv.columns(), 2u);
    co_await csv.write("id,word\n1,\"a, b\"\n");
    co_await csv.write("2,");
    EXPECT_TRUE(co_await csv.try_write("c\n"));
    EXPECT_EQ(co_await csv.finish(), 2u);
    auto text = co_await pg::AsyncCopyReader::open(async, "copy (select * from words order by id) to stdout");
    std::string all;
    while (const auto bytes = co_await text.read()) all += *bytes;
    EXPECT_EQ(co_await text.read(), std::nullopt) << "it stays at the end";
    co_return all;
}

TEST_P(AsyncCopyBytes, StreamsBytesOfAnyFormat) {
    EXPECT_EQ(pg::sync_wait(in_and_out(async)), "1\ta, b\n2\tc\n");
    expect_nothing_left_busy();
}

pg::Task<void> row_by_row(pg::AsyncClient async) {
    auto sql = std::make_optional<std::string>("copy (select generate_series(1, 5000)) to stdout");
    auto opening = pg::AsyncCopyReader::try_open(async, pg::runtime(*sql));
    sql.reset();  // the text was copied
    pg::Expected<pg::AsyncCopyReader> reader = co_await std::move(opening);
    EXPECT_EQ(co_await reader->read(1), "1\n") << "a row of the text format is a piece";
    EXPECT_EQ((co_await reader->try_read(4)).value(), "2\n3\n") << "pieces until they are enough";
    std::string rest;
    while (const auto bytes = co_await reader->read(1000)) {
        EXPECT_LT(bytes->size(), 1006u);
        EXPECT_EQ(bytes->back(), '\n') << "no row is cut";
        rest += *bytes;
    }
    EXPECT_TRUE(rest.ends_with("4999\n5000\n"));
}

TEST_P(AsyncCopyBytes, GivesTheRowsBeforeOneWhoseCodecThrows) {
    auto copy = pg::AsyncCopyOut<Picky>::open(async, "(select n from generate_series(1, 5) n)").get();
    const auto numbers = [&] {
        std::vector<int> read;
        for (const Picky& one : copy.read().get()) read.push_back(one.number);
        return read;
    };
    EXPECT_EQ(numbers(), (std::vector{1, 2}));
    EXPECT_THROW(static_cast<void>(numbers()), std::length_error);
    EXPECT_EQ(numbers(), (std::vector{4, 5}));
    EXPECT_EQ(numbers(), std::vector<int>());
}

TEST_P(AsyncCopyBytes, GivesAsMuchAsIsAskedFor) { pg::sync_wait(row_by_row(async)); }

TEST_P(AsyncCopyBytes, SaysWhatTheServerSays) {
    EXPECT_THROW(static_cast<void>(pg::AsyncCopyWriter::open(async, "copy nowhere from stdin").get()), pg::ServerError);
    EXPECT_THROW(
        static_cast<void>(pg::AsyncCopyReader::open(async, pg::runtime("copy words to stdout; select 1")).get()),
        pg::UsageError);
    const auto fail = [&] {
        auto writer = pg::AsyncCopyWriter::try_open(narrow.async(), "copy words from stdin").get().value();
        writer.write("no number\tword\n").get();
        const auto finished = writer.try_finish().get();
        ASSERT_FALSE(finished);
        EXPECT_EQ(finished.error().sqlstate(), pg::sqlstate::invalid_text_representation);
        EXPECT_THROW(writer.write("1\tword\n").get(), pg::UsageError) << "it has ended";
        EXPECT_EQ(writer.try_fail("again").get().error().kind(), pg::ErrorKind::usage);
        auto reader = pg::AsyncCopyReader::open(narrow.async(),
                                                "copy (select 10 / (10 - n) from generate_series(1, 20) n) to stdout")
                          .get();
        EXPECT_EQ(reader.read().get(), "1\n1\n1\n1\n2\n2\n3\n5\n10\n") << "what came before it";
        const auto broken = reader.try_read().get();
        ASSERT_FALSE(broken);
        EXPECT_EQ(broken.error().sqlstate(), pg::sqlstate::division_by_zero);
        auto rows =
            pg::AsyncCopyOut<int>::open(narrow.async(), "(select 10 / (3 - n) from generate_series(1, 5) n)").get();
        EXPECT_EQ(rows.read().get(), (std::vector{5, 10}));
        const auto no_row = rows.try_read().get();
        ASSERT_FALSE(no_row);
        EXPECT_EQ(no_row.error().sqlstate(), pg::sqlstate::division_by_zero);
    };
    EXPECT_TRUE(keeps_its_session(narrow, fail));
}

TEST_P(AsyncCopyBytes, CopiesNothingWhenItFailsOrIsLeft) {
    const auto fail_and_leave = [&] {
        {
            auto left = pg::AsyncCopyWriter::open(narrow.async(), "copy words from stdin").get();
            left.write("1\tone\n").get();
        }
        auto failed = pg::AsyncCopyWriter::open(narrow.async(), "copy words from stdin").get();
        failed.write("2\ttwo\n").get();
        failed.fail("awaited, and then not").get();
        EXPECT_NE(pg::testing::shared_server().log().find("awaited, and then not"), std::string::npos);
        auto left = pg::AsyncCopyReader::open(narrow.async(), "copy (select generate_series(1, 100000000)) to stdout");
        EXPECT_TRUE(std::move(left).get().read(1).get());
    };
    EXPECT_TRUE(keeps_its_session(narrow, fail_and_leave));
    expect_nothing_left_busy();
    EXPECT_EQ(words(), 0);
}

/// How many pieces went; nothing when it did not even begin in its time.
pg::Task<std::optional<int>> write_until_it_fails(pg::AsyncClient async, std::chrono::milliseconds time,
                                                  pg::ErrorKind& kind) {
    auto writer = co_await pg::AsyncCopyWriter::try_open(async.with({.timeout = time}), "copy slow from stdin");
    if (!writer) co_return std::nullopt;
    for (int pieces = 0; pieces < 2000; ++pieces) {
        const auto written = co_await writer->try_write(std::string(65535, 'x') + '\n');
        if (written) continue;
        kind = written.error().kind();
        co_return pieces;
    }
    co_return 2000;
}

TEST_P(AsyncCopyBytes, WaitsWhileTheServerTakesNothing) {
    const pg::Transaction holder = lock();
    pg::ErrorKind kind{};
    std::optional<int> pieces;
    for (const auto time : {300ms, 1200ms, 4800ms})
        if (!pieces) pieces = pg::sync_wait(write_until_it_fails(async, time, kind));
    ASSERT_TRUE(pieces) << "it does not begin";
    EXPECT_LT(*pieces, 1000) << "64 MB and more went nowhere";
    EXPECT_EQ(kind, pg::ErrorKind::timeout);
}

TEST_P(AsyncCopyBytes, ReadsNoMoreThanItIsAskedFor) {
    auto reader =
        pg::AsyncCopyReader::open(async, "copy (select repeat('x', 1000) from generate_series(1, 1000000)) to stdout")
            .get();
    EXPECT_TRUE(reader.read(1).get());
    await_wait("ClientWrite");
}

TEST_P(AsyncCopyBytes, IsGivenUpByItsStop) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    auto reader = pg::AsyncCopyReader::open(async.with({.stop = &token}), many_and_a_pause).get();
    std::promise<pg::Expected<std::optional<std::string>>> answer;
    reader.try_read(1 << 20).start([&](auto&& read) { answer.set_value(std::forward<decltype(read)>(read)); });
    async.exec("select 1").get();  // behind it: it has begun
    await_wait("PgSleep");
    source.request_stop();
    const auto stopped = answer.get_future().get();
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().kind(), pg::ErrorKind::cancelled);
    expect_nothing_left_busy();
}

/// Empty: nothing does.
std::string what_fails_when_all_is_read(const pg::AsyncExecutor& executor, const std::string& sql) {
    auto reader = pg::AsyncCopyReader::try_open(executor, pg::runtime(sql)).get();
    if (!reader) return reader.error().what();
    for (;;) {
        const auto read = reader->try_read().get();
        if (!read) return read.error().what();
        if (!*read) return {};
    }
}

TEST_P(AsyncCopyBytes, HasItsWholeTimeForEachWaitHoweverLongItQueued) {
    // Two waits that are each shorter than its time, but not both together: longer ones where a machine is too slow.
    std::string failure = "it was not tried";
    for (int scale = 1; scale <= 8 && !failure.empty(); scale *= 2) {
        const double seconds = 0.6 * scale;
        const std::string sql =
            "copy (select repeat('x', 100) from generate_series(1, 1000) union all select pg_sleep(" +
            std::to_string(seconds) + ")::text) to stdout";
        narrow.async().exec("select pg_sleep($1)", seconds).start([](const pg::Expected<std::uint64_t>&) {});
        failure = what_fails_when_all_is_read(narrow.async().with({.timeout = 1s * scale}), sql);
    }
    EXPECT_EQ(failure, "");
}

pg::Task<void> write_for_good(pg::AsyncClient async) {
    auto writer = co_await pg::AsyncCopyWriter::open(async, "copy slow from stdin");
    for (;;) co_await writer.write(std::string(65535, 'x') + '\n');
}
pg::Task<void> read_for_good(pg::AsyncClient async) {
    auto reader = co_await pg::AsyncCopyReader::open(async, many_and_a_pause);
    static_cast<void>(co_await reader.read(1 << 20));
}
pg::Task<void> give_up(pg::AsyncClient async, pg::Task<void> task) {
    co_await async.exec("select 1");  // from here on on its loop, as the parts of a when_any are to be
    static_cast<void>(co_await pg::when_any(std::move(task), async.exec("select pg_sleep(0.2)")));
}

TEST_P(AsyncCopyBytes, LeavesNothingBehindWhenItsCoroutineIsDestroyed) {
    {
        const pg::Transaction holder = lock();
        pg::sync_wait(give_up(async, write_for_good(async)));
    }
    pg::sync_wait(give_up(async, read_for_good(async)));
    expect_nothing_left_busy();
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from slow"), 0);
}

TEST_P(AsyncCopyBytes, EndsWithItsTransaction) {
    pg::AsyncTransaction transaction = async.begin().get();
    auto writer = pg::AsyncCopyWriter::open(transaction, "copy words from stdin").get();
    writer.write("1\tone\n").get();
    EXPECT_THROW(transaction.commit().get(), pg::UsageError);
    transaction.rollback().get();
    EXPECT_THROW(writer.write("2\ttwo\n").get(), pg::UsageError);
    EXPECT_EQ(words(), 0);
    pg::AsyncTransaction next = async.begin().get();
    auto finished = pg::AsyncCopyWriter::open(next, "copy words from stdin").get();
    finished.write("3\tthree\n").get();
    EXPECT_EQ(finished.try_finish().get().value(), 1u);
    next.commit().get();
    EXPECT_EQ(words(), 1);
}

pg::Task<void> nothing() { co_return; }

/// Gives up a write that has not begun, and says what becomes of the COPY.
template <class Copy, class Rows>
pg::Task<void> go_on_behind_a_gap(Copy copy, Rows rows) {
    static_cast<void>(co_await pg::when_any(copy.write(rows), nothing()));
    const auto written = co_await copy.try_write(rows);
    EXPECT_EQ(written ? "none" : written.error().message().substr(0, 25), "a call that was given up ");
    EXPECT_FALSE(co_await copy.try_finish());
}
using Words = std::vector<std::tuple<int, std::string>>;
pg::Task<void> give_writes_up(pg::AsyncClient async, std::string bytes, Words rows) {
    co_await go_on_behind_a_gap(co_await pg::AsyncCopyWriter::open(async, "copy words from stdin"), std::move(bytes));
    co_await go_on_behind_a_gap(co_await pg::AsyncCopyIn<int, std::string>::open(async, "words (id, word)"),
                                std::move(rows));
}

TEST_P(AsyncCopyBytes, IsGivenUpWithAWriteThatWasNotBegun) {
    const auto give_two_up = [&] { pg::sync_wait(give_writes_up(narrow.async(), "1\tone\n", {{1, "one"}})); };
    EXPECT_TRUE(keeps_its_session(narrow, give_two_up));
    EXPECT_EQ(words(), 0);
}

TEST_P(AsyncCopyBytes, IsGivenUpWithAWriteThatWasStoppedBehindAnother) {
    std::string more_than_goes_ahead;
    for (int lines = 0; lines < 250; ++lines) more_than_goes_ahead += std::string(65535, 'x') + '\n';
    auto writer = pg::AsyncCopyWriter::open(async, "copy slow from stdin").get();
    std::promise<pg::Expected<void>> first;
    {
        const pg::Transaction holder = lock();
        writer.try_write(std::move(more_than_goes_ahead)).start([&](auto&& written) { first.set_value(written); });
        auto second = writer.try_write("behind it\n");
        std::promise<void> ended;
        second.call_back([](void* told) noexcept { static_cast<std::promise<void>*>(told)->set_value(); }, &ended);
        await_wait("advisory");
        second.stop();
        ended.get_future().wait();
        EXPECT_EQ(second.await_resume().error().kind(), pg::ErrorKind::cancelled);
    }
    EXPECT_TRUE(first.get_future().get());
    const auto finished = writer.try_finish().get();
    EXPECT_EQ(finished ? pg::ErrorKind{} : finished.error().kind(), pg::ErrorKind::cancelled);
    expect_nothing_left_busy();
    EXPECT_EQ(onlooker().query_one<std::int64_t>("select count(*) from slow"), 0);
}

INSTANTIATE_TEST_SUITE_P(Engine, AsyncCopyBytes, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
