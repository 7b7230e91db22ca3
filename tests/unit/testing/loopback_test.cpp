// Sockets on this machine where there is no room for them.
#include "src/testing/loopback.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include "pg/testing/fake_server.hpp"
#include "pg/testing/fault_proxy.hpp"
#include "tests/unit/testing/raw_client.hpp"
#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

/// For the time of one test, the process gets no new descriptor.
class NoDescriptors final {
public:
    NoDescriptors() {
        EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

private:
    rlimit before_{};
};

TEST(Loopback, SaysWhichPathItCannotListenOn) {
    const ScratchFolder folder;
    const std::string path = folder.path() + "/socket";
    const auto first = listen_on_path(path);
    ASSERT_TRUE(first);
    const auto second = listen_on_path(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message(), "listen on " + path + ": Address already in use");

    const std::string long_path = "/" + std::string(200, 'x');
    const auto refused = listen_on_path(long_path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "use the socket " + long_path + ": File name too long");
}

TEST(Loopback, AcceptsLaterWhatItHasNoDescriptorFor) {
    const auto listener = listen_on_loopback().value();
    EXPECT_FALSE(accept_from(listener.socket.get())) << "nobody came yet";
    const RawClient client("127.0.0.1", listener.port);
    {
        const NoDescriptors none;
        EXPECT_FALSE(accept_from(listener.socket.get()));
    }
    EXPECT_TRUE(accept_from(listener.socket.get()));
}

TEST(Loopback, ServesNobodyWithoutDescriptors) {
    const NoDescriptors none;
    const auto server = FakeServer::try_start([](Conversation&) {});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().message(), "start a fake server: Too many open files");
    const auto proxy = FaultProxy::try_start("127.0.0.1", 5432);
    ASSERT_FALSE(proxy);
    EXPECT_EQ(proxy.error().kind(), ErrorKind::connect);
}

}  // namespace
}  // namespace pg::testing
