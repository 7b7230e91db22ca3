// One request on its way through the interceptors, and the settings that they give its transaction. Internal to core.
#pragma once

#include "src/core/context.hpp"
#include "src/core/hooks.hpp"

namespace pg::detail {

/// The settings of a transaction, and the statement that makes them. Immutable.
class Settings {
public:
    explicit Settings(std::vector<spi::LocalSetting> all);
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    [[nodiscard]] spi::Request request() const { return {.sql = sql_, .params = &params_}; }
    [[nodiscard]] const std::vector<spi::LocalSetting>& all() const { return all_; }
    /// Names of tables, types and functions may mean something else with them: a search path, or a role.
    [[nodiscard]] bool renames() const;
    /// UsageError when one of them has no wire form; they are not to be used then.
    [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

private:
    const std::vector<spi::LocalSetting> all_;
    std::string sql_;
    Params params_;
    std::optional<Error> fault_;
};

/// Asks the interceptors of a client about one request. Pinned. One thread at a time.
class Interception {
public:
    /// The views outlive it.
    Interception(std::shared_ptr<const Hooks> hooks, spi::RequestKind kind, std::string_view sql,
                 Params* params = nullptr, const QueryOptions* options = nullptr, bool is_in_batch = false);
    Interception(const Interception&) = delete;
    Interception& operator=(const Interception&) = delete;

    /// From the outside in, until one answers or refuses.
    [[nodiscard]] Expected<std::optional<Result>> begin();
    /// As above, where there is no answer to give.
    [[nodiscard]] Expected<void> begin_without_answer();
    /// Nobody is asked, and all are told of the end.
    void pass() { asked_ = hooks_->interceptors.size(); }
    /// From the inside out: those that were asked. Once. @{
    void end(Expected<Result>& answer) noexcept;
    void end(const Error* error) noexcept;  /// @}

    [[nodiscard]] bool has_new_text() const { return request_.own_text.has_value(); }
    [[nodiscard]] const spi::InterceptedRequest& request() const { return request_; }
    /// What its transaction is to have; null: nothing.
    [[nodiscard]] const std::shared_ptr<const Settings>& settings() const { return settings_; }

private:
    const std::shared_ptr<const Hooks> hooks_;
    spi::InterceptedRequest request_;
    std::shared_ptr<const Settings> settings_;
    std::size_t asked_ = 0;  // so many of them
};

/// The call has another text from now on, which is checked.
[[nodiscard]] Expected<void> change_text(Call& call, std::string_view text);

/// Runs a call that somebody has a say in.
[[nodiscard]] Expected<Result> run_with_hooks(Executor& executor, const Call& call);

/// Whether the transaction that is open on a session has these settings, and had no others since its beginning.
[[nodiscard]] bool has_settings(const Borrowed& borrowed, const Settings& settings);
/// Runs what the session would run, with the settings in its transaction; several as one. @{
[[nodiscard]] Expected<Result> run_with_settings(const Borrowed& borrowed, const Settings& settings,
                                                 const spi::Request& request);
void run_with_settings(const Borrowed& borrowed, const Settings& settings,
                       std::span<spi::BatchItem* const> items);  /// @}
/// Runs a script in a transaction with the settings. One that goes on behind the end of a transaction would do so
/// without them: a UsageError. @{
[[nodiscard]] Expected<void> check_script_for_settings(std::string_view text);
[[nodiscard]] Expected<void> run_script_with_settings(const Borrowed& borrowed, const Settings& settings,
                                                      std::string_view text);  /// @}
/// Begins a transaction with settings; none is open when it fails.
[[nodiscard]] Expected<void> begin_with_settings(spi::Session& session, std::string_view begin,
                                                 const Settings& settings, const spi::Wait& wait);

struct BatchEntry;

/// Shows each statement of a batch to the interceptors.
class BatchInterception {
public:
    /// Those that are refused or answered have an outcome then.
    BatchInterception(const std::shared_ptr<const Hooks>& hooks, std::span<const std::unique_ptr<BatchEntry>> entries);
    /// Once, when all of them have an outcome.
    void end() noexcept;

private:
    const std::span<const std::unique_ptr<BatchEntry>> entries_;
    std::vector<std::unique_ptr<Interception>> all_;  // of each; none when there are no interceptors
};

/// A transaction around one request, so that its settings end with it. None when it needs none. Pinned.
class Enclosure {
public:
    /// Begins one with the settings, or gives them to the one that is open; null: there are none to be given.
    [[nodiscard]] Expected<void> enter(spi::Session& session, const Settings* settings, const spi::Wait& wait,
                                       std::string_view begin = "begin");
    /// Begins one unless one is open.
    [[nodiscard]] Expected<void> begin(spi::Session& session, const spi::Wait& wait);
    /// What was done in it stays.
    [[nodiscard]] Expected<void> commit(spi::Session& session, const spi::Wait& wait);
    /// What was done in it, unless it was committed, does not.
    void leave(spi::Session& session) noexcept;

private:
    bool is_open_ = false;
};

}  // namespace pg::detail
