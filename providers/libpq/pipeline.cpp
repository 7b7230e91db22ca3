// Sending ahead of the answers in libpq's pipeline mode, for a feed that grows meanwhile.
#include "providers/libpq/pipeline.hpp"

#include <array>

#include "providers/libpq/conclude.hpp"
#include "providers/libpq/pipeline_run.hpp"

namespace pg::libpq {
namespace {

/// Bytes that libpq holds before answers are read instead of sending more.
constexpr std::size_t most_held_bytes = 64 * 1024;

/// See `PipelineRun`. Of a statement libpq gives its results and an end, and then the Sync; of one that is prepared
/// with its execution the result of that and an end before.
class LibpqPipeline final : public PipelineRun<LibpqPipeline, Link> {
public:
    LibpqPipeline(Link& link, TextFallback& fallback, ForgottenNames& forgotten, spi::RequestFeed& feed)
        : PipelineRun(link, fallback, feed), engine_(link.engine()), forgotten_(forgotten) {}

private:
    friend PipelineRun;

    [[nodiscard]] bool has_room() const noexcept { return engine_.held_bytes() < most_held_bytes; }
    [[nodiscard]] std::optional<Error> put(const spi::Request& request, Format format) {
        if (!is_on() && !engine_.enter_pipeline()) return link_.refused();
        deallocate_forgotten();
        if (!engine_.send(request, format) || !engine_.send_sync()) return link_.refused();
        return std::nullopt;
    }
    [[nodiscard]] bool is_on() const noexcept { return PQpipelineStatus(link_.connection()) != PQ_PIPELINE_OFF; }
    /// In front of a statement.
    void deallocate_forgotten() {
        if (forgotten_.empty() || link_.in_transaction()) return;
        for (std::string& name : forgotten_.take()) {
            const std::string sql = ForgottenNames::statement(name);
            if (!engine_.send({.sql = sql}, Format::text) || !engine_.send_sync()) return;  // the connection is lost
            deallocated_.push_back(std::move(name));
            push({nullptr, Format::text, nullptr});
        }
    }

    void begin_answer() {
        link_.about(head().request ? head().request->sql : std::string_view());
        preparation_.reset();
        result_.reset();
    }

    bool take_arrived(std::size_t left) {
        bool any = false;
        for (; size() > left && !loss_; any = true) {
            ResultHandle result;
            switch (engine_.next(result)) {
                case Step::result: take(std::move(result)); break;
                case Step::end: take_end(); break;
                case Step::broken: lose(); break;
                case Step::read:
                case Step::write: return any;
            }
        }
        return any;
    }
    void take(ResultHandle result) {
        ends_ = 0;
        switch (PQresultStatus(result.get())) {
            case PGRES_PIPELINE_SYNC:
                if (!answer_) return void(loss_ = link_.violated("ready, without an answer"));
                return end_answer(*std::exchange(answer_, std::nullopt));
            case PGRES_COPY_IN:
            case PGRES_COPY_OUT:
            case PGRES_COPY_BOTH:
                loss_ = link_.error({.kind = ErrorKind::usage,
                                     .outcome = Outcome::unknown,
                                     .connection_usable = false,
                                     .message = std::string(copies_elsewhere) + "; the connection is closed"});
                return link_.abandon();
            default:
                // Behind its command tag a statement still fails when its transaction ends.
                if (answer_)
                    take_end_behind(link_.failed(result.get()));
                else if (!result_ || says_more(result_.get(), result.get()))
                    result_ = std::move(result);
        }
    }
    /// What was told of the statement before, if it failed, holds for it.
    void take_end_behind(Error&& error) {
        if (*answer_ || link_.connected()) return answer(std::move(error));
        loss_ = std::move(error);
    }
    void answer(Expected<Result>&& answer) {
        answer_ = std::move(answer);
        if (!link_.connected()) loss_ = answer_->error();
    }

    /// The statement at the head has all its results, or it is prepared.
    void take_end() {
        if (!result_) {
            if (++ends_ == 2) lose();
            return;
        }
        const spi::Request* const request = head().request;
        if (request && request->prepare != nullptr && !preparation_)
            preparation_ = std::move(result_);
        else {
            answer(request ? conclude(link_, *request, std::move(preparation_), std::move(result_), {})
                           : conclude(link_, std::move(result_), {}));
            if (*answer_) link_.note_tag();
        }
    }

    [[nodiscard]] Woken wait_beside(pollfd other, const spi::Wait& wait) {
        std::array<pollfd, 2> descriptors{pollfd{.fd = engine_.socket(), .events = POLLIN, .revents = 0}, other};
        if (engine_.holds_bytes() && !engine_.flush()) descriptors[0].events |= POLLOUT;
        const Woken woken = wait_for(std::span(descriptors).first(other.fd < 0 ? 1 : 2), wait);
        if ((descriptors[0].revents & ~POLLOUT) != 0 && !engine_.receive()) lose();
        return woken;
    }
    /// What was said of the statement at the head holds for it, and for the others if it ended the session.
    void lose() {
        loss_ = link_.lost();
        if (!result_ || PQresultStatus(result_.get()) != PGRES_FATAL_ERROR) return;
        answer_ = link_.failed(result_.get());
        if (answer_->error().severity() != "ERROR") loss_ = answer_->error();
    }
    [[nodiscard]] bool is_lost() const noexcept { return loss_.has_value(); }
    [[nodiscard]] Error loss() { return *std::exchange(loss_, std::nullopt); }
    void end_own(const Expected<Result>& answer) {
        forgotten_.told(deallocated_.front(), answer);
        deallocated_.erase(deallocated_.begin());
    }
    void end_run() {
        if (is_on() && PQexitPipelineMode(link_.connection()) == 0) link_.close();
    }

    Engine& engine_;
    ForgottenNames& forgotten_;
    std::vector<std::string> deallocated_;  // the names in flight
    int ends_ = 0;                          // in a row, without a result between them
    ResultHandle preparation_, result_;     // what the first in flight has answered so far
    std::optional<Error> loss_;
};

}  // namespace

void run_pipeline(Link& link, TextFallback& fallback, ForgottenNames& forgotten, spi::RequestFeed& feed) {
    LibpqPipeline(link, fallback, forgotten, feed).run();
}

}  // namespace pg::libpq
