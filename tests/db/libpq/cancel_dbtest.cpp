// Cancel requests as the loops around them see them: when they are over, and what they wait for.
#include <poll.h>

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

}  // namespace
}  // namespace pg::libpq
