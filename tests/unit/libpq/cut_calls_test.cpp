// Awaited calls whose connection ends in the middle of a message: the error says of which.
#include <gtest/gtest.h>

#include "pg/async.hpp"
#include "pg/client.hpp"
#include "pg/testing/fake_server.hpp"

namespace pg {
namespace {

using testing::Conversation;
using testing::FakeServer;
using testing::MessageKind;
using testing::Reply;

TEST(CutCall, NamesTheMessage) {
    const Reply row = Reply().row({"0123456789"});
    const FakeServer server = FakeServer::start([&row](Conversation& client) {
        if (!client.let_in()) return;
        client.expect(MessageKind::sync);  // of the take-over
        client.send(Reply().ready());
        if (client.receive_until(MessageKind::execute).kind == MessageKind::left) return;
        client.send(Reply().parse_complete().bind_complete().columns({{"n", Oid{25}, Format::binary}}));
        client.send(row.bytes().substr(0, 7));
    });
    Client client = open(server.conninfo() + " provider=async pool_max_size=1 engine=direct");
    const Expected<std::string> told = client.async().try_query_one<std::string>("select n from t").get();
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().kind(), ErrorKind::connection_lost);
    EXPECT_EQ(told.error().outcome(), Outcome::unknown);
    EXPECT_EQ(told.error().message(),
              "connection lost: the server closed the connection, in the middle of a message ('D', 7 of 21 bytes)");
}

}  // namespace
}  // namespace pg
