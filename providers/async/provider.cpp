// Opening sessions at home, and the reactors that there are.
#include "providers/async/provider.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "providers/async/own_reactor.hpp"
#include "providers/async/session.hpp"

namespace pg::async {
namespace {

class AsyncProvider final : public spi::Provider {
public:
    AsyncProvider(std::shared_ptr<spi::Provider> inner, std::size_t reactors)
        : inner_(std::move(inner)), most_(std::max<std::size_t>(reactors, 1)) {}
    AsyncProvider(std::shared_ptr<spi::Provider> inner, spi::EventLoop& loop)
        : inner_(std::move(inner)), most_(1), own_(std::make_shared<LoopReactor>(loop)), reactors_{own_} {}

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
    const std::shared_ptr<LoopReactor> own_;  // on the loop of an application; null: there are threads
    std::mutex mutex_;                        // guards reactors_
    std::vector<std::weak_ptr<LoopReactor>> reactors_;  // each lives as long as somebody uses it
};

std::shared_ptr<spi::Reactor> AsyncProvider::do_reactor() noexcept { return choose(); }

/// The one that the caller is on; else a new one while there are fewer than there may be; else the one with the fewest
/// sessions.
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
    best = make_own_reactor();
    reactors_.push_back(best);
    return best;
}

Expected<std::unique_ptr<spi::Session>> AsyncProvider::do_open(const Config& config, const spi::SessionContext& context,
                                                               const spi::Wait& wait) noexcept {
    const Home home(choose());
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
