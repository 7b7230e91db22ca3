// Prepared: a statement as a callable, prepared once on each connection, by itself.
#pragma once

#include <memory>

#include "pg/executor.hpp"

namespace pg {

/// The result of a prepared statement that gives no rows: how many it affected.
struct Affected {
    std::uint64_t rows = 0;  ///< as the command tag says
};

template <class Signature>
class Prepared;

namespace detail {

[[nodiscard]] PGCLIENT_API std::shared_ptr<const Statement> make_statement(std::string_view sql);
[[nodiscard]] PGCLIENT_API std::string_view statement_sql(const Statement& statement);

/// What takes the rows of a prepared statement that gives `R`.
template <class R>
struct sink_of {
    using type = OneRow<R>;
};
template <class R>
struct sink_of<std::optional<R>> {
    using type = MaybeRow<R>;
};
template <class R>
struct sink_of<std::vector<R>> {
    using type = AllRows<R>;
};
template <>
struct sink_of<Affected> {
    using type = AffectedRows<Affected>;
};

}  // namespace detail

/// A statement that takes `Args` and gives `R`: a row type (exactly one row), `std::optional<R>` (at most one),
/// `std::vector<R>`, or `pg::Affected`. Value: copies share the statement. Thread-safe as its executor is. Its name
/// stays on the sessions that have it until others need the place.
template <class R, class... Args>
class Prepared<R(Args...)> {
public:
    static constexpr std::size_t arguments = sizeof...(Args);  ///< how many the statement takes

    Prepared(std::shared_ptr<Executor> executor, std::shared_ptr<const detail::Statement> statement)
        : executor_(std::move(executor)), statement_(std::move(statement)) {}
    Prepared(const Prepared&) = default;  // and none that is moved from

    /// Runs it. Throws what `Error` and its classes say.
    R operator()(const Args&... args) const { return try_call(args...).value(); }
    [[nodiscard]] Expected<R> try_call(const Args&... args) const {
        InlineParams<> params;
        const std::string_view sql = detail::statement_sql(*statement_);
        if (auto encoded = detail::encode_all(sql, params, args...); !encoded) return std::move(encoded).error();
        return executor_->template run_into<typename detail::sink_of<R>::type>(
            {sql, &params, arguments, true, executor_->options_, statement_.get()});
    }

    /// The same statement on another executor, a transaction most often. Borrows it.
    [[nodiscard]] Prepared on(Executor& executor) const {
        return Prepared(std::shared_ptr<Executor>(std::shared_ptr<void>(), &executor), statement_);
    }

    [[nodiscard]] std::string_view sql() const { return detail::statement_sql(*statement_); }  ///< lives with a copy
    [[nodiscard]] const std::shared_ptr<const detail::Statement>& statement() const { return statement_; }

private:
    std::shared_ptr<Executor> executor_;
    std::shared_ptr<const detail::Statement> statement_;
};

}  // namespace pg
