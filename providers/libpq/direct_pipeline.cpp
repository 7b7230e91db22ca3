// Sending ahead of the answers for a feed that grows meanwhile.
#include "providers/libpq/direct_pipeline.hpp"

#include "providers/libpq/direct_statement.hpp"
#include "providers/libpq/pipeline_run.hpp"

namespace pg::libpq::direct {
namespace {

/// Bytes that wait to be sent before answers are read instead of writing more.
constexpr std::size_t most_unsent = 64 * 1024;

/// See `PipelineRun`.
class DirectPipeline final : public PipelineRun<DirectPipeline, DirectLink> {
public:
    DirectPipeline(DirectLink& link, RowCollector& collector, TextFallback& fallback, spi::RequestFeed& feed)
        : PipelineRun(link, fallback, feed), collector_(collector) {}

private:
    friend PipelineRun;

    [[nodiscard]] bool has_room() const noexcept { return link_.out().unsent().size() < most_unsent; }
    [[nodiscard]] std::optional<Error> put(const spi::Request& request, Format format) {
        put_statement(link_, request, format, known_columns(request, format) != nullptr, true);
        return std::nullopt;
    }

    bool take_arrived(std::size_t left) {
        bool any = false;
        for (wire::Frame frame; size() > left; any = true) {
            if (wire::Answer whole; link_.take_answer(whole, true)) {
                take(whole);
                continue;
            }
            const auto event = link_.poll(frame);
            if (!event) break;
            take(*event, frame);
        }
        return any;
    }
    [[nodiscard]] Woken wait_beside(pollfd other, const spi::Wait& wait) { return link_.wait_beside(other, wait); }
    [[nodiscard]] bool is_lost() const noexcept { return link_.ended(); }
    [[nodiscard]] Error loss() { return link_.ending(); }
    static void end_own(const Expected<Result>&) noexcept {}  // there is none
    void end_run() { link_.rest(); }

    void take(const wire::Answer& whole) {
        if (!collector_.take_row(whole, link_.chunk(), sink_)) return violate(malformed_row);
        end_answer(collector_.conclude(whole.tag, sink_));
    }
    void take(wire::Event event, const wire::Frame& frame) {
        switch (event) {
            case wire::Event::row: return take_rows(frame.body);
            case wire::Event::columns: return take_columns(frame.body);
            case wire::Event::no_columns: return collector_.begin(described_as_none(*head().request));
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return violate("a malformed command tag");
                answer_.emplace(collector_.conclude(*tag, sink_));
                link_.note_tag();
                return;
            }
            case wire::Event::empty: answer_.emplace(collector_.take()); return;
            case wire::Event::failed: return take_failure(frame.body);
            case wire::Event::copy_in:
            case wire::Event::copy_out: return refuse_copy();
            case wire::Event::ready:
                if (!answer_) return violate("ready, without an answer");
                return end_answer(*std::exchange(answer_, std::nullopt));
            default: return;
        }
    }

    void take_columns(std::string_view body) {
        const auto columns = described_columns(*head().request, head().format, body, link_.types());
        if (!columns) return violate("a malformed description of columns");
        begin_rows(columns);
    }

    void take_failure(std::string_view body) {
        Error error = link_.failed(body);
        if (!link_.connected()) return lose(error);
        answer_.emplace(std::move(error));
        collector_.clear_rows();  // those that came before it
    }

    void refuse_copy() {
        const Error error = link_.error({.kind = ErrorKind::usage,
                                         .outcome = Outcome::unknown,
                                         .connection_usable = false,
                                         .message = std::string(copies_elsewhere) + "; the connection is closed"});
        link_.abandon();
        lose(error);
    }

    void take_rows(std::string_view first) {
        if (!direct::take_rows(link_, collector_, sink_, first)) violate(malformed_row);
    }

    void begin_answer() {
        link_.about(head().request->sql);
        collector_.clear_rows();
        sink_ = nullptr;
        if (head().refused) return;
        if (const auto* const columns = known_columns(*head().request, head().format)) begin_rows(*columns);
    }
    void begin_rows(const std::shared_ptr<const ResultStorage>& columns) {
        sink_ = collector_.begin(columns, head().request->sink);
    }
    void violate(const char* reason) { lose(link_.violated(reason)); }

    RowCollector& collector_;
    RowSink* sink_ = nullptr;  // of the first in flight, if it takes rows with these columns
};

}  // namespace

void run_pipeline(DirectLink& link, RowCollector& collector, TextFallback& fallback, spi::RequestFeed& feed) {
    DirectPipeline(link, collector, fallback, feed).run();
}

}  // namespace pg::libpq::direct
