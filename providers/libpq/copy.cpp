// COPY: bytes to and from the server, with back-pressure both ways.
#include "providers/libpq/copy.hpp"

#include "pg/sqlstate.hpp"
#include "providers/libpq/cancel.hpp"
#include "providers/libpq/conclude.hpp"
#include "providers/libpq/copy_reason.hpp"

namespace pg::libpq {
namespace {

/// The largest message that is sent: a longer write is several.
constexpr std::size_t most_per_message = 64 * 1024;
/// How many bytes libpq may hold before a write waits for the server to take them.
constexpr std::size_t most_unflushed = 64 * 1024;

Error is_no_copy(Link& link, ResultHandle result, std::string_view wanted, const spi::Wait& wait) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_FATAL_ERROR) return link.failed(result.get());
    std::string words = std::string("this statement is no ").append(wanted);
    switch (status) {
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT: return abandon(link, {.message = std::move(words)}, wait);
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY: break;
        default: return give_up_on(link, result.get(), wait);
    }
    return link.error(
        {.outcome = Outcome::applied, .message = std::move(words += "; it was run, and its result is thrown away")});
}

/// (C1) While it lives and is not over, the link is in the COPY and nobody else may use it.
class LibpqCopyIn final : public spi::CopyIn {
public:
    LibpqCopyIn(Link& link, std::size_t columns) : link_(link), columns_(columns) {
        link_.keep_sql();
        link_.occupy(true);
    }
    LibpqCopyIn(const LibpqCopyIn&) = delete;
    LibpqCopyIn& operator=(const LibpqCopyIn&) = delete;
    ~LibpqCopyIn() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

private:
    Expected<void> do_write(std::string_view bytes, const spi::Wait& wait) noexcept override {
        if (over_) return link_.copy_is_over();
        if (auto error = link_.left_behind()) return *std::move(error);
        while (!bytes.empty()) {
            const std::string_view piece = bytes.substr(0, most_per_message);
            if (auto error = put(piece, wait)) return *std::move(error);
            bytes.remove_prefix(piece.size());
            unflushed_ += piece.size();
            if (unflushed_ < most_unflushed) continue;
            if (auto error = flush(wait)) return *std::move(error);
        }
        return {};
    }

    Expected<std::uint64_t> do_finish(const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        if (over_) return link_.copy_is_over();
        if (auto error = check_time(wait)) return leave(), *std::move(error);
        Expected<ResultHandle> result = end(nullptr, wait);
        if (!result) return std::move(result).error();
        const Expected<Result> done = conclude(link_, *std::move(result), wait);
        if (!done) return done.error();
        return done->affected();
    }

    Expected<void> do_fail(std::string_view reason, const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        Expected<ResultHandle> result = end(copy_reason(reason).c_str(), wait);
        if (!result) return std::move(result).error();
        const bool asked_for = report_field(result->get(), PG_DIAG_SQLSTATE) == sqlstate::query_canceled;
        if (asked_for) return {};
        const Expected<Result> done = conclude(link_, *std::move(result), wait);
        if (!done) return done.error();
        return {};
    }

    std::size_t do_columns() const noexcept override { return columns_; }

    /// Hands one message to libpq, waiting while it has no room.
    std::optional<Error> put(std::string_view piece, const spi::Wait& wait) {
        for (;;) {
            const int taken = PQputCopyData(link_.connection(), piece.data(), static_cast<int>(piece.size()));
            if (taken > 0) return std::nullopt;
            if (taken < 0) return leave(), link_.refused();
            if (auto error = link_.wait_ready(Step::write, wait)) return leave(), std::move(error);
        }
    }

    /// A server that takes everything at once is not waited for: its client's time ends all the same.
    std::optional<Error> check_time(const spi::Wait& wait) {
        const Woken woken = look(wait);
        if (woken == Woken::ready) return std::nullopt;
        return link_.give_up(woken, wait);
    }

    /// Waits until libpq holds nothing back. A server that reports an error meanwhile is heard at the end.
    std::optional<Error> flush(const spi::Wait& wait) {
        if (auto error = check_time(wait)) return leave(), std::move(error);
        while (!link_.engine().flush()) {
            if (link_.engine().broken()) return leave(), link_.lost();
            if (auto error = link_.wait_ready(Step::write, wait)) return leave(), std::move(error);
        }
        unflushed_ = 0;
        return std::nullopt;
    }

    /// Ends the stream, well or with a reason why not, and takes the server's answer.
    Expected<ResultHandle> end(const char* reason, const spi::Wait& wait) {
        if (over_) return link_.copy_is_over();
        int ended = 0;
        while ((ended = PQputCopyEnd(link_.connection(), reason)) == 0) {
            if (auto error = link_.wait_ready(Step::write, wait)) return leave(), *std::move(error);
        }
        leave();
        if (ended < 0) return link_.refused();
        link_.engine().mark_unflushed();
        return link_.complete(wait);
    }

    void leave() {
        over_ = true;
        link_.occupy(false);
    }

    Link& link_;
    std::size_t columns_;
    std::size_t unflushed_ = 0;  ///< bytes since libpq last held nothing back
    bool over_ = false;
};

/// (C1) holds here too.
class LibpqCopyOut final : public spi::CopyOut {
public:
    explicit LibpqCopyOut(Link& link) : link_(link) {
        link_.keep_sql();
        link_.occupy(true);
    }
    LibpqCopyOut(const LibpqCopyOut&) = delete;
    LibpqCopyOut& operator=(const LibpqCopyOut&) = delete;
    ~LibpqCopyOut() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

private:
    Expected<std::optional<std::string_view>> do_read(const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        while (!over_) {
            char* row = nullptr;
            const int length = PQgetCopyData(link_.connection(), &row, 1);
            row_.reset(row);
            if (length > 0) return std::optional(std::string_view(row, static_cast<std::size_t>(length)));
            if (length < 0) return end(wait);
            if (auto error = link_.wait_ready(Step::read, wait)) return leave(), *std::move(error);
        }
        return std::optional<std::string_view>();
    }

    /// Behind the last row, or when the server gave the COPY up.
    Expected<std::optional<std::string_view>> end(const spi::Wait& wait) {
        leave();
        Expected<ResultHandle> result = link_.complete(wait);
        if (!result) return std::move(result).error();
        const Expected<Result> done = conclude(link_, *std::move(result), wait);
        if (!done) return done.error();
        return std::optional<std::string_view>();
    }

    void leave() {
        over_ = true;
        link_.occupy(false);
    }

    Link& link_;
    MemoryHandle row_;
    bool over_ = false;
};

}  // namespace

Expected<std::unique_ptr<spi::CopyIn>> open_copy_in(Link& link, ResultHandle begun, const spi::Wait& wait) {
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN)
        return is_no_copy(link, std::move(begun), "COPY … FROM STDIN", wait);
    const auto columns = static_cast<std::size_t>(PQnfields(begun.get()));
    return std::unique_ptr<spi::CopyIn>(std::make_unique<LibpqCopyIn>(link, columns));
}

Expected<std::unique_ptr<spi::CopyOut>> open_copy_out(Link& link, ResultHandle begun, const spi::Wait& wait) {
    if (PQresultStatus(begun.get()) != PGRES_COPY_OUT)
        return is_no_copy(link, std::move(begun), "COPY … TO STDOUT", wait);
    return std::unique_ptr<spi::CopyOut>(std::make_unique<LibpqCopyOut>(link));
}

}  // namespace pg::libpq
