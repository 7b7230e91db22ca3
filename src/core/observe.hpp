// What is noted of a request while it is under way, and told at its end. Internal to core.
#pragma once

#include <algorithm>
#include <optional>
#include <string>

#include "src/core/context.hpp"
#include "src/core/hooks.hpp"

namespace pg::detail {

/// One request that is observed, from its beginning to its end. Pinned. One thread at a time.
class Watch {
public:
    /// The views outlive it.
    Watch(std::shared_ptr<const Hooks> hooks, spi::RequestKind kind, std::string_view sql, std::string_view label = {});
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void began_at(spi::Moment when) { event_.began = when; }
    void began_by(spi::Moment when) { event_.began = std::min(event_.began, when); }
    /// It has another text from now on, which outlives it.
    void has_text(std::string_view sql) { event_.sql = sql; }
    /// The same of what it is known by.
    void has_label(std::string_view label) { event_.label = label; }
    /// It has been run so many times. @{
    void has_attempts(int count) { attempts_ = count; }
    [[nodiscard]] int attempts() const { return attempts_; }  /// @}
    void has_statements(std::size_t count) { event_.statements = count; }
    /// One of its statements has failed, alone: it is told of that, if of nothing else. The error outlives it.
    void has_failed(const Error& error) {
        if (!failure_) failure_ = &error;
    }
    void add_rows(std::uint64_t count) { event_.rows += count; }
    /// Those that a statement gave or affected; a sink that took them has them.
    void add_rows(const Result& answer, const RowSink* sink) noexcept;
    /// Its transaction is to have these settings; null: none.
    void give(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }
    [[nodiscard]] const std::shared_ptr<const Settings>& settings() const { return settings_; }
    /// Those of them that the session it has got is yet to be given; null: none.
    [[nodiscard]] const Settings* wanted() const { return wanted_; }
    /// Names may mean something else to it than to others, by the settings of its transaction: it is to go by none.
    [[nodiscard]] bool is_renamed() const { return is_renamed_; }
    /// It has a session.
    void take(const Borrowed& borrowed);
    void take(const HeldSession& held);
    void take(const spi::Session& session);
    /// It is about to be run once more.
    void retry(const Error& why);

    /// It has ended. Once.
    void end(const Error* error) noexcept;
    void end(const Expected<Result>& answer, const RowSink* sink = nullptr) noexcept;
    template <class T>
    void end(const Expected<T>& answer) noexcept {
        end(answer ? nullptr : &answer.error());
    }

private:
    /// It is what an awaited call began with that has this turn, unless something else was.
    void began_with(spi::SessionSlot& turn);

    const std::shared_ptr<const Hooks> hooks_;
    spi::RequestEvent event_;
    std::string node_, engine_;  // of the event, where its views may not live as long
    std::shared_ptr<const Settings> settings_;
    const Settings* wanted_ = nullptr;
    const Error* failure_ = nullptr;  // of the first of its statements that failed alone
    int attempts_ = 1;
    bool is_renamed_ = false;
};

/// What the session of a request has prepared, as `statements_as_of_now`; null, too, where it is renamed. `watch` may
/// be null: settings come from interceptors, and who has those is watched.
[[nodiscard]] inline StatementCache* statements_for(const Borrowed& borrowed, const Watch* watch) {
    return watch && watch->is_renamed() ? nullptr : statements_as_of_now(*borrowed.context, *borrowed.slot);
}

/// Takes a session from the source of a client that is observed.
[[nodiscard]] Expected<spi::Lease> acquire_observed(Context& context, const spi::Wait& wait);
/// Notes, and tells, what became of a request for a session that began at `asked`.
void tell_acquired(const Hooks& hooks, spi::Moment asked, const Expected<spi::Lease>& lease) noexcept;

}  // namespace pg::detail
