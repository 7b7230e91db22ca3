// PipelineRun: statements of several callers in flight at once, each with a Sync of its own, whatever the engine.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>

#include "pg/spi/session.hpp"
#include "providers/libpq/cancel.hpp"
#include "providers/libpq/error.hpp"
#include "providers/libpq/refusal.hpp"
#include "providers/libpq/text_fallback.hpp"
#include "providers/libpq/wait.hpp"

namespace pg::libpq {

/// One run of a pipeline: what is in flight, and who hears what of it. `Self` derives from it and speaks with the
/// server:
///
///     has_room()                  for one more: few bytes wait to be sent
///     put(request, format)        writes it with its Sync; or why not
///     begin_answer()              the first in flight is another one from now on, and `answer_` is empty
///     take_arrived(left)          takes answers while more than `left` are in flight; false: none had arrived
///     wait_beside(pollfd, wait)   for the server or that descriptor, and takes in what the server sent
///     is_lost(), loss()           the connection broke meanwhile, and how
///     end_own(answer)             what became of one that it pushed itself, without a request
///     end_run()                   nothing is in flight, and the connection is there
///
/// (P1) Answers come in the order of the requests: the first in flight is the one that is being answered.
/// (P2) An answer is given when its own ReadyForQuery has come: until then the statement may still fail, at its commit.
///      One that has failed by then stays so, whatever becomes of the connection.
/// (P3) Answers are read whenever there are any, so neither side ever waits for the other to read.
/// (P4) Nothing is cancelled on the server while somebody wants the answer of anything in flight.
template <class Self, class Link>
class PipelineRun {
public:
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
        if (link_.connected()) self().end_run();
    }

protected:
    struct InFlight {
        const spi::Request* request;  // null: it is ours, and nobody asks what became of it
        Format format;
        std::unique_ptr<const Error> refused;  // nothing of it was sent, and this is why; null: it was
    };

    ~PipelineRun() = default;

    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] const InFlight& head() const { return in_flight_.front(); }
    void push(InFlight&& one) {
        in_flight_.push_back(std::move(one));
        if (++count_ == 1) begin_head();
    }
    void end_answer(Expected<Result>&& answer) {
        if (giving_up_ && !answer) answer = as_given_up(answer.error());
        tell(pop(), std::move(answer));
        while (!in_flight_.empty() && in_flight_.front().refused) {
            const InFlight refused = pop();
            tell(refused, *refused.refused);  // what comes next is not for it (P1)
        }
        if (!in_flight_.empty()) begin_head();
    }
    /// Nobody knows what became of those in flight, but for the first, where the server had said that it failed.
    void lose(const Error& error) {
        if (!has_report()) return end_all(error, error);
        const Error report = as_of_closed(answer_->error());
        end_all(giving_up_ ? as_given_up(report) : report, error);
    }

    Link& link_;
    std::optional<Expected<Result>> answer_;  // of the first in flight, until its ReadyForQuery

private:
    friend Self;
    PipelineRun(Link& link, TextFallback& fallback, spi::RequestFeed& feed)
        : link_(link), fallback_(fallback), feed_(feed) {}

    /// Statements that wait for their answer.
    static constexpr std::size_t most_in_flight = 100;

    Self& self() noexcept { return static_cast<Self&>(*this); }

    void begin_head() {
        answer_.reset();
        self().begin_answer();
    }
    [[nodiscard]] bool has_report() const noexcept { return answer_ && !*answer_; }
    /// What became of one that was being cancelled.
    Error as_given_up(const Error& error) const {
        return error.kind() == ErrorKind::cancelled ? link_.ended_early(*giving_up_, error.outcome()) : error;
    }

    void send_ahead() {
        while (count_ < most_in_flight && self().has_room()) {
            const spi::Request* request = feed_.next();
            if (request == nullptr) return;
            send(*request);
        }
    }
    void send(const spi::Request& request) {
        const Format format = fallback_.format_for(request);
        std::optional<Error> refused = refuse(request);
        if (!refused) refused = self().put(request, format);
        if (refused) refused = error_about(request.sql, refused->fields());  // the exchange is about the head
        push({&request, format, refused ? std::make_unique<const Error>(*std::move(refused)) : nullptr});
    }
    std::optional<Error> refuse(const spi::Request& request) {
        if (!begun_)
            if (auto error = link_.begin(request.sql, {})) return error;
        begun_ = true;
        return refusal(link_, request);
    }
    InFlight pop() {
        InFlight first = std::move(in_flight_.front());
        in_flight_.pop_front();
        if (--count_ == 0) begun_ = false;
        return first;
    }
    void tell(const InFlight& one, Expected<Result>&& answer) {
        if (one.request)
            feed_.answer(std::move(answer));
        else
            self().end_own(answer);
    }

    /// Gives those at the head their answers that were not sent (P1).
    void answer_refused() {
        if (!in_flight_.empty() && in_flight_.front().refused) end_answer(*in_flight_.front().refused);
    }

    /// Takes all answers that have arrived, or waits for some.
    void receive() {
        const bool any = self().take_arrived(0);
        if (!any && !self().is_lost()) static_cast<void>(self().wait_beside(nothing_else, {.nudged = true}));
        if (self().is_lost()) lose(self().loss());
    }

    /// Cancels one after the other (P4): a request to cancel ends one statement, and the server would run those behind.
    void give_up(const spi::Wait& wait) {
        const Woken woken = look(wait);
        const Deadline until = recovery_deadline(woken, wait);  // `wait` may go with the first answer
        giving_up_ = woken;
        while (count_ > 1 && cancel_head(until)) answer_refused();
        if (in_flight_.empty()) return giving_up_.reset();
        Outcome outcome = link_.recover(until);
        if (count_ != 1) outcome = Outcome::unknown;
        // What was said of the first before is not said again.
        if (answer_ && outcome == Outcome::unknown)
            outcome = has_report() ? answer_->error().outcome() : link_.connected() ? Outcome::applied : outcome;
        const Error first = link_.ended_early(woken, outcome);
        giving_up_.reset();
        link_.about({});
        end_all(first, link_.ended_early(woken, Outcome::unknown));
    }
    /// False when there was no time for it, or the connection is lost. It may hit the one behind, and no other: it is
    /// answered before the next, and before the session is anybody else's.
    bool cancel_head(const Deadline& until) {
        const auto cancel = start_cancel(link_.connection());
        const std::size_t before = count_;
        for (;;) {
            if (self().is_lost()) return lose(self().loss()), false;  // and nothing left to cancel
            const bool answered = !cancel || cancel->advance();
            if (count_ == before) static_cast<void>(self().take_arrived(before - 1));
            if (self().is_lost()) return lose(self().loss()), false;
            if (!link_.connected()) return false;
            if (count_ != before && answered) return true;
            pollfd other = cancel ? cancel->waits_for() : nothing_else;
            const Woken woken = in_flight_.empty() ? wait_for(std::span(&other, 1), {.deadline = until})
                                                   : self().wait_beside(other, {.deadline = until});
            if (woken == Woken::ready) continue;
            if (count_ == before) return false;
            link_.abandon();  // the request may come yet, and would hit what is run next
            lose(link_.ended_early(*giving_up_, Outcome::unknown));
            return false;
        }
    }
    void end_all(const Error& first, const Error& others) {
        for (bool is_first = true; !in_flight_.empty(); is_first = false) {
            const InFlight one = pop();
            const std::string_view sql = one.request ? one.request->sql : std::string_view();
            tell(one, one.refused ? *one.refused : error_about(sql, (is_first ? first : others).fields()));
        }
    }

    TextFallback& fallback_;
    spi::RequestFeed& feed_;
    std::deque<InFlight> in_flight_;
    std::size_t count_ = 0;           // of those; a deque would have to reckon it
    bool begun_ = false;              // the exchange that those in flight are
    std::optional<Woken> giving_up_;  // why those in flight are being cancelled
};

}  // namespace pg::libpq
