// A savepoint of an awaited transaction that goes last of all that used its reactor: that stays until it is undone.
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "pg/async_savepoint.hpp"
#include "pg/client.hpp"
#include "pg/spi/reactor.hpp"
#include "pg/spi/registry.hpp"
#include "pg/task.hpp"
#include "pg/testing/answers.hpp"
#include "pg/testing/fake_server.hpp"
#include "providers/async/provider.hpp"
#include "providers/libpq/provider.hpp"

namespace pg {
namespace {

/// What is posted to a home, as long as the test keeps it back. Thread-safe.
struct Post {
    std::mutex mutex;  // guards the others
    bool is_kept = false;
    std::deque<spi::Job*> kept{};
};

/// A share of a reactor that is one of its own, and tells when it goes.
class Home final : public spi::Reactor {
public:
    Home(std::shared_ptr<spi::Reactor> inner, Post& post) : inner_(std::move(inner)), post_(post) {}
    ~Home() override { gone_.set_value(); }
    [[nodiscard]] std::future<void> gone() { return gone_.get_future(); }

private:
    void do_post(spi::Job& job) noexcept override {
        const std::lock_guard lock(post_.mutex);
        if (post_.is_kept)
            post_.kept.push_back(&job);
        else
            inner_->post(job);
    }
    void do_spawn(spi::Job& job) noexcept override { inner_->spawn(job); }
    bool do_here() const noexcept override { return inner_->here(); }
    void do_set(spi::Timer& timer, Deadline::Clock::time_point when) noexcept override {
        inner_->set(timer, when, *timer.job);
    }
    void do_cancel(spi::Timer& timer) noexcept override { inner_->cancel(timer); }
    void do_count(int sessions) noexcept override { sessions > 0 ? inner_->add_session() : inner_->remove_session(); }

    const std::shared_ptr<spi::Reactor> inner_;
    Post& post_;
    std::promise<void> gone_;
};

/// There is one reactor, and on it a home for whoever asks in the test's name.
class Provider final : public spi::Provider {
public:
    explicit Provider(Post& post) : post_(post) {}
    [[nodiscard]] spi::Reactor& reactor() { return *reactor_; }
    /// Who is given that share is at home there.
    [[nodiscard]] std::future<void> make_home() {
        home_ = std::make_shared<Home>(reactor_, post_);
        return home_->gone();
    }

private:
    Expected<std::unique_ptr<spi::Session>> do_open(const Config& config, const spi::SessionContext& context,
                                                    const spi::Wait& wait) noexcept override {
        return inner_->open(config, context, wait);
    }
    std::shared_ptr<spi::Reactor> do_reactor() noexcept override {
        if (std::this_thread::get_id() == thread_ && home_) return std::exchange(home_, nullptr);
        return reactor_;
    }
    std::string_view do_name() const noexcept override { return "homes"; }
    std::string_view do_version() const noexcept override { return "1"; }
    spi::Capabilities do_capabilities() const noexcept override { return inner_->capabilities(); }

    Post& post_;
    const std::thread::id thread_ = std::this_thread::get_id();
    const std::shared_ptr<spi::Provider> inner_ = async::make_async_provider(libpq::make_libpq_provider(), 1);
    const std::shared_ptr<spi::Reactor> reactor_ = inner_->reactor();
    std::shared_ptr<Home> home_;  // for the test's own thread
};

/// Waits until all has run that was due on `reactor`.
void let_run(spi::Reactor& reactor) {
    class Last final : public spi::Job {
    public:
        std::promise<void> ran{};

    private:
        void do_run() noexcept override {
            ran.set_value();
            delete this;
        }
    };
    auto* const last = new Last;
    const std::future<void> ran = last->ran.get_future();
    reactor.post(*last);
    ran.wait();
}

TEST(AbandonedSavepoint, KeepsItsReactorUntilItIsUndone) {
    Post post;
    const testing::FakeServer server = testing::FakeServer::start(testing::Answers());
    const auto provider = std::make_shared<Provider>(post);
    spi::Registry registry;
    ASSERT_TRUE(registry.add(provider));
    Client client = open(server.conninfo(), {.provider = "homes", .pool_max_size = 1, .registry = &registry});
    const std::future<void> gone = provider->make_home();
    std::optional<AsyncTransaction> transaction(sync_wait(client.async().begin()));
    std::optional<AsyncSavepoint> part(sync_wait(transaction->savepoint()));
    transaction.reset();
    let_run(provider->reactor());

    {
        const std::lock_guard lock(post.mutex);
        post.is_kept = true;
    }
    part.reset();
    let_run(provider->reactor());
    EXPECT_EQ(gone.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it has something to run";
    {
        const std::lock_guard lock(post.mutex);
        post.is_kept = false;
        EXPECT_EQ(post.kept.size(), 1u);
        for (spi::Job* job : post.kept) provider->reactor().post(*job);
    }
    EXPECT_EQ(gone.wait_for(std::chrono::seconds(60)), std::future_status::ready) << "nobody needs it";
    client.close();
    EXPECT_EQ(server.failures(), std::vector<std::string>());
}

}  // namespace
}  // namespace pg
