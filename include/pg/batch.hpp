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

/// Takes the rows of a statement of a batch, and is kept for the next one that gives the same.
struct KeptSink {
    std::unique_ptr<RowSink, void (*)(RowSink*)> sink{nullptr, nullptr};
    const void* kind = nullptr;  // what it is: see `kind_of`
};

/// A statement that was added to a batch: where its arguments go, and the number that its result is asked for by.
struct Added {
    Params& params;
    KeptSink& kept;
    RowSink*& sink;  // that takes its rows as they come; null: they stay in its result
    const Call& call;
    std::uint64_t number;
};
/// What came of a statement of a batch. Views of the batch.
struct BatchAnswer {
    const Result& result;
    const Call& call;
    RowSink* sink;  // see `Added::kept`
};

/// The result as it is.
class WholeResult {
public:
    using Answer = Result;
    explicit WholeResult(Extra) {}
    void conclude(const Result& result) { result_.emplace(result); }
    [[nodiscard]] Expected<Result> answer(std::string_view) { return *std::move(result_); }

private:
    std::optional<Result> result_;
};

/// A `T`, and all that is in it, can be copied.
template <class T>
inline constexpr bool is_copied = std::is_copy_constructible_v<T>;
template <class T>
inline constexpr bool is_copied<std::vector<T>> = is_copied<T>;
template <class T>
inline constexpr bool is_copied<std::optional<T>> = is_copied<T>;
template <class... T>
inline constexpr bool is_copied<std::tuple<T...>> = (is_copied<T> && ...);
template <class T>
    requires(!Cellular<T> && reflect::mapped<T>)
inline constexpr bool is_copied<T> = []<std::size_t... I>(std::index_sequence<I...>) {
    return (is_copied<reflect::field_type<T, I>> && ...);
}(std::make_index_sequence<reflect::size<T>>{});

/// Copies of a sink's answer can be given away.
template <class Sink>
inline constexpr bool is_kept = std::is_base_of_v<RowSink, Sink> && is_copied<typename Sink::Answer>;

/// Its address is that of one type of sink alone. Written to by nobody, and no constant, which could be shared.
template <class Sink>
inline char kind_of = 0;
/// Has the rows of a statement taken as they come.
template <class Sink>
void keep_sink(const Added& added) {
    KeptSink& kept = added.kept;
    if (kept.sink && kept.kind == &kind_of<Sink>) {
        static_cast<Sink&>(*kept.sink).reset(added.call.extra());
    } else {
        kept.sink = {new Sink(added.call.extra()), [](RowSink* sink) { delete static_cast<Sink*>(sink); }};
        kept.kind = &kind_of<Sink>;
    }
    added.sink = kept.sink.get();
}

/// The answer that a statement was added for.
template <class Sink>
[[nodiscard]] Expected<typename Sink::Answer> deferred_answer(const BatchAnswer& from) {
    if constexpr (is_kept<Sink>) {
        auto& sink = static_cast<Sink&>(*from.sink);
        sink.conclude(from.result);
        return sink.copied_answer(from.call.sql);
    } else {
        Sink sink(from.call.extra());
        sink.conclude(from.result);
        return sink.answer(from.call.sql);
    }
}

/// `options` are those of a `pg::Query`; null for any other text.
PGCLIENT_API Added add_text(BatchState& batch, std::string_view sql, std::size_t arguments, bool checked,
                            bool leaves_traces, std::uint64_t hash, const QueryOptions* options);
PGCLIENT_API Added add_prepared(BatchState& batch, const std::shared_ptr<const Statement>& statement);
/// The statement that was added last will not run: this is why.
PGCLIENT_API void refuse_last(BatchState& batch, Error why);
PGCLIENT_API void take_back_last(BatchState& batch) noexcept;
[[nodiscard]] PGCLIENT_API Expected<BatchAnswer> batch_answer(BatchState& batch, std::uint64_t number);

}  // namespace detail

/// The result that a statement of a batch will have. Value: copies ask for the same result, and keep it alive after the
/// batch is gone. One thread at a time, together with the batch.
template <class T>
class Deferred {
public:
    /// Makes the answer out of what came of the statement.
    using Finish = Expected<T> (*)(const detail::BatchAnswer& answer);

    Deferred(std::shared_ptr<detail::BatchState> batch, std::uint64_t number, Finish finish)
        : batch_(std::move(batch)), number_(number), finish_(finish) {}
    Deferred(const Deferred&) = default;  // and none that is moved from

    /// A copy of the result. Throws UsageError before `run` and after `clear`, what the verb of that name throws, and
    /// what became of the batch when it is not this statement that failed.
    [[nodiscard]] T get() const { return try_get().value(); }
    [[nodiscard]] Expected<T> try_get() const {
        Expected<detail::BatchAnswer> answer = detail::batch_answer(*batch_, number_);
        if (!answer) return std::move(answer).error();
        return finish_(*answer);
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
        return add_text<detail::WholeResult>(sql, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<std::vector<T>> query_all(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<detail::AllRows<T>>(sql, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<T> query_one(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<detail::OneRow<T>>(sql, arguments...);
    }
    template <OwningRow T, class... A>
    [[nodiscard]] Deferred<std::optional<T>> query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<detail::MaybeRow<T>>(sql, arguments...);
    }  /// @}
    /// Its result may be left alone: an atomic batch throws when any statement fails.
    template <class... A>
    Deferred<std::uint64_t> exec(Sql<sizeof...(A)> sql, const A&... arguments) {
        return add_text<detail::AffectedRows<std::uint64_t>>(sql, arguments...);
    }
    /// A call of a prepared statement. It runs where the batch runs.
    template <class R, class... Args>
    Deferred<R> add(const Prepared<R(Args...)>& prepared, const std::type_identity_t<Args>&... arguments) {
        return finish<typename detail::sink_of<R>::type>(detail::add_prepared(*state_, prepared.statement()),
                                                         arguments...);
    }

    /// Sends what was added since the last run and waits for all of it; nothing is sent when there is nothing.
    ///
    /// An atomic batch throws the error of the statement that failed; no statement was applied, and each says so. One
    /// that begins or ends a transaction is a UsageError, and nothing is sent; what a procedure commits is not seen.
    /// With `each`, the error of a statement is thrown by its `get` alone, and `run` throws only when no statement
    /// could be sent. Where there was no session for them, and no interceptor has seen them, they wait for the next
    /// run. A statement outside a transaction that the server refused without effect (an expired plan, a number of the
    /// wrong type) is repaired: an atomic batch is sent again; with `each`, so that the order stays, the statement's
    /// error says that it may be run again.
    void run(BatchMode mode = BatchMode::atomic) { try_run(mode).value(); }
    [[nodiscard]] Expected<void> try_run(BatchMode mode = BatchMode::atomic);

    /// Forgets all statements, keeping their room and what is prepared: what was deferred before has no result any
    /// more.
    void clear() noexcept;
    /// The number of statements, those that were run included.
    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    template <class Sink, class... A>
    Deferred<typename Sink::Answer> add_text(const Sql<sizeof...(A)>& sql, const A&... arguments) {
        return finish<Sink>(detail::add_text(*state_, sql.text(), sizeof...(A), sql.checked(), sql.leaves_traces(),
                                             sql.hash(), sql.options()),
                            arguments...);
    }
    template <class Sink, class... A>
    Deferred<typename Sink::Answer> finish(const detail::Added& added, const A&... arguments) try {
        if (auto encoded = detail::encode_all(added.call.sql, added.params, arguments...); !encoded)
            detail::refuse_last(*state_, std::move(encoded).error());
        if constexpr (detail::is_kept<Sink>) detail::keep_sink<Sink>(added);
        return {state_, added.number, &detail::deferred_answer<Sink>};
    } catch (...) {  // what a codec throws
        detail::take_back_last(*state_);
        throw;
    }

    friend struct detail::AsyncAccess;
    explicit Batch(const QueryOptions& options);  // of no executor

    Executor* executor_;  // null: it is run by `AsyncExecutor::run`
    std::shared_ptr<detail::BatchState> state_;
};

}  // namespace pg
