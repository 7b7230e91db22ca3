// Telling observers: of requests and their sessions, and several of them as if they were one.
#include "src/core/observe.hpp"

#include <utility>

#include "src/base/transaction_control.hpp"
#include "src/core/held_session.hpp"
#include "src/core/intercept.hpp"

namespace pg::detail {
namespace {

using Clock = Deadline::Clock;

/// Several as one. Each says itself which of its events has an error.
class Observers final : public spi::Observer {
public:
    explicit Observers(std::vector<std::shared_ptr<spi::Observer>> all) : all_(std::move(all)) {}

private:
    void on_request(const spi::RequestEvent& event) noexcept override { tell_all(event); }
    void on_connect(const spi::ConnectEvent& event) noexcept override { tell_all(event); }
    void on_close(const spi::CloseEvent& event) noexcept override { tell_all(event); }
    void on_acquire(const spi::AcquireEvent& event) noexcept override { tell_all(event); }
    void on_release(const spi::ReleaseEvent& event) noexcept override { tell_all(event); }
    void on_retry(const spi::RetryEvent& event) noexcept override { tell_all(event); }
    void on_notice(const Error& notice) noexcept override {
        for (const auto& one : all_) one->tell_notice(notice);
    }
    template <class Event>
    void tell_all(const Event& event) const noexcept {
        for (const auto& one : all_) one->tell(event);
    }

    const std::vector<std::shared_ptr<spi::Observer>> all_;
};

class ObservedNotices final : public spi::NoticeHandler {
public:
    ObservedNotices(std::shared_ptr<spi::Observer> observer, std::shared_ptr<spi::NoticeHandler> notices)
        : observer_(std::move(observer)), notices_(std::move(notices)) {}

private:
    void on_notice(const Error& notice) noexcept override {
        if (notices_) notices_->on_notice(notice);
        observer_->tell_notice(notice);
    }

    const std::shared_ptr<spi::Observer> observer_;
    const std::shared_ptr<spi::NoticeHandler> notices_;  // may be null
};

}  // namespace

std::shared_ptr<const Hooks> make_hooks(const std::vector<std::shared_ptr<spi::Observer>>* observers,
                                        const std::vector<std::shared_ptr<spi::Interceptor>>* interceptors) {
    Hooks hooks;
    if (interceptors)
        for (const auto& one : *interceptors)
            if (one) hooks.interceptors.push_back(one);
    std::vector<std::shared_ptr<spi::Observer>> watching;
    if (observers)
        for (const auto& one : *observers)
            if (one) watching.push_back(one);
    if (watching.size() == 1) hooks.observer = watching.front();
    if (watching.size() > 1) hooks.observer = std::make_shared<Observers>(std::move(watching));
    if (!hooks.observer && hooks.interceptors.empty()) return nullptr;
    return std::make_shared<const Hooks>(std::move(hooks));
}

std::shared_ptr<spi::NoticeHandler> notices_for(const std::shared_ptr<const Hooks>& hooks,
                                                std::shared_ptr<spi::NoticeHandler> notices) {
    if (!hooks || !hooks->observer) return notices;
    return std::make_shared<ObservedNotices>(hooks->observer, std::move(notices));
}

Watch::Watch(std::shared_ptr<const Hooks> hooks, spi::RequestKind kind, std::string_view sql, std::string_view label)
    : hooks_(std::move(hooks)),
      event_{.kind = kind,
             .sql = sql,
             .label = label,
             .tenant = hooks_->tenant,
             .began = hooks_->called_at != spi::Moment() ? hooks_->called_at : Clock::now()} {}

void Watch::take(const Borrowed& borrowed) {
    if (borrowed.attempts != 0) attempts_ = borrowed.attempts + 1;
    wanted_ = settings_ && !has_settings(borrowed, *settings_) ? settings_.get() : nullptr;
    if (wanted_) forget_settings(borrowed);  // these stand in the place of those, until a savepoint undoes them
    if (borrowed.lease) {
        event_.waited += borrowed.slot->taken_at - borrowed.slot->asked_at;
        event_.began = std::min(event_.began, borrowed.slot->asked_at);
        began_with(*borrowed.slot);
    }
    is_renamed_ = settings_ && settings_->renames();
    if (!borrowed.held) return take(borrowed.session());
    is_renamed_ = borrowed.held->is_renamed |= is_renamed_;
    take(*borrowed.held);
}

void Watch::take(const HeldSession& held) {
    if (held.turn) began_with(*held.turn);
    take(held.session());
}

void Watch::take(const spi::Session& session) {
    node_ = session.node();
    engine_ = session.engine();
    event_.node = node_;
    event_.engine = engine_;
}

void Watch::began_with(spi::SessionSlot& turn) {
    if (turn.called_at != spi::Moment()) event_.began = std::exchange(turn.called_at, {});
}

void Watch::retry(const Error& why) {
    ++attempts_;
    if (!hooks_->observer) return;
    hooks_->observer->tell(
        spi::RetryEvent{.sql = event_.sql, .label = event_.label, .attempt = attempts_, .error = &why});
}

void Watch::end(const Error* error) noexcept {
    if (!hooks_->observer) return;
    event_.duration = Clock::now() - event_.began;
    if (!error) error = failure_;
    event_.error = error;
    event_.outcome = error ? error->outcome() : Outcome::applied;
    hooks_->observer->tell(event_);
}

void Watch::end(const Expected<Result>& answer, const RowSink* sink) noexcept {
    const bool is_statement = event_.kind == spi::RequestKind::query;
    const bool gives_rows =
        answer ? !answer->columns().empty() || (sink && sink->has_columns()) : begins_as_query(event_.sql);
    if (is_statement && !gives_rows) event_.kind = spi::RequestKind::exec;
    if (answer && is_statement) add_rows(*answer, sink);
    end(answer ? nullptr : &answer.error());
}

void Watch::add_rows(const Result& answer, const RowSink* sink) noexcept {
    event_.rows += std::max<std::uint64_t>({answer.affected(), answer.size(), sink ? sink->taken() : 0});
}

void tell_acquired(const Hooks& hooks, spi::Moment asked, const Expected<spi::Lease>& lease) noexcept {
    if (!hooks.observer) return;
    const spi::Moment now = Clock::now();
    spi::AcquireEvent event{.began = asked, .duration = now - asked};
    if (lease) {
        lease->slot().asked_at = asked;
        lease->slot().taken_at = now;
        lease->slot().called_at = {};
        event.node = lease->session().node();
        event.engine = lease->session().engine();
    } else {
        event.error = &lease.error();
    }
    hooks.observer->tell(event);
}

Expected<spi::Lease> acquire_observed(Context& context, const spi::Wait& wait) {
    const spi::Moment asked = Clock::now();
    Expected<spi::Lease> lease = context.source->acquire(wait);
    tell_acquired(*context.hooks, asked, lease);
    return lease;
}

}  // namespace pg::detail
