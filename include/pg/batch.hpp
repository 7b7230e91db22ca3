// Batch: statements that are sent together, and the result of each.
#pragma once

#include "pg/prepared.hpp"

namespace pg {

/// How the statements of a batch stand to each other.
enum class BatchMode : std::uint8_t {
    atomic,  ///< all of them or none: one implicit transaction, outside of an explicit one
    each,    ///< one after the other, and a failure is that of its statement alone
};

template <class T>
class Deferred;

namespace detail {

struct AsyncAccess;
class BatchState;

/// A statement that was added to a batch: where its arguments go, and the number that its result is asked for by.
struct Added {
    Params& params;
    std::uint64_t number;
};
/// What came of a statement of a batch. Views of the batch.
struct BatchAnswer {
    const Result& result;
    const Call& call;
};

/// `options` are those of a `pg::Query`; null for any other text.
PGCLIENT_API Added add_text(BatchState& batch, std::string_view sql, std::size_t arguments, bool checked,
                            bool leaves_traces, std::uint64_t hash, const QueryOptions* options);
PGCLIENT_API Added add_prepared(BatchState& batch, const std::shared_ptr<const Statement>& statement);
/// The statement that was added last will not run: this is why.
PGCLIENT_API void refuse_last(BatchState& batch, Error why);
[[nodiscard]] PGCLIENT_API Expected<BatchAnswer> batch_answer(const BatchState& batch, std::uint64_t number);

}  // namespace detail

/// The result that a statement of a batch will have. Value: copies ask for the same result, and keep it alive after the
/// batch is gone. One thread at a time, together with the batch.
template <class T>
class Deferred {
public:
    /// Makes the answer out of the statement's result.
    using Finish = Expected<T> (*)(const Result& result, const detail::Call& call);

    Deferred(std::shared_ptr<detail::BatchState> batch, std::uint64_t number, Finish finish)
        : batch_(std::move(batch)), number_(number), finish_(finish) {}

    /// The result, decoded anew by each call. Throws UsageError before `run` and after `clear`, what the verb of that
    /// name throws, and what became of the batch when it is not this statement that failed.
    [[nodiscard]] T get() const { return try_get().value(); }
    [[nodiscard]] Expected<T> try_get() const {
        Expected<detail::BatchAnswer> answer = detail::batch_answer(*batch_, number_);
        if (!answer) return std::move(answer).error();
        return finish_(answer->result, answer->call);
    }

private:
    std::shared_ptr<detail::BatchState> batch_;
    std::uint64_t number_;
    Finish finish_;
};

/// Statements for one flush. Handle: move-only; borrows its executor, whose options are those of the batch.
/// One thread at a time.
///
/// The verbs are those of an executor, but nothing is sent before `run`. A literal is viewed and must outlive it, a
/// text known at run time is copied. An argument without a wire form, or a text that is not one statement, fails its
/// statement as the server would: the verb does not throw.
class PGCLIENT_API Batch final {
public:
    explicit Batch(Executor& executor);  ///< empty; sends nothing
    Batch(Batch&& other) noexcept;
    Batch& operator=(Batch&& other) noexcept;
    ~Batch();

    /// Adds the statement; its result is what the verb of an executor gives. @{
    template <class... A>
    [[nodiscard]] Deferred<Result> query(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<Result>(
            sql, [](const Result& result, const detail::Call&) { return Expected<Result>(result); }, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<std::vector<T>> query_all(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<std::vector<T>>(sql, &detail::concluded<detail::AllRows<T>>, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<T> query_one(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<T>(sql, &detail::concluded<detail::OneRow<T>>, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<std::optional<T>> query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<std::optional<T>>(sql, &detail::concluded<detail::MaybeRow<T>>, arguments...);
    }  /// @}
    /// Its result may be left alone: an atomic batch throws when any statement fails.
    template <class... A>
    Deferred<std::uint64_t> exec(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<std::uint64_t>(
            sql, [](const Result& result, const detail::Call&) { return Expected<std::uint64_t>(result.affected()); },
            arguments...);
    }
    /// A call of a prepared statement. It runs where the batch runs.
    template <class R, class... Args>
    Deferred<R> add(const Prepared<R(Args...)>& prepared, const std::type_identity_t<Args>&... arguments) {
        return finish<R>(detail::add_prepared(*state_, prepared.statement()), prepared.sql(),
                         &detail::concluded<typename detail::sink_of<R>::type>, arguments...);
    }

    /// Sends what was added since the last run and waits for all of it; nothing is sent when there is nothing.
    ///
    /// An atomic batch throws the error of the statement that failed; no statement was applied, and each says so. One
    /// that begins or ends a transaction is a UsageError, and nothing is sent; what a procedure commits is not seen.
    /// With `each`, the error of a statement is thrown by its `get` alone, and `run` throws only when no statement
    /// could be sent. A statement outside a transaction that the server refused without effect (an expired plan, a
    /// number of the wrong type) is repaired: an atomic batch is sent again; with `each`, so that the order stays, the
    /// statement's error says that it may be run again.
    void run(BatchMode mode = BatchMode::atomic) { try_run(mode).value(); }
    [[nodiscard]] Expected<void> try_run(BatchMode mode = BatchMode::atomic);

    /// Forgets all statements, keeping their room: what was deferred before has no result any more.
    void clear() noexcept;
    /// The number of statements, those that were run included.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    template <class T, class... A>
    Deferred<T> add_text(const Sql<sizeof...(A)>& sql, typename Deferred<T>::Finish finisher, const A&... arguments) {
        return finish<T>(detail::add_text(*state_, sql.text(), sizeof...(A), sql.checked(), sql.leaves_traces(),
                                          sql.hash(), sql.options()),
                         sql.text(), finisher, arguments...);
    }
    template <class T, class... A>
    Deferred<T> finish(detail::Added added, std::string_view sql, typename Deferred<T>::Finish finisher,
                       const A&... arguments) {
        if (auto encoded = detail::encode_all(sql, added.params, arguments...); !encoded)
            detail::refuse_last(*state_, std::move(encoded).error());
        return Deferred<T>(state_, added.number, finisher);
    }

    friend struct detail::AsyncAccess;
    Batch();  // of no executor

    Executor* executor_;  // null: it is run by `AsyncExecutor::run`
    std::shared_ptr<detail::BatchState> state_;
};

}  // namespace pg
