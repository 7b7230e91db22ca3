// Cancel requests, by what the loaded libpq can do.
#include "providers/libpq/cancel.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>

#include "providers/libpq/newer.hpp"
#include "providers/libpq/pooled_session.hpp"
#include "providers/libpq/system_calls.hpp"
#include "providers/libpq/workers.hpp"

namespace pg::libpq {
namespace {

/// PQcancelStart and PQcancelPoll: a connection of its own that never blocks.
class PolledCancel final : public CancelRequest {
public:
    explicit PolledCancel(CancelConnection* connection) noexcept : connection_(connection) {
        if (newer_functions().cancel_start(connection_) == 0) state_ = PGRES_POLLING_FAILED;
    }
    PolledCancel(const PolledCancel&) = delete;
    PolledCancel& operator=(const PolledCancel&) = delete;
    ~PolledCancel() override { newer_functions().cancel_finish(connection_); }

    bool advance() noexcept override {
        // libpq sends on a socket that is not connected yet, and waits for it.
        pollfd one = waits_for();
        if (!is_over() && (one.fd < 0 || poll_for(&one, 1, 0) != 0))
            state_ = newer_functions().cancel_poll(connection_);
        return is_over();
    }
    pollfd waits_for() const noexcept override {
        const short events = state_ == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        return {.fd = is_over() ? -1 : newer_functions().cancel_socket(connection_), .events = events, .revents = 0};
    }

private:
    [[nodiscard]] bool is_over() const noexcept { return state_ == PGRES_POLLING_FAILED || state_ == PGRES_POLLING_OK; }

    CancelConnection* connection_;
    PostgresPollingStatusType state_ = PGRES_POLLING_WRITING;
};

struct FreeCancel {
    void operator()(PGcancel* cancel) const noexcept { PQfreeCancel(cancel); }
};

/// Requests to one server follow each other: one that stands still holds up one thread, so that this many may before
/// others are held up too.
constexpr std::size_t most_threads = 4;
constexpr std::size_t most_waiting = 64;

/// PQcancel, which blocks.
class CancelJob final : public Job {
public:
    CancelJob(PGcancel* cancel, std::string server, int times)
        : Job(std::move(server)), cancel_(cancel), times_(times) {}

private:
    void run() noexcept override {
        char words[256];
        // When it fails the statement goes on, and whoever waits for its end gives up in time.
        for (int time = 0; time < times_; ++time) PQcancel(cancel_.get(), words, sizeof words);
    }

    const std::unique_ptr<PGcancel, FreeCancel> cancel_;
    const int times_;
};

/// How often a server is asked whose connection is closed, where nobody sees whether it went on.
constexpr int last_times = 2;

/// The requests of libpq 17 that nobody waits for. They connect when their turn has come.
class PolledCancelJob final : public Job {
public:
    PolledCancelJob(PGconn* connection, std::string server) : Job(std::move(server)) {
        for (CancelConnection*& one : connections_) one = newer_functions().cancel_create(connection);
    }
    PolledCancelJob(const PolledCancelJob&) = delete;
    PolledCancelJob& operator=(const PolledCancelJob&) = delete;
    ~PolledCancelJob() override {
        for (CancelConnection* one : connections_) newer_functions().cancel_finish(one);
    }

private:
    void run() noexcept override {
        const Deadline until = Deadline::after(cancel_budget);
        for (CancelConnection*& one : connections_) {
            if (one == nullptr) continue;
            PolledCancel cancel(std::exchange(one, nullptr));
            for (Woken woken = Woken::ready; woken == Woken::ready && !cancel.advance();) {
                pollfd socket = cancel.waits_for();
                woken = wait_for(std::span(&socket, 1), {.deadline = until});
            }
        }
    }

    std::array<CancelConnection*, last_times> connections_{};
};

class WorkerCancel final : public CancelRequest {
public:
    explicit WorkerCancel(std::shared_ptr<CancelJob> job) noexcept : job_(std::move(job)) {}
    bool advance() noexcept override { return job_->done(); }
    // The signal stays raised, so a job that ended since `advance` looked is not missed.
    pollfd waits_for() const noexcept override { return {.fd = job_->descriptor(), .events = POLLIN, .revents = 0}; }

private:
    std::shared_ptr<CancelJob> job_;
};

/// As `EndAtExit`, when all have been made or the second is over.
struct FinishAtExit {
    ProcessWorkers& what;
    ~FinishAtExit() {
        const Deadline until = Deadline::after(std::chrono::seconds(1));
        what.finish(until);
        what.end(until);
    }
};

ProcessWorkers& process_workers() {
    static auto* const one = new ProcessWorkers(most_threads, most_waiting);
    static const FinishAtExit at_exit{*one};
    return *one;
}

std::string lane_of(PGconn* connection) { return std::string(PQhost(connection)) + ':' + PQport(connection); }

std::shared_ptr<CancelJob> make_job(PGconn* connection, int times) {
    PGcancel* cancel = PQgetCancel(connection);
    return cancel != nullptr ? std::make_shared<CancelJob>(cancel, lane_of(connection), times) : nullptr;
}

std::unique_ptr<CancelRequest> start_on_worker(PGconn* connection) {
    std::shared_ptr<CancelJob> job = make_job(connection, 1);
    if (!job || !process_workers().submit(job)) return nullptr;
    return std::make_unique<WorkerCancel>(std::move(job));
}

std::unique_ptr<CancelRequest> start_one(PGconn* connection) {
    if (!newer_functions().can_cancel()) return start_on_worker(connection);
    CancelConnection* cancel = newer_functions().cancel_create(connection);
    return cancel != nullptr ? std::make_unique<PolledCancel>(cancel) : nullptr;
}

/// One request after the other, with pauses.
class RepeatedCancel final : public CancelRequest {
public:
    RepeatedCancel(PGconn* connection, std::unique_ptr<CancelRequest> first) noexcept
        : connection_(connection),
          current_(std::move(first)),
          timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {}
    RepeatedCancel(const RepeatedCancel&) = delete;
    RepeatedCancel& operator=(const RepeatedCancel&) = delete;
    ~RepeatedCancel() override {
        if (timer_ >= 0) ::close(timer_);
    }

    bool advance() noexcept override {
        if (!current_ && pause_is_over()) current_ = start_one(connection_);
        if (!current_) return true;
        if (!current_->advance()) return false;
        current_.reset();
        begin_pause();
        return true;
    }
    pollfd waits_for() const noexcept override {
        return current_ ? current_->waits_for() : pollfd{.fd = timer_, .events = POLLIN, .revents = 0};
    }

private:
    void begin_pause() const noexcept {
        constexpr auto nanoseconds = std::chrono::nanoseconds(cancel_pause).count();
        const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = nanoseconds}};
        ::timerfd_settime(timer_, 0, &when, nullptr);  // without a timer nothing is asked again
    }
    [[nodiscard]] bool pause_is_over() const noexcept {
        std::uint64_t times = 0;
        return ::read(timer_, &times, sizeof times) == sizeof times;
    }

    PGconn* const connection_;
    std::unique_ptr<CancelRequest> current_;  // null during a pause
    const int timer_;
};

std::shared_ptr<Job> make_last_job(PGconn* connection) {
    if (!newer_functions().can_cancel()) return make_job(connection, last_times);
    return std::make_shared<PolledCancelJob>(connection, lane_of(connection));
}

}  // namespace

std::unique_ptr<CancelRequest> start_cancel(PGconn* connection) noexcept {
    auto first = start_one(connection);
    if (!first) return nullptr;
    tell_of_cancel(connection);
    return std::make_unique<RepeatedCancel>(connection, std::move(first));
}

LastCancel::LastCancel(PGconn* connection) noexcept : job_(make_last_job(connection)) {
    const sockaddr nobody{.sa_family = AF_UNSPEC, .sa_data = {}};
    const int socket = PQsocket(connection);
    if (::connect(socket, &nobody, sizeof nobody) != 0)  // a reset, by TCP
        ::shutdown(socket, SHUT_RDWR);
}

void LastCancel::start() noexcept {
    if (job_) static_cast<void>(process_workers().submit(std::move(job_)));
}

}  // namespace pg::libpq
