// What the awaited verbs make operations of: calls with their arguments, and functions of an executor.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "pg/async_operation.hpp"
#include "pg/batch.hpp"
#include "pg/prepared.hpp"

namespace pg::detail {

/// The door of the blocking executors, and of batches, for operations.
struct AsyncAccess {
    template <class Sink>
    static Expected<typename Sink::Answer> run_into(Executor& executor, const Call& call) {
        return executor.template run_into<Sink>(call);
    }
    static Expected<StreamSourcePtr> open_stream(Executor& executor, const Call& call) {
        return executor.open_stream(call);
    }
    static const std::shared_ptr<BatchState>& state(const Batch& batch) { return batch.state_; }
    static Batch make_batch(const QueryOptions& options) { return Batch(options); }
};

/// A statement with its arguments, kept for later. Pinned: `call()` points into it.
template <std::size_t N>
class KeptCall {
public:
    /// `encoded` is the error that names an argument which has no wire form, and untouched when all have one. @{
    template <class... A>
    KeptCall(Expected<void>& encoded, const Sql<N>& sql, const A&... arguments)
        : call_{sql.text(), &params_, N, sql.checked(), nullptr, nullptr, false, sql.leaves_traces(), sql.hash()} {
        call_.site = sql.site();
        if (!sql.checked()) keep_text();
        encoded = encode_all(call_.sql, params_, arguments...);
    }
    template <class... A>
    KeptCall(Expected<void>& encoded, std::shared_ptr<const Statement> statement, const A&... arguments)
        : call_{statement_sql(*statement), &params_, N, true, nullptr, statement.get()},
          statement_(std::move(statement)) {
        encoded = encode_all(call_.sql, params_, arguments...);
    }  /// @}
    KeptCall(const KeptCall&) = delete;
    KeptCall& operator=(const KeptCall&) = delete;

    /// Borrows the options.
    [[nodiscard]] Call& call(const QueryOptions& options) {
        call_.options = &options;
        return call_;
    }

private:
    void keep_text() {
        text_ = std::make_unique<char[]>(call_.sql.size());
        call_.sql.copy(text_.get(), call_.sql.size());
        call_.sql = {text_.get(), call_.sql.size()};
    }

    Call call_;
    std::unique_ptr<char[]> text_;  // of one that is known only at run time
    std::shared_ptr<const Statement> statement_;
    InlineParams<N, 16 * N + 8> params_;
};

/// A call of a verb.
template <class Sink, std::size_t N>
class CallOperation final : public AnswerOperation<typename Sink::Answer> {
public:
    template <class... A>
    CallOperation(std::shared_ptr<AsyncTarget> target, const QueryOptions& options, A&&... call)
        : CallOperation(Expected<void>(), std::move(target), options, std::forward<A>(call)...) {}

private:
    template <class... A>
    CallOperation(Expected<void>&& encoded, std::shared_ptr<AsyncTarget> target, const QueryOptions& options,
                  A&&... call)
        : CallOperation::AnswerOperation(std::move(target), options), kept_(encoded, std::forward<A>(call)...) {
        if (!encoded) this->refuse(std::move(encoded).error());
    }
    using Answer = typename Sink::Answer;
    /// Why there are no rows: one of them.
    struct Failure {
        std::optional<Error> error;
        std::exception_ptr exception;
    };

    void do_work(Executor& executor) noexcept override {
        guard([&] {
            Expected<Answer> answer = AsyncAccess::run_into<Sink>(executor, kept_.call(this->options()));
            if (!answer) answer = this->of_all_attempts(std::move(answer).error());
            rows_.template emplace<2>(std::move(answer));
        });
    }
    void do_fail(Error why) noexcept override { failure_.reset(new Failure{std::move(why), nullptr}); }
    const Call* do_open_call() noexcept override {
        Call& call = kept_.call(this->options());
        guard([&] {
            Sink& sink = rows_.template emplace<1>(call.extra());
            if constexpr (std::is_base_of_v<RowSink, Sink>) call.sink = &sink;
        });
        return &call;
    }
    void do_conclude(Expected<Result>&& result) noexcept override {
        if (!result) return do_fail(std::move(result).error());
        guard([&] { std::get_if<1>(&rows_)->conclude(*result); });
    }
    Expected<Answer> do_take() override {
        if (failure_ && failure_->exception) std::rethrow_exception(failure_->exception);
        if (failure_) return *std::move(failure_->error);
        if (Sink* const sink = std::get_if<1>(&rows_)) return sink->answer(kept_.call(this->options()).sql);
        return std::move(*std::get_if<2>(&rows_));
    }
    template <class Step>
    void guard(Step step) noexcept {
        try {
            step();
        } catch (...) {
            failure_.reset(new Failure{std::nullopt, std::current_exception()});
        }
    }

    KeptCall<N> kept_;
    // In a pipeline the sink, which the session may write to for longer than the caller waits; else the answer.
    std::variant<std::monostate, Sink, Expected<Answer>> rows_;
    std::unique_ptr<Failure> failure_;
};

/// Where an operation is at work. Views of it.
struct Site {
    const QueryOptions& options;  // with its deadline and its stop
    AsyncTarget& target;
    const std::shared_ptr<spi::Reactor>& reactor;  // of its session
    std::chrono::nanoseconds timeout;              // as the options had it before any of it was over
};

/// Anything else: `function(executor, site)` gives the answer, on a fiber. Where there is no session for it, observers
/// hear of it from `function.go_without(refusing, site)`, if there is one, on no fiber, whose error is the answer. What
/// nobody takes, because the operation was abandoned as it ended, goes to `function.undelivered(target, answer)`, if
/// there is one, on any thread: perhaps while the next call is at work, or what the target held is gone. Then it goes.
/// Whoever abandons it before its answer is there calls `function.abandoned()`, if there is that, while it may be at
/// work. One that was not to be begun in its turn any more says so by `function.not_begun(target)`, if there is that,
/// before the calls behind it have theirs, and perhaps again.
template <class A, class Function>
class FunctionOperation final : public WorkOperation<A> {
public:
    FunctionOperation(std::shared_ptr<AsyncTarget> target, const QueryOptions& options, Function function)
        : FunctionOperation::WorkOperation(std::move(target), options), function_(std::move(function)) {}

private:
    void do_work(Executor& executor) noexcept override {
        this->answer_with([&] { return function_(executor, site()); });
    }
    void do_go_without(Executor& refusing, Error why) noexcept override {
        if constexpr (requires { function_.go_without(refusing, site()); })
            this->answer_with([&] { return function_.go_without(refusing, site()); });
        else
            FunctionOperation::WorkOperation::do_go_without(refusing, std::move(why));
    }
    void do_miss_turn() noexcept override {
        if constexpr (requires { function_.not_begun(this->target()); }) function_.not_begun(this->target());
    }
    void do_lose() noexcept override {
        if constexpr (requires(AsyncTarget& on, Expected<A>& answer) { function_.undelivered(on, answer); })
            if (Expected<A>* const answer = this->untaken()) function_.undelivered(this->target(), *answer);
        FunctionOperation::WorkOperation::do_lose();
    }
    void do_abandon() noexcept override {
        if constexpr (requires { function_.abandoned(); }) function_.abandoned();
    }
    [[nodiscard]] Site site() const { return {this->options(), this->target(), this->reactor(), this->timeout()}; }
    Function function_;
};
template <class A, class Function>
AnswerOperation<A>* make_operation(std::shared_ptr<AsyncTarget> target, const QueryOptions& options,
                                   Function function) {
    return new FunctionOperation<A, Function>(std::move(target), options, std::move(function));
}

/// A function that is one request, and does nothing before it has asked its executor for a session: it is the same
/// without one.
template <class Function>
struct RequestFunction {
    Function function;
    auto operator()(Executor& executor, const Site& site) { return function(executor, site); }
    auto go_without(Executor& refusing, const Site& site) { return function(refusing, site); }
};
/// An operation of that.
template <class A, class Function>
AnswerOperation<A>* make_request(std::shared_ptr<AsyncTarget> target, const QueryOptions& options, Function function) {
    return make_operation<A>(std::move(target), options, RequestFunction<Function>{std::move(function)});
}

/// What an operation opened and others go on with: a stream or a COPY. It is used and destroyed on its session's
/// reactor.
class PGCLIENT_API HeldObject {
public:
    virtual ~HeldObject();
    /// What stops its waits: as long as it lives, whichever operation is at it.
    [[nodiscard]] const StopToken* stop() const { return &token_; }
    /// While this is there, a stop of the operation stops the object.
    [[nodiscard]] StopCallback stop_with(const StopToken* operation) {
        return StopCallback(
            operation, [](void* object) noexcept { static_cast<HeldObject*>(object)->source_.request_stop(); }, this);
    }

private:
    std::stop_source source_;
    StopToken token_{source_.get_token()};
};
/// That of a COPY.
template <class Copy>
struct HeldCopy : HeldObject {
    std::optional<Copy> copy;
    void end() noexcept { copy.reset(); }
};
[[nodiscard]] PGCLIENT_API std::shared_ptr<AsyncTarget> target_for_object(const Site& site,
                                                                          std::unique_ptr<HeldObject> object);
[[nodiscard]] PGCLIENT_API HeldObject& held_object(AsyncTarget& target);  ///< by whoever holds it
/// A part of that was received, and nobody took it, or was to be sent, and is not known to be: what comes next would
/// leave a gap. Thread-safe, whoever holds it.
PGCLIENT_API void lose_part(AsyncTarget& target) noexcept;
/// Why it does not go on; nothing when it does.
[[nodiscard]] PGCLIENT_API std::optional<Error> lost_part(const AsyncTarget& target);

/// Makes a `Held` with `open(held, executor, options)`, and the target for it. The options have the object's own stop,
/// and for each of its waits all of the time, however much of that was over before it was opened.
template <class Held, class Open>
Expected<std::shared_ptr<AsyncTarget>> open_object(Executor& executor, const Site& site, Open open) {
    auto held = std::make_unique<Held>();
    const StopCallback stopped = held->stop_with(site.options.stop);
    QueryOptions options = site.options;
    options.stop = held->stop();
    options.timeout = site.timeout;
    Expected<void> opened = open(*held, executor, options);
    if (!opened) return std::move(opened).error();
    return target_for_object(site, std::move(held));
}
/// What an operation does with what `open_object` made. One that has lost a part is ended: `held.end()`.
template <class A, class Held, class Function>
struct UseOfObject {
    Function function;

    Expected<A> operator()(Executor&, const Site& site) {
        auto& held = static_cast<Held&>(held_object(site.target));
        if (auto lost = lost_part(site.target)) {
            held.end();
            return *std::move(lost);
        }
        const StopCallback stopped = held.stop_with(site.options.stop);
        return function(held);
    }
    /// What could not be decoded or encoded is a part, too; any other error was its end, of which nobody heard.
    void undelivered(AsyncTarget& target, Expected<A>&) const noexcept { lose_part(target); }
    /// What gives no answer was to send a part.
    void not_begun(AsyncTarget& target) const noexcept
        requires std::is_void_v<A>
    {
        lose_part(target);
    }
};
/// An operation on that: `function(held)`.
template <class A, class Held, class Function>
AnswerOperation<A>* operate(const std::shared_ptr<AsyncTarget>& target, const StopToken* stop, Function function) {
    return make_operation<A>(target, {.timeout = no_timeout, .stop = stop},
                             UseOfObject<A, Held, Function>{std::move(function)});
}

}  // namespace pg::detail
