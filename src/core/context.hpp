// What the sessions of one client share, and what a borrowed session comes with. Internal to core.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

#include "pg/catalog.hpp"
#include "pg/column_matches.hpp"
#include "pg/executor.hpp"
#include "src/base/fork.hpp"
#include "src/core/statement_cache.hpp"

namespace pg::detail {

/// Texts whose typed numbers the server refused and whose literals it took. Bounded. Thread-safe.
class RetypedTexts {
public:
    [[nodiscard]] bool empty() const { return !any_.load(std::memory_order_acquire); }
    [[nodiscard]] bool contains(std::string_view sql) const {
        return any_.load(std::memory_order_acquire) && is_among(sql);
    }
    void add(std::string_view sql);
    void remove(std::string_view sql);

private:
    [[nodiscard]] bool is_among(std::string_view sql) const;

    static constexpr std::size_t capacity = 1024;

    std::atomic<bool> any_{false};  // spares the lock of clients that never needed one
    mutable std::mutex mutex_;      // guards texts_
    std::unordered_set<std::string> texts_;
};

struct AsyncTarget;

/// One for a client and all that was made from it. Whoever keeps a session for longer than a request keeps a share.
struct Context : std::enable_shared_from_this<Context> {
    std::shared_ptr<spi::SessionSource> source;
    Pool* pool = nullptr;                                                  // the same, if it is one
    std::shared_ptr<TypeCatalog> types = std::make_shared<TypeCatalog>();  // its eras are those of names, too
    std::chrono::nanoseconds timeout{std::chrono::seconds(30)};
    std::chrono::nanoseconds acquire_timeout{no_timeout};
    std::optional<std::chrono::nanoseconds> limit_margin;  // see `ServerLimit`; null: the server is told of no deadline
    bool keeps_session_state = true;                       // settings, listeners and locks of a session are its own
    bool sends_ahead = true;  // of the answers to statements that have nothing to do with each other
    StatementLimits statements;
    std::shared_ptr<detail::StatementTally> tally = std::make_shared<StatementTally>(types);  // of what became of them
    std::shared_ptr<RetypedTexts> retyped = std::make_shared<RetypedTexts>();
    std::atomic<bool> closed{false};
    std::atomic<std::size_t> holders{0};  // of locks, it may be: transactions, streams and COPYs that are open
    Birthplace birthplace;                // of the source
    std::shared_ptr<const Hooks> hooks;   // null: nobody has a say

    std::mutex mutex;                                 // guards what follows
    std::vector<std::weak_ptr<AsyncTarget>> targets;  // one on each reactor where calls of the client are awaited

    /// The time of a request: its own, or the client's.
    [[nodiscard]] std::chrono::nanoseconds timeout_of(const QueryOptions* options) const {
        return options && options->timeout.count() != 0 ? options->timeout : timeout;
    }
    [[nodiscard]] spi::Wait wait_of(const QueryOptions* options) const {
        return {Deadline::after(timeout_of(options)), options ? options->stop : nullptr};
    }
};

/// One who may have locks for longer than a request. Outlived by the context.
class LockHolder {
public:
    explicit LockHolder(Context& context) : context_(context) {
        context.holders.fetch_add(1, std::memory_order_relaxed);
    }
    ~LockHolder() { context_.holders.fetch_sub(1, std::memory_order_relaxed); }
    LockHolder(const LockHolder&) = delete;
    LockHolder& operator=(const LockHolder&) = delete;

private:
    Context& context_;
};

/// What observers know its requests by; empty: nothing.
[[nodiscard]] inline std::string_view label_of(const QueryOptions* options) {
    return options ? options->label : std::string_view();
}

struct HeldSession;
class Settings;

/// A session for one request. The lease is empty when a connection or a transaction holds the session.
struct Borrowed {
    Context* context = nullptr;  // never null; outlives the request
    spi::Lease lease;
    spi::SessionSlot* slot = nullptr;
    spi::Wait wait;
    HeldSession* held = nullptr;         // null when the lease is here
    Deadline until = Deadline::never();  // the end of its transaction's own time, whatever each wait is given
    int attempts = 0;                    // that the call has had elsewhere, which were lost
    bool is_in_doubt = false;            // one of those may have taken effect
    bool is_of_transaction = false;      // a Transaction lends it, which is over when a text ends it

    [[nodiscard]] spi::Session& session() const { return *slot->session; }
    /// The source hears of it when the session comes back.
    void failed(const Error& error) const noexcept;
    /// The same; the error as whoever has the session is to be told of it.
    [[nodiscard]] Error failed_by(Error error) const;
};

/// A statement that somebody asked to have prepared, on any number of sessions.
struct Statement {
    std::string sql;
    std::uint64_t hash;         // of that
    bool leaves_traces;         // in its session, as its text says
    bool controls_transaction;  // begins or ends one, as its text says
    bool is_about_rows;         // and nothing else, as its text says
    bool has_no_name;           // as it is not about rows (a FETCH has those of any cursor), or makes names

    explicit Statement(std::string_view text);
};

/// Those that a session has prepared, as of now; null when none has a name. A view of the slot's memory.
[[nodiscard]] inline StatementCache* statements_as_of_now(const Context& context, spi::SessionSlot& slot) {
    if (context.statements.entries == 0 || slot.renamed) return nullptr;
    if (!slot.memory) slot.memory = std::make_unique<StatementCache>(context.statements, context.tally);
    auto* const statements = static_cast<StatementCache*>(slot.memory.get());
    statements->keep_up(*slot.session, !slot.dirty);
    return statements;
}
/// The name that a call goes by, if any, which the request has then; null otherwise. See `StatementCache`. `statements`
/// is null where none has a name. @{
[[nodiscard]] inline NamedStatement* choose_name(StatementCache* statements, const spi::SessionSlot& slot,
                                                 const Call& call, spi::Request& request) {
    if (!statements || (call.statement && call.statement->has_no_name)) return nullptr;
    const bool lasting = call.statement || call.hash != 0;
    const std::uint64_t hash = call.statement ? call.statement->hash : lasting ? call.hash : hash_sql(call.sql);
    return statements->choose(request, {hash, lasting, call.statement != nullptr}, *slot.session);
}
[[nodiscard]] inline NamedStatement* choose_name(const Context& context, spi::SessionSlot& slot, const Call& call,
                                                 spi::Request& request) {
    return choose_name(statements_as_of_now(context, slot), slot, call, request);
}  /// @}
/// What became of the request that has it. Does nothing when there was none.
inline void conclude_name(spi::SessionSlot& slot, NamedStatement* statement, const spi::Request& request,
                          const Error* error) {
    if (statement) static_cast<StatementCache&>(*slot.memory).conclude(*statement, request, error, *slot.session);
}

/// Until when a request may wait for a session that is to be over at `deadline`.
[[nodiscard]] Deadline acquire_deadline(const Context& context, const Deadline& deadline);
/// What a request makes of a session that was lent to it.
[[nodiscard]] Borrowed lend(Context& context, spi::Lease lease, const spi::Wait& wait);
/// Takes a session from the client's source.
[[nodiscard]] Expected<Borrowed> borrow(Context& context, const spi::Wait& wait);

/// Runs one call on a session: prepares, heals what the server says had no effect, learns new types.
[[nodiscard]] Expected<Result> run_on(const Borrowed& borrowed, const Call& call);

/// How often a call is healed: once by a new name, and once more by none, where a pooler keeps what is behind names.
inline constexpr int most_repairs = 2;
/// How a statement went.
enum class Name : std::uint8_t { none, just_prepared, known };
[[nodiscard]] inline Name name_of(const spi::Request& request) noexcept {
    if (request.statement.empty()) return Name::none;
    return request.prepare ? Name::just_prepared : Name::known;
}
/// What makes a second attempt worth it.
enum class Repair : std::uint8_t { none, of_name, of_types, of_format };
/// What was repaired after an error. A name that it may come from is taken away by then; where the numbers of the call
/// were given another type, that is to be remembered when it went well. Only outside a transaction: inside one the
/// failure has ended it.
[[nodiscard]] Repair heal(const Call& call, Name name, const Error& error);
/// The error of a statement that ran by a name, as it is to be told inside a transaction, which it has ended: types
/// that the server inferred when it was prepared may be what is refused, and the transaction go well when it is run
/// again.
[[nodiscard]] Error in_transaction(Error error, Name name, const Params* params);
/// True for a SELECT that makes a table of its rows.
[[nodiscard]] bool selects_into(std::string_view sql);
/// Whether names may mean something else behind a statement, as its text says; a procedure may do so unseen.
[[nodiscard]] bool makes_names(std::string_view sql);
// What a statement leaves behind. @{
/// Its borrower may leave something in the session. The first to do so since it was reset is done with what was
/// prepared about what others had left.
void note_dirt(spi::SessionSlot& slot);
/// Traces in its session. Of a statement before it is sent: what others sent with it go by stays.
void note_settings(spi::SessionSlot& slot, std::string_view sql);
/// The same of what may forget statements, too, when nobody is about to use one.
void note_traces(spi::SessionSlot& slot, std::string_view sql);
/// What it may make of the types of those that are sent behind it, whose rows are read as they come.
void note_making(Context& context, std::string_view sql);
/// What its result says by the command tag: traces, names that mean something new, or a commit.
void note_tag(Context& context, spi::SessionSlot& slot, const Result& result, std::string_view sql);
/// The same of one that failed, or was given up as it ended: code may have done something before, or all of it.
void note_failure(Context& context, spi::SessionSlot& slot, const Error& error, std::string_view sql);
/// The same of a script that has run, whose tags nobody sees.
void note_script(Context& context, spi::SessionSlot& slot, std::string_view text);
/// Whether a statement of a script commits its transaction, be that in the middle.
[[nodiscard]] bool may_commit_in_script(std::string_view text);
/// A transaction was committed.
void note_commit(Context& context, spi::SessionSlot& slot);
/// A part of a transaction was undone, or all of it.
void note_undone(Context& context, spi::SessionSlot& slot);
/// @}
/// Whether anything follows from a result before somebody reads it. `described`: its statement was prepared before.
[[nodiscard]] inline bool is_to_settle(bool described, const Result& result) {
    return !described || spi::tells(result.tag(), !result.columns().empty()) || !knows_types(*result.storage());
}
/// Does it: traces in the session, types to learn.
[[nodiscard]] Expected<void> settle(const Borrowed& borrowed, const Call& call, const Result& result);

/// UsageError when a text known at run time is not one statement with that many parameters.
[[nodiscard]] Expected<SqlScan> check_text(const Call& call);
/// Whether the text says that the statement leaves traces in its session. Checks one that is known only at run time.
[[nodiscard]] Expected<bool> look_at_text(const Call& call);

/// Makes sure that the catalogue knows every type of these columns, as of `era`.
[[nodiscard]] Expected<void> learn_types(spi::Session& session, TypeCatalog& types, std::uint64_t era,
                                         std::span<const Column> columns, const spi::Wait& wait);
/// The same for a request. What its transaction has changed, and others do not see yet, is not kept.
[[nodiscard]] Expected<void> learn_types(const Borrowed& borrowed, std::span<const Column> columns);
/// A catalogue that has the types of these columns as they are now: one of its own where they have fields.
[[nodiscard]] Expected<std::shared_ptr<const TypeCatalog>> types_as_of_now(const Borrowed& borrowed,
                                                                           std::span<const Column> columns);

/// An error in a transaction that its statement alone is in: to run the one again is to run the other again.
[[nodiscard]] inline Error as_of_its_own(const Error& error) {
    if (error.retry_scope() != RetryScope::transaction) return error;
    ErrorFields fields = error.fields();
    fields.retry_scope = RetryScope::statement;
    return Error(std::move(fields));
}

/// Of a statement that failed: it took effect, or nobody can say that it did not.
[[nodiscard]] bool may_have_been_applied(const Error& error);
/// The error of a call whose attempt before was lost when it may have had its effect: whatever came of the other one,
/// nobody knows.
[[nodiscard]] Error behind_an_unknown(Error error);

/// Why a client behind a pooler cannot hear messages; nothing when it can.
[[nodiscard]] std::optional<Error> refuse_to_listen(const Context& context);

/// The door of an executor for the other rooms of core.
struct ExecutorAccess {
    static Expected<Borrowed> borrow(Executor& executor, const QueryOptions* options) {
        return executor.do_borrow(options);
    }
    static Expected<Result> run(Executor& executor, const Call& call) { return executor.run(call); }
    /// Who has a say in its requests; null: nobody.
    static const std::shared_ptr<const Hooks>& hooks(const Executor& executor) { return executor.hooks_; }
    /// The options of its calls that have none of their own; null: the client's defaults.
    static const QueryOptions* options(const Executor& executor) { return executor.options_; }
    /// What a transaction shares with its savepoints and its large objects.
    template <class T>
    static const auto& shared(const T& transaction) {
        return transaction.impl_;
    }
};

[[nodiscard]] inline Error usage_error(std::string message) {
    return Error({.kind = ErrorKind::usage, .message = std::move(message)});
}

}  // namespace pg::detail
