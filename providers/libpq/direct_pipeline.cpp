// Sending ahead of the answers for a feed that grows meanwhile.
#include "providers/libpq/direct_pipeline.hpp"

#include <deque>
#include <memory>

#include "providers/libpq/direct_statement.hpp"
#include "providers/libpq/refusal.hpp"

namespace pg::libpq::direct {
namespace {

/// Bytes that wait to be sent before answers are read instead of writing more.
constexpr std::size_t most_unsent = 64 * 1024;
/// Statements that wait for their answer.
constexpr std::size_t most_in_flight = 100;

/// One run of a pipeline.
///
/// (P1) Answers come in the order of the requests: the first in flight is the one that is being answered.
/// (P2) An answer is given when its own ReadyForQuery has come: until then the statement may still fail, at its commit.
/// (P3) Answers are read whenever there are any, so neither side ever waits for the other to read.
/// (P4) Nothing is cancelled on the server while somebody wants the answer of anything in flight.
class PipelineRun {
public:
    PipelineRun(DirectLink& link, RowCollector& collector, TextFallback& fallback, spi::RequestFeed& feed)
        : link_(link), collector_(collector), fallback_(fallback), feed_(feed) {}

    void run() {
        do {
            send_ahead();
            answer_refused();
            if (in_flight_.empty()) break;
            if (const spi::Wait* wait = feed_.given_up())
                give_up(*wait);
            else
                receive();
        } while (link_.connected());
        link_.rest();
    }

private:
    struct InFlight {
        const spi::Request* request;
        Format format;
        const std::shared_ptr<const ResultStorage>* columns;  // null: it is described
        std::unique_ptr<const Error> refused;                 // nothing of it was sent, and this is why; null: it was
    };

    void send_ahead() {
        while (count_ < most_in_flight && link_.out().unsent().size() < most_unsent) {
            const spi::Request* request = feed_.next();
            if (request == nullptr) return;
            send(*request);
        }
    }

    void send(const spi::Request& request) {
        const Format format = fallback_.format_for(request);
        const auto* const columns = known_columns(request, format);
        if (auto refused = refuse(request)) {
            in_flight_.push_back({&request, format, columns, std::make_unique<const Error>(*std::move(refused))});
        } else {
            put_statement(link_, request, format, columns != nullptr);
            link_.send_sync();
            in_flight_.push_back({&request, format, columns, nullptr});
        }
        if (++count_ == 1) begin_answer();
    }
    std::optional<Error> refuse(const spi::Request& request) {
        if (in_flight_.empty())
            if (auto error = link_.begin(request.sql, {})) return error;
        return refusal(link_, request);
    }
    void pop() {
        in_flight_.pop_front();
        --count_;
    }

    /// Gives their answers to those at the head that were not sent (P1).
    void answer_refused() {
        if (!in_flight_.empty() && in_flight_.front().refused) end_answer(*in_flight_.front().refused);
    }

    /// Takes all answers that have arrived, or waits for some.
    void receive() {
        const bool any = take_arrived(0);
        if (!any && !link_.ended()) static_cast<void>(link_.wait_beside(nothing_else, {.nudged = true}));
        if (link_.ended()) lose(link_.ending());
    }

    /// Takes answers that have arrived while more than `left` are in flight. False when there was nothing.
    bool take_arrived(std::size_t left) {
        bool any = false;
        for (wire::Frame frame; count_ > left; any = true) {
            const auto event = link_.poll(frame);
            if (!event) break;
            take(*event, frame);
        }
        return any;
    }

    void take(wire::Event event, const wire::Frame& frame) {
        switch (event) {
            case wire::Event::row: return take_rows(frame.body);
            case wire::Event::columns: return take_columns(frame.body);
            case wire::Event::no_columns: return collector_.begin(described_as_none(*in_flight_.front().request));
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return violate("a malformed command tag");
                answer_.emplace(sink_ ? Result(collector_.columns()) : collector_.take(*tag));
                return;
            }
            case wire::Event::empty: answer_.emplace(collector_.take()); return;
            case wire::Event::failed: return take_failure(frame.body);
            case wire::Event::copy_in:
            case wire::Event::copy_out: return refuse_copy();
            case wire::Event::ready:
                if (!answer_) return violate("ready, without an answer");
                return end_answer(*std::move(answer_));
            default: return;
        }
    }

    void take_columns(std::string_view body) {
        const InFlight& head = in_flight_.front();
        const auto columns = described_columns(*head.request, head.format, body, link_.types());
        if (!columns) return violate("a malformed description of columns");
        begin_rows(columns);
    }

    void take_failure(std::string_view body) {
        Error error = link_.failed(body);
        if (!link_.connected()) return lose(error);
        answer_.emplace(std::move(error));
    }

    void refuse_copy() {
        const Error error = link_.error({.kind = ErrorKind::usage,
                                         .outcome = Outcome::unknown,
                                         .connection_usable = false,
                                         .message = std::string(copies_elsewhere) + "; the connection is closed"});
        link_.close();
        lose(error);
    }

    void take_rows(std::string_view first) {
        bool well_formed = true;
        if (sink_) {
            collector_.pass(first);
            link_.rows([&](std::string_view body) { return collector_.pass(body), true; });
            well_formed = collector_.give(*sink_);
        } else {
            well_formed = collector_.add(first, link_.chunk());
            if (well_formed)
                link_.rows([&](std::string_view body) { return well_formed = collector_.add(body, link_.chunk()); });
        }
        if (!well_formed) violate("a row that is not as its columns were described");
    }

    void begin_answer() {
        const InFlight& head = in_flight_.front();
        link_.about(head.request->sql);
        collector_.clear_rows();
        sink_ = nullptr;
        answer_.reset();
        if (head.columns != nullptr && !head.refused) begin_rows(*head.columns);
    }
    void begin_rows(const std::shared_ptr<const ResultStorage>& columns) {
        RowSink* const sink = in_flight_.front().request->sink;
        sink_ = sink != nullptr && sink->begin(*columns) ? sink : nullptr;
        collector_.begin(columns);
    }
    void end_answer(Expected<Result>&& answer) {
        if (giving_up_ && !answer && answer.error().kind() == ErrorKind::cancelled)
            answer = link_.ended_early(*giving_up_, answer.error().outcome());
        pop();
        feed_.answer(std::move(answer));
        for (; !in_flight_.empty() && in_flight_.front().refused; pop())
            feed_.answer(*in_flight_.front().refused);  // what comes next is not for it (P1)
        if (!in_flight_.empty()) begin_answer();
    }

    /// Cancels one after the other (P4): a request to cancel ends one statement, and the server would run those behind.
    void give_up(const spi::Wait& wait) {
        const Woken woken = look(wait);
        const Deadline until = recovery_deadline(woken, wait);  // `wait` may go with the first answer
        giving_up_ = woken;
        while (count_ > 1 && cancel_head(until)) answer_refused();
        giving_up_.reset();
        if (in_flight_.empty()) return;
        const bool is_last = count_ == 1;
        const Outcome outcome = link_.recover(until);
        const Error unknown = link_.ended_early(woken, Outcome::unknown);
        end_all(is_last ? link_.ended_early(woken, outcome) : unknown, unknown);
    }
    /// False when there was no time for it, or the connection is lost. It may hit the one behind, and no other: it is
    /// answered before the next.
    bool cancel_head(const Deadline& until) {
        const auto cancel = start_cancel(link_.connection());
        const std::size_t before = count_;
        for (;;) {
            const bool answered = !cancel || cancel->advance();
            if (count_ == before) take_arrived(before - 1);
            if (link_.ended()) lose(link_.ending());
            if (in_flight_.empty()) return false;
            if (count_ != before && answered) return true;
            const pollfd other = cancel ? cancel->waits_for() : nothing_else;
            if (link_.wait_beside(other, {.deadline = until}) != Woken::ready) return false;
        }
    }
    void violate(const char* reason) { lose(link_.violated(reason)); }
    void lose(const Error& error) { end_all(error, error); }
    void end_all(const Error& first, const Error& others) {
        for (bool is_first = true; !in_flight_.empty(); is_first = false) {
            const std::unique_ptr<const Error> refused = std::move(in_flight_.front().refused);
            pop();
            feed_.answer(refused ? *refused : is_first ? first : others);
        }
    }

    DirectLink& link_;
    RowCollector& collector_;
    TextFallback& fallback_;
    spi::RequestFeed& feed_;
    std::deque<InFlight> in_flight_;
    std::size_t count_ = 0;           // of those; a deque would have to reckon it
    std::optional<Woken> giving_up_;  // why those in flight are being cancelled
    // Of the first in flight. @{
    RowSink* sink_ = nullptr;                 // of its request, if it takes rows with these columns
    std::optional<Expected<Result>> answer_;  // until its ReadyForQuery /// @}
};

}  // namespace

void run_pipeline(DirectLink& link, RowCollector& collector, TextFallback& fallback, spi::RequestFeed& feed) {
    PipelineRun(link, collector, fallback, feed).run();
}

}  // namespace pg::libpq::direct
