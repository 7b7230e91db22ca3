// Awaited calls of which the application has made something else than was meant: errors of its own, handles that are
// empty.
#include "pg/async_listener.hpp"
#include "pg/stop.hpp"
#include "tests/db/core/async_database.hpp"

namespace {

using namespace std::chrono_literals;

class AsyncMisuse : public AsyncDatabase {};

/// An error of the application.
struct OutOfStock : pg::Error {
    OutOfStock() : pg::Error({.kind = pg::ErrorKind::usage, .message = "none left"}) {}
};

TEST_P(AsyncMisuse, ThrowsWhatTheBodyOfATransactionThrew) {
    const auto body = [](pg::AsyncTransaction& transaction) -> pg::Task<int> {
        co_await transaction.exec("select 1");
        throw OutOfStock();
    };
    EXPECT_THROW(pg::sync_wait(async.transaction(body)), OutOfStock);
    EXPECT_THROW(pg::sync_wait(async.connection().get().transaction(body)), OutOfStock);
}

TEST_P(AsyncMisuse, SaysThatAHandleWasMovedFrom) {
    pg::AsyncConnection connection = async.connection().get();
    const auto moved = std::move(connection);
    EXPECT_THROW(static_cast<void>(connection.exec("select 1")), pg::UsageError);
    EXPECT_THROW(static_cast<void>(connection.engine()), pg::UsageError);
    pg::AsyncListener listener(db);
    const auto other = std::move(listener);
    EXPECT_THROW(static_cast<void>(listener.listen("news")), pg::UsageError);
    EXPECT_THROW(static_cast<void>(listener.next(1ms)), pg::UsageError);
    auto stream = async.stream<int>("select 1").get();
    const auto read = std::move(stream);
    EXPECT_EQ(pg::sync_wait(stream.try_next()).error().kind(), pg::ErrorKind::usage);
}

INSTANTIATE_TEST_SUITE_P(Engine, AsyncMisuse, testing::Values("direct", "libpq"), name_of_engine);

}  // namespace
