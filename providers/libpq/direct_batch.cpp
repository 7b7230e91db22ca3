// Batches: sending ahead of the answers, and reading them all the while.
#include "providers/libpq/direct_batch.hpp"

#include <algorithm>

#include "providers/libpq/batch_outcomes.hpp"
#include "providers/libpq/direct_statement.hpp"

namespace pg::libpq::direct {
namespace {

/// Bytes that wait to be sent before answers are read instead of writing more.
constexpr std::size_t most_unsent = 64 * 1024;

/// What is set aside at once for the result of a statement; more is taken as it is needed.
constexpr std::size_t bytes_per_result = 256;

/// One batch under way.
///
/// (B1) Answers come in the order of the requests: the number of outcomes is the number of statements answered.
/// (B2) Answers are read whenever there are any, so neither side ever waits for the other to read.
/// (B3) With `BatchSync::once` an outcome is provisional until the Sync is answered: the transaction may still fail.
///      With `BatchSync::each` that of a statement is until its own is.
class BatchRun {
public:
    BatchRun(DirectLink& link, RowCollector& collector, std::span<const spi::Request> requests,
             std::span<const Format> formats, spi::BatchSync sync, const spi::Wait& wait)
        : link_(link), collector_(collector), requests_(requests), formats_(formats), sync_(sync), wait_(wait) {
        outcomes_.reserve(requests.size());
    }

    std::vector<Expected<Result>> run() {
        if (auto error = link_.begin(requests_.front().sql, wait_)) return fill(*error);
        begin_answer();
        for (;;) {
            send_ahead();
            if (is_over()) break;
            if (!step()) return fill_lost();
        }
        link_.rest();
        // Whatever kept statements from being sent is known: a refusal, or the end of the time.
        if (answered() == requests_.size()) return std::move(outcomes_);
        return fill(refusal_ ? *refusal_ : link_.ended_early(*woken_, Outcome::not_sent));
    }

private:
    [[nodiscard]] std::size_t answered() const { return outcomes_.size(); }
    [[nodiscard]] bool sends() const { return !woken_ && !refusal_ && sent_ < requests_.size(); }
    [[nodiscard]] bool is_over() const {
        return !sends() && synced_ && link_.machine().idle() && (!cancel_ || cancelled_);
    }

    /// Writes what may be written now.
    void send_ahead() {
        while (sends() && link_.out().unsent().size() < most_unsent) send_one();
        if (!sends() && !synced_) {
            link_.send_sync();
            synced_ = true;
        }
    }

    void send_one() {
        const spi::Request& request = requests_[sent_];
        link_.about(request.sql);
        if ((refusal_ = refusal(link_, request))) return;
        synced_ = sync_ == spi::BatchSync::each;
        put_statement(link_, request, formats_[sent_], known_columns(request, formats_[sent_]) != nullptr, synced_);
        ++sent_;
    }

    /// Takes the answers that have arrived, or waits for some. False when the connection is gone.
    bool step() {
        // With its end the batch may be over, and then there is nothing left to wait for.
        if (cancel_ && !std::exchange(cancelled_, cancel_->advance()) && cancelled_) return true;
        bool any = false;
        for (wire::Frame frame; !link_.machine().idle(); any = true) {
            if (wire::Answer whole; link_.take_answer(whole, sync_ == spi::BatchSync::each)) {
                if (!take(whole)) return false;
                continue;
            }
            const auto event = link_.poll(frame);
            if (!event) break;
            if (!take(*event, frame)) return false;
        }
        if (link_.ended()) return lose(link_.ending());
        return any || wait();
    }

    bool take(const wire::Answer& whole) {
        if (!collector_.take_row(whole, link_.chunk(), nullptr)) return violate(malformed_row);
        answer(collector_.take(whole.tag, arena_));
        if (sync_ == spi::BatchSync::each) ++readies_;
        return true;
    }
    bool take(wire::Event event, const wire::Frame& frame) {
        switch (event) {
            case wire::Event::row: return take_rows(frame.body);
            case wire::Event::columns: return take_columns(frame.body);
            case wire::Event::no_columns: collector_.begin(described_as_none(requests_[answered()])); return true;
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return violate("a malformed command tag");
                answer(collector_.take(*tag, arena_));
                return true;
            }
            case wire::Event::empty: answer(collector_.take({}, arena_)); return true;
            case wire::Event::failed: return take_failure(frame.body);
            case wire::Event::copy_in:
            case wire::Event::copy_out: return refuse_copy();
            case wire::Event::ready: ++readies_; return true;
            default: return true;
        }
    }

    bool take_columns(std::string_view body) {
        const std::size_t at = answered();
        const auto columns = described_columns(requests_[at], formats_[at], body, link_.types());
        if (!columns) return violate("a malformed description of columns");
        collector_.begin(columns);
        return true;
    }

    bool refuse_copy() {
        Error error = link_.error({.kind = ErrorKind::usage,
                                   .outcome = Outcome::unknown,
                                   .connection_usable = false,
                                   .message = "a batch cannot COPY: the connection is closed"});
        link_.close();
        return lose(std::move(error));
    }

    bool take_rows(std::string_view first) {
        bool well_formed = collector_.add(first, link_.chunk());
        if (well_formed)
            link_.rows([&](std::string_view body) { return well_formed = collector_.add(body, link_.chunk()); });
        return well_formed || violate(malformed_row);
    }

    bool take_failure(std::string_view body) {
        // Behind its command tag a statement still fails when its transaction ends: at its own Sync, or at that of all.
        const std::size_t failing = sync_ == spi::BatchSync::each ? readies_ : answered();
        const bool late = failing < answered() || failing == sent_;
        link_.about(requests_[std::min(failing, requests_.size() - 1)].sql);
        const bool given_up = woken_ && is_cancelled(body);
        Error error = given_up ? link_.ended_early(*woken_, Outcome::not_applied) : link_.failed(body);
        if (!link_.connected()) return lose(std::move(error));
        if (!late) {
            answer(error);
            if (sync_ == spi::BatchSync::once) abort_rest();
        } else if (sync_ == spi::BatchSync::each) {
            if (failing < answered()) outcomes_[failing] = error;
        } else {
            for (Expected<Result>& outcome : outcomes_) outcome = error;
        }
        return true;
    }

    static bool is_cancelled(std::string_view body) {
        const auto report = wire::Report::read(body);
        return report && report->field('C') == "57014";
    }

    /// Nothing behind a failure runs in one implicit transaction; what was sent of it the server passes over.
    void abort_rest() {
        while (answered() < requests_.size()) {
            link_.about(requests_[answered()].sql);
            outcomes_.emplace_back(link_.behind_a_failure());
        }
        sent_ = requests_.size();
    }

    void answer(Expected<Result>&& outcome) {
        outcomes_.push_back(std::move(outcome));
        begin_answer();
    }
    /// Makes the collector ready for the next statement's rows.
    void begin_answer() {
        collector_.clear_rows();
        if (answered() == requests_.size()) return;
        const auto* known = known_columns(requests_[answered()], formats_[answered()]);
        if (known) collector_.begin(*known);
    }

    /// Waits for the socket, and for a cancel request when there is one.
    bool wait() {
        pollfd other = cancel_ ? cancel_->waits_for() : nothing_else;
        const Woken woken = link_.wait_beside(other, wait_);
        if (link_.ended()) return lose(link_.ending());
        return woken == Woken::ready || expire(woken);
    }

    /// The time is over: nothing more is sent, the server is asked to give up what it is at, and what it still answers
    /// within the budget counts. Over a second time, the connection goes.
    bool expire(Woken woken) {
        if (woken_) {
            link_.close();
            return lose(link_.ended_early(*woken_, Outcome::unknown));
        }
        woken_ = woken;
        wait_ = {.deadline = recovery_deadline(woken, wait_), .stop = nullptr};
        cancel_ = start_cancel(link_.connection());
        return true;
    }

    bool violate(const char* reason) { return lose(link_.violated(reason)); }
    bool lose(Error error) {
        loss_ = std::move(error);
        return false;
    }

    std::vector<Expected<Result>> fill(const Error& error) {
        return filled(std::move(outcomes_), requests_.size(), error);
    }
    std::vector<Expected<Result>> fill_lost() {
        return filled_after_loss(std::move(outcomes_), requests_.size(), sent_, sync_, *loss_);
    }

    DirectLink& link_;
    RowCollector& collector_;
    std::span<const spi::Request> requests_;
    std::span<const Format> formats_;
    spi::BatchSync sync_;
    spi::Wait wait_;
    std::vector<Expected<Result>> outcomes_;
    std::shared_ptr<ResultArena> arena_ = std::make_shared<ResultArena>(bytes_per_result * requests_.size());
    std::size_t sent_ = 0;
    std::size_t readies_ = 0;     ///< Syncs that were answered
    bool synced_ = true;          ///< the last statement that was sent has its Sync, or none was sent
    std::optional<Woken> woken_;  ///< why the time is over
    std::optional<Error> refusal_, loss_;
    std::unique_ptr<CancelRequest> cancel_;
    bool cancelled_ = false;
};

}  // namespace

std::vector<Expected<Result>> run_pipelined(DirectLink& link, RowCollector& collector,
                                            std::span<const spi::Request> requests, std::span<const Format> formats,
                                            spi::BatchSync sync, const spi::Wait& wait) {
    if (requests.empty()) return {};
    return BatchRun(link, collector, requests, formats, sync, wait).run();
}

}  // namespace pg::libpq::direct
