// Batches: sending ahead of the answers, and reading them all the while.
#include "providers/libpq/direct_batch.hpp"

#include <algorithm>
#include <memory>

#include "pg/sqlstate.hpp"
#include "providers/libpq/direct_statement.hpp"

namespace pg::libpq::direct {
namespace {

/// Bytes that wait to be sent before answers are read instead of writing more.
constexpr std::size_t most_unsent = 64 * 1024;

/// What is set aside at once for the result of a statement; more is taken as it is needed.
constexpr std::size_t bytes_per_result = 256;

/// One batch under way.
///
/// (B1) Answers come in the order of the statements: the first `answered_` of them have an outcome.
/// (B2) Answers are read whenever there are any, so neither side ever waits for the other to read.
/// (B3) With `BatchSync::once` an outcome is provisional until the Sync is answered: the transaction may still fail.
///      With `BatchSync::each` that of a statement is until its own is.
/// (B4) With `BatchSync::once` nothing is committed without the rest: when the time is over before all was sent, what
///      cannot but fail is sent ahead of the Sync.
class BatchRun {
public:
    BatchRun(DirectLink& link, RowCollector& collector, const TextFallback& fallback, BatchItems items,
             spi::BatchSync sync, const spi::Wait& wait)
        : link_(link), collector_(collector), fallback_(fallback), items_(items), sync_(sync), wait_(wait) {}

    /// The server refused one of the statements.
    [[nodiscard]] bool any_refused() const { return any_refused_; }

    /// What is left to be run: what stands behind one that was refused, where they fail alone.
    [[nodiscard]] BatchItems run() {
        if (auto error = link_.begin(request(0).sql, wait_)) return fill(items_, *error), BatchItems();
        if (sync_ == spi::BatchSync::once)  // they go together or not at all
            if (auto error = refusal_of_any(link_, items_)) return keep_back(items_, *error), BatchItems();
        link_.about({});  // an end of the connection is that of each
        begin_answer();
        for (;;) {
            send_ahead();
            if (is_over()) break;
            if (!step()) return fill_after_loss(items_, sure(), sent_, *loss_), BatchItems();
        }
        link_.rest();
        if (answered_ == items_.size()) return {};
        // Whatever kept statements from being sent is known: a refusal, or the end of the time.
        if (!refusal_) return fill(items_, link_.ended_early(*woken_, Outcome::not_sent)), BatchItems();
        fill(items_.subspan(answered_, 1), *refusal_);
        return items_.subspan(answered_ + 1);
    }

private:
    [[nodiscard]] const spi::Request& request(std::size_t at) const { return items_[at]->request; }
    [[nodiscard]] bool sends() const { return !woken_ && !refusal_ && sent_ < items_.size(); }
    /// Statements whose transactions have ended (B3).
    [[nodiscard]] std::size_t sure() const {
        if (sync_ == spi::BatchSync::each) return readies_;
        return readies_ != 0 ? sent_ : 0;
    }
    [[nodiscard]] bool is_over() const {
        return !sends() && synced_ && link_.machine().idle() && (!cancel_ || cancelled_);
    }

    /// Writes what may be written now.
    void send_ahead() {
        while (sends() && link_.out().unsent().size() < most_unsent) send_one();
        if (!sends() && !synced_) {
            if (sync_ == spi::BatchSync::once && sent_ < items_.size()) send_failure();
            link_.send_sync();
            synced_ = true;
        }
    }

    void send_one() {
        const spi::Request& next = request(sent_);
        if (sync_ == spi::BatchSync::each && (refusal_ = refusal(link_, next))) return;
        synced_ = sync_ == spi::BatchSync::each;
        const Format format = fallback_.format_for(next);
        put_statement(link_, next, format, known_columns(next, format) != nullptr, synced_);
        ++sent_;
    }

    /// Makes what was sent fail as a whole (B4).
    void send_failure() {
        put_statement(link_, {.sql = {}, .statement = no_statement}, Format::binary, false, false);
        given_up_ = true;
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
        if (!collector_.take_row(whole, link_.chunk(), sink_)) return violate(malformed_row);
        answer(conclude(whole.tag));
        if (sync_ == spi::BatchSync::each) take_ready();
        return true;
    }
    bool take(wire::Event event, const wire::Frame& frame) {
        switch (event) {
            case wire::Event::row: return take_rows(frame.body);
            case wire::Event::columns: return take_columns(frame.body);
            case wire::Event::no_columns: collector_.begin(described_as_none(request(answered_))); return true;
            case wire::Event::complete: {
                const auto tag = wire::read_tag(frame.body);
                if (!tag) return violate("a malformed command tag");
                answer(conclude(*tag));
                return true;
            }
            case wire::Event::empty: answer(collector_.take()); return true;
            case wire::Event::failed: return take_failure(frame.body);
            case wire::Event::copy_in:
            case wire::Event::copy_out: return refuse_copy();
            case wire::Event::ready: take_ready(); return true;
            case wire::Event::suspended: return violate("a suspended portal, where no number of rows was asked for");
            default: return true;
        }
    }

    void take_ready() {
        ++readies_;
        link_.note_ready();
    }

    bool take_columns(std::string_view body) {
        const spi::Request& head = request(answered_);
        const auto columns = described_columns(head, fallback_.format_for(head), body, link_.types());
        if (!columns) return violate("a malformed description of columns");
        begin_rows(columns);
        return true;
    }

    bool refuse_copy() {
        Error error =
            link_.error({.kind = ErrorKind::usage,
                         .outcome = Outcome::unknown,
                         .connection_usable = false,
                         .message = "a batch cannot COPY: use copy_in or copy_out; the connection is closed"});
        link_.abandon();
        return lose(std::move(error));
    }

    bool take_rows(std::string_view first) {
        return direct::take_rows(link_, collector_, sink_, first) || violate(malformed_row);
    }

    bool take_failure(std::string_view body) {
        any_refused_ = true;
        // Behind its command tag a statement still fails when its transaction ends: at its own Sync, or at that of all.
        const std::size_t failing = sync_ == spi::BatchSync::each ? readies_ : answered_;
        const bool late = failing < answered_ || failing == sent_;
        if (sync_ == spi::BatchSync::once)
            for (std::size_t i = 0; i < answered_; ++i) link_.note_run(request(i).sql);
        link_.about(request(std::min(failing, items_.size() - 1)).sql);
        if (late) link_.note_tag();
        const bool given_up = woken_ && (is_cancelled(body) || (late && given_up_));
        Error error = given_up ? link_.ended_early(*woken_, Outcome::not_applied) : link_.failed(body);
        link_.about({});
        if (!link_.connected()) return lose(std::move(error));
        if (!late) {
            answer(error);
            if (sync_ == spi::BatchSync::once) abort_rest();
        } else if (sync_ == spi::BatchSync::each) {
            if (failing < answered_) items_[failing]->outcome.emplace(std::move(error));
        } else {
            for (spi::BatchItem* item : given_up_ ? items_ : items_.first(answered_))
                item->outcome.emplace(error_about(item->request.sql, error.fields()));
        }
        return true;
    }

    static bool is_cancelled(std::string_view body) {
        const auto report = wire::Report::read(body);
        return report && report->field('C') == sqlstate::query_canceled;
    }

    /// Nothing behind a failure runs in one implicit transaction; what was sent of it the server passes over.
    void abort_rest() {
        fill(items_, link_.behind_a_failure());
        sent_ = answered_ = items_.size();
    }

    /// What is left of a statement that has ended.
    Result conclude(std::string_view tag) {
        if (!sink_ && !arena_) arena_ = std::make_shared<ResultArena>(bytes_per_result * (items_.size() - answered_));
        return collector_.conclude(tag, sink_, arena_);
    }
    template <class Outcome>
    void answer(Outcome&& outcome) {
        items_[answered_++]->outcome.emplace(std::forward<Outcome>(outcome));
        begin_answer();
    }
    /// Makes the collector ready for the next statement's rows.
    void begin_answer() {
        collector_.clear_rows();
        sink_ = nullptr;
        if (answered_ == items_.size()) return;
        const spi::Request& head = request(answered_);
        if (const auto* known = known_columns(head, fallback_.format_for(head))) begin_rows(*known);
    }
    void begin_rows(const std::shared_ptr<const ResultStorage>& columns) {
        sink_ = collector_.begin(columns, request(answered_).sink);
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
            link_.abandon();
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

    DirectLink& link_;
    RowCollector& collector_;
    const TextFallback& fallback_;
    const BatchItems items_;
    const spi::BatchSync sync_;
    spi::Wait wait_;
    RowSink* sink_ = nullptr;  ///< of the statement that is being answered, if it takes rows with its columns
    std::shared_ptr<ResultArena> arena_;  ///< of the results that have rows; null: there are none
    std::size_t sent_ = 0;
    std::size_t answered_ = 0;
    std::size_t readies_ = 0;     ///< Syncs that were answered
    bool synced_ = true;          ///< the last statement that was sent has its Sync, or none was sent
    bool any_refused_ = false;    ///< by the server
    std::optional<Woken> woken_;  ///< why the time is over
    bool given_up_ = false;       ///< what fails was sent in the place of the rest (B4)
    std::optional<Error> refusal_, loss_;
    std::unique_ptr<CancelRequest> cancel_;
    bool cancelled_ = false;
};

}  // namespace

bool run_pipelined(DirectLink& link, RowCollector& collector, const TextFallback& fallback, BatchItems items,
                   spi::BatchSync sync, const spi::Wait& wait) {
    bool any_refused = false;
    while (!items.empty()) {
        BatchRun batch(link, collector, fallback, items, sync, wait);
        items = batch.run();
        any_refused |= batch.any_refused();
    }
    return any_refused;
}

}  // namespace pg::libpq::direct
