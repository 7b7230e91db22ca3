// COPY of bytes, awaited: a CopyWriter or a CopyReader that is used and destroyed on its session's reactor.
#include "pg/async_copy.hpp"

namespace pg {
namespace {

/// A COPY statement, kept until it is run.
class KeptCopy {
public:
    explicit KeptCopy(const Sql<0>& sql) : literal_(sql), text_(sql.checked() ? std::string_view() : sql.text()) {}
    /// Without options of its own: they are those of the executor that it is run on.
    [[nodiscard]] Sql<0> sql() const { return literal_.checked() ? literal_ : Sql<0>(runtime(text_), literal_.site()); }

private:
    Sql<0> literal_;
    std::string text_;  // of one that is known only at run time
};

const QueryOptions& options_of(const AsyncExecutor& executor, const Sql<0>& sql) {
    return sql.options() ? *sql.options() : executor.options();
}

/// Opens a `Copy` that a new `Held` has from then on, and makes the answer with `make(target, held)`.
template <class Held, class Copy, class Answer, class Make>
detail::AnswerOperation<Answer>* open_copy(const AsyncExecutor& executor, const Sql<0>& sql, Make make) {
    return detail::make_request<Answer>(
        executor.target(), options_of(executor, sql),
        [kept = KeptCopy(sql), make](Executor& session, const detail::Site& site) -> Expected<Answer> {
            auto opened = detail::open_object<Held>(
                session, site, [&](Held& held, Executor& owner, const QueryOptions& options) -> Expected<void> {
                    Tuned tuned(owner, options);
                    auto copy = Copy::try_open(tuned, kept.sql());
                    if (!copy) return std::move(copy).error();
                    held.copy.emplace(*std::move(copy));
                    return {};
                });
            if (!opened) return std::move(opened).error();
            return make(*std::move(opened));
        });
}

}  // namespace

struct AsyncCopyWriter::Held final : detail::HeldCopy<CopyWriter> {};

detail::AnswerOperation<AsyncCopyWriter>* AsyncCopyWriter::make_open(const AsyncExecutor& executor, const Sql<0>& sql) {
    return open_copy<Held, CopyWriter, AsyncCopyWriter>(
        executor, sql, [stop = options_of(executor, sql).stop](std::shared_ptr<detail::AsyncTarget> target) {
            const std::size_t columns = static_cast<Held&>(detail::held_object(*target)).copy->columns();
            return AsyncCopyWriter(std::move(target), stop, columns);
        });
}

detail::AnswerOperation<void>* AsyncCopyWriter::make_write(std::string bytes) const {
    return detail::operate<void, Held>(target_, stop_,
                                       [kept = std::move(bytes)](Held& held) { return held.copy->try_write(kept); });
}
detail::AnswerOperation<std::uint64_t>* AsyncCopyWriter::make_finish() const {
    return detail::operate<std::uint64_t, Held>(target_, stop_, [](Held& held) { return held.copy->try_finish(); });
}
detail::AnswerOperation<void>* AsyncCopyWriter::make_fail(std::string_view reason) const {
    return detail::operate<void, Held>(target_, stop_,
                                       [kept = std::string(reason)](Held& held) { return held.copy->try_fail(kept); });
}

Async<AsyncCopyWriter> AsyncCopyWriter::open(const AsyncExecutor& executor, Sql<0> sql) {
    return Async<AsyncCopyWriter>(make_open(executor, sql));
}
Async<Expected<AsyncCopyWriter>> AsyncCopyWriter::try_open(const AsyncExecutor& executor, Sql<0> sql) {
    return Async<Expected<AsyncCopyWriter>>(make_open(executor, sql));
}
Async<void> AsyncCopyWriter::write(std::string bytes) { return Async<void>(make_write(std::move(bytes))); }
Async<Expected<void>> AsyncCopyWriter::try_write(std::string bytes) {
    return Async<Expected<void>>(make_write(std::move(bytes)));
}
Async<std::uint64_t> AsyncCopyWriter::finish() { return Async<std::uint64_t>(make_finish()); }
Async<Expected<std::uint64_t>> AsyncCopyWriter::try_finish() { return Async<Expected<std::uint64_t>>(make_finish()); }
Async<void> AsyncCopyWriter::fail(std::string_view reason) { return Async<void>(make_fail(reason)); }
Async<Expected<void>> AsyncCopyWriter::try_fail(std::string_view reason) {
    return Async<Expected<void>>(make_fail(reason));
}

struct AsyncCopyReader::Held final : detail::HeldCopy<CopyReader> {
    std::optional<Error> failure;  // behind the bytes that were handed out
};

detail::AnswerOperation<AsyncCopyReader>* AsyncCopyReader::make_open(const AsyncExecutor& executor, const Sql<0>& sql) {
    return open_copy<Held, CopyReader, AsyncCopyReader>(
        executor, sql, [stop = options_of(executor, sql).stop](std::shared_ptr<detail::AsyncTarget> target) {
            return AsyncCopyReader(std::move(target), stop);
        });
}

detail::AnswerOperation<std::optional<std::string>>* AsyncCopyReader::make_read(std::size_t enough) const {
    using Bytes = std::optional<std::string>;
    return detail::operate<Bytes, Held>(target_, stop_, [enough](Held& held) -> Expected<Bytes> {
        if (held.failure) return *std::exchange(held.failure, std::nullopt);
        std::string bytes;
        do {
            auto piece = held.copy->try_read();
            if (!piece) {
                if (bytes.empty() || piece.error().kind() == ErrorKind::cancelled) return std::move(piece).error();
                held.failure.emplace(std::move(piece).error());
                break;
            }
            if (!*piece) break;
            bytes += **piece;
        } while (bytes.size() < enough);
        return bytes.empty() ? Bytes() : Bytes(std::move(bytes));
    });
}

Async<AsyncCopyReader> AsyncCopyReader::open(const AsyncExecutor& executor, Sql<0> sql) {
    return Async<AsyncCopyReader>(make_open(executor, sql));
}
Async<Expected<AsyncCopyReader>> AsyncCopyReader::try_open(const AsyncExecutor& executor, Sql<0> sql) {
    return Async<Expected<AsyncCopyReader>>(make_open(executor, sql));
}
Async<std::optional<std::string>> AsyncCopyReader::read(std::size_t enough) {
    return Async<std::optional<std::string>>(make_read(enough));
}
Async<Expected<std::optional<std::string>>> AsyncCopyReader::try_read(std::size_t enough) {
    return Async<Expected<std::optional<std::string>>>(make_read(enough));
}

}  // namespace pg
