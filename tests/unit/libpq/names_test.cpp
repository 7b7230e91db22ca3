// Names of servers, awaited: several addresses of one, and look-ups that hang. This program has a getaddrinfo of its
// own, which stands before that of the C library.
#include <condition_variable>
#include <cstring>
#include <dlfcn.h>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <set>
#include <stop_token>
#include <sys/socket.h>
#include <unistd.h>

#include "pg/async.hpp"
#include "pg/spi/registry.hpp"
#include "pg/testing/fake_server.hpp"
#include "providers/async/provider.hpp"
#include "providers/libpq/provider.hpp"
#include "providers/libpq/resolver.hpp"

namespace {

/// Where look-ups of names hang that end in ".hangs".
class Gate {
public:
    void pass(const std::string& name) {
        std::unique_lock lock(mutex_);
        entered_.insert(name);
        changed_.notify_all();
        changed_.wait(lock, [this, mine = times_closed_] { return is_open_ || times_closed_ != mine; });
    }
    /// Until look-ups of so many names hang.
    [[nodiscard]] bool wait_for(std::size_t names) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return entered_.size() >= names; });
    }
    void close() {
        const std::lock_guard lock(mutex_);
        entered_.clear();
        is_open_ = false;
        ++times_closed_;  // what was let go before goes, though it has not been woken yet
    }
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::set<std::string> entered_;
    bool is_open_ = true;
    int times_closed_ = 0;
};

Gate& gate() {
    static auto* const one = new Gate;
    return *one;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
    static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    const std::string name = node != nullptr ? node : "";
    if (name.ends_with(".hangs")) gate().pass(name);
    if (name != "two" && !name.ends_with(".hangs") && name != "other") return real(node, service, hints, found);
    const int failure = real("127.0.0.1", service, hints, found);
    if (failure != 0 || name != "two") return failure;
    // The one where nobody answers comes first.
    addrinfo* const behind = *found;
    const int other_failure = real("127.0.0.2", service, hints, found);
    (*found)->ai_next = behind;
    return other_failure;
}

namespace pg {
namespace {

using namespace std::chrono_literals;
using testing::Answers;
using testing::FakeServer;

/// Takes connections on 127.0.0.2, and says nothing on them.
class DeafPort {
public:
    explicit DeafPort(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
        const int on = 1;
        ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket_, 100), 0);
    }
    DeafPort(const DeafPort&) = delete;
    DeafPort& operator=(const DeafPort&) = delete;
    ~DeafPort() { ::close(socket_); }
    [[nodiscard]] bool was_called() const {
        pollfd polled{.fd = socket_, .events = POLLIN, .revents = 0};
        return ::poll(&polled, 1, 0) == 1;
    }

private:
    const int socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

using Answer = std::future<Expected<int>>;
Answer begin(Async<Expected<int>> call) {
    auto told = std::make_shared<std::promise<Expected<int>>>();
    std::move(call).start([told](Expected<int>&& answer) { told->set_value(std::move(answer)); });
    return told->get_future();
}

class Names : public ::testing::TestWithParam<const char*> {
protected:
    Names() { registry_.add(async::make_async_provider(libpq::make_libpq_provider(), 1)).value(); }
    ~Names() override { gate().open(); }
    /// All of them on one loop.
    Client open(const std::string& host, const std::string& connect_timeout = "20s") {
        return pg::open(
            server_.conninfo() + " host=" + host + " pool_connect_timeout=" + connect_timeout + " engine=" + GetParam(),
            {.provider = "async", .timeout = 20s, .registry = &registry_});
    }
    /// One that hangs, and that no test before has asked for.
    static std::string hanging_name() {
        static int last = 0;
        return std::to_string(++last) + ".hangs";
    }
    static constexpr char one[] = "select 1";
    [[nodiscard]] std::uint16_t port() const { return server_.port(); }

private:
    FakeServer server_ = FakeServer::start(Answers().on(one, {.columns = {{"n", Oid{23}}}, .rows = {{"1"}}}));
    spi::Registry registry_;
};
INSTANTIATE_TEST_SUITE_P(Engine, Names, ::testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(Names, LeadToTheirSecondAddressWhereTheFirstRefuses) {
    Client db = open("two");
    EXPECT_EQ(db.async().query_one<int>(one).get(), 1);
}

TEST_P(Names, LeadToTheirSecondAddressWhereTheFirstHangs) {
    const DeafPort deaf(port());
    Client db = open("two", "8s");  // of which each has a half
    EXPECT_EQ(db.async().query_one<int>(one).get(), 1);
    EXPECT_TRUE(deaf.was_called());
}

TEST_P(Names, ThatHangHoldUpNothingElseOnTheLoop) {
    gate().close();
    Client stuck = open(hanging_name()), db = open("127.0.0.1");
    std::stop_source source;
    const StopToken stop(source.get_token());
    Answer stopped = begin(stuck.async().with({.stop = &stop}).try_query_one<int>(one));
    ASSERT_TRUE(gate().wait_for(1));
    for (int n = 0; n < 20; ++n) EXPECT_EQ(db.async().query_one<int>(one).get(), 1);
    const auto late = stuck.async().with({.timeout = 50ms}).try_query_one<int>(one).get();
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind(), ErrorKind::pool_timeout) << late.error().what();
    EXPECT_EQ(stopped.wait_for(0s), std::future_status::timeout) << "it waits for its name";
    source.request_stop();
    EXPECT_EQ(stopped.get().error().kind(), ErrorKind::cancelled);
    EXPECT_EQ(db.async().query_one<int>(one).get(), 1);
}

TEST_P(Names, ThatHangHoldUpNoOtherName) {
    gate().close();
    constexpr std::size_t hanging = libpq::Resolver::most_threads - 1;
    std::vector<Client> stuck;
    std::vector<Answer> waiting;
    for (std::size_t n = 0; n < hanging; ++n) {
        stuck.push_back(open(hanging_name()));
        waiting.push_back(begin(stuck.back().async().try_query_one<int>(one)));
    }
    EXPECT_TRUE(gate().wait_for(hanging)) << "they hold up each other";
    Client db = open("other");
    EXPECT_EQ(db.async().query_one<int>(one).get(), 1);
    gate().open();
    for (Answer& one_of_them : waiting) {
        const auto answer = one_of_them.get();
        EXPECT_TRUE(answer) << answer.error().what();
    }
}

}  // namespace
}  // namespace pg
