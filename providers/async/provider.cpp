// Opening sessions at home, and the reactors that there are.
#include "providers/async/provider.hpp"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "providers/async/asio_loop.hpp"
#include "providers/async/session.hpp"
#include "src/base/fork.hpp"
#include "src/fibers/own_reactor.hpp"

namespace pg::async {
namespace {

using fibers::LoopReactor;

/// The reactors on loops of applications: one for each loop, however many clients are on it, since a loop has one
/// alarm. One that nobody shares any more ends on its loop when nothing is left in it. Thread-safe.
class LoopReactors {
public:
    [[nodiscard]] std::shared_ptr<LoopReactor> on(spi::EventLoop& loop);

    static LoopReactors& of_process() {
        // Never destroyed: a client may outlive everything that is.
        static auto* const all = new detail::PerProcess<LoopReactors>;
        return all->here();
    }

private:
    struct Kept {
        explicit Kept(spi::EventLoop& loop) : reactor(loop) {}
        const detail::Birthplace birthplace;
        LoopReactor reactor;
        int times_shared = 0;  // for each of which there is a retirement, now or later
        bool is_left = false;  // with work on a loop that is run: whoever comes shares it again
    };
    struct Known {
        Kept* kept = nullptr;  // the last one
        std::weak_ptr<LoopReactor> shared;
    };
    class Retirement;

    void retire(Kept& kept);
    void end(Kept& kept, Retirement& retirement);

    std::mutex mutex_;  // guards what follows, and what is said of each reactor
    std::unordered_map<spi::EventLoop*, Known> by_loop_;
};

/// The end of a share of a reactor, on its loop.
class LoopReactors::Retirement final : public spi::Job {
public:
    explicit Retirement(Kept& kept) : kept_(kept) {}

    bool is_beside_another = false;  // reactor on its loop, as the last look had it

private:
    void do_run() noexcept override { of_process().end(kept_, *this); }
    Kept& kept_;
};

std::shared_ptr<LoopReactor> LoopReactors::on(spi::EventLoop& loop) {
    const std::lock_guard lock(mutex_);
    Known& known = by_loop_[&loop];
    if (auto shared = known.shared.lock()) return shared;
    // Of one that is about to end, nobody knows whether its loop is run any more, or another one is where that was.
    if (known.kept == nullptr || !known.kept->is_left) known.kept = new Kept(loop);
    Kept& kept = *known.kept;
    kept.is_left = false;
    ++kept.times_shared;
    std::shared_ptr<LoopReactor> shared(&kept.reactor, [&kept](LoopReactor*) { of_process().retire(kept); });
    known.shared = shared;
    return shared;
}

void LoopReactors::retire(Kept& kept) {
    if (!kept.birthplace.is_here()) return;  // what is left in it is of another process
    auto* const retirement = new Retirement(kept);
    if (kept.reactor.here()) {
        if (kept.reactor.is_at_rest()) return retirement->run();
        const std::lock_guard lock(mutex_);
        kept.is_left = !kept.reactor.is_idle();
    }
    kept.reactor.loop().post(*retirement);
}

/// On the loop.
void LoopReactors::end(Kept& kept, Retirement& retirement) {
    std::unique_ptr<Retirement> done(&retirement);
    std::unique_ptr<Kept> over;
    LoopReactor* next = nullptr;  // that goes on beside it
    {
        const std::lock_guard lock(mutex_);
        if (kept.times_shared > 1) return static_cast<void>(--kept.times_shared);  // it was wanted again
        const auto found = by_loop_.try_emplace(&kept.reactor.loop(), Known{&kept, {}}).first;
        const bool is_last = found->second.kept == &kept;
        if (!is_last) next = &found->second.kept->reactor;
        kept.is_left = is_last;
        if (kept.reactor.is_at_rest()) {
            over.reset(&kept);
            if (is_last) by_loop_.erase(found);
        }
    }
    // They have one alarm: it goes with one of them, and meanwhile each looks at its own time.
    const bool is_over = over != nullptr;
    const bool was_shared = std::exchange(retirement.is_beside_another, next != nullptr) || next != nullptr;
    over.reset();
    if (!is_over && was_shared) kept.reactor.look_at_timers();
    if (next) next->look_at_timers();
    if (is_over) return;
    if (next) return kept.reactor.loop().post(*done.release());
    kept.reactor.tell_of_rest(*done.release());
}

class AsyncProvider final : public spi::Provider {
public:
    AsyncProvider(std::shared_ptr<spi::Provider> inner, std::size_t reactors)
        : inner_(std::move(inner)), most_(std::max<std::size_t>(reactors, 1)) {}
    AsyncProvider(std::shared_ptr<spi::Provider> inner, spi::EventLoop& loop)
        : inner_(std::move(inner)), most_(1), own_(LoopReactors::of_process().on(loop)) {}

private:
    /// Those with threads of a process.
    struct Reactors {
        std::mutex mutex;                             // guards what follows
        std::vector<std::weak_ptr<LoopReactor>> all;  // each lives as long as somebody uses it
    };
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
    const std::shared_ptr<LoopReactor> own_;  // on the loop of an application; null: there are threads
    const detail::PerProcess<Reactors> reactors_;
};

std::shared_ptr<spi::Reactor> AsyncProvider::do_reactor() noexcept { return choose(); }

/// Null when no thread can be had. The one that the caller is on; else a new one while there are fewer than there may
/// be; else the one with the fewest sessions.
std::shared_ptr<LoopReactor> AsyncProvider::choose() {
    if (own_) return own_;
    Reactors& reactors = reactors_.here();
    std::vector<std::shared_ptr<LoopReactor>> alive;  // let go without the lock: it may be for the last time
    const std::lock_guard lock(reactors.mutex);
    std::shared_ptr<LoopReactor> best;
    std::erase_if(reactors.all, [](const auto& reactor) { return reactor.expired(); });
    for (const auto& weak : reactors.all) {
        const std::shared_ptr<LoopReactor> reactor = weak.lock();
        if (!reactor) continue;
        alive.push_back(reactor);
        if (reactor->here()) return reactor;
        if (!best || reactor->sessions() < best->sessions()) best = reactor;
    }
    if (best && reactors.all.size() >= most_) return best;
    try {
        best = fibers::make_own_reactor(std::make_unique<AsioLoop>());
        reactors.all.push_back(best);
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
