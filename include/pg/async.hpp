// The verbs, awaited: db.async() has those of an executor, and what is made from it too.
#pragma once

#include "pg/async_calls.hpp"
#include "pg/client.hpp"
#include "pg/task.hpp"

namespace pg {

class AsyncConnection;
class AsyncSavepoint;
class AsyncTransaction;
template <RowType T>
class AsyncStream;

namespace detail {

/// True after the pause before a transaction is run again; false when it is not to be.
[[nodiscard]] PGCLIENT_API Async<Expected<bool>> pause_before_retry(const std::shared_ptr<AsyncTarget>& target,
                                                                    const std::shared_ptr<TransactionRetries>& retries,
                                                                    const Error& error);

}  // namespace detail

/// The verbs of an `Executor`, each of which gives an `Async`. Value: copies are the same executor, and calls may be
/// under way on it at once. A literal, a `pg::Query` and a stop token outlive the call; a text known at run time
/// and the arguments are copied, and by each call the label, which outlives the executor.
class PGCLIENT_API AsyncExecutor {
public:
    /// As the verbs of `Executor`, awaited. @{
    template <class... A>
    Async<Result> query(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Result>(make<detail::WholeResult>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<std::vector<T>> query_all(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<std::vector<T>>(make<detail::AllRows<T>>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<T> query_one(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<T>(make<detail::OneRow<T>>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<std::optional<T>> query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<std::optional<T>>(make<detail::MaybeRow<T>>(sql, arguments...));
    }
    template <class... A>
    Async<std::uint64_t> exec(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<std::uint64_t>(make<detail::AffectedRows<std::uint64_t>>(sql, arguments...));
    }
    template <class... T, class... A>
    Async<AsyncStream<detail::row_of_t<T...>>> stream(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<AsyncStream<detail::row_of_t<T...>>>(make_stream<detail::row_of_t<T...>>(sql, arguments...));
    }

    template <class... A>
    Async<Expected<Result>> try_query(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Expected<Result>>(make<detail::WholeResult>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<Expected<std::vector<T>>> try_query_all(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Expected<std::vector<T>>>(make<detail::AllRows<T>>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<Expected<T>> try_query_one(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Expected<T>>(make<detail::OneRow<T>>(sql, arguments...));
    }
    template <OwningRow T, class... A>
    Async<Expected<std::optional<T>>> try_query_maybe(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Expected<std::optional<T>>>(make<detail::MaybeRow<T>>(sql, arguments...));
    }
    template <class... A>
    Async<Expected<std::uint64_t>> try_exec(Sql<sizeof...(A)> sql, const A&... arguments) const {
        return Async<Expected<std::uint64_t>>(make<detail::AffectedRows<std::uint64_t>>(sql, arguments...));
    }
    template <class... T, class... A>
    Async<Expected<AsyncStream<detail::row_of_t<T...>>>> try_stream(Sql<sizeof...(A)> sql,
                                                                    const A&... arguments) const {
        return Async<Expected<AsyncStream<detail::row_of_t<T...>>>>(
            make_stream<detail::row_of_t<T...>>(sql, arguments...));
    }  /// @}

    /// Calls a prepared statement. @{
    template <class R, class... Args>
    Async<R> call(const Prepared<R(Args...)>& prepared, const std::type_identity_t<Args>&... arguments) const {
        return Async<R>(make_prepared(prepared, arguments...));
    }
    template <class R, class... Args>
    Async<Expected<R>> try_call(const Prepared<R(Args...)>& prepared,
                                const std::type_identity_t<Args>&... arguments) const {
        return Async<Expected<R>>(make_prepared(prepared, arguments...));
    }  /// @}

    /// As `Executor::run_script`. The text is copied. @{
    Async<void> run_script(std::string_view text) const { return Async<void>(make_script(text)); }
    Async<Expected<void>> try_run_script(std::string_view text) const {
        return Async<Expected<void>>(make_script(text));
    }  /// @}

    /// For the library itself.
    [[nodiscard]] const std::shared_ptr<detail::AsyncTarget>& target() const { return target_; }
    [[nodiscard]] const QueryOptions& options() const { return options_; }  ///< of calls that have none of their own

    /// An empty batch for `run`. Its rows are read by the options of this executor.
    [[nodiscard]] Batch batch() const { return detail::AsyncAccess::make_batch(options_); }
    /// As `Batch::run`, here, of what was added until now, in the time of this executor. A run that is given up takes
    /// its statements along: the batch can be used again at once, and its next run does not send them. @{
    Async<void> run(Batch& batch, BatchMode mode = BatchMode::atomic) const {
        return Async<void>(make_batch_run(batch, mode));
    }
    Async<Expected<void>> try_run(Batch& batch, BatchMode mode = BatchMode::atomic) const {
        return Async<Expected<void>>(make_batch_run(batch, mode));
    }  /// @}

    /// The same executor with other options.
    [[nodiscard]] AsyncExecutor with(const QueryOptions& options) const { return {target_, options}; }

protected:
    /// For the library itself.
    AsyncExecutor(std::shared_ptr<detail::AsyncTarget> target, const QueryOptions& options)
        : target_(std::move(target)), options_(options) {}

    std::shared_ptr<detail::AsyncTarget> target_;  ///< null once it was moved from
    QueryOptions options_;                         ///< of calls that have none of their own

private:
    template <class Sink, class... A>
    [[nodiscard]] detail::AnswerOperation<typename Sink::Answer>* make(const Sql<sizeof...(A)>& sql,
                                                                       const A&... arguments) const {
        return new detail::CallOperation<Sink, sizeof...(A)>(target_, sql.options() ? *sql.options() : options_, sql,
                                                             arguments...);
    }
    template <class R, class... Args>
    [[nodiscard]] detail::AnswerOperation<R>* make_prepared(const Prepared<R(Args...)>& prepared,
                                                            const std::type_identity_t<Args>&... arguments) const {
        using Sink = typename detail::sink_of<R>::type;
        return new detail::CallOperation<Sink, sizeof...(Args)>(target_, options_, prepared.statement(), arguments...);
    }
    template <class T, class... A>
    [[nodiscard]] detail::AnswerOperation<AsyncStream<T>>* make_stream(const Sql<sizeof...(A)>& sql,
                                                                       const A&... arguments) const;
    [[nodiscard]] detail::AnswerOperation<void>* make_script(std::string_view text) const;
    [[nodiscard]] detail::AnswerOperation<void>* make_batch_run(const Batch& batch, BatchMode mode) const;
};

/// Rows as they arrive. Handle: move-only; destroyed before its end, it cancels the statement in the background.
///
///     while (Person* person = co_await people.next()) …
template <RowType T>
class [[nodiscard]] AsyncStream {
public:
    /// What `next` and `try_next` give: the next row, null at the end. Its views live until the next call.
    template <class Answer>
    class Next {
    public:
        explicit Next(AsyncStream& stream) : stream_(stream) {}  ///< borrows the stream
        Next(Next&& other) noexcept : stream_(other.stream_) {}  ///< of one that was not awaited yet
        ~Next() = default;
        /// What `co_await` asks. @{
        [[nodiscard]] bool await_ready() const noexcept { return !stream_.needs_more(); }
        void await_suspend(std::coroutine_handle<> coroutine) {
            asks_ = true;
            more_.emplace(detail::operate<Result, HeldStream>(
                stream_.target_, stream_.stop_, [](HeldStream& held) { return detail::next_chunk(*held.source); }));
            if (stage_.exchange(Stage::asked, std::memory_order_acq_rel) == Stage::stopped) more_->stop();
            more_->await_suspend(coroutine);
        }
        Answer await_resume() {
            if (std::exchange(asks_, false))
                if (auto taken = stream_.take(more_->await_resume()); !taken)
                    return detail::answer_of<Answer>::deliver(std::move(taken).error());
            return detail::answer_of<Answer>::deliver(stream_.step());
        }  /// @}
        /// As `Async::stop`; rows that have come are given all the same.
        void stop() noexcept {
            if (stage_.exchange(Stage::stopped, std::memory_order_acq_rel) == Stage::asked) more_->stop();
        }

    private:
        enum class Stage : std::uint8_t { fresh, asked, stopped };
        AsyncStream& stream_;
        std::atomic<Stage> stage_{Stage::fresh};
        bool asks_ = false;  // for the chunk that is awaited
        std::optional<Async<Expected<Result>>> more_;
    };

    /// The next row, null at the end. Behind an error that ended the stream: UsageError, as of `Stream`. @{
    [[nodiscard]] Next<T*> next() { return Next<T*>(*this); }
    [[nodiscard]] Next<Expected<T*>> try_next() { return Next<Expected<T*>>(*this); }  /// @}

private:
    friend class AsyncExecutor;
    struct HeldStream final : detail::HeldObject {
        detail::StreamSourcePtr source;
        void end() noexcept { source.reset(); }
    };

    AsyncStream(std::shared_ptr<detail::AsyncTarget> target, const StopToken* stop, Result first)
        : target_(std::move(target)), stop_(stop), chunk_(std::move(first)) {}

    [[nodiscard]] bool needs_more() const { return target_ && chunk_ && at_ == chunk_->size() && !chunk_->empty(); }
    Expected<void> take(Expected<Result> more) {
        chunk_.reset();
        if (!more) return std::move(more).error();
        before_ += std::exchange(at_, 0);
        chunk_ = *std::move(more);
        reader_.rebind(*chunk_->storage());
        return {};
    }
    Expected<T*> step() {
        if (!target_ || !chunk_) return detail::stream_ended();
        if (at_ == chunk_->size()) return nullptr;
        const std::size_t row = at_++;
        if (Fault fault = reader_.read(row, current_)) return reader_.error(row, fault, before_);
        return &current_;
    }

    std::shared_ptr<detail::AsyncTarget> target_;
    const StopToken* stop_;
    std::optional<Result> chunk_;
    std::size_t at_ = 0, before_ = 0;  // in the chunk, and ahead of it
    detail::RowReader<T> reader_;
    T current_{};
};

template <class T, class... A>
detail::AnswerOperation<AsyncStream<T>>* AsyncExecutor::make_stream(const Sql<sizeof...(A)>& sql,
                                                                    const A&... arguments) const {
    using Held = typename AsyncStream<T>::HeldStream;
    class Open final : public detail::WorkOperation<AsyncStream<T>> {
    public:
        Open(Expected<void> encoded, std::shared_ptr<detail::AsyncTarget> target, const QueryOptions& options,
             const Sql<sizeof...(A)>& sql, const A&... arguments)
            : detail::WorkOperation<AsyncStream<T>>(std::move(target), options), call_(encoded, sql, arguments...) {
            if (!encoded) this->refuse(std::move(encoded).error());
        }

    private:
        void do_work(Executor& executor) noexcept override {
            this->answer_with([&]() -> Expected<AsyncStream<T>> {
                const detail::Site site{this->options(), this->target(), this->reactor(), this->timeout()};
                std::optional<Result> first;
                Extra extra{};
                auto opened = detail::open_object<Held>(
                    executor, site, [&](Held& held, Executor& owner, const QueryOptions& options) -> Expected<void> {
                        detail::Call call = call_.call(options);
                        call.needs_types = detail::needs_types<T>;
                        extra = call.extra();
                        auto source = detail::AsyncAccess::open_stream(owner, call);
                        if (!source) return std::move(source).error();
                        held.source = *std::move(source);
                        auto chunk = detail::next_chunk(*held.source);
                        if (!chunk) return std::move(chunk).error();
                        first = *std::move(chunk);
                        return {};
                    });
                if (!opened) return std::move(opened).error();
                AsyncStream<T> stream(*std::move(opened), this->user_stop(), *std::move(first));
                if (auto matched = stream.reader_.match(*stream.chunk_->storage(), extra); !matched)
                    return std::move(matched).error();
                return stream;
            });
        }
        void do_go_without(Executor& refusing, Error) noexcept override { do_work(refusing); }
        detail::KeptCall<sizeof...(A)> call_;
    };
    return new Open({}, target_, sql.options() ? *sql.options() : options_, sql, arguments...);
}

namespace detail {

/// Runs `body` in transactions of `source` until one commits. Source: a client, with a site, or a connection.
template <class Source, class Body, class... Site>
auto run_awaited_transaction(Source source, TransactionOptions options, Body body, Site... site)
    -> Task<await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>> {
    using R = await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>;
    const auto retries = std::make_shared<TransactionRetries>(options);
    for (;;) {
        std::optional<Error> failure;
        std::exception_ptr thrown;  // it, as the body threw it
        bool committed = false;
        auto transaction = co_await source.try_begin(retries->remaining(), site...);
        if (!transaction) {
            failure = std::move(transaction).error();
        } else {
            try {
                if constexpr (std::is_void_v<R>) {
                    co_await body(*transaction);
                    if (transaction->is_open()) co_await transaction->commit();
                    co_return;
                } else {
                    R value = co_await body(*transaction);
                    if constexpr (IsExpected<R>) static_cast<void>(value.value());
                    if (transaction->is_open()) co_await transaction->commit();
                    co_return value;
                }
            } catch (const Error& error) {
                failure = error;
                thrown = std::current_exception();
                committed = transaction->may_have_committed();  // by the body, which failed later
            }
            if (transaction->is_open()) static_cast<void>(co_await transaction->try_rollback());
        }
        if (!committed) {
            const Expected<bool> again = co_await pause_before_retry(source.target(), retries, *failure);
            if (again && *again) continue;
            if (!again) failure = again.error(), thrown = nullptr;
        }
        if constexpr (IsExpected<R>) co_return *std::move(failure);
        if (thrown) std::rethrow_exception(thrown);
        failure->raise();
    }
}

}  // namespace detail

/// One session with the verbs of an executor, as `Connection`. Handle: move-only; gives the session back in the
/// background when it and what was begun on it go. Calls on it wait for their turn.
class PGCLIENT_API AsyncConnection final : public AsyncExecutor {
public:
    explicit AsyncConnection(std::shared_ptr<detail::AsyncTarget> target);
    AsyncConnection(AsyncConnection&&) noexcept = default;
    AsyncConnection& operator=(AsyncConnection&&) noexcept = default;

    /// As `AsyncClient::begin`, on this session. @{
    Async<AsyncTransaction> begin(const TransactionOptions& options = {}) const;
    Async<Expected<AsyncTransaction>> try_begin(const TransactionOptions& options = {}) const;  /// @}
    /// As `AsyncClient::transaction`, on this session. @{
    template <class Body>
    auto transaction(const TransactionOptions& options, Body body) const
        -> Task<await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>> {
        return detail::run_awaited_transaction(AsyncConnection(target_), options, std::move(body));
    }
    template <class Body>
    auto transaction(Body body) const -> Task<await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>> {
        return detail::run_awaited_transaction(AsyncConnection(target_), TransactionOptions{}, std::move(body));
    }  /// @}

    [[nodiscard]] std::string_view engine() const;  ///< "libpq" or "direct"
    [[nodiscard]] int backend_process() const;      ///< what pg_backend_pid() gives
};

/// An open transaction with the verbs of an executor, as `Transaction`. Handle: move-only; destroyed without `commit`,
/// it rolls back in the background. Calls on it wait for their turn.
class PGCLIENT_API AsyncTransaction final : public AsyncExecutor {
public:
    explicit AsyncTransaction(std::shared_ptr<detail::AsyncTarget> target);
    AsyncTransaction(AsyncTransaction&&) noexcept = default;
    AsyncTransaction& operator=(AsyncTransaction&&) noexcept = default;

    /// As `Transaction::commit` and `rollback`. @{
    Async<void> commit();
    Async<Expected<void>> try_commit();
    Async<void> rollback();
    Async<Expected<void>> try_rollback();  /// @}

    /// A point to come back to. See `<pg/async_savepoint.hpp>`. @{
    Async<AsyncSavepoint> savepoint();
    Async<Expected<AsyncSavepoint>> try_savepoint();  /// @}
    /// As those of `Transaction`; not while a call runs. @{
    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] bool is_committed() const noexcept;
    [[nodiscard]] bool may_have_committed() const noexcept;  /// @}
};

/// The verbs of a client, awaited. Value; thread-safe as the client is, which it keeps alive.
///
/// A call goes on on the scheduler that the executor was made with. Without one, on the loop of a reactor: that of the
/// thread which makes the executor, if it is one, else one that the provider chooses. All that is made from an executor
/// goes on there too. What runs on a reactor must not block.
class PGCLIENT_API AsyncClient final : public AsyncExecutor {
public:
    /// Throws UsageError when the client's sessions cannot be awaited: choose `provider=async`.
    explicit AsyncClient(const Client& client);
    /// Its calls go on on `scheduler`, wherever their sessions live.
    AsyncClient(const Client& client, spi::Scheduler& scheduler);

    /// A session of its own.
    Async<AsyncConnection> connection(CallSite site = CallSite::here()) const;
    Async<Expected<AsyncConnection>> try_connection(CallSite site = CallSite::here()) const;
    /// Begins a transaction.
    Async<AsyncTransaction> begin(const TransactionOptions& options = {}, CallSite site = CallSite::here()) const;
    Async<Expected<AsyncTransaction>> try_begin(const TransactionOptions& options = {},
                                                CallSite site = CallSite::here()) const;

    /// Runs `body(AsyncTransaction&)`, which gives a `Task`, in a transaction, commits it and gives its value; an
    /// exception, or an Expected with an error, rolls it back. Run again as `Client::transaction` is. @{
    template <class Body>
    auto transaction(const TransactionOptions& options, Body body, CallSite site = CallSite::here()) const
        -> Task<await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>> {
        return detail::run_awaited_transaction(*this, options, std::move(body), site);
    }
    template <class Body>
    auto transaction(Body body, CallSite site = CallSite::here()) const
        -> Task<await_result_t<std::invoke_result_t<Body&, AsyncTransaction&>>> {
        return detail::run_awaited_transaction(*this, TransactionOptions{}, std::move(body), site);
    }  /// @}
};

inline AsyncClient Client::async() const { return AsyncClient(*this); }
inline AsyncClient Client::async(spi::Scheduler& scheduler) const { return {*this, scheduler}; }

}  // namespace pg
