// The interfaces of the seam: their destructors, so that each vtable has a home, and whose work a thread is at.
#include "pg/spi/provider.hpp"
#include "pg/spi/reactor.hpp"
#include "pg/spi/session_source.hpp"
#include "pg/spi/waiter.hpp"
#include "src/base/fork.hpp"

namespace pg::spi {
namespace {

thread_local constinit Waiter* waiter_here = nullptr;
thread_local constinit std::uint64_t reactor_here = 0;  // one more than the generation of its process; 0: none

}  // namespace

RowStream::~RowStream() = default;
CopyIn::~CopyIn() = default;
CopyOut::~CopyOut() = default;
RequestFeed::~RequestFeed() = default;
Session::~Session() = default;
SessionMemory::~SessionMemory() = default;
LeaseWaiter::~LeaseWaiter() = default;
SessionSource::~SessionSource() = default;
NoticeHandler::~NoticeHandler() = default;
Provider::~Provider() = default;
Job::~Job() = default;
Scheduler::~Scheduler() = default;
EventLoop::~EventLoop() = default;
Reactor::~Reactor() = default;
Waiter::~Waiter() = default;

void Session::do_run_pipeline(RequestFeed& feed) noexcept {
    while (const Request* request = feed.next()) feed.answer(run(*request, feed.wait()));
}

// Of one that has never more than one session.
bool SessionSource::do_request_idle(LeaseWaiter&) noexcept { return false; }
void SessionSource::do_widen(const Deadline&) noexcept {}
bool SessionSource::do_lends_several() const noexcept { return false; }
bool SessionSource::do_has_waiters() const noexcept { return false; }
bool SessionSource::do_wants_back(const SessionSlot&) const noexcept { return false; }
bool SessionSource::do_withdraw_first(LeaseWaiter& waiter) noexcept { return withdraw(waiter); }

const std::shared_ptr<Reactor>& Session::do_reactor() const noexcept {
    static const std::shared_ptr<Reactor> none;
    return none;
}

bool Reactor::any_here() noexcept { return reactor_here == std::uint64_t{detail::fork_generation()} + 1; }
bool Reactor::enter(bool is_running) noexcept {
    const bool was_running = any_here();
    reactor_here = is_running ? std::uint64_t{detail::fork_generation()} + 1 : 0;
    return was_running;
}
Waiter* Waiter::here() noexcept { return waiter_here; }
void Waiter::enter(Waiter* waiter) noexcept { waiter_here = waiter; }

}  // namespace pg::spi
