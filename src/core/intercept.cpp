// Asking interceptors, and making the settings that they ask for part of the request's transaction.
#include "src/core/intercept.hpp"

#include <algorithm>
#include <utility>

#include "src/base/position.hpp"
#include "src/base/transaction_control.hpp"
#include "src/base/words.hpp"
#include "src/core/batch_state.hpp"
#include "src/core/held_session.hpp"
#include "src/core/observe.hpp"

namespace pg::detail {
namespace {

/// Runs the second in the transaction of the first.
void run_both(spi::Session& session, spi::BatchItem& first, spi::BatchItem& second, const spi::Wait& wait) {
    spi::BatchItem* const both[] = {&first, &second};
    session.run_batch(both, spi::BatchSync::once, wait);
}

/// True when the statement failed because its settings did. When both report the same, the statement tells it itself.
bool kept_back(const spi::BatchItem& settings, const spi::BatchItem& own) {
    if (!settings.failed() || !own.failed() || own.outcome->error().outcome() != Outcome::not_applied) return false;
    const Error &why = settings.outcome->error(), &told = own.outcome->error();
    return why.sqlstate() != told.sqlstate() || why.message() != told.message();
}

/// The statement has another text from now on.
void change_text(BatchEntry& entry, std::string_view text) {
    entry.new_text = text;
    if (auto changed = change_text(entry.call, entry.new_text); !changed)
        entry.outcome.emplace(std::move(changed).error());
}

/// Looks for the body of a function that is statements: CREATE FUNCTION … BEGIN ATOMIC …; …; END. The two words stand
/// side by side, outside of parentheses; anywhere else they are names.
class BodySearch final : detail::SqlScanner {
public:
    using SqlScanner::SqlScanner;

    /// True when the first statement opens one, and has not closed it.
    [[nodiscard]] bool finds() {
        std::string_view before;  // the word directly before
        bool is_open = false, makes_function = false;
        int depth = 0;
        for (int words = 0; at_ < text_.size() && found_.problem == Problem::none && (peek() != ';' || depth > 0);) {
            const bool is_blank =
                space(peek()) || (peek() == '-' && peek(1) == '-') || (peek() == '/' && peek(1) == '*');
            const std::size_t start = at_;
            const char first = peek();
            step();
            if (is_blank) continue;
            depth += first == '(' ? 1 : first == ')' ? -1 : 0;
            const std::string_view word = word_start(first) ? text_.substr(start, at_ - start) : std::string_view();
            if (is_open) return !same(word, "end");
            if (++words == 1 && !same(word, "create")) return false;
            if (words == 2 || words == 4) makes_function |= same(word, "function") || same(word, "procedure");
            is_open = makes_function && depth == 0 && same(before, "begin") && same(word, "atomic");
            before = word;
        }
        return is_open;
    }
};

/// Where the second statement of a text begins that has no zero byte; nothing when there is none, or the text is too
/// broken for the server to come there.
class FirstStatement final : detail::SqlScanner {
public:
    using SqlScanner::SqlScanner;

    [[nodiscard]] std::optional<std::size_t> end() {
        while (at_ < text_.size() && found_.problem == Problem::none) step();
        if (found_.problem != Problem::several_statements) return std::nullopt;
        return found_.offset;
    }
};

/// Each `;` ends a statement of it, also in the body of a function.
std::string without_bodies(std::string_view script) {
    constexpr std::string_view atomic = "atomic";
    const auto same = [](char a, char lower) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == lower; };
    std::string text(script);
    for (auto at = text.begin(); (at = std::search(at, text.end(), atomic.begin(), atomic.end(), same)) != text.end();)
        *at++ = '_';
    return text;
}

/// Shows `look` where each statement of a script stands, in bytes, and what it makes of a transaction, until that says
/// true; a function's body is none. False when it never did, or the script is too broken for the server to come there.
template <class Look>
bool find_control(std::string_view script, Look look) {
    if (script.find('\0') != std::string_view::npos) return false;
    const std::string text = without_bodies(script);
    bool is_in_body = false;
    for (std::size_t at = 0;;) {
        const std::string_view rest = std::string_view(text).substr(at);
        const TransactionControl control = transaction_control(rest);
        if (is_in_body) {
            // END closes it, and begins a statement, for each one before it has its own `;`.
            is_in_body = control != TransactionControl::commits;
        } else {
            if (look(at, control)) return true;
            is_in_body = BodySearch(script.substr(at)).finds();
        }
        const std::optional<std::size_t> next = FirstStatement(rest).end();
        if (!next) return false;
        at += *next;
    }
}

/// Where a script goes on with anything else behind the end of a transaction; nothing when it does not.
std::optional<std::size_t> behind_transaction_end(std::string_view script) {
    std::size_t place = 0;
    const bool goes_on =
        find_control(script, [&, has_ended = false](std::size_t at, TransactionControl control) mutable {
            place = at;
            if (has_ended && control == TransactionControl::none) return true;
            has_ended |= control == TransactionControl::commits || control == TransactionControl::rolls_back;
            return false;
        });
    return goes_on ? std::optional(place) : std::nullopt;
}

/// There is none, and that begins one.
bool begins_transaction(const spi::Session& session, std::string_view sql) {
    return session.transaction_status() == spi::TransactionStatus::idle &&
           transaction_control(sql) == TransactionControl::begins;
}

/// A transaction that has failed hears nothing else, and no settings before that.
bool ends_failure_of(const Borrowed& borrowed, std::string_view sql) {
    return borrowed.session().transaction_status() == spi::TransactionStatus::failed && ends_failure(sql);
}

}  // namespace

bool may_commit_in_script(std::string_view text) {
    return find_control(text,
                        [](std::size_t, TransactionControl control) { return control == TransactionControl::commits; });
}

Settings::Settings(std::vector<spi::LocalSetting> all) : all_(std::move(all)) {
    for (const spi::LocalSetting& one : all_) {
        const std::size_t number = params_.size();
        sql_ += (number == 0 ? "select set_config($" : ", set_config($") + std::to_string(number + 1) + ", $" +
                std::to_string(number + 2) + ", true)";
        Fault fault = params_.add(one.name);
        if (!fault) fault = params_.add(one.value);
        if (fault && !fault_) fault_ = usage_error("the setting " + one.name + " cannot be sent: " + fault.reason);
    }
}

bool Settings::renames() const {
    return std::any_of(all_.begin(), all_.end(), [](const spi::LocalSetting& one) {
        return words::is(one.name, "search_path") || words::is(one.name, "role") ||
               words::is(one.name, "session_authorization");
    });
}

Interception::Interception(std::shared_ptr<const Hooks> hooks, spi::RequestKind kind, std::string_view sql,
                           Params* params, const QueryOptions* options, bool is_in_batch)
    : hooks_(std::move(hooks)),
      request_{.kind = kind,
               .is_in_batch = is_in_batch,
               .tenant = hooks_->tenant,
               .sql = sql,
               .params = params,
               .options = options ? *options : QueryOptions()} {}

Expected<std::optional<Result>> Interception::begin() {
    for (const auto& one : hooks_->interceptors) {
        ++asked_;
        auto said = one->before(request_);
        if (!said || *said) return said;
    }
    if (request_.settings.empty()) return std::optional<Result>();
    auto settings = std::make_shared<const Settings>(request_.settings);
    if (settings->fault()) return *settings->fault();
    settings_ = std::move(settings);
    return std::optional<Result>();
}

Expected<void> Interception::begin_without_answer() {
    auto said = begin();
    if (!said) return std::move(said).error();
    if (*said) return usage_error("an interceptor answered what has no answer to give: it may refuse it");
    return {};
}

void Interception::end(Expected<Result>& answer) noexcept {
    while (asked_ != 0) hooks_->interceptors[--asked_]->after(request_, answer);
}
void Interception::end(const Error* error) noexcept {
    request_.params = nullptr;  // those of the call that opened it, which is over
    while (asked_ != 0) hooks_->interceptors[--asked_]->ended(request_, error);
}

Expected<void> change_text(Call& call, std::string_view text) {
    call.sql = text;
    call.arguments = call.params->size();
    call.statement = nullptr;
    call.hash = 0;
    call.checked = false;
    const Expected<bool> traces = look_at_text(call);
    if (!traces) return traces.error();
    call.checked = true;
    call.leaves_traces = *traces;
    return {};
}

Expected<Result> run_with_hooks(Executor& executor, const Call& call) {
    const std::shared_ptr<const Hooks>& hooks = ExecutorAccess::hooks(executor);
    Watch watch(hooks, spi::RequestKind::query, call.sql, label_of(call.options));
    Call watched = call;
    watched.watch = &watch;
    if (hooks->interceptors.empty()) {
        Expected<Result> answer = ExecutorAccess::run(executor, watched);
        watch.end(answer, call.sink);
        return answer;
    }
    Interception interception(hooks, spi::RequestKind::query, call.sql, call.params, call.options);
    auto said = interception.begin();
    const auto ask = [&]() -> Expected<Result> {
        if (!said) return said.error();
        if (*said) return **said;
        watched.sink = nullptr;  // whoever changes an answer needs to have it
        watched.options = &interception.request().options;
        watch.has_label(interception.request().options.label);
        watch.give(interception.settings());
        if (interception.has_new_text()) {
            watch.has_text(interception.request().sql);
            if (auto changed = change_text(watched, interception.request().sql); !changed)
                return std::move(changed).error();
        }
        return ExecutorAccess::run(executor, watched);
    };
    Expected<Result> answer = ask();
    interception.end(answer);
    watch.end(answer);
    return answer;
}

bool has_settings(const Borrowed& borrowed, const Settings& settings) {
    return borrowed.session().transaction_status() != spi::TransactionStatus::idle && borrowed.held &&
           borrowed.held->settings && borrowed.held->settings->all() == settings.all();
}

Expected<Result> run_with_settings(const Borrowed& borrowed, const Settings& settings, const spi::Request& request) {
    spi::Session& session = borrowed.session();
    if (ends_failure_of(borrowed, request.sql)) return session.run(request, borrowed.wait);
    spi::BatchItem set{settings.request()}, own{request};
    if (begins_transaction(session, request.sql)) {  // how it is to be, nobody can say behind a query
        run_both(session, own, set, borrowed.wait);
        if (!own.failed() && set.failed()) roll_back(session);
        return *std::move(own.failed() ? own.outcome : set.failed() ? set.outcome : own.outcome);
    }
    run_both(session, set, own, borrowed.wait);
    return *std::move(kept_back(set, own) ? set.outcome : own.outcome);
}

void run_with_settings(const Borrowed& borrowed, const Settings& settings, std::span<spi::BatchItem* const> items) {
    spi::BatchItem set{settings.request()};
    std::vector<spi::BatchItem*> all(items.begin(), items.end());
    // Behind a ROLLBACK TO that is to be run first.
    const std::size_t at = ends_failure_of(borrowed, items.front()->request.sql) ? 1 : 0;
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), &set);
    borrowed.session().run_batch(all, spi::BatchSync::once, borrowed.wait);
    spi::BatchItem& behind = *items[std::min(at, items.size() - 1)];
    if (set.failed() && (at == 0 || !items.front()->failed()) && (!behind.failed() || kept_back(set, behind)))
        behind.outcome = std::move(set.outcome);
}

Expected<void> begin_with_settings(spi::Session& session, std::string_view begin, const Settings& settings,
                                   const spi::Wait& wait) {
    spi::BatchItem begun{{.sql = begin}}, set{settings.request()};
    run_both(session, begun, set, wait);
    if (!begun.failed() && !set.failed()) return {};
    roll_back(session);
    return begun.failed() ? begun.outcome->error() : set.outcome->error();
}

BatchInterception::BatchInterception(const std::shared_ptr<const Hooks>& hooks,
                                     std::span<const std::unique_ptr<BatchEntry>> entries)
    : entries_(entries) {
    if (!hooks || hooks->interceptors.empty()) return;
    for (const auto& entry : entries) {
        Call& call = entry->call;
        call.sink = nullptr;  // whoever changes an answer needs to have it
        auto& one = *all_.emplace_back(std::make_unique<Interception>(hooks, spi::RequestKind::query, call.sql,
                                                                      &entry->params, call.options, true));
        auto said = one.begin();
        if (entry->outcome) continue;  // it was refused when it was added
        if (!said)
            entry->outcome.emplace(std::move(said).error());
        else if (*said)
            entry->outcome.emplace(*std::move(*said));
        else if (one.has_new_text())
            change_text(*entry, one.request().sql);
    }
}

void BatchInterception::end() noexcept {
    for (std::size_t at = 0; at < all_.size(); ++at) all_[at]->end(*entries_[at]->outcome);
}

Expected<void> Enclosure::enter(spi::Session& session, const Settings* settings, const spi::Wait& wait,
                                std::string_view begin) {
    if (!settings) return {};
    if (session.transaction_status() != spi::TransactionStatus::idle) {  // somebody's; one that has failed refuses it
        Expected<Result> set = session.run(settings->request(), wait);
        if (!set) return std::move(set).error();
        return {};
    }
    is_open_ = true;
    return begin_with_settings(session, begin, *settings, wait);
}

Expected<void> Enclosure::begin(spi::Session& session, const spi::Wait& wait) {
    if (session.transaction_status() != spi::TransactionStatus::idle) return {};
    is_open_ = true;
    return session.run_script("begin", wait);
}

Expected<void> Enclosure::commit(spi::Session& session, const spi::Wait& wait) {
    if (!is_open_) return {};
    if (session.transaction_status() == spi::TransactionStatus::idle) return is_open_ = false, Expected<void>();
    Expected<void> committed = session.run_script("commit", wait);
    is_open_ = !committed.has_value();  // one that was not sent has left it open
    return committed;
}

Expected<void> check_script_for_settings(std::string_view text) {
    const std::optional<std::size_t> at = behind_transaction_end(text);
    if (!at) return {};
    ErrorFields fields{.kind = ErrorKind::usage};
    fields.position = position_of(text, *at);
    fields.message =
        "the script goes on behind the end of a transaction, where it would be without the settings of its request, "
        "such as a tenant's: run what stands there by itself";
    fields.sql = text;
    return Error(std::move(fields));
}

Expected<void> run_script_with_settings(const Borrowed& borrowed, const Settings& settings, std::string_view text) {
    if (ends_failure_of(borrowed, text) && scan_sql(text).problem == SqlScan::Problem::none)
        return borrowed.session().run_script(text, borrowed.wait);
    std::string_view begin = "begin";
    if (begins_transaction(borrowed.session(), text)) {  // in its own words
        begin = text.substr(0, FirstStatement(text).end().value_or(text.size()));
        text.remove_prefix(begin.size());
    }
    Enclosure enclosure;
    Expected<void> ran = enclosure.enter(borrowed.session(), &settings, borrowed.wait, begin);
    if (ran && !text.empty()) ran = borrowed.session().run_script(text, borrowed.wait);
    if (ran) ran = enclosure.commit(borrowed.session(), borrowed.wait);
    enclosure.leave(borrowed.session());
    return ran;
}

void Enclosure::leave(spi::Session& session) noexcept {
    if (std::exchange(is_open_, false)) roll_back(session);
}

}  // namespace pg::detail
