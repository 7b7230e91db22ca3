// A client on a loop of the program's own: a few lines over poll(), and no thread but main.
#include <algorithm>
#include <deque>
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
    PollLoop() = default;
    PollLoop(const PollLoop&) = delete;
    PollLoop& operator=(const PollLoop&) = delete;
    ~PollLoop() override { ::close(wake_up_); }

    /// Waits for something to do, and does it.
    void step() {
        std::vector<pollfd> descriptors{{wake_up_, POLLIN, 0}};
        for (const auto& [descriptor, watched] : watched_) descriptors.push_back({descriptor, watched.events, 0});
        ::poll(descriptors.data(), descriptors.size(), timeout());
        std::uint64_t posts = 0;
        if (descriptors[0].revents != 0) static_cast<void>(::read(wake_up_, &posts, sizeof posts));
        for (std::size_t at = 1; at < descriptors.size(); ++at)
            watched_[descriptors[at].fd].is_ready = descriptors[at].revents != 0;
        // One by one: a job may forget a descriptor that is ready too, or watch it for another job.
        const auto is_ready = [](const auto& entry) { return entry.second.is_ready; };
        for (auto ready = watched_.begin();
             (ready = std::find_if(watched_.begin(), watched_.end(), is_ready)) != watched_.end();)
            watched_.extract(ready).mapped().job->run();
        if (alarm_ != nullptr && Clock::now() >= when_) std::exchange(alarm_, nullptr)->run();
        for (pg::spi::Job* job : take_posted()) job->run();
    }
    /// Nothing is left of what was made on it, once its client is gone.
    [[nodiscard]] bool is_idle() {
        const std::lock_guard lock(mutex_);
        return posted_.empty() && watched_.empty() && alarm_ == nullptr;
    }

private:
    struct Watched {
        short events = 0;
        pg::spi::Job* job = nullptr;
        bool is_ready = false;
    };

    void do_post(pg::spi::Job& job) noexcept override {
        const std::lock_guard lock(mutex_);
        posted_.push_back(&job);
        const std::uint64_t one = 1;
        static_cast<void>(::write(wake_up_, &one, sizeof one));
    }
    bool do_watch(int descriptor, short events, pg::spi::Job& job) noexcept override {
        return watched_.try_emplace(descriptor, Watched{events, &job}).second;
    }
    void do_forget(int descriptor) noexcept override { watched_.erase(descriptor); }
    void do_set_alarm(Clock::time_point when, pg::spi::Job& job) noexcept override {
        when_ = when;
        alarm_ = when == Clock::time_point::max() ? nullptr : &job;
    }
    bool do_here() const noexcept override { return std::this_thread::get_id() == thread_; }

    [[nodiscard]] std::deque<pg::spi::Job*> take_posted() {
        const std::lock_guard lock(mutex_);
        return std::exchange(posted_, {});
    }
    [[nodiscard]] int timeout() const {
        if (alarm_ == nullptr) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(when_ - Clock::now());
        return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }

    const std::thread::id thread_ = std::this_thread::get_id();
    const int wake_up_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::map<int, Watched> watched_;
    Clock::time_point when_;
    pg::spi::Job* alarm_ = nullptr;
    std::mutex mutex_;  // guards posted_
    std::deque<pg::spi::Job*> posted_;
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
