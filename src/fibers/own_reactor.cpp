// The thread of a reactor, and how it ends.
#include "src/fibers/own_reactor.hpp"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "src/base/fork.hpp"

namespace pg::fibers {
namespace {

/// The program's signals are for its own threads. OpenSSL writes with write(), so SIGPIPE above all.
void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// The reactors that end by themselves: the process waits for them at its end. Thread-safe.
class Departures {
public:
    void begin() {
        const std::lock_guard lock(mutex_);
        ++under_way_;
    }
    void end() {
        const std::lock_guard lock(mutex_);
        --under_way_;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return under_way_ == 0; });
    }

    static Departures& of_process() {
        struct AtExit {
            detail::PerProcess<Departures>& departures;
            ~AtExit() { departures.here().wait(); }
        };
        // Never destroyed: a client may outlive everything that is.
        static auto* const all = new detail::PerProcess<Departures>;
        static const AtExit at_exit{*all};
        return all->here();
    }

private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    int under_way_ = 0;
};

class OwnReactor {
public:
    explicit OwnReactor(std::unique_ptr<RunLoop> loop)
        : loop_(std::move(loop)), thread_([this] {
              LoopReactor::keep_thread();
              block_signals();
              loop_->run();
              while (!reactor_.is_idle()) loop_->run_one();
              if (departs_) depart();
          }) {}
    OwnReactor(const OwnReactor&) = delete;
    OwnReactor& operator=(const OwnReactor&) = delete;
    ~OwnReactor() = default;

    [[nodiscard]] LoopReactor& reactor() noexcept { return reactor_; }

    /// Ends the thread when nothing runs on it any more, and then deletes this. A copy of the process has no such
    /// thread, and keeps what is there.
    void end() {
        if (!birthplace_.is_here()) return;
        if (loop_->here()) {
            Departures::of_process().begin();
            departs_ = true;
            return loop_->stop();
        }
        loop_->stop();
        thread_.join();
        delete this;
    }

private:
    /// On the thread itself, outside of everything that the loop runs.
    void depart() {
        thread_.detach();
        delete this;
        Departures::of_process().end();
    }

    const detail::Birthplace birthplace_;
    const std::unique_ptr<RunLoop> loop_;
    LoopReactor reactor_{*loop_};
    bool departs_ = false;  // of the thread itself
    std::thread thread_;
};

}  // namespace

std::shared_ptr<LoopReactor> make_own_reactor(std::unique_ptr<RunLoop> loop) {
    static_cast<void>(Departures::of_process());
    const std::shared_ptr<OwnReactor> own(new OwnReactor(std::move(loop)), [](OwnReactor* reactor) { reactor->end(); });
    return {own, &own->reactor()};
}

}  // namespace pg::fibers
