// The thread of a reactor, and how it ends.
#include "src/fibers/own_reactor.hpp"

#include <csignal>
#include <thread>

#include "src/base/fork.hpp"
#include "src/base/under_way.hpp"

namespace pg::fibers {
namespace {

/// The program's signals are for its own threads. OpenSSL writes with write(), so SIGPIPE above all.
void block_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

/// The reactors that end by themselves: the process waits for them at its end.
detail::UnderWay& departures() {
    using All = detail::PerProcess<detail::UnderWay>;
    struct AtExit {
        All& all;
        ~AtExit() { all.here().wait(Deadline::never()); }
    };
    static auto* const all = new All;  // never destroyed: a client may outlive everything that is
    static const AtExit at_exit{*all};
    return all->here();
}

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
            departures().begin();
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
        departures().end();
    }

    const detail::Birthplace birthplace_;
    const std::unique_ptr<RunLoop> loop_;
    LoopReactor reactor_{*loop_};
    bool departs_ = false;  // of the thread itself
    std::thread thread_;
};

}  // namespace

std::shared_ptr<LoopReactor> make_own_reactor(std::unique_ptr<RunLoop> loop) {
    static_cast<void>(departures());
    const std::shared_ptr<OwnReactor> own(new OwnReactor(std::move(loop)), [](OwnReactor* reactor) { reactor->end(); });
    return {own, &own->reactor()};
}

}  // namespace pg::fibers
