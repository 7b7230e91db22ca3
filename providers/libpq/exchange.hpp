// Exchange: what a session knows of the request that it is at, and the errors that follow from it, whatever the engine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "pg/spi/provider.hpp"
#include "pg/sqlstate.hpp"
#include "providers/libpq/cancel.hpp"
#include "providers/libpq/error.hpp"
#include "providers/libpq/wait.hpp"
#include "src/base/fork.hpp"
#include "src/base/transaction_control.hpp"

namespace pg::libpq {

/// Until when a statement is given up whose wait ended: a moment longer than its deadline, or as long as a caller who
/// asked for the stop has time.
[[nodiscard]] Deadline recovery_deadline(Woken woken, const spi::Wait& wait);

/// The books of one session between its engine and its callers. One thread at a time.
class Exchange {
public:
    Exchange(std::string_view engine, std::string node, spi::SessionContext context)
        : engine_name_(engine), node_(std::move(node)), context_(std::move(context)) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    /// Handed on to results, which may outlive the client.
    [[nodiscard]] const std::shared_ptr<const TypeCatalog>& types() const noexcept { return context_.types; }
    [[nodiscard]] std::string_view node() const noexcept { return node_; }
    [[nodiscard]] bool in_transaction() const noexcept { return in_transaction_; }
    [[nodiscard]] bool is_here() const noexcept { return birthplace_.is_here(); }
    /// True when the server has said that it ends the session.
    [[nodiscard]] bool dying() const noexcept { return dying_; }
    /// Why a stream or a COPY goes no further: this is not the process that opened its session. Null in that one.
    [[nodiscard]] std::optional<Error> left_behind() const {
        if (is_here()) [[likely]]
            return std::nullopt;
        return not_now(sql_, true);
    }
    /// A stream or a copy has the session to itself.
    [[nodiscard]] bool occupied() const noexcept { return occupied_; }
    void occupy(bool occupied) noexcept { occupied_ = occupied; }
    /// Errors are about this statement from now on: in a batch each has its turn.
    void about(std::string_view sql) noexcept {
        sql_ = sql;
        tagged_ = false;
    }
    /// Keeps the text of an exchange that outlives the call that began it.
    void keep_sql() {
        kept_sql_ = sql_;
        sql_ = kept_sql_;
    }
    /// The statement has ended, as its tag says, and that of its transaction is still to come.
    void note_tag() noexcept { tagged_ = true; }
    /// The same of one of a script, of several perhaps.
    void note_tag(std::string_view tag) noexcept {
        committed_ |= tag == "COMMIT" || tag == "PREPARE TRANSACTION";
        tagged_ |= !tag.empty();
    }
    /// The same of one that went well before another fails: it may have committed what it did.
    void note_run(std::string_view sql) noexcept {
        committed_ |= !in_transaction_ && (may_commit_inside(sql) || commits_by_itself(sql));
    }
    /// An error of ours about this exchange, which has ended well.
    [[nodiscard]] Error error(ErrorFields fields) const { return plain_error(std::move(fields), site()); }
    /// What a stream or a COPY says that is asked for more than it had. @{
    [[nodiscard]] Error stream_is_over() const;
    [[nodiscard]] Error copy_is_over() const;  /// @}
    /// What a statement of one implicit transaction says that stood behind the one that failed.
    [[nodiscard]] Error behind_a_failure() const;

protected:
    ~Exchange() = default;

    /// Begins an exchange about `sql`, which lives until its end; an error when it must not begin.
    [[nodiscard]] std::optional<Error> begin_exchange(std::string_view sql, bool connected, const spi::Wait& wait) {
        if (occupied_ || !connected || !birthplace_.is_here()) [[unlikely]]
            return not_now(sql, connected);  // what is under way goes on
        sql_ = sql;
        committed_ = tagged_ = false;
        if (const Woken woken = look(wait); woken != Woken::ready) [[unlikely]]
            return too_late(woken);
        return std::nullopt;
    }
    void set_in_transaction(bool open) noexcept { in_transaction_ = open; }
    /// What became of the statement that was given up, `told` being what was said of its end.
    [[nodiscard]] Outcome of_all(Outcome told) const;
    [[nodiscard]] ErrorSite site() const;
    /// The server made no sense, and is left for that.
    [[nodiscard]] Error violation(std::string_view reason) const;
    /// The error of an exchange that ended too soon, with what became of its statement.
    [[nodiscard]] Error early_end(Woken woken, Outcome outcome, bool connected) const;
    /// What the server says by the way: handed on, and a farewell remembered.
    void note(const Error& notice) noexcept;

private:
    [[nodiscard]] Error not_now(std::string_view sql, bool connected) const;
    [[nodiscard]] Error too_late(Woken woken) const;

    std::string_view engine_name_;
    std::string node_;
    spi::SessionContext context_;
    detail::Birthplace birthplace_;
    bool in_transaction_ = false;
    bool occupied_ = false;
    bool dying_ = false;
    bool committed_ = false;  ///< something was, in this exchange
    std::string_view sql_;
    std::string kept_sql_;
    SqlState farewell_;    ///< see `ErrorSite`
    bool tagged_ = false;  ///< the same
};

/// A COMMIT that was a ROLLBACK, as its tag says.
[[nodiscard]] inline bool is_undone(RequestPhase phase, std::string_view tag) noexcept {
    return phase == RequestPhase::committing && tag == "ROLLBACK";
}

/// Why a COPY … FROM STDIN is failed that nobody goes on with.
inline constexpr const char* given_up = "the client gave it up";
/// True for the report of a server that has read that, and so all that was sent before.
[[nodiscard]] inline bool has_read_giving_up(std::string_view code, std::string_view message) {
    return code == sqlstate::query_canceled && message.find(given_up) != std::string_view::npos;
}

/// Where a COPY is sent to that was begun as another statement.
inline constexpr std::string_view copies_elsewhere =
    "COPY … FROM STDIN and COPY … TO STDOUT are run by copy_in and copy_out";
/// A result that has more bytes than its request allows.
[[nodiscard]] ErrorFields too_large(std::size_t limit);
/// So many bytes are more than the limit; 0: there is none.
[[nodiscard]] constexpr bool passes(std::size_t limit, std::size_t bytes) noexcept {
    return limit != 0 && bytes > limit;
}

/// Gives up the exchange that `link` is at, within the budget of its caller, and says so: `fields` with what became of
/// the statement and of the connection.
template <class Link>
[[nodiscard]] Error abandon(Link& link, ErrorFields fields, const spi::Wait& wait) {
    fields.outcome = link.recover(earlier(Deadline::after(cancel_budget), wait.deadline));
    fields.connection_usable = link.connected();
    return link.error(std::move(fields));
}

/// Puts something harmless in the place of a socket that the parent process goes on using: what libpq writes when it
/// frees the connection goes nowhere.
void detach_socket(int socket) noexcept;

}  // namespace pg::libpq
