// Cancel requests as the loops around them see them: when they are over, and what they wait for.
#include <poll.h>
#include <vector>

#include "providers/libpq/cancel.hpp"
#include "providers/libpq/handle.hpp"
#include "tests/db/libpq/open_session.hpp"

namespace pg::libpq {
namespace {

int poll_for(pollfd wanted, int milliseconds) { return ::poll(&wanted, 1, milliseconds); }

TEST(CancelRequest, IsNotMissedWhenItEndsBetweenTwoLooks) {
    const ConnectionHandle connection(PQconnectdb(testing::shared_server().conninfo().c_str()));
    ASSERT_EQ(PQstatus(connection.get()), CONNECTION_OK);
    const auto request = start_cancel(connection.get());
    ASSERT_TRUE(request);
    do {
        ASSERT_EQ(poll_for(request->waits_for(), 10000), 1);
        // It went on meanwhile, perhaps to its end: whoever waits for it now must not wait in vain.
        ASSERT_EQ(poll_for(request->waits_for(), 0), 1);
    } while (!request->advance());
}

TEST(CancelRequest, ReachesItsServerWhileAnotherIsDeaf) {
    const testing::TestServer frozen = testing::TestServer::start();
    std::vector<std::unique_ptr<spi::Session>> waiting(5);
    for (auto& session : waiting) session = open_session(frozen.conninfo());
    const DeafToCancels deaf(frozen);
    for (const auto& session : waiting) {
        const auto result = run(*session, "select pg_sleep(60)", in(10ms));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().outcome(), Outcome::unknown) << "nobody heard the request";
    }
    until_kept(testing::shared_server().conninfo(), [](spi::Session& session) {
        return run(session, "select pg_sleep(60)", in(10ms)).error().connection_usable();
    });
}

}  // namespace
}  // namespace pg::libpq
