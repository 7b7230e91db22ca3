// What the sessions of one client share, and what a borrowed session comes with. Internal to core.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "pg/catalog.hpp"
#include "pg/executor.hpp"
#include "pg/spi/session_source.hpp"

namespace pg::detail {

/// Texts whose typed numbers the server refused and whose literals it took. Bounded. Thread-safe.
class RetypedTexts {
public:
    [[nodiscard]] bool contains(std::string_view sql) const {
        return any_.load(std::memory_order_acquire) && is_among(sql);
    }
    void add(std::string_view sql);

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
    Pool* pool = nullptr;  // the same, if it is one
    std::shared_ptr<TypeCatalog> types;
    std::chrono::nanoseconds timeout{std::chrono::seconds(30)};
    std::chrono::nanoseconds acquire_timeout{no_timeout};
    std::atomic<bool> closed{false};
    std::shared_ptr<const Hooks> hooks;  // null: nobody has a say
    RetypedTexts retyped;

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
    HeldSession* held = nullptr;  // null when the lease is here

    [[nodiscard]] spi::Session& session() const { return *slot->session; }
};

/// A statement that may be prepared on any number of sessions. Its number never comes again in this process.
struct Statement : std::enable_shared_from_this<Statement> {
    std::uint64_t number;
    std::string name;
    std::string sql;
    bool leaves_traces;         // in its session, as its text says
    bool controls_transaction;  // begins or ends one, as its text says
    bool is_about_rows;         // and nothing else, as its text says

    explicit Statement(std::string_view text);
    ~Statement();
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    /// How many have been destroyed so far.
    static std::uint64_t expired() noexcept;
};

/// Deallocates the statements that expired since the session was last lent. What fails is tried again the next time.
void forget_expired(spi::SessionSlot& slot, const spi::Wait& wait);

/// Until when a request may wait for a session that is to be over at `deadline`.
[[nodiscard]] Deadline acquire_deadline(const Context& context, const Deadline& deadline);
/// What a request makes of a session that was lent to it.
[[nodiscard]] Borrowed lend(Context& context, spi::Lease lease, const spi::Wait& wait);
/// Takes a session from the client's source and forgets the statements that expired.
[[nodiscard]] Expected<Borrowed> borrow(Context& context, const spi::Wait& wait);

/// Runs one call on a session: prepares, heals what the server says had no effect, learns new types.
[[nodiscard]] Expected<Result> run_on(const Borrowed& borrowed, const Call& call);

/// Prepares the statement of a call on its session and learns the types of its columns, unless that was done before.
/// The session keeps what is pointed to until the statement is forgotten. Never null.
[[nodiscard]] Expected<const spi::PreparedHere*> prepare_once(const Borrowed& borrowed, const Call& call);
/// True after something was changed that makes a second attempt worth it. Only outside a transaction: inside one the
/// failure has ended it.
[[nodiscard]] bool heal(const Borrowed& borrowed, const Call& call, const Error& error);
/// Whether the command tag says that the statement left traces in its session.
[[nodiscard]] bool tells_of_traces(std::string_view tag);
/// What follows from a result before anybody reads it: traces in the session, types to learn.
[[nodiscard]] Expected<void> settle(const Borrowed& borrowed, const Result& result);

/// UsageError when a text known at run time is not one statement with that many parameters.
[[nodiscard]] Expected<SqlScan> check_text(const Call& call);
/// Whether the text says that the statement leaves traces in its session. Checks one that is known only at run time.
[[nodiscard]] Expected<bool> look_at_text(const Call& call);

/// Makes sure that the catalogue knows every type of these columns.
[[nodiscard]] Expected<void> learn_types(spi::Session& session, TypeCatalog& types, std::span<const Column> columns,
                                         const spi::Wait& wait);

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
