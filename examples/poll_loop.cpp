// A client on a loop of the program's own: a few lines over poll(), and no thread but main.
#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <pg/async.hpp>
#include <pg/spi/event_loop.hpp>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

#include "example.hpp"

namespace {

// [loop]
class PollLoop final : public pg::spi::EventLoop {
public:
    ~PollLoop() override { ::close(wake_up_); }
    /// Waits for something to do, and does it: what was posted, one that is ready, and the alarm when it is due.
    void step() {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(when_ - Clock::now()).count();
        ::poll(polled_.data(), polled_.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
        eventfd_t posts = 0;
        ::eventfd_read(wake_up_, &posts);
        for (pg::spi::Job* job : take_posted()) job->run();
        const auto is_ready = [](const pollfd& one) { return one.revents != 0; };
        if (auto one = std::find_if(polled_.begin() + 1, polled_.end(), is_ready); one != polled_.end()) {
            pg::spi::Job* const job = jobs_[one->fd];
            polled_.erase(one);  // what is watched again stands behind the others
            job->run();
        }
        if (Clock::now() >= when_) std::exchange(when_, never), alarm_->run();
    }
    /// Nothing is left of what was made on it, once its client is gone.
    [[nodiscard]] bool is_idle() { return polled_.size() == 1 && when_ == never && ::poll(polled_.data(), 1, 0) == 0; }

private:
    bool do_watch(int descriptor, short events, pg::spi::Job& job) noexcept override {
        polled_.push_back({descriptor, events, 0});
        jobs_[descriptor] = &job;
        return true;
    }
    void do_forget(int descriptor) noexcept override {
        std::erase_if(polled_, [&](const pollfd& one) { return one.fd == descriptor; });
    }
    void do_set_alarm(Clock::time_point when, pg::spi::Job& job) noexcept override { when_ = when, alarm_ = &job; }
    bool do_here() const noexcept override { return std::this_thread::get_id() == thread_; }
    void do_post(pg::spi::Job& job) noexcept override {
        const std::lock_guard lock(mutex_);
        posted_.push_back(&job);
        ::eventfd_write(wake_up_, 1);
    }
    std::vector<pg::spi::Job*> take_posted() {
        const std::lock_guard lock(mutex_);
        return std::exchange(posted_, {});
    }

    static constexpr Clock::time_point never = Clock::time_point::max();
    const std::thread::id thread_ = std::this_thread::get_id();
    const int wake_up_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::vector<pollfd> polled_{{wake_up_, POLLIN, 0}};
    std::map<int, pg::spi::Job*> jobs_;
    Clock::time_point when_ = never;
    pg::spi::Job* alarm_ = nullptr;
    std::mutex mutex_;  // guards posted_
    std::vector<pg::spi::Job*> posted_;
};
// [loop]

// [query]
pg::Task<int> sum_of_squares(pg::AsyncClient db, int most) {
    std::vector<pg::Async<int>> squares;
    for (int number = 1; number <= most; ++number)
        squares.push_back(db.query_one<int>("select $1::int * $1::int", number));
    int sum = 0;
    for (const int square : co_await pg::when_all(std::move(squares))) sum += square;
    co_return sum;
}
// [query]

/// A coroutine that starts at once and that nobody waits for: the loop runs it.
struct Program {
    struct promise_type {
        Program get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
};

Program program(pg::AsyncClient db, std::optional<int>& sum) { sum = co_await sum_of_squares(db, 100); }

pg::Task<pg::ErrorKind> sleep_too_long(pg::AsyncClient db) {
    const pg::AsyncExecutor hurried = db.with({.timeout = std::chrono::milliseconds(50)});
    const auto late = co_await hurried.try_exec("select pg_sleep(10)");
    co_return late ? pg::ErrorKind::usage : late.error().kind();
}

Program wait_for_alarm(pg::AsyncClient db, std::optional<pg::ErrorKind>& kind) { kind = co_await sleep_too_long(db); }

}  // namespace

int main(int argc, char** argv) {
    const std::string conninfo = example::conninfo(argc, argv);
    PollLoop loop;
    std::optional<int> sum;
    std::optional<pg::ErrorKind> kind;
    {
        // [client]
        pg::Client client = pg::open(conninfo, {.provider = "async", .pool_max_size = 4, .event_loop = &loop});
        program(client.async(), sum);
        while (!sum) loop.step();
        // [client]
        wait_for_alarm(client.async(), kind);
        while (!kind) loop.step();
    }
    while (!loop.is_idle()) loop.step();  // the client's sessions close
    example::check(*sum == 338350, "the sum");
    example::check(*kind == pg::ErrorKind::timeout, "a deadline");
}
