// A client, and what is made from it, that asks by blocking or by awaited calls, so that a promise is written once.
#pragma once

#include <condition_variable>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <pg/async.hpp>
#include <pg/async_savepoint.hpp>
#include <pg/connection.hpp>
#include <pg/savepoint.hpp>
#include <type_traits>
#include <utility>

namespace conformance {

/// How calls are made.
enum class Form : std::uint8_t { blocking, awaited };

/// The same thing of the library in one of the forms; the other one is null.
template <class B, class A>
struct Either {
    std::shared_ptr<B> blocking;
    std::shared_ptr<A> awaited;

    /// Gives what the call gives, for which it waits where it is awaited.
    template <class Verb>
    auto ask(const Verb& verb) const {
        return awaited ? verb(*awaited).get() : verb(*blocking);
    }
    /// Another one, made by a call of the one form or of the other.
    template <class Made, class Make, class MakeAwaited>
    static Made make(const Either& from, const Make& make, const MakeAwaited& make_awaited) {
        if (from.awaited) return Made({nullptr, share(make_awaited(*from.awaited).get())});
        return Made({share(make(*from.blocking)), nullptr});
    }
    /// It, under the eyes of a base.
    template <class Base, class AwaitedBase>
    [[nodiscard]] Either<Base, AwaitedBase> as() const {
        return {blocking, awaited};
    }

private:
    template <class T>
    static std::shared_ptr<T> share(T thing) {
        return std::make_shared<T>(std::move(thing));
    }
};

/// Rows as they come, as `pg::Stream` and `pg::AsyncStream` give them.
template <class T>
class Stream {
public:
    class Iterator {
    public:
        explicit Iterator(Stream& stream) : stream_(stream) {
            if (stream.blocking_)
                at_.emplace(stream.blocking_->begin());
            else
                ++*this;
        }
        [[nodiscard]] T& operator*() const { return at_ ? **at_ : *row_; }
        Iterator& operator++() {
            if (at_)
                ++*at_;
            else
                row_ = pg::sync_wait(stream_.awaited_->next());
            return *this;
        }
        friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.is_at_end(); }

    private:
        [[nodiscard]] bool is_at_end() const { return at_ ? *at_ == stream_.blocking_->end() : row_ == nullptr; }
        Stream& stream_;
        std::optional<typename pg::Stream<T>::Iterator> at_;
        T* row_ = nullptr;
    };

    explicit Stream(pg::Stream<T> blocking) : blocking_(std::move(blocking)) {}
    explicit Stream(pg::AsyncStream<T> awaited) : awaited_(std::move(awaited)) {}

    [[nodiscard]] Iterator begin() { return Iterator(*this); }
    [[nodiscard]] std::default_sentinel_t end() const { return {}; }
    [[nodiscard]] pg::Expected<T*> try_next() {
        return awaited_ ? pg::sync_wait(awaited_->try_next()) : blocking_->try_next();
    }

private:
    std::optional<pg::Stream<T>> blocking_;
    std::optional<pg::AsyncStream<T>> awaited_;
};

/// The verbs.
class Executor {
public:
    using Both = Either<pg::Executor, pg::AsyncExecutor>;

    explicit Executor(Both both) : both_(std::move(both)) {}

    template <class... A>
    pg::Result query(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.query(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] std::vector<T> query_all(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template query_all<T>(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] T query_one(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template query_one<T>(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] std::optional<T> query_maybe(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template query_maybe<T>(sql, arguments...); });
    }
    template <class... A>
    std::uint64_t exec(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.exec(sql, arguments...); });
    }
    template <class... T, class... A>
    [[nodiscard]] auto stream(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        using Rows = Stream<pg::detail::row_of_t<T...>>;
        if (both_.awaited) return Rows(both_.awaited->template stream<T...>(sql, arguments...).get());
        return Rows(both_.blocking->template stream<T...>(sql, arguments...));
    }

    template <class... A>
    [[nodiscard]] pg::Expected<pg::Result> try_query(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.try_query(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] pg::Expected<std::vector<T>> try_query_all(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template try_query_all<T>(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] pg::Expected<T> try_query_one(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template try_query_one<T>(sql, arguments...); });
    }
    template <class T, class... A>
    [[nodiscard]] pg::Expected<std::optional<T>> try_query_maybe(pg::Sql<sizeof...(A)> sql,
                                                                 const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.template try_query_maybe<T>(sql, arguments...); });
    }
    template <class... A>
    [[nodiscard]] pg::Expected<std::uint64_t> try_exec(pg::Sql<sizeof...(A)> sql, const A&... arguments) const {
        return both_.ask([&](auto& executor) { return executor.try_exec(sql, arguments...); });
    }
    template <class... T, class... A>
    [[nodiscard]] auto try_stream(pg::Sql<sizeof...(A)> sql, const A&... arguments) const
        -> pg::Expected<Stream<pg::detail::row_of_t<T...>>> {
        using Rows = Stream<pg::detail::row_of_t<T...>>;
        const auto given = [](auto rows) -> pg::Expected<Rows> {
            if (!rows) return std::move(rows).error();
            return Rows(*std::move(rows));
        };
        if (both_.awaited) return given(both_.awaited->template try_stream<T...>(sql, arguments...).get());
        return given(both_.blocking->template try_stream<T...>(sql, arguments...));
    }

    void run_script(std::string_view text) const {
        both_.ask([&](auto& executor) { return executor.run_script(text); });
    }
    [[nodiscard]] pg::Expected<void> try_run_script(std::string_view text) const {
        return both_.ask([&](auto& executor) { return executor.try_run_script(text); });
    }

    [[nodiscard]] pg::Batch batch() const {
        return both_.awaited ? both_.awaited->batch() : pg::Batch(*both_.blocking);
    }
    /// Runs a batch of its own. @{
    void run(pg::Batch& batch, pg::BatchMode mode = pg::BatchMode::atomic) const {
        both_.awaited ? both_.awaited->run(batch, mode).get() : batch.run(mode);
    }
    [[nodiscard]] pg::Expected<void> try_run(pg::Batch& batch, pg::BatchMode mode = pg::BatchMode::atomic) const {
        return both_.awaited ? both_.awaited->try_run(batch, mode).get() : batch.try_run(mode);
    }  /// @}

    /// Borrows this one.
    [[nodiscard]] Executor with(const pg::QueryOptions& options) const {
        if (both_.awaited)
            return Executor({nullptr, std::make_shared<pg::AsyncExecutor>(both_.awaited->with(options))});
        return Executor({std::make_shared<pg::Tuned>(*both_.blocking, options), nullptr});
    }

    [[nodiscard]] const Both& both() const { return both_; }

private:
    Both both_;
};

/// A prepared statement, called on an executor.
template <class Signature>
class Prepared;
template <class R, class... Args>
class Prepared<R(Args...)> {
public:
    using Statement = pg::Prepared<R(Args...)>;

    Prepared(Statement statement, std::shared_ptr<pg::AsyncExecutor> awaited)
        : statement_(std::move(statement)), awaited_(std::move(awaited)) {}

    R operator()(const Args&... arguments) const {
        return awaited_ ? awaited_->call(statement_, arguments...).get() : statement_(arguments...);
    }
    [[nodiscard]] pg::Expected<R> try_call(const Args&... arguments) const {
        return awaited_ ? awaited_->try_call(statement_, arguments...).get() : statement_.try_call(arguments...);
    }
    /// Borrows the executor.
    [[nodiscard]] Prepared on(const Executor& executor) const {
        if (executor.both().awaited) return {statement_, executor.both().awaited};
        return {statement_.on(*executor.both().blocking), nullptr};
    }
    [[nodiscard]] const Statement& statement() const { return statement_; }

private:
    Statement statement_;
    std::shared_ptr<pg::AsyncExecutor> awaited_;
};

/// What it says of a thing that can be kept, undone or left.
class Savepoint {
public:
    explicit Savepoint(Either<pg::Savepoint, pg::AsyncSavepoint> both) : both_(std::move(both)) {}
    void release() const {
        both_.ask([](auto& part) { return part.release(); });
    }
    void rollback() const {
        both_.ask([](auto& part) { return part.rollback(); });
    }

private:
    Either<pg::Savepoint, pg::AsyncSavepoint> both_;
};

class Transaction : public Executor {
public:
    using Both = Either<pg::Transaction, pg::AsyncTransaction>;

    explicit Transaction(const Both& both) : Executor(both.as<pg::Executor, pg::AsyncExecutor>()), both_(both) {}

    void commit() const {
        both_.ask([](auto& transaction) { return transaction.commit(); });
    }
    [[nodiscard]] pg::Expected<void> try_commit() const {
        return both_.ask([](auto& transaction) { return transaction.try_commit(); });
    }
    void rollback() const {
        both_.ask([](auto& transaction) { return transaction.rollback(); });
    }
    [[nodiscard]] Savepoint savepoint() const {
        const auto make = [](auto& transaction) { return transaction.savepoint(); };
        return Both::make<Savepoint>(both_, make, make);
    }
    [[nodiscard]] bool is_open() const { return both_.awaited ? both_.awaited->is_open() : both_.blocking->is_open(); }

private:
    Both both_;
};

/// Where a coroutine goes on that is to block: on the thread that waits for it.
class CallersThread {
public:
    template <class R>
    R run(pg::Task<R> task) {
        std::future<R> answer = std::async(std::launch::async, [&] {
            const Ended ended{*this};
            return pg::sync_wait(std::move(task));
        });
        for (std::unique_lock lock(mutex_);;) {
            changed_.wait(lock, [&] { return next_ || over_; });
            if (!next_) break;
            const auto next = std::exchange(next_, nullptr);
            lock.unlock();
            next.resume();
            lock.lock();
        }
        return answer.get();
    }
    /// Brings the coroutine that awaits it there.
    [[nodiscard]] auto come() { return Come{{}, *this}; }

private:
    struct Come : std::suspend_always {
        CallersThread& caller;
        void await_suspend(std::coroutine_handle<> coroutine) const {
            const std::lock_guard lock(caller.mutex_);
            caller.next_ = coroutine;
            caller.changed_.notify_one();
        }
    };
    struct Ended {
        CallersThread& caller;
        ~Ended() {
            const std::lock_guard lock(caller.mutex_);
            caller.over_ = true;
            caller.changed_.notify_one();
        }
    };
    std::mutex mutex_;  // guards the rest
    std::condition_variable changed_;
    std::coroutine_handle<> next_;
    bool over_ = false;
};

/// Runs `body(Transaction&)` in transactions of `source`. Where it is awaited, the body is that of a coroutine which
/// goes on on this thread, so that it may block.
template <class Source, class Body>
auto run_transaction(const Source& source, const pg::TransactionOptions& options, Body& body) {
    using R = std::invoke_result_t<Body&, Transaction&>;
    const auto call = [&](Transaction::Both borrowed) {
        Transaction transaction(borrowed);
        return body(transaction);
    };
    // Owns nothing.
    const auto borrow = []<class T>(T& thing) { return std::shared_ptr<T>(std::shared_ptr<void>(), &thing); };
    if (source.blocking)
        return source.blocking->transaction(
            options, [&](pg::Transaction& transaction) { return call({borrow(transaction), nullptr}); });
    CallersThread caller;
    const auto coroutine = [&](pg::AsyncTransaction& transaction) -> pg::Task<R> {
        co_await caller.come();
        co_return call({nullptr, borrow(transaction)});
    };
    return caller.run(source.awaited->transaction(options, coroutine));
}

/// The verbs, and what a client and a connection have beside them.
template <class B, class A>
class Source : public Executor {
public:
    using Own = Either<B, A>;

    explicit Source(const Own& both) : Executor(both.template as<pg::Executor, pg::AsyncExecutor>()), both_(both) {}

    [[nodiscard]] Transaction begin(const pg::TransactionOptions& options = {}) const {
        const auto make = [&](auto& source) { return source.begin(options); };
        return Own::template make<Transaction>(both_, make, make);
    }
    template <class Body>
    auto transaction(const pg::TransactionOptions& options, Body body) const {
        return run_transaction(both_, options, body);
    }
    template <class Body>
    auto transaction(Body body) const {
        return run_transaction(both_, {}, body);
    }

protected:
    Own both_;
};

class Connection : public Source<pg::Connection, pg::AsyncConnection> {
public:
    using Source::Source;
    [[nodiscard]] int backend_process() const {
        return both_.awaited ? both_.awaited->backend_process() : both_.blocking->backend_process();
    }
    [[nodiscard]] std::string_view engine() const {
        return both_.awaited ? both_.awaited->engine() : both_.blocking->engine();
    }
};

class Client : public Source<pg::Client, pg::AsyncClient> {
public:
    Client(const pg::Client& client, Form form) : Source(in_form(client, form)), client_(client) {}

    [[nodiscard]] Connection connection() const {
        return Own::make<Connection>(
            both_, [](pg::Client& client) { return client.connection(); },
            [](pg::AsyncClient& client) { return client.connection(); });
    }
    template <class Signature>
    [[nodiscard]] Prepared<Signature> prepare(pg::Sql<pg::Prepared<Signature>::arguments> sql) const {
        return {client_.prepare<Signature>(sql), both_.awaited};
    }
    void close() { client_.close(); }
    /// The client itself, whose calls block.
    [[nodiscard]] pg::Client& client() { return client_; }

private:
    static Own in_form(const pg::Client& client, Form form) {
        if (form == Form::awaited) return {nullptr, std::make_shared<pg::AsyncClient>(client)};
        return {std::make_shared<pg::Client>(client), nullptr};
    }
    pg::Client client_;
};

}  // namespace conformance
