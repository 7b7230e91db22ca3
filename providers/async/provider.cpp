// Opening sessions at home, and the reactors that there are.
#include "providers/async/provider.hpp"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <vector>

#include "providers/async/own_reactor.hpp"
#include "providers/async/session.hpp"

namespace pg::async {
namespace {

/// Ends a reactor on the loop of an application, as soon as nothing is left in it. Deletes itself.
class Retirement final {
public:
    explicit Retirement(LoopReactor* reactor) : reactor_(reactor) {}
    void begin() {
        if (reactor_->here())
            look();
        else
            reactor_->loop().post(look_);
    }

private:
    template <void (Retirement::*function)()>
    struct Call final : spi::Job {
        explicit Call(Retirement& owner) : retirement(owner) {}
        void do_run() noexcept override { (retirement.*function)(); }
        Retirement& retirement;
    };
    void look() {
        if (reactor_->is_at_rest()) {
            delete this;
            return;
        }
        reactor_->set(timer_, Deadline::Clock::now() + std::chrono::milliseconds(1), later_);
    }
    /// A timer runs inside of a turn, where a reactor is never at rest.
    void post() { reactor_->loop().post(look_); }

    std::unique_ptr<LoopReactor> reactor_;
    spi::Timer timer_;
    Call<&Retirement::look> look_{*this};
    Call<&Retirement::post> later_{*this};
};

std::shared_ptr<LoopReactor> make_reactor(spi::EventLoop& loop) {
    return {new LoopReactor(loop), [](LoopReactor* reactor) { (new Retirement(reactor))->begin(); }};
}

class AsyncProvider final : public spi::Provider {
public:
    AsyncProvider(std::shared_ptr<spi::Provider> inner, std::size_t reactors)
        : inner_(std::move(inner)), most_(std::max<std::size_t>(reactors, 1)) {}
    AsyncProvider(std::shared_ptr<spi::Provider> inner, spi::EventLoop& loop)
        : inner_(std::move(inner)), most_(1), own_(make_reactor(loop)), reactors_{own_} {}

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
        best = make_own_reactor();
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
