// Batches: sending ahead of the answers, never further than the answers can be read.
#include "providers/libpq/batch.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "pg/sqlstate.hpp"
#include "providers/libpq/cancel.hpp"
#include "providers/libpq/conclude.hpp"
#include "providers/libpq/refusal.hpp"

namespace pg::libpq {
namespace {

/// Statements in flight, and bytes of them that libpq holds, before answers must be read.
constexpr std::size_t most_in_flight = 128;
constexpr std::size_t most_held_bytes = 64 * 1024;

/// One batch under way.
///
/// (B1) Answers come in the order of the statements: the first `answered_` of them have an outcome.
/// (B2) Whenever the socket takes no more bytes, or `most_in_flight` is reached, answers are read; what has not been
///      answered for want of a Sync is asked for with a flush request. So neither side ever waits for the other to
///      read.
/// (B3) With `BatchSync::once` an outcome is provisional until the Sync is answered: the transaction may still fail.
///      With `BatchSync::each` that of a statement is until its own is.
/// (B4) With `BatchSync::once` nothing is committed without the rest: when the time is over before all was sent, or the
///      rest cannot be, what cannot but fail is sent ahead of the Sync.
class BatchRun {
public:
    BatchRun(Link& link, const TextFallback& fallback, BatchItems items, spi::BatchSync sync, const spi::Wait& wait)
        : link_(link), engine_(link.engine()), fallback_(fallback), items_(items), sync_(sync), wait_(wait) {}

    /// What is left to be run: what stands behind one that was refused, where they fail alone.
    [[nodiscard]] BatchItems run() {
        if (auto error = link_.begin(request(0).sql, wait_)) return fill(items_, *error), BatchItems();
        if (sync_ == spi::BatchSync::once)  // they go together or not at all
            if (auto error = refusal_of_any(link_, items_)) return keep_back(items_, *error), BatchItems();
        if (!engine_.enter_pipeline()) return fill(items_, link_.refused()), BatchItems();
        for (;;) {
            if (!send_ahead()) return fill_lost(), BatchItems();
            if (is_over()) break;
            if (!step()) return fill_lost(), BatchItems();
        }
        if (PQexitPipelineMode(link_.connection()) == 0) link_.close();
        if (answered_ == items_.size()) return {};
        if (!refusal_) return fill(items_, unsent_error()), BatchItems();
        if (sync_ == spi::BatchSync::once) return keep_back(items_, *refusal_), BatchItems();
        fill(items_.subspan(answered_, 1), *refusal_);
        return items_.subspan(answered_ + 1);
    }

private:
    [[nodiscard]] const spi::Request& request(std::size_t at) const { return items_[at]->request; }
    [[nodiscard]] bool sends() const { return !woken_ && !refusal_ && sent_ < items_.size(); }
    [[nodiscard]] bool is_over() const {
        return !sends() && answered_ == sent_ && synced_ && !engine_.awaits_sync() && (!cancel_ || cancelled_);
    }

    /// Syncs that may be answered: all before them was.
    [[nodiscard]] std::size_t awaited_syncs() const {
        if (sync_ == spi::BatchSync::each) return answered_;
        return synced_ && answered_ == sent_ ? 1 : 0;
    }

    /// Sends what may be sent now. False when the connection is gone.
    bool send_ahead() {
        // A statement that is sent between the report of another one and its end would have libpq lose that end.
        if (head_) return link_.connection() != nullptr;
        if (sends() && sent_ - answered_ <= most_in_flight / 2) {
            while (sends() && sent_ - answered_ < most_in_flight && engine_.held_bytes() < most_held_bytes) send_one();
            const bool more = sends();
            if (more && sync_ == spi::BatchSync::once) static_cast<void>(engine_.send_flush_request());
        }
        if (!sends() && !synced_) {
            if (sync_ == spi::BatchSync::once && sent_ < items_.size() && !given_up_)
                given_up_ = engine_.send({.sql = {}, .statement = no_statement}, Format::binary);
            // Without that the Sync would commit a part.
            if (sync_ == spi::BatchSync::each || sent_ == items_.size() || given_up_) synced_ = engine_.send_sync();
        }
        return link_.connection() != nullptr && (sends() || synced_ || lose());
    }

    void send_one() {
        const spi::Request& next = request(sent_);
        if (sync_ == spi::BatchSync::each && (refusal_ = refusal(link_, next))) return;
        if (!engine_.send(next, fallback_.format_for(next))) {
            if (engine_.broken())
                lose();
            else
                link_.about(next.sql);
            refusal_ = loss_ ? *loss_ : link_.refused();
            return;
        }
        ++sent_;
        synced_ = sync_ == spi::BatchSync::each && engine_.send_sync();
    }

    /// Takes one answer, or waits for one. False when the connection is gone.
    bool step() {
        // With its end the batch may be over, and then there is nothing left to wait for.
        if (cancel_ && !std::exchange(cancelled_, cancel_->advance()) && cancelled_) return true;
        const bool expects = answered_ < sent_ || engine_.awaits_sync();
        if (!expects && sends()) {
            // Everything was answered before libpq could flush all: what it holds must not keep the rest back.
            if (!engine_.flush()) return wait_ready(Step::write);
            return true;
        }
        if (!expects) return wait_ready(Step::end);
        ResultHandle result;
        switch (const Step step = engine_.next(result)) {
            case Step::result: return take(std::move(result));
            case Step::end: return take_end();
            case Step::broken: return lose();
            case Step::read:
            case Step::write: return wait_ready(step);
        }
        return false;
    }

    bool take(ResultHandle result) {
        const ExecStatusType status = PQresultStatus(result.get());
        ends_ = 0;
        if (status == PGRES_PIPELINE_SYNC) {
            if (readies_ >= awaited_syncs()) return lose(link_.violated("ready, without an answer"));
            link_.note_end(request(readies_).sql, items_[readies_]->failed());
            ++readies_;
            return true;
        }
        if (is_copy(status)) {
            link_.abandon();
            return lose(
                link_.error({.kind = ErrorKind::usage,
                             .outcome = Outcome::unknown,
                             .connection_usable = false,
                             .message = "a batch cannot COPY: use copy_in or copy_out; the connection is closed"}));
        }
        // Behind its command tag a statement still fails when its transaction ends: at its own Sync, or at that of all.
        const bool each = sync_ == spi::BatchSync::each;
        if (given_up_ && answered_ == sent_) return take_end_of_all(status, result);
        if (each ? answered_ > readies_ : answered_ == sent_) {
            const std::size_t failing = each ? readies_ : answered_ - 1;
            note_those_before();
            link_.about(request(failing).sql);
            link_.note_tag();
            const Error error = link_.failed(result.get());
            for (std::size_t i = each ? failing : 0; i <= failing; ++i)
                if (!items_[i]->failed()) items_[i]->outcome.emplace(error_about(request(i).sql, error.fields()));
            return link_.connection() != nullptr || lose(error);
        }
        if (!head_ || says_more(head_.get(), result.get())) {
            head_ = std::move(result);
            reports_ = status == PGRES_FATAL_ERROR;
        }
        return true;
    }

    /// What was sent in the place of the rest has failed (B4), unless something had before.
    bool take_end_of_all(ExecStatusType status, const ResultHandle& result) {
        if (status == PGRES_PIPELINE_ABORTED) return true;
        note_those_before();
        Error error = link_.failed(result.get());
        if (link_.connection() == nullptr) return lose(error);
        if (refusal_) error = refusal_of_all(error.outcome());
        if (woken_) error = link_.ended_early(*woken_, Outcome::not_applied);
        for (spi::BatchItem* item : items_)
            item->outcome.emplace(woken_ ? error_about(item->request.sql, error.fields()) : error);
        return true;
    }

    /// Why nothing of them is committed, unless one of them may have done that itself: `told` says so.
    [[nodiscard]] Error refusal_of_all(Outcome told) const {
        ErrorFields fields = refusal_->fields();
        if (told == Outcome::unknown) fields.outcome = told;
        return Error(std::move(fields));
    }

    static bool is_report(const ResultHandle& result) {
        return result && PQresultStatus(result.get()) == PGRES_FATAL_ERROR;
    }

    /// Those of the same transaction that went well before one fails.
    void note_those_before() {
        if (sync_ != spi::BatchSync::once) return;
        for (std::size_t i = 0; i < answered_; ++i) link_.note_run(request(i).sql);
    }

    /// The statement at the head has all its results.
    bool take_end() {
        if (!head_) return ++ends_ < 2 || lose();
        spi::BatchItem& item = *items_[answered_];
        link_.about(item.request.sql);
        if (item.request.prepare != nullptr && !preparation_) {
            preparation_ = std::move(head_);
            return true;
        }
        if (reports_ || is_report(preparation_)) note_those_before();
        item.outcome.emplace(conclude(link_, item.request, std::move(preparation_), std::move(head_), wait_));
        ++answered_;
        if (woken_ && item.failed() && item.outcome->error().sqlstate() == sqlstate::query_canceled)
            item.outcome.emplace(link_.ended_early(*woken_, Outcome::not_applied));
        return link_.connection() != nullptr || lose(item.outcome->error());
    }

    /// Waits for the socket, and for a cancel request when there is one.
    bool wait_ready(Step step) {
        std::array<pollfd, 2> descriptors{};
        const short events = step == Step::write ? POLLIN | POLLOUT : POLLIN;
        descriptors[0] = {.fd = step == Step::end ? -1 : engine_.socket(), .events = events, .revents = 0};
        descriptors[1] = cancel_ ? cancel_->waits_for() : pollfd{.fd = -1, .events = 0, .revents = 0};
        const Woken woken = wait_for(descriptors, wait_);
        if (woken != Woken::ready) return expire(woken);
        return (descriptors[0].revents & ~POLLOUT) == 0 || engine_.receive() || lose();
    }

    /// The time is over: nothing more is sent, the server is asked to give up what it is at, and what it still answers
    /// within the budget counts. Over a second time, the connection goes.
    bool expire(Woken woken) {
        if (woken_) {
            link_.abandon();
            link_.about({});
            return lose(link_.ended_early(*woken_, Outcome::unknown));
        }
        woken_ = woken;
        wait_ = {.deadline = recovery_deadline(woken, wait_), .stop = nullptr};
        cancel_ = start_cancel(link_.connection());
        return true;
    }

    /// What the server may have said is about the statement at the head, or about the end of the one before it.
    bool lose() {
        note_those_before();
        const bool tagged = sync_ == spi::BatchSync::each ? answered_ > readies_ : answered_ == items_.size();
        link_.about(request(tagged ? answered_ - 1 : std::min(answered_, items_.size() - 1)).sql);
        if (tagged) link_.note_tag();
        const Error loss = link_.lost();
        if (!is_report(head_)) return lose(loss);
        const Error told = link_.failed(head_.get());
        items_[answered_]->outcome.emplace(told);
        return lose(told.severity() == "ERROR" ? loss : told);
    }
    bool lose(const Error& error) {
        loss_ = error;
        return false;
    }

    Error unsent_error() {
        if (woken_) return link_.ended_early(*woken_, Outcome::not_sent);
        return link_.error({.kind = ErrorKind::connection_lost, .connection_usable = false, .message = "not sent"});
    }

    /// Those are sure whose transactions have ended (B3).
    void fill_lost() {
        const std::size_t sure = sync_ == spi::BatchSync::each ? readies_ : readies_ != 0 ? sent_ : 0;
        fill_after_loss(items_, sure, sent_, loss_ ? *loss_ : link_.lost());
    }

    Link& link_;
    Engine& engine_;
    const TextFallback& fallback_;
    const BatchItems items_;
    const spi::BatchSync sync_;
    spi::Wait wait_;
    // What the statement at the head has answered so far, and what its preparation has. @{
    ResultHandle head_, preparation_;  /// @}
    bool reports_ = false;             ///< `head_` is a report
    std::size_t sent_ = 0;
    std::size_t answered_ = 0;
    std::size_t readies_ = 0;     ///< Syncs that were answered
    int ends_ = 0;                ///< in a row, without a result between them
    bool synced_ = true;          ///< the last statement that was sent has its Sync, or none was sent
    std::optional<Woken> woken_;  ///< why the time is over
    bool given_up_ = false;       ///< what fails was sent in the place of the rest (B4)
    std::optional<Error> refusal_, loss_;
    std::unique_ptr<CancelRequest> cancel_;
    bool cancelled_ = false;
};

}  // namespace

void run_pipelined(Link& link, const TextFallback& fallback, BatchItems items, spi::BatchSync sync,
                   const spi::Wait& wait) {
    while (!items.empty()) items = BatchRun(link, fallback, items, sync, wait).run();
}

}  // namespace pg::libpq
