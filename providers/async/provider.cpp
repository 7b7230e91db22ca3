// Opening sessions at home, and the reactors that there are.
#include "providers/async/provider.hpp"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "providers/async/asio_loop.hpp"
#include "providers/async/session.hpp"
#include "src/fibers/own_reactor.hpp"

namespace pg::async {
namespace {

using fibers::LoopReactor;

/// The reactors on loops of applications: one for each loop, however many clients are on it, since a loop has one
/// alarm. Thread-safe.
class LoopReactors {
public:
    [[nodiscard]] std::shared_ptr<LoopReactor> on(spi::EventLoop& loop) {
        const std::lock_guard lock(mutex_);
        if (auto known = by_loop_[&loop].lock()) return known;
        const std::shared_ptr<LoopReactor> made(new LoopReactor(loop), &LoopReactors::retire);
        by_loop_[&loop] = made;
        return made;
    }
    /// Null when there is none, or it is about to end.
    [[nodiscard]] std::shared_ptr<LoopReactor> find(spi::EventLoop& loop) {
        const std::lock_guard lock(mutex_);
        const auto found = by_loop_.find(&loop);
        if (found == by_loop_.end()) return nullptr;
        auto known = found->second.lock();
        if (!known) by_loop_.erase(found);
        return known;
    }

    static LoopReactors& of_process() {
        static auto* const all = new LoopReactors;  // never destroyed: a client may outlive everything that is
        return *all;
    }

private:
    static void retire(LoopReactor* reactor);

    std::mutex mutex_;  // guards by_loop_
    std::unordered_map<spi::EventLoop*, std::weak_ptr<LoopReactor>> by_loop_;
};

/// Ends a reactor on its loop, as soon as nothing is left in it. Deletes itself.
class Retirement final {
public:
    explicit Retirement(LoopReactor* reactor) : loop_(reactor->loop()), reactor_(reactor) {}
    void begin() {
        if (reactor_->here() && reactor_->is_at_rest())
            look();
        else
            loop_.post(look_);
    }

private:
    template <void (Retirement::*function)()>
    struct Call final : spi::Job {
        explicit Call(Retirement& owner) : retirement(owner) {}
        void do_run() noexcept override { (retirement.*function)(); }
        Retirement& retirement;
    };
    void look() {
        const bool is_over = reactor_->is_at_rest();
        if (is_over)
            reactor_.reset();
        else
            reactor_->set(timer_, Deadline::Clock::now() + std::chrono::milliseconds(1), later_);
        // The next one on the loop may have come already; this one has had its alarm.
        if (const auto next = LoopReactors::of_process().find(loop_)) next->look_at_timers();
        if (is_over) delete this;
    }
    /// A timer runs inside of a turn, where a reactor is never at rest.
    void post() { loop_.post(look_); }

    spi::EventLoop& loop_;
    std::unique_ptr<LoopReactor> reactor_;
    spi::Timer timer_;
    Call<&Retirement::look> look_{*this};
    Call<&Retirement::post> later_{*this};
};

void LoopReactors::retire(LoopReactor* reactor) { (new Retirement(reactor))->begin(); }

class AsyncProvider final : public spi::Provider {
public:
    AsyncProvider(std::shared_ptr<spi::Provider> inner, std::size_t reactors)
        : inner_(std::move(inner)), most_(std::max<std::size_t>(reactors, 1)) {}
    AsyncProvider(std::shared_ptr<spi::Provider> inner, spi::EventLoop& loop)
        : inner_(std::move(inner)), most_(1), own_(LoopReactors::of_process().on(loop)), reactors_{own_} {}

private:
    Expected<std::unique_ptr<spi::Session>> do_open(const Config& config, const spi::SessionContext& context,
                                                    const spi::Wait& wait) noexcept override;
    std::shared_ptr<spi::Reactor> do_reactor() noexcept override;
    [[nodiscard]] std::shared_ptr<LoopReactor> choose();
    std::string_view do_name() const noexcept override { return "async"; }
    std::string_view do_version() const noexcept override { return inner_->version(); }
    spi::Capabilities do_capabilities() const noexcept override {
        spi::Capabilities all = inner_->capabilities();
        all.awaitable = true;
        return all;
    }

    const std::shared_ptr<spi::Provider> inner_;
    const std::size_t most_;
    const std::shared_ptr<LoopReactor> own_;            // on the loop of an application; null: there are threads
    std::mutex mutex_;                                  // guards reactors_
    std::vector<std::weak_ptr<LoopReactor>> reactors_;  // each lives as long as somebody uses it
};

std::shared_ptr<spi::Reactor> AsyncProvider::do_reactor() noexcept { return choose(); }

/// Null when no thread can be had. The one that the caller is on; else a new one while there are fewer than there may
/// be; else the one with the fewest sessions.
std::shared_ptr<LoopReactor> AsyncProvider::choose() {
    std::vector<std::shared_ptr<LoopReactor>> alive;  // let go without the lock: it may be for the last time
    const std::lock_guard lock(mutex_);
    std::shared_ptr<LoopReactor> best;
    std::erase_if(reactors_, [](const auto& reactor) { return reactor.expired(); });
    for (const auto& weak : reactors_) {
        const std::shared_ptr<LoopReactor> reactor = weak.lock();
        if (!reactor) continue;
        alive.push_back(reactor);
        if (reactor->here()) return reactor;
        if (!best || reactor->sessions() < best->sessions()) best = reactor;
    }
    if (best && reactors_.size() >= most_) return best;
    try {
        best = fibers::make_own_reactor(std::make_unique<AsioLoop>());
        reactors_.push_back(best);
        return best;
    } catch (const std::system_error&) {
        return best;  // without another thread, one more session on those that there are; with none, none
    }
}

Error no_thread() {
    return Error({.kind = ErrorKind::connect,
                  .outcome = Outcome::not_sent,
                  .retry_scope = RetryScope::connect,
                  .connection_usable = false,
                  .message = "no thread can be started for an event loop: the process, or the system, has too many"});
}

Expected<std::unique_ptr<spi::Session>> AsyncProvider::do_open(const Config& config, const spi::SessionContext& context,
                                                               const spi::Wait& wait) noexcept {
    std::shared_ptr<LoopReactor> reactor = choose();
    if (!reactor) return no_thread();
    const Home home(std::move(reactor));
    auto session = home.run([&] { return inner_->open(config, context, wait); });
    if (!session) return session;
    return std::unique_ptr<spi::Session>(std::make_unique<ReactorSession>(home, *std::move(session)));
}

}  // namespace

std::shared_ptr<spi::Provider> make_async_provider(std::shared_ptr<spi::Provider> inner, std::size_t reactors) {
    return std::make_shared<AsyncProvider>(std::move(inner), reactors);
}

std::shared_ptr<spi::Provider> make_async_provider(std::shared_ptr<spi::Provider> inner, spi::EventLoop& loop) {
    return std::make_shared<AsyncProvider>(std::move(inner), loop);
}

}  // namespace pg::async
