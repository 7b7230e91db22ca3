// A listener that finds its connection again.
#include "pg/async_listener.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "pg/connection.hpp"
#include "pg/stop.hpp"
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

Error stopped_in_a_pause(const Error& cause) {
    ErrorFields fields{.kind = ErrorKind::cancelled, .outcome = Outcome::not_sent};
    fields.message = "a stop was asked for before the listener had a session again: " + std::string(cause.message());
    return Error(std::move(fields));
}

/// What was heard; the number says in which order. Zero: nothing was.
struct Numbered {
    std::uint64_t number = 0;
    Heard heard;
};

/// What a listener has: channels, and most of the time a session that hears them. Used on fibers.
class Hearing {
public:
    Hearing(std::shared_ptr<Context> context, CallSite site) : context_(std::move(context)), site_(site) {}

    Expected<void> listen(const std::string& channel, const spi::Wait& wait) {
        if (auto refused = refuse_channel(channel)) return *std::move(refused);
        const bool is_new = channels_.insert(channel).second;
        Expected<void> heard = connection_ ? run("listen " + quote_name(channel), wait) : connect(wait);
        // What a server refuses, or is no name for it, would be refused on every session that is found again.
        if (!heard && is_new && heard.error().connection_usable() &&
            (!heard.error().sqlstate().empty() || heard.error().kind() == ErrorKind::usage))
            channels_.erase(channel);
        return heard;
    }
    Expected<void> unlisten(const std::string& channel, const spi::Wait& wait) {
        if (auto refused = refuse_channel(channel)) return *std::move(refused);
        channels_.erase(channel);
        return connection_ ? run("unlisten " + quote_name(channel), wait) : Expected<void>();
    }
    /// Puts back a message whose caller gave up, in its old order, and wakes a call that waits. Thread-safe.
    void take_back(Numbered&& untaken) {
        std::stop_source waiting(std::nostopstate);
        {
            const std::lock_guard lock(mutex_);
            heard_.emplace(untaken.number, std::move(untaken.heard));
            waiting = waiting_;
        }
        waiting.request_stop();
    }
    void end() noexcept { connection_.reset(); }
    Expected<Numbered> next(const spi::Wait& wait) {
        std::stop_source source;
        const StopToken token(source.get_token());
        const StopCallback stopped(
            wait.stop, [](void* both) noexcept { static_cast<std::stop_source*>(both)->request_stop(); }, &source);
        if (auto first = first_or_wait(source)) return *std::move(first);
        Expected<Heard> heard = hear({wait.deadline, &token});
        const std::lock_guard lock(mutex_);
        waiting_ = std::stop_source(std::nostopstate);
        if (!heard && heard_.empty()) return std::move(heard).error();
        if (heard && !heard->nothing()) heard_.emplace(++last_number_, *std::move(heard));
        if (!heard_.empty()) return take_first();
        return Numbered();
    }

private:
    /// What was heard already; else `source` ends the wait that is to come when something is taken back.
    std::optional<Numbered> first_or_wait(const std::stop_source& source) {
        const std::lock_guard lock(mutex_);
        if (!heard_.empty()) return take_first();
        waiting_ = source;
        return std::nullopt;
    }
    Numbered take_first() {
        auto first = heard_.extract(heard_.begin());
        return {first.key(), std::move(first.mapped())};
    }
    Expected<Heard> hear(const spi::Wait& wait) {
        if (!connection_)
            if (auto found = find_again(wait); !found) return std::move(found).error();
        if (std::exchange(lost_, false)) return Heard{.gap = true};
        auto message = connection_->impl().session().wait_notification(wait);
        if (message) return Heard{.message = *std::move(message)};
        const Error error = connection_->impl().lend(wait).failed_by(std::move(message).error());
        if (error.connection_usable()) return error;
        leave();
        if (auto found = find_again(wait); !found) return std::move(found).error();
        lost_ = false;
        return Heard{.gap = true};
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
            if (!rest(pause, wait.stop)) return stopped_in_a_pause(connected.error());
        }
    }
    Expected<void> run(const std::string& sql, const spi::Wait& wait) {
        const std::chrono::nanoseconds left = std::max(wait.deadline.remaining(), std::chrono::nanoseconds(1));
        auto done = connection_->with({.timeout = left, .stop = wait.stop}).try_exec(runtime(sql));
        if (done) return {};
        if (!done.error().connection_usable()) leave();
        return std::move(done).error();
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

    std::mutex mutex_;                            // guards what follows
    std::map<std::uint64_t, Heard> heard_;        // and not taken
    std::uint64_t last_number_ = 0;               // of what was heard
    std::stop_source waiting_{std::nostopstate};  // ends the wait that is under way, if one is
};

/// What closes the session of a hearing when it goes.
class Ear {
public:
    explicit Ear(std::shared_ptr<Hearing> hearing) : hearing_(std::move(hearing)) {}
    Ear(Ear&&) noexcept = default;
    Ear& operator=(Ear&&) = delete;
    ~Ear() {
        if (hearing_) hearing_->end();
    }
    [[nodiscard]] const std::shared_ptr<Hearing>& hearing() const { return hearing_; }

private:
    std::shared_ptr<Hearing> hearing_;  // null once it was moved from
};

using HearingTarget = ObjectTarget<Ear>;

const std::shared_ptr<Hearing>& shared_hearing(AsyncTarget& target) {
    return static_cast<HearingTarget&>(target).object.hearing();
}

spi::Wait wait_of(const Site& site) { return {Deadline::after(site.options.timeout), site.options.stop}; }

AnswerOperation<void>* make_change(const std::shared_ptr<AsyncTarget>& target, std::string_view channel,
                                   Expected<void> (Hearing::*change)(const std::string&, const spi::Wait&)) {
    return make_operation<void>(target, {}, [kept = std::string(channel), change](Executor&, const Site& site) {
        return (*shared_hearing(site.target).*change)(kept, wait_of(site));
    });
}

/// Its time ends with nothing, not with an error.
struct Next {
    std::shared_ptr<Hearing> hearing;
    Deadline until;
    std::uint64_t number = 0;  // of what was heard

    Expected<Heard> operator()(Executor&, const Site& site) {
        Expected<Numbered> next = hearing->next({until, site.options.stop});
        if (!next) return std::move(next).error();
        number = next->number;
        return std::move(next->heard);
    }
    void undelivered(AsyncTarget&, Expected<Heard>& heard) const noexcept {
        if (heard && !heard->nothing()) hearing->take_back({number, *std::move(heard)});
    }
};
AnswerOperation<Heard>* make_next(const std::shared_ptr<AsyncTarget>& target, std::chrono::nanoseconds timeout,
                                  const StopToken* stop) {
    return make_operation<Heard>(target, {.timeout = no_timeout, .stop = stop},
                                 Next{shared_hearing(*present(target)), Deadline::after(timeout)});
}

}  // namespace
}  // namespace detail

AsyncListener::AsyncListener(const Client& client, CallSite site) : AsyncListener(AsyncClient(client), site) {}

AsyncListener::AsyncListener(const AsyncClient& async, CallSite site) {
    const std::shared_ptr<detail::AsyncTarget>& parent = detail::present(async.target());
    using detail::Hearing, detail::HearingTarget;
    target_ = HearingTarget::holding(std::make_shared<HearingTarget>(
        parent->context, parent->home, parent->scheduler, std::make_shared<detail::HeldQueue>(parent->home), nullptr,
        detail::Ear(std::make_shared<Hearing>(parent->context, site))));
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
