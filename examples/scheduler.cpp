// Awaited calls that go on on a loop of the program, whose sessions live on threads of the library.
#include <asio/awaitable.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <pg/async.hpp>
#include <pg/integrations/asio.hpp>
#include <thread>

#include "example.hpp"

namespace {

// [scheduler]
/// Runs what it is given on the thread that calls `step`: that of a user interface, of a game, of main.
class MainThread final : public pg::spi::Scheduler {
public:
    void step() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !jobs_.empty(); });
        pg::spi::Job* const job = jobs_.front();
        jobs_.pop_front();
        lock.unlock();
        job->run();
    }

private:
    void do_post(pg::spi::Job& job) noexcept override {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(&job);
        changed_.notify_one();
    }
    std::mutex mutex_;  // guards jobs_
    std::condition_variable changed_;
    std::deque<pg::spi::Job*> jobs_;
};
// [scheduler]

/// A coroutine that starts at once and that nobody waits for.
struct Program {
    struct promise_type {
        Program get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const { throw; }
    };
};

Program count_on_main_thread(pg::AsyncClient db, bool& is_over) {
    const std::thread::id main = std::this_thread::get_id();
    for (int number = 1; number <= 10; ++number) {
        const int answer = co_await db.query_one<int>("select $1::int", number);
        example::check(answer == number, "the answer");
        example::check(std::this_thread::get_id() == main, "the thread");
    }
    is_over = true;
}

pg::Task<int> add_up(pg::AsyncClient db, int& sum) {
    for (int number = 1; number <= 10; ++number) sum += co_await db.query_one<int>("select $1::int", number);
    co_return sum;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string conninfo = example::conninfo(argc, argv);
    const pg::Client client = pg::connect(conninfo + " provider=async");
    {
        MainThread main_thread;
        bool is_over = false;
        count_on_main_thread(client.async(main_thread), is_over);
        while (!is_over) main_thread.step();
    }
    // [strand]
    asio::thread_pool pool(4);
    {
        pg::integrations::AsioScheduler strand(asio::make_strand(pool));
        pg::AsyncClient db = client.async(strand);
        int sum = 0;  // needs no lock: both coroutines go on on the strand
        pg::sync_wait(pg::when_all(add_up(db, sum), add_up(db, sum)));
        example::check(sum == 110, "the sum");
    }
    pool.join();
    // [strand]
}
