// Fibers: running a job up to its next wait, and waiting.
#include "src/fibers/fiber.hpp"

#include <algorithm>
#include <poll.h>

#include "pg/stop.hpp"
#include "src/fibers/reactor.hpp"

namespace pg::fibers {

using spi::Woken;

Fiber::Fiber(LoopReactor& reactor) : reactor_(reactor) {
    for (Wake& wake : ready_) wake.bind(*this, Woken::ready);
    deadline_.bind(*this, Woken::deadline);
    known_.bottom = stack_.bottom();
    known_.size = Stack::size();
    make_known(known_);
    inside_ = make_context(stack_.bottom(), Stack::size(), &Fiber::main, this);
}

Fiber::~Fiber() { forget_known(known_); }

bool Fiber::run(spi::Job& job) noexcept {
    job_ = &job;
    return enter();
}

bool Fiber::go_on() noexcept { return enter(); }

bool Fiber::enter() noexcept {
    state_ = State::running;
    Waiter::enter(this);
    leaving(known_outside_, known_);
    switch_context(outside_, inside_);
    KnownStack unused;
    arrived(known_outside_, unused);
    Waiter::enter(nullptr);
    return state_ == State::idle;
}

void Fiber::suspend() noexcept {
    leaving(known_, known_outside_);
    switch_context(inside_, outside_);
    arrived(known_, known_outside_);
}

void Fiber::main(void* fiber) noexcept {
    auto& self = *static_cast<Fiber*>(fiber);
    arrived({}, self.known_outside_);
    for (;;) {
        self.job_->run();
        self.state_ = State::idle;
        self.suspend();
    }
}

Woken Fiber::do_wait(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept {
    for (;;) {
        const Wakes wakes = wait_once(descriptors, wait);
        if (woken_ != Woken::ready) return woken_;
        // A loop may be mistaken: what it says of a descriptor can be meant for one that was watched before. Who reads
        // from the only one sees that by itself.
        if (wakes == Wakes::by_descriptor && descriptors.size() == 1 && descriptors[0].events == POLLIN) {
            descriptors[0].revents = POLLIN;
            return Woken::ready;
        }
        if (::poll(descriptors.data(), descriptors.size(), 0) > 0 || wakes != Wakes::by_descriptor) return Woken::ready;
    }
}

Fiber::Wakes Fiber::wait_once(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept {
    const auto watched = descriptors.first(std::min(descriptors.size(), most_descriptors));
    ++waits_;
    nudged_ = wait.nudged;
    wakes_ = Wakes::by_descriptor;
    state_ = State::waiting;
    for (std::size_t at = 0; at < watched.size(); ++at) {
        ready_[at].ran = watched[at].fd < 0;
        if (ready_[at].ran || reactor_.loop().watch(watched[at].fd, watched[at].events, ready_[at])) continue;
        // What cannot be watched is taken for ready: whoever reads or writes next learns what is wrong.
        wakes_ = Wakes::blindly;
        ready_[at].run();
    }
    if (!wait.deadline.is_never()) reactor_.set(timer_, wait.deadline.when(), deadline_);
    {
        const StopCallback stopped(wait.stop, &Fiber::ask, this);
        suspend();
    }
    reactor_.cancel(timer_);
    for (std::size_t at = 0; at < watched.size(); ++at)
        if (!ready_[at].ran) reactor_.loop().forget(watched[at].fd);
    return wakes_;
}

void Fiber::do_nudge() noexcept {
    if (state_ != State::waiting || !nudged_) return;
    wakes_ = Wakes::by_nudge;
    wake(Woken::ready);
}

void Fiber::wake(Woken woken) noexcept {
    if (state_ != State::waiting) return;
    state_ = State::due;
    woken_ = woken;
    reactor_.go_on(*this);
}

void Fiber::Wake::do_run() noexcept {
    ran = true;
    fiber_->reactor_.turn([this] { fiber_->wake(woken_); });
}

void Fiber::ask(void* fiber) noexcept {
    auto& self = *static_cast<Fiber*>(fiber);
    // (F3) The fiber is in this wait until the callback is gone, so the number is its own.
    if (self.stop_.wait.exchange(self.waits_, std::memory_order_acq_rel) == 0) self.reactor_.post(self.stop_);
}

void Fiber::Stop::do_run() noexcept {
    if (wait.exchange(0, std::memory_order_acq_rel) == fiber_.waits_) fiber_.wake(Woken::stopped);
}

}  // namespace pg::fibers
