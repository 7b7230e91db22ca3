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
    void hang_up() { ::close(std::exchange(ends_[1], -1)); }
    [[nodiscard]] bool waits() const { return (::fcntl(ours(), F_GETFL) & O_NONBLOCK) == 0; }

private:
    std::array<int, 2> ends_{};
};

class WaitingChannel : public testing::Test {
protected:
    WaitingChannel() { EXPECT_TRUE(channel_.allow_waiting()); }

    Sockets sockets_;
    Channel channel_{sockets_.ours(), nullptr};
    std::array<char, 64> room_{};
};

TEST_F(WaitingChannel, ReceivesWhatComesWhileItWaits) {
    std::thread peer([&] { sockets_.say("hello"); });
    Movement moved = channel_.receive_patiently(room_);
    while (moved.what == Moved::wants_read) moved = channel_.receive_patiently(room_);  // the peer was not here yet
    peer.join();
    ASSERT_EQ(moved.what, Moved::some);
    EXPECT_EQ(std::string_view(room_.data(), moved.count), "hello");
}

TEST_F(WaitingChannel, WaitsForNoLongerThanItsPatience) {
    EXPECT_EQ(channel_.receive_patiently(room_).what, Moved::wants_read);
    EXPECT_EQ(channel_.receive(room_).what, Moved::wants_read) << "and this one not at all";
    EXPECT_FALSE(channel_.has_news());
}

TEST_F(WaitingChannel, SeesTheEnd) {
    sockets_.hang_up();
    EXPECT_EQ(channel_.receive_patiently(room_).what, Moved::end);
}

TEST_F(WaitingChannel, ComesBackWhateverTheSignals) {
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

TEST_F(WaitingChannel, SendsWithoutWaiting) {
    const std::string piece(64 * 1024, 'x');
    Movement moved = channel_.send(piece);
    while (moved.what == Moved::some) moved = channel_.send(piece);
    EXPECT_EQ(moved.what, Moved::wants_write) << "nobody reads";
}

TEST_F(WaitingChannel, LeavesItsSocketAsItWas) {
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

}  // namespace
}  // namespace pg::libpq::direct
