// COPY, awaited: rows and bytes in and out with back-pressure.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "pg/async.hpp"
#include "pg/copy.hpp"

namespace pg {

/// Writes rows by binary COPY, as `CopyIn`. Handle: move-only; destroyed unfinished, it makes the server give up the
/// COPY, in the background: no row stays.
///
///     auto copy = co_await pg::AsyncCopyIn<Country>::open(db.async(), "countries (code, name)");
///     co_await copy.write(batch_of_countries);
///     co_await copy.finish();
template <class... T>
    requires RowType<detail::row_of_t<T...>>
class [[nodiscard]] AsyncCopyIn {
public:
    using Row = detail::row_of_t<T...>;  ///< what a row is written from: the only type, or a tuple of several

    /// Begins the COPY. Errors as of `CopyIn`. The target is copied. @{
    static Async<AsyncCopyIn> open(const AsyncExecutor& executor, std::string_view target,
                                   CallSite site = CallSite::here()) {
        return Async<AsyncCopyIn>(make_open(executor, target, site));
    }
    static Async<Expected<AsyncCopyIn>> try_open(const AsyncExecutor& executor, std::string_view target,
                                                 CallSite site = CallSite::here()) {
        return Async<Expected<AsyncCopyIn>>(make_open(executor, target, site));
    }  /// @}

    /// Writes rows; goes on when the connection has taken them, but for what it gathers to send together. Many at a
    /// time cost less. One that cannot be encoded ends it: those before it are written, it and those behind it are
    /// not. A call that is given up gives the COPY up. @{
    Async<void> write(std::vector<Row> rows) { return Async<void>(make_write(std::move(rows))); }
    Async<Expected<void>> try_write(std::vector<Row> rows) {
        return Async<Expected<void>>(make_write(std::move(rows)));
    }  /// @}
    /// Ends the COPY; the number of rows that were copied. @{
    Async<std::uint64_t> finish() { return Async<std::uint64_t>(make_finish()); }
    Async<Expected<std::uint64_t>> try_finish() { return Async<Expected<std::uint64_t>>(make_finish()); }  /// @}
    /// Gives up: the server copies nothing, and says `reason` in its log. @{
    Async<void> fail(std::string_view reason) { return Async<void>(make_fail(reason)); }
    Async<Expected<void>> try_fail(std::string_view reason) { return Async<Expected<void>>(make_fail(reason)); }  /// @}

private:
    struct Held final : detail::HeldCopy<CopyIn<T...>> {};

    AsyncCopyIn(std::shared_ptr<detail::AsyncTarget> target, const StopToken* stop)
        : target_(std::move(target)), stop_(stop) {}

    static detail::AnswerOperation<AsyncCopyIn>* make_open(const AsyncExecutor& executor, std::string_view target,
                                                           CallSite place) {
        return detail::make_request<AsyncCopyIn>(
            executor.target(), executor.options(),
            [kept = std::string(target), place, stop = executor.options().stop](
                Executor& session, const detail::Site& site) -> Expected<AsyncCopyIn> {
                auto opened = detail::open_object<Held>(
                    session, site, [&](Held& held, Executor& owner, const QueryOptions& options) -> Expected<void> {
                        Tuned tuned(owner, options);
                        auto copy = CopyIn<T...>::try_open(tuned, kept, place);
                        if (!copy) return std::move(copy).error();
                        held.copy.emplace(*std::move(copy));
                        return {};
                    });
                if (!opened) return std::move(opened).error();
                return AsyncCopyIn(*std::move(opened), stop);
            });
    }
    detail::AnswerOperation<void>* make_write(std::vector<Row> rows) {
        return detail::operate<void, Held>(target_, stop_, [kept = std::move(rows)](Held& held) -> Expected<void> {
            for (const Row& row : kept)
                if (auto written = held.copy->try_write(row); !written) return written;
            return {};
        });
    }
    detail::AnswerOperation<std::uint64_t>* make_finish() {
        return detail::operate<std::uint64_t, Held>(target_, stop_, [](Held& held) { return held.copy->try_finish(); });
    }
    detail::AnswerOperation<void>* make_fail(std::string_view reason) {
        return detail::operate<void, Held>(
            target_, stop_, [kept = std::string(reason)](Held& held) { return held.copy->try_fail(kept); });
    }

    std::shared_ptr<detail::AsyncTarget> target_;
    const StopToken* stop_;
};

/// Reads rows by binary COPY, as `CopyOut`, some at a time. Handle: move-only; destroyed before its end, it cancels the
/// COPY in the background.
template <class... T>
    requires RowType<detail::row_of_t<T...>> && (!detail::row_borrows<detail::row_of_t<T...>>)
class [[nodiscard]] AsyncCopyOut {
public:
    using Row = detail::row_of_t<T...>;  ///< what a row is read into: the only type, or a tuple of several

    /// Begins the COPY. Errors as of `CopyOut`. The target is copied. @{
    static Async<AsyncCopyOut> open(const AsyncExecutor& executor, std::string_view target,
                                    CallSite site = CallSite::here()) {
        return Async<AsyncCopyOut>(make_open(executor, target, site));
    }
    static Async<Expected<AsyncCopyOut>> try_open(const AsyncExecutor& executor, std::string_view target,
                                                  CallSite site = CallSite::here()) {
        return Async<Expected<AsyncCopyOut>>(make_open(executor, target, site));
    }  /// @}

    /// The next rows, at most so many; fewer at the end, and then none. Fewer too before an error other than a stop,
    /// which is that of the next call; behind a row that cannot be read, what follows still can. @{
    Async<std::vector<Row>> read(std::size_t most = 1000) { return Async<std::vector<Row>>(make_read(most)); }
    Async<Expected<std::vector<Row>>> try_read(std::size_t most = 1000) {
        return Async<Expected<std::vector<Row>>>(make_read(most));
    }  /// @}

private:
    struct Held final : detail::HeldCopy<CopyOut<T...>> {
        bool is_over = false;
        std::optional<Error> failure;  // of the row behind those that were handed out
        std::exception_ptr thrown;     // by a codec, at that

        Expected<std::vector<Row>> read(std::size_t most) {
            if (failure) return *std::exchange(failure, std::nullopt);
            if (thrown) std::rethrow_exception(std::exchange(thrown, nullptr));
            std::vector<Row> rows;
            while (!is_over && rows.size() < most) {
                Expected<Row*> row = next();
                if (thrown) {
                    if (rows.empty()) std::rethrow_exception(std::exchange(thrown, nullptr));
                    break;
                }
                if (!row) {
                    if (rows.empty() || row.error().kind() == ErrorKind::cancelled) return std::move(row).error();
                    failure.emplace(std::move(row).error());
                    break;
                }
                is_over = *row == nullptr;
                if (*row) rows.push_back(std::move(**row));
            }
            return rows;
        }
        Expected<Row*> next() try { return this->copy->try_next(); } catch (...) {
            thrown = std::current_exception();
            return nullptr;
        }
    };

    AsyncCopyOut(std::shared_ptr<detail::AsyncTarget> target, const StopToken* stop)
        : target_(std::move(target)), stop_(stop) {}

    static detail::AnswerOperation<AsyncCopyOut>* make_open(const AsyncExecutor& executor, std::string_view target,
                                                            CallSite place) {
        return detail::make_request<AsyncCopyOut>(
            executor.target(), executor.options(),
            [kept = std::string(target), place, stop = executor.options().stop](
                Executor& session, const detail::Site& site) -> Expected<AsyncCopyOut> {
                auto opened = detail::open_object<Held>(
                    session, site, [&](Held& held, Executor& owner, const QueryOptions& options) -> Expected<void> {
                        Tuned tuned(owner, options);
                        auto copy = CopyOut<T...>::try_open(tuned, kept, place);
                        if (!copy) return std::move(copy).error();
                        held.copy.emplace(*std::move(copy));
                        return {};
                    });
                if (!opened) return std::move(opened).error();
                return AsyncCopyOut(*std::move(opened), stop);
            });
    }
    detail::AnswerOperation<std::vector<Row>>* make_read(std::size_t most) {
        return detail::operate<std::vector<Row>, Held>(target_, stop_, [most](Held& held) { return held.read(most); });
    }

    std::shared_ptr<detail::AsyncTarget> target_;
    const StopToken* stop_;
};

/// The bytes of a COPY … FROM STDIN, as `CopyWriter`, in the format that its statement names. Handle: move-only;
/// destroyed unfinished, it makes the server give up the COPY, in the background: no row stays.
///
/// Calls on it take turns. The timeout of the statement, or of the executor, bounds each wait for the server, not the
/// whole. It keeps its session, and ends with its transaction: a call after that is a UsageError.
class PGCLIENT_API AsyncCopyWriter final {
public:
    /// Begins the COPY. Throws what the server says. A text known at run time is copied. @{
    static Async<AsyncCopyWriter> open(const AsyncExecutor& executor, Sql<0> sql);
    static Async<Expected<AsyncCopyWriter>> try_open(const AsyncExecutor& executor, Sql<0> sql);  /// @}

    /// Sends bytes, and goes on when the connection has taken them; where pieces begin and end has no meaning. Throws
    /// what the server says, UsageError after the end. One that is given up gives the COPY up. @{
    Async<void> write(std::string bytes);
    Async<Expected<void>> try_write(std::string bytes);  /// @}
    /// Ends the stream; the number of rows that were copied. @{
    Async<std::uint64_t> finish();
    Async<Expected<std::uint64_t>> try_finish();  /// @}
    /// Gives up: the server copies nothing, and says `reason` in its log. @{
    Async<void> fail(std::string_view reason);
    Async<Expected<void>> try_fail(std::string_view reason);  /// @}

    /// Columns that the server expected when the COPY began.
    [[nodiscard]] std::size_t columns() const noexcept { return columns_; }

private:
    struct Held;
    AsyncCopyWriter(std::shared_ptr<detail::AsyncTarget> target, const StopToken* stop, std::size_t columns)
        : target_(std::move(target)), stop_(stop), columns_(columns) {}

    static detail::AnswerOperation<AsyncCopyWriter>* make_open(const AsyncExecutor& executor, const Sql<0>& sql);
    [[nodiscard]] detail::AnswerOperation<void>* make_write(std::string bytes) const;
    [[nodiscard]] detail::AnswerOperation<std::uint64_t>* make_finish() const;
    [[nodiscard]] detail::AnswerOperation<void>* make_fail(std::string_view reason) const;

    std::shared_ptr<detail::AsyncTarget> target_;  // null once it was moved from
    const StopToken* stop_;
    std::size_t columns_;
};

/// The bytes of a COPY … TO STDOUT, as `CopyReader`, in the format that its statement names. Handle: move-only;
/// destroyed before its end, it cancels the COPY in the background. Turns, timeouts and ends as for `AsyncCopyWriter`.
class PGCLIENT_API AsyncCopyReader final {
public:
    /// Begins the COPY. Throws what the server says. A text known at run time is copied. @{
    static Async<AsyncCopyReader> open(const AsyncExecutor& executor, Sql<0> sql);
    static Async<Expected<AsyncCopyReader>> try_open(const AsyncExecutor& executor, Sql<0> sql);  /// @}

    /// The next pieces, as soon as they are at least `enough` bytes, or the last of them; nothing at the end. Fewer
    /// before an error other than a stop, which is that of the next call. A row of
    /// the text format is never cut. The server sends no more than the connection holds until they are asked for. One
    /// that is given up cancels the COPY. @{
    Async<std::optional<std::string>> read(std::size_t enough = 64 * 1024);
    Async<Expected<std::optional<std::string>>> try_read(std::size_t enough = 64 * 1024);  /// @}

private:
    struct Held;
    AsyncCopyReader(std::shared_ptr<detail::AsyncTarget> target, const StopToken* stop)
        : target_(std::move(target)), stop_(stop) {}

    static detail::AnswerOperation<AsyncCopyReader>* make_open(const AsyncExecutor& executor, const Sql<0>& sql);
    [[nodiscard]] detail::AnswerOperation<std::optional<std::string>>* make_read(std::size_t enough) const;

    std::shared_ptr<detail::AsyncTarget> target_;  // null once it was moved from
    const StopToken* stop_;
};

}  // namespace pg
