// Channel: what a receive does that may wait, and how its socket is left.
#include "providers/libpq/direct_channel.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace pg::libpq::direct {
namespace {

/// A socket that does not wait, as libpq leaves one, and the other end of it.
class Sockets {
public:
    Sockets() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data()), 0); }
    ~Sockets() {
        ::close(ends_[0]);
        if (ends_[1] >= 0) ::close(ends_[1]);
    }
    [[nodiscard]] int ours() const { return ends_[0]; }
    void say(std::string_view bytes) const { EXPECT_EQ(::write(ends_[1], bytes.data(), bytes.size()), bytes.size()); }
    [[nodiscard]] char hear() const {
        char heard = 0;
        EXPECT_EQ(::read(ends_[1], &heard, 1), 1);
        return heard;
    }
    void hang_up() { ::close(std::exchange(ends_[1], -1)); }
    [[nodiscard]] bool waits() const { return (::fcntl(ours(), F_GETFL) & O_NONBLOCK) == 0; }

private:
    std::array<int, 2> ends_{};
};

/// Which has sent something before it waits, or not.
class WaitingChannel : public testing::TestWithParam<bool> {
protected:
    WaitingChannel() {
        EXPECT_TRUE(channel_.allow_waiting());
        if (!GetParam()) return;
        EXPECT_EQ(channel_.send("?").what, Moved::some);
        EXPECT_EQ(sockets_.hear(), '?');
    }

    Sockets sockets_;
    Channel channel_{sockets_.ours(), nullptr};
    std::array<char, 64> room_{};
};
INSTANTIATE_TEST_SUITE_P(After, WaitingChannel, testing::Bool(),
                         [](const auto& sent) { return sent.param ? "a_send" : "nothing"; });

TEST_P(WaitingChannel, ReceivesWhatComesWhileItWaits) {
    std::thread peer([&] { sockets_.say("hello"); });
    Movement moved = channel_.receive_patiently(room_);
    while (moved.what == Moved::wants_read) moved = channel_.receive_patiently(room_);  // the peer was not here yet
    peer.join();
    ASSERT_EQ(moved.what, Moved::some);
    EXPECT_EQ(std::string_view(room_.data(), moved.count), "hello");
}

TEST_P(WaitingChannel, ReceivesWhatIsThere) {
    sockets_.say("hello");
    const Movement moved = channel_.receive_patiently(room_);
    ASSERT_EQ(moved.what, Moved::some);
    EXPECT_EQ(std::string_view(room_.data(), moved.count), "hello");
}

TEST_P(WaitingChannel, WaitsForNoLongerThanItsPatience) {
    EXPECT_EQ(channel_.receive_patiently(room_).what, Moved::wants_read);
    EXPECT_EQ(channel_.receive(room_).what, Moved::wants_read) << "and this one not at all";
    EXPECT_FALSE(channel_.has_news());
}

TEST_P(WaitingChannel, SeesTheEnd) {
    sockets_.hang_up();
    EXPECT_EQ(channel_.receive_patiently(room_).what, Moved::end);
}

TEST_P(WaitingChannel, ComesBackWhateverTheSignals) {
    struct sigaction counting{}, before{};
    static std::atomic<int> signals;
    counting.sa_handler = [](int) { ++signals; };
    ASSERT_EQ(::sigaction(SIGUSR1, &counting, &before), 0);
    std::atomic<bool> over{false};
    std::thread disturber([&, waiter = ::pthread_self()] {
        while (!over) ::pthread_kill(waiter, SIGUSR1);
    });
    while (signals == 0) EXPECT_EQ(channel_.receive_patiently(room_).what, Moved::wants_read);
    over = true;
    disturber.join();
    ::sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(WaitingChannel, SendsWithoutWaiting) {
    const std::string piece(64 * 1024, 'x');
    Movement moved = channel_.send(piece);
    while (moved.what == Moved::some) moved = channel_.send(piece);
    EXPECT_EQ(moved.what, Moved::wants_write) << "nobody reads";
}

TEST_P(WaitingChannel, SendsFromTwoPlacesWhatFits) {
    const std::string first(3000, 'a'), second(100'000, 'b');
    const int least = 1;
    ASSERT_EQ(::setsockopt(sockets_.ours(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
    const Movement moved = channel_.send(first, second);
    ASSERT_EQ(moved.what, Moved::some);
    EXPECT_GT(moved.count, first.size());
    EXPECT_LT(moved.count, first.size() + second.size());
    for (std::size_t i = 0; i < moved.count; ++i) ASSERT_EQ(sockets_.hear(), i < first.size() ? 'a' : 'b') << i;
    while (channel_.send(first, second).what == Moved::some) continue;
    EXPECT_EQ(channel_.send(first, second).what, Moved::wants_write);
    sockets_.hang_up();
    EXPECT_EQ(channel_.send(first, second).what, Moved::broken) << "and no signal";
}

TEST_P(WaitingChannel, LeavesItsSocketAsItWas) {
    EXPECT_TRUE(sockets_.waits());
    channel_.end_waiting();
    EXPECT_FALSE(sockets_.waits());
}

TEST(AChannel, ThatIsNoSocketCannotWait) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    EXPECT_FALSE(Channel(pipe[0], nullptr).allow_waiting());
    for (const int end : pipe) ::close(end);
}

TEST(AChannel, OfTlsDoesNotWait) {
    const Sockets sockets;
    int session = 0;  // nobody looks at it
    EXPECT_FALSE(Channel(sockets.ours(), &session).allow_waiting());
    EXPECT_FALSE(sockets.waits());
}

TEST(AChannel, OfTlsFillsItsRecords) {
    const Sockets sockets;
    int session = 0;
    const Channel tls(sockets.ours(), &session), plain(sockets.ours(), nullptr);
    EXPECT_EQ(tls.left_in_record(5), 16 * 1024U - 5);
    EXPECT_EQ(tls.left_in_record(16 * 1024), 0U);
    EXPECT_EQ(tls.left_in_record(40'000), 3 * 16 * 1024U - 40'000);
    EXPECT_EQ(plain.left_in_record(5), 0U);
}

// Without it `scram_max_iterations` would not be kept.
TEST(TlsFunctions, AreIncompleteWithoutALookAhead) {
    if (!tls_functions().in_shared_library || !tls_functions().complete()) GTEST_SKIP() << "this libpq has no OpenSSL";
    TlsFunctions some = tls_functions();
    some.peek = nullptr;
    EXPECT_FALSE(some.complete());
}

}  // namespace
}  // namespace pg::libpq::direct
