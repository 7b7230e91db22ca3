// A listener that finds its connection again.
#include "pg/async_listener.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <set>

#include "pg/connection.hpp"
#include "src/core/async_held.hpp"
#include "src/core/client_impl.hpp"
#include "src/core/connection_impl.hpp"
#include "src/core/quote.hpp"
#include "src/core/retry.hpp"

namespace pg {
namespace detail {
namespace {

/// The pauses between attempts to connect.
constexpr std::chrono::milliseconds first_pause{50};
constexpr std::chrono::milliseconds last_pause{5000};

/// What a listener has: channels, and most of the time a session that hears them. Used on fibers.
class Hearing {
public:
    Hearing(std::shared_ptr<Context> context, CallSite site) : context_(std::move(context)), site_(site) {}

    Expected<void> listen(const std::string& channel, const spi::Wait& wait) {
        const bool is_new = channels_.insert(channel).second;
        Expected<void> heard = connection_ ? run("listen " + quote_name(channel), wait) : connect(wait);
        // What a server refuses, it would refuse to every session that is found again.
        if (!heard && is_new && !heard.error().sqlstate().empty() && heard.error().connection_usable())
            channels_.erase(channel);
        return heard;
    }
    Expected<void> unlisten(const std::string& channel, const spi::Wait& wait) {
        channels_.erase(channel);
        return connection_ ? run("unlisten " + quote_name(channel), wait) : Expected<void>();
    }
    /// What was heard for somebody who did not take it is the next that is heard. Thread-safe.
    void take_back(Heard&& heard) {
        const std::lock_guard lock(mutex_);
        untaken_.push_back(std::move(heard));
    }
    Expected<Heard> next(const spi::Wait& wait) {
        if (auto untaken = take_untaken()) return *std::move(untaken);
        if (!connection_)
            if (auto found = find_again(wait); !found) return std::move(found).error();
        if (std::exchange(lost_, false)) return Heard{.gap = true};
        auto message = connection_->impl().session().wait_notification(wait);
        if (message) return Heard{.message = *std::move(message)};
        if (message.error().connection_usable()) return std::move(message).error();
        leave();
        if (auto found = find_again(wait); !found) return std::move(found).error();
        lost_ = false;
        return Heard{.gap = true};
    }

private:
    std::optional<Heard> take_untaken() {
        const std::lock_guard lock(mutex_);
        if (untaken_.empty()) return std::nullopt;
        Heard first = std::move(untaken_.front());
        untaken_.pop_front();
        return first;
    }
    Expected<void> connect(const spi::Wait& wait) {
        if (auto refused = refuse_to_listen(*context_)) return *std::move(refused);
        Expected<Borrowed> borrowed = borrow(*context_, wait);
        if (!borrowed) return std::move(borrowed).error();
        borrowed->slot->holder.is_at(site_);
        connection_.emplace(hold(*std::move(borrowed)));
        for (const std::string& channel : channels_) {
            auto heard = run("listen " + quote_name(channel), wait);
            if (heard) continue;
            connection_.reset();  // one that hears some of them is no listener
            return heard;
        }
        return {};
    }
    /// With growing pauses, as long as there is time.
    Expected<void> find_again(const spi::Wait& wait) {
        for (std::chrono::nanoseconds pause = first_pause;;
             pause = std::min<std::chrono::nanoseconds>(2 * pause, last_pause)) {
            const spi::Wait attempt{earlier(wait.deadline, Deadline::after(context_->timeout)), wait.stop};
            Expected<void> connected = connect(attempt);
            if (connected || connected.error().kind() == ErrorKind::usage ||
                connected.error().kind() == ErrorKind::auth || connected.error().kind() == ErrorKind::cancelled ||
                wait.deadline.remaining() <= pause)
                return connected;
            leave();
            if (!rest(pause, wait.stop)) return connected;
        }
    }
    Expected<void> run(const std::string& sql, const spi::Wait& wait) {
        const auto done = connection_->impl().session().run({.sql = sql, .statement = {}}, wait);
        if (done) return {};
        if (!done.error().connection_usable()) leave();
        return done.error();
    }
    void leave() {
        lost_ |= connection_.has_value();
        connection_.reset();
    }

    const std::shared_ptr<Context> context_;
    const CallSite site_;
    std::set<std::string> channels_;
    std::optional<Connection> connection_;  // null: it is to be made, anew if it was `lost_`
    bool lost_ = false;

    std::mutex mutex_;  // guards what follows
    std::deque<Heard> untaken_;
};

using HearingTarget = ObjectTarget<std::unique_ptr<Hearing>>;

Hearing& hearing(AsyncTarget& target) { return *static_cast<HearingTarget&>(target).object; }

spi::Wait wait_of(const Site& site) { return {Deadline::after(site.options.timeout), site.options.stop}; }

AnswerOperation<void>* make_change(const std::shared_ptr<AsyncTarget>& target, std::string_view channel,
                                   Expected<void> (Hearing::*change)(const std::string&, const spi::Wait&)) {
    return make_operation<void>(target, {}, [kept = std::string(channel), change](Executor&, const Site& site) {
        return (hearing(site.target).*change)(kept, wait_of(site));
    });
}

/// Its time ends with nothing, not with an error.
struct Next {
    Deadline until;

    Expected<Heard> operator()(Executor&, const Site& site) const {
        return hearing(site.target).next({until, site.options.stop});
    }
    void undelivered(AsyncTarget& target, Heard& heard) const noexcept {
        if (!heard.nothing()) hearing(target).take_back(std::move(heard));
    }
};
AnswerOperation<Heard>* make_next(const std::shared_ptr<AsyncTarget>& target, std::chrono::nanoseconds timeout,
                                  const StopToken* stop) {
    return make_operation<Heard>(target, {.timeout = no_timeout, .stop = stop}, Next{Deadline::after(timeout)});
}

}  // namespace
}  // namespace detail

AsyncListener::AsyncListener(const Client& client, CallSite site) : AsyncListener(AsyncClient(client), site) {}

AsyncListener::AsyncListener(const AsyncClient& async, CallSite site) {
    const std::shared_ptr<detail::AsyncTarget>& parent = async.target();
    target_ = std::make_shared<detail::HearingTarget>(parent->context, parent->home, parent->scheduler,
                                                      std::make_shared<detail::HeldQueue>(parent->home), nullptr,
                                                      std::make_unique<detail::Hearing>(parent->context, site));
}

Async<void> AsyncListener::listen(std::string_view channel) {
    return Async<void>(detail::make_change(target_, channel, &detail::Hearing::listen));
}
Async<Expected<void>> AsyncListener::try_listen(std::string_view channel) {
    return Async<Expected<void>>(detail::make_change(target_, channel, &detail::Hearing::listen));
}
Async<void> AsyncListener::unlisten(std::string_view channel) {
    return Async<void>(detail::make_change(target_, channel, &detail::Hearing::unlisten));
}
Async<Expected<void>> AsyncListener::try_unlisten(std::string_view channel) {
    return Async<Expected<void>>(detail::make_change(target_, channel, &detail::Hearing::unlisten));
}
Async<Heard> AsyncListener::next(std::chrono::nanoseconds timeout, const StopToken* stop) {
    return Async<Heard>(detail::make_next(target_, timeout, stop));
}
Async<Expected<Heard>> AsyncListener::try_next(std::chrono::nanoseconds timeout, const StopToken* stop) {
    return Async<Expected<Heard>>(detail::make_next(target_, timeout, stop));
}

}  // namespace pg
