// Receiving rows one or some at a time, in bounded memory.
#include "providers/libpq/stream.hpp"

#include <utility>

#include "providers/libpq/cancel.hpp"
#include "providers/libpq/conclude.hpp"
#include "providers/libpq/result.hpp"

namespace pg::libpq {
namespace {

/// A stream hands out what it has once it has this much.
constexpr std::size_t chunk_bytes = 64 * 1024;

bool has_rows(const PGresult* result) { return PQresultStatus(result) == PGRES_SINGLE_TUPLE; }

/// Takes the end of a statement that begins with `last`, the first result without rows. That one, if all went well.
Expected<ResultHandle> finish_rows(Link& link, ResultHandle last, const spi::Wait& wait) {
    switch (PQresultStatus(last.get())) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
        case PGRES_FATAL_ERROR: break;
        default: return give_up_on(link, last.get(), wait);
    }
    if (PQresultStatus(last.get()) != PGRES_FATAL_ERROR) link.note_tag();
    Expected<ResultHandle> rest = link.complete_rest(wait);
    if (PQresultStatus(last.get()) == PGRES_FATAL_ERROR) return link.failed(last.get());
    if (!rest) return std::move(rest).error();
    if (*rest) return link.failed(rest->get());
    return last;
}

/// One chunk after the other. Reads ahead until a chunk is full or the socket is empty, whichever comes first: rows
/// that are there are not held back for rows that may come much later.
class LibpqStream final : public spi::RowStream {
public:
    LibpqStream(Link& link, std::size_t limit) : link_(link), packer_(link.types()), limit_(limit) {
        link_.keep_sql();
        link_.occupy(true);
    }
    LibpqStream(const LibpqStream&) = delete;
    LibpqStream& operator=(const LibpqStream&) = delete;
    ~LibpqStream() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

    /// Takes in one result of the statement.
    std::optional<Error> take(ResultHandle result, const spi::Wait& wait) {
        if (!has_rows(result.get())) return end(std::move(result), wait);
        packer_.add(std::move(result));
        if (limit_ == 0 || received_ + packer_.bytes() <= limit_) return std::nullopt;
        over_ = true;
        return abandon(link_, too_large(limit_), wait);
    }

private:
    Expected<Result> do_next(const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        while (!over_ && !failure_ && packer_.bytes() < chunk_bytes) {
            ResultHandle result;
            switch (const Step step = link_.engine().next(result)) {
                case Step::result:
                    // The rows that came before a failure are handed out before it.
                    if ((failure_ = take(std::move(result), wait)) && packer_.rows() != 0) return hand_out();
                    break;
                case Step::end: return leave(), unexpected_end();
                case Step::broken: return leave(), link_.lost();
                case Step::read:
                case Step::write:
                    if (packer_.rows() != 0) return hand_out();
                    if (auto error = link_.wait_ready(step, wait)) return leave(), *std::move(error);
            }
        }
        if (failure_) return *std::exchange(failure_, std::nullopt);
        if (packer_.rows() != 0 || last_) return hand_out();
        return link_.stream_is_over();
    }

    [[nodiscard]] Result hand_out() {
        received_ += packer_.bytes();
        // The result with the command tag comes alone, without rows: it says that there are no more.
        return packer_.take(packer_.rows() == 0 ? std::move(last_) : nullptr);
    }

    /// The statement's last result: its tag, or its report.
    std::optional<Error> end(ResultHandle result, const spi::Wait& wait) {
        leave();
        Expected<ResultHandle> last = finish_rows(link_, std::move(result), wait);
        if (!last) return std::move(last).error();
        last_ = *std::move(last);
        return std::nullopt;
    }

    void leave() {
        over_ = true;
        link_.occupy(false);
    }
    [[nodiscard]] Error unexpected_end() {
        link_.close();
        return link_.error({.kind = ErrorKind::protocol,
                            .outcome = Outcome::unknown,
                            .connection_usable = false,
                            .message = "the statement ended without its last result: the connection is closed"});
    }

    Link& link_;
    RowPacker packer_;
    std::size_t limit_;
    std::size_t received_ = 0;  ///< bytes of the values that were handed out
    ResultHandle last_;
    std::optional<Error> failure_;  ///< what ended the statement, to be told after the rows that came before it
    bool over_ = false;
};

}  // namespace

Expected<std::unique_ptr<spi::RowStream>> open_stream(Link& link, ResultHandle first, std::size_t limit,
                                                      const spi::Wait& wait) {
    auto stream = std::make_unique<LibpqStream>(link, limit);
    if (auto error = stream->take(std::move(first), wait)) return *std::move(error);
    return std::unique_ptr<spi::RowStream>(std::move(stream));
}

Expected<Result> collect(Link& link, ResultHandle first, std::size_t limit, const spi::Wait& wait) {
    RowPacker packer(link.types());
    Expected<ResultHandle> result = std::move(first);
    while (has_rows(result->get())) {
        packer.add(*std::move(result));
        if (packer.bytes() > limit) return abandon(link, too_large(limit), wait);
        result = link.next(wait);
        if (!result) return std::move(result).error();
    }
    Expected<ResultHandle> last = finish_rows(link, *std::move(result), wait);
    if (!last) return std::move(last).error();
    return packer.take(*std::move(last));
}

}  // namespace pg::libpq
