// Awaited large objects: the same bytes and errors as with blocking calls, and nothing that stays open.
#include <pg/async_large_object.hpp>
#include <pg/async_savepoint.hpp>
#include <pg/sqlstate.hpp>
#include <pg/types/unsigned.hpp>
#include <stop_token>

#include "tests/db/core/async_database.hpp"

namespace {

using namespace std::chrono_literals;

std::vector<std::byte> pattern(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 % 251);
    return bytes;
}

class AsyncLargeObject : public AsyncDatabase {
protected:
    void SetUp() override { onlooker().exec("select lo_unlink(oid) from pg_largeobject_metadata"); }
    static std::int64_t all() {
        return onlooker().query_one<std::int64_t>("select count(*) from pg_largeobject_metadata");
    }

    pg::AsyncTransaction transaction = async.begin().get();
    pg::Oid oid = pg::AsyncLargeObject::create(transaction).get();
};

pg::Task<void> write_and_read(pg::AsyncTransaction& transaction, pg::Oid oid) {
    const std::vector<std::byte> bytes = pattern((2 << 20) + 777);
    const auto size = static_cast<std::int64_t>(bytes.size());
    auto object = co_await pg::AsyncLargeObject::open(transaction, oid, pg::LargeObjectMode::read_write);
    EXPECT_EQ(object.oid(), oid);
    co_await object.write(bytes);
    EXPECT_EQ(co_await object.tell(), size);
    EXPECT_EQ(co_await object.seek(0), 0);
    EXPECT_TRUE(co_await object.read(bytes.size() + 10) == bytes);
    EXPECT_EQ((co_await object.read(10)).size(), 0u) << "the end";
    EXPECT_EQ(co_await object.seek(-3, pg::SeekFrom::end), size - 3);
    EXPECT_EQ(co_await object.seek(1, pg::SeekFrom::current), size - 2);
    EXPECT_EQ((co_await object.read(1)).front(), bytes[bytes.size() - 2]);
    co_await object.truncate(5);
    EXPECT_EQ(co_await object.size(), 5);
    EXPECT_EQ(co_await object.tell(), size - 1) << "the position stays";
    constexpr std::int64_t far = std::int64_t{5} << 30;
    EXPECT_EQ(co_await object.seek(far), far);
    co_await object.write(pattern(3));
    EXPECT_EQ(co_await object.size(), far + 3);
    co_await object.close();
    co_await object.close();
}

TEST_P(AsyncLargeObject, DoesWhatABlockingOneDoes) { pg::sync_wait(write_and_read(transaction, oid)); }

TEST_P(AsyncLargeObject, AnswersWithErrorsToo) {
    auto object = pg::AsyncLargeObject::try_open(transaction, oid, pg::LargeObjectMode::read_write).get().value();
    EXPECT_TRUE(object.try_write(pattern(5)).get());
    EXPECT_EQ(object.try_tell().get().value(), 5);
    EXPECT_EQ(object.try_seek(1).get().value(), 1);
    EXPECT_EQ(object.try_read(2).get().value().size(), 2u);
    EXPECT_TRUE(object.try_truncate(4).get());
    EXPECT_EQ(object.try_size().get().value(), 4);
    EXPECT_TRUE(object.try_close().get());
    EXPECT_EQ(object.try_size().get().error().kind(), pg::ErrorKind::usage);
    EXPECT_THROW(static_cast<void>(object.read(1).get()), pg::UsageError);
    EXPECT_TRUE(pg::AsyncLargeObject::try_remove(transaction, oid).get());
    const auto gone = pg::AsyncLargeObject::try_open(transaction, oid).get();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().sqlstate(), pg::sqlstate::undefined_object);
}

TEST_P(AsyncLargeObject, IsThereAfterTheCommitUntilItIsRemoved) {
    auto object = pg::AsyncLargeObject::open(transaction, oid, pg::LargeObjectMode::read_write).get();
    object.write(pattern(5)).get();
    transaction.commit().get();
    EXPECT_THROW(static_cast<void>(object.size().get()), pg::UsageError);
    pg::AsyncTransaction later = async.begin().get();
    EXPECT_THROW(static_cast<void>(pg::AsyncLargeObject::create(later, oid).get()), pg::UniqueViolation);
    pg::AsyncTransaction last = async.begin().get();
    EXPECT_EQ(pg::AsyncLargeObject::open(last, oid).get().read(10).get(), pattern(5));
    pg::AsyncLargeObject::remove(last, oid).get();
    EXPECT_EQ(pg::AsyncLargeObject::try_create(last, oid).get().value(), oid);
    pg::AsyncLargeObject::remove(last, oid).get();
    last.commit().get();
    EXPECT_EQ(all(), 0);
}

TEST_P(AsyncLargeObject, DoesNotWriteWhatWasOpenedForReading) {
    auto object = pg::AsyncLargeObject::open(transaction, oid).get();
    pg::AsyncSavepoint savepoint = transaction.savepoint().get();
    EXPECT_THROW(object.write(pattern(1)).get(), pg::ServerError);
    savepoint.rollback().get();
    EXPECT_EQ(object.size().get(), 0) << "it was opened before the savepoint";
}

TEST_P(AsyncLargeObject, ClosesWithThePartThatItWasOpenedIn) {
    pg::AsyncSavepoint savepoint = transaction.savepoint().get();
    auto object = pg::AsyncLargeObject::open(transaction, oid).get();
    savepoint.rollback().get();
    EXPECT_THROW(static_cast<void>(object.size().get()), pg::UsageError);
    EXPECT_EQ(pg::AsyncLargeObject::open(transaction, oid).get().size().get(), 0);
}

TEST_P(AsyncLargeObject, ClosesWhenItGoes) {
    static_cast<void>(pg::AsyncLargeObject::open(transaction, oid).get());
    // The first descriptor that is free is given to who opens one next.
    EXPECT_EQ(transaction.query_one<int>("select lo_open($1, $2)", oid, 0x40000).get(), 0);
}

TEST_P(AsyncLargeObject, EndsWithTheStopOfItsTransaction) {
    std::stop_source source;
    const pg::StopToken token(source.get_token());
    pg::AsyncTransaction stopped = async.begin({.stop = &token}).get();
    const pg::Oid other = pg::AsyncLargeObject::create(stopped).get();
    auto object = pg::AsyncLargeObject::open(stopped, other).get();
    source.request_stop();
    EXPECT_THROW(static_cast<void>(object.size().get()), pg::Cancelled);
}

TEST_P(AsyncLargeObject, EndsItsTransactionWhenACallOnItEndsEarly) {
    auto object = pg::AsyncLargeObject::open(transaction, oid, pg::LargeObjectMode::read_write).get();
    auto write = object.try_write(pattern(100));
    write.stop();
    EXPECT_EQ(std::move(write).get().error().kind(), pg::ErrorKind::cancelled);
    EXPECT_FALSE(object.try_write(pattern(100)).get()) << "behind a gap";
    EXPECT_FALSE(object.try_read(1).get());
}

pg::Task<void> write_for_long(pg::AsyncClient async) {
    pg::AsyncTransaction transaction = co_await async.begin();
    const pg::Oid oid = co_await pg::AsyncLargeObject::create(transaction);
    auto object = co_await pg::AsyncLargeObject::open(transaction, oid, pg::LargeObjectMode::read_write);
    for (;;) co_await object.write(pattern(4 << 20));
}
pg::Task<void> give_up_the_write(pg::AsyncClient async) {
    co_await async.exec("select 1");  // from here on on its loop, as the parts of a when_any are to be
    static_cast<void>(co_await pg::when_any(write_for_long(async), async.exec("select pg_sleep(0.1)")));
}

TEST_P(AsyncLargeObject, LeavesNothingBehindWhenItsCoroutineIsDestroyed) {
    transaction.rollback().get();
    pg::sync_wait(give_up_the_write(async));
    expect_nothing_left_busy();
    EXPECT_EQ(all(), 0);
}

INSTANTIATE_TEST_SUITE_P(Engine, AsyncLargeObject, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
