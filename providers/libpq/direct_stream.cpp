// Handing out what has arrived, and no more at a time than fits a chunk.
#include "providers/libpq/direct_stream.hpp"

#include <algorithm>

#include "providers/libpq/direct_result.hpp"
#include "providers/libpq/direct_statement.hpp"

namespace pg::libpq::direct {
namespace {

/// A stream hands out what it has once it has this much.
constexpr std::size_t piece_bytes = 64 * 1024;

/// Reads ahead until a piece is full or the socket is empty, whichever comes first: rows that are there are not held
/// back for rows that may come much later.
class DirectStream final : public spi::RowStream {
public:
    /// `request` outlives `open`, and is not looked at later.
    DirectStream(DirectLink& link, const spi::Request& request, Format format)
        : link_(link), request_(request), format_(format), limit_(request.max_result_bytes) {
        link_.keep_sql();
        link_.occupy(true);
    }
    DirectStream(const DirectStream&) = delete;
    DirectStream& operator=(const DirectStream&) = delete;
    ~DirectStream() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

    void expect(const std::shared_ptr<const ResultStorage>& columns) { collector_.begin(columns); }
    /// Waits for the first rows, or the end. What ended it before the first row.
    std::optional<Error> open(const spi::Wait& wait) {
        while (!over_ && collector_.rows() == 0) {
            if (auto error = advance(wait)) return error;
        }
        if (collector_.rows() == 0 && failure_) return std::exchange(failure_, std::nullopt);
        return std::nullopt;
    }

private:
    Expected<Result> do_next(const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        while (!over_ && collector_.bytes() < piece_bytes) {
            wire::Frame frame;
            if (const auto event = link_.poll(frame)) {
                if (auto error = take(*event, frame, wait)) return leave(), *std::move(error);
                continue;
            }
            if (!link_.ended() && collector_.rows() != 0) break;
            if (auto error = await(wait)) return *std::move(error);
        }
        if (collector_.rows() != 0) {
            handed_out_ += collector_.bytes();
            return collector_.take();
        }
        // The rows that came before a failure are handed out before it.
        if (failure_) return *std::exchange(failure_, std::nullopt);
        if (last_) return *std::exchange(last_, std::nullopt);
        return link_.stream_is_over();
    }

    std::optional<Error> advance(const spi::Wait& wait) {
        wire::Frame frame;
        if (const auto event = link_.poll(frame)) return take(*event, frame, wait);
        return await(wait);
    }

    /// More of what is on its way: nothing beyond the limit.
    std::optional<Error> await(const spi::Wait& wait) {
        if (!link_.ended() && passes(limit_, handed_out_ + link_.coming_row()))
            return pass_the_limit(wait), std::nullopt;
        if (!link_.ended() && link_.wait_ready(wait)) return std::nullopt;
        leave();
        const std::optional<Error> report = std::exchange(failure_, std::nullopt);
        return link_.ending_behind(report ? &*report : nullptr);
    }

    /// Takes in one event of the statement; an error ends the exchange, and (D1) holds.
    std::optional<Error> take(wire::Event event, const wire::Frame& frame, const spi::Wait& wait) {
        switch (event) {
            case wire::Event::row: return take_rows(frame.body, wait);
            case wire::Event::columns: {
                auto columns = described_columns(request_, format_, frame.body, link_.types());
                if (!columns) return violated("a malformed description of columns");
                collector_.begin(columns);
                break;
            }
            case wire::Event::no_columns: collector_.begin(described_as_none(request_)); break;
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return violated("a malformed command tag");
                tag_ = *tag;
                complete_ = true;
                link_.note_tag();
                break;
            }
            case wire::Event::empty: complete_ = true; break;
            case wire::Event::failed:
                failure_ = link_.failed(frame.body);
                if (!link_.connected()) leave();
                break;
            case wire::Event::copy_in:
            case wire::Event::copy_out:
                over_ = true;
                return abandon(link_, {.message = std::string(copies_elsewhere)}, wait);
            case wire::Event::ready:
                leave();
                if (!complete_ && !failure_) return violated("ready, without an answer");
                if (!failure_) end();
                break;
            default: break;
        }
        return std::nullopt;
    }

    std::optional<Error> take_rows(std::string_view first, const spi::Wait& wait) {
        // A row beyond the limit is seen, no more of them.
        const std::size_t most = limit_ == 0 ? piece_bytes : std::min(piece_bytes, limit_ - handed_out_ + 1);
        bool well_formed = collector_.add(first, link_.chunk());
        if (well_formed && collector_.bytes() < most)
            link_.rows([&](std::string_view body) {
                well_formed = collector_.add(body, link_.chunk());
                return well_formed && collector_.bytes() < most;
            });
        if (!well_formed) return violated(malformed_row);
        if (passes(limit_, handed_out_ + collector_.bytes())) pass_the_limit(wait);
        return std::nullopt;
    }

    void pass_the_limit(const spi::Wait& wait) {
        over_ = true;
        failure_ = abandon(link_, too_large(limit_), wait);
    }

    /// The result with the command tag comes alone, behind all rows: it says that there are no more.
    void end() {
        RowCollector none;
        none.begin(collector_.columns());
        last_ = none.take(tag_);
    }

    std::optional<Error> violated(const char* reason) {
        leave();
        return link_.violated(reason);
    }
    void leave() {
        over_ = true;
        link_.occupy(false);
        link_.rest();
    }

    DirectLink& link_;
    const spi::Request& request_;
    const Format format_;
    RowCollector collector_;
    std::size_t limit_;
    std::size_t handed_out_ = 0;  ///< bytes of the rows that were handed out
    std::string tag_;
    bool complete_ = false;
    std::optional<Result> last_;
    std::optional<Error> failure_;  ///< what ended the statement, to be told after the rows that came before it
    bool over_ = false;
};

}  // namespace

Expected<std::unique_ptr<spi::RowStream>> open_stream(DirectLink& link, const spi::Request& request, Format format,
                                                      const spi::Wait& wait) {
    if (auto error = link.begin(request.sql, wait)) return *std::move(error);
    if (auto error = refusal(link, request)) return *std::move(error);
    const auto* known = known_columns(request, format);
    put_statement(link, request, format, known != nullptr, true);
    auto stream = std::make_unique<DirectStream>(link, request, format);
    if (known) stream->expect(*known);
    if (auto error = stream->open(wait)) return *std::move(error);
    return std::unique_ptr<spi::RowStream>(std::move(stream));
}

}  // namespace pg::libpq::direct
