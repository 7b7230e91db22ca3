// Waiting by poll(): deadlines become its timeout, stop tokens wake it through an eventfd.
#include "providers/libpq/wait.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pg/stop.hpp"
#include "providers/libpq/system_calls.hpp"

namespace pg::libpq {
namespace {

using std::chrono::milliseconds;

/// Rounded up, so that a wait never ends just before its deadline and is begun again.
int poll_timeout(const Deadline& deadline) noexcept {
    if (deadline.is_never()) return -1;
    const auto left = std::chrono::ceil<milliseconds>(deadline.remaining()).count();
    return static_cast<int>(std::min<std::int64_t>(left, std::numeric_limits<int>::max()));
}

/// `poll`, begun again when a signal handler or the range of its timeout ended it early.
Woken poll_until(pollfd* descriptors, nfds_t count, const Deadline& deadline) noexcept {
    for (;;) {
        const int timeout = poll_timeout(deadline);
        if (timeout == 0) return Woken::deadline;
        const int ready = poll_for(descriptors, count, timeout);
        if (ready > 0) return Woken::ready;
        // Out of memory for the kernel: whoever reads or writes next learns what is wrong.
        if (ready < 0 && errno != EINTR && errno != EAGAIN) return Woken::ready;
    }
}

/// The same where no descriptor is left for a stop to be told by: looks for it every now and then.
Woken poll_and_look(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept {
    constexpr milliseconds pause{10};
    for (;;) {
        if (const Woken now = look(wait); now != Woken::ready) return now;
        const Deadline until = earlier(wait.deadline, Deadline::after(pause));
        if (poll_until(descriptors.data(), descriptors.size(), until) == Woken::ready) return Woken::ready;
    }
}

}  // namespace

Descriptor::~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Signal::Signal() noexcept : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Signal::raise() noexcept {
    const std::uint64_t one = 1;
    // It can fail only when it was raised 2^64 - 2 times already.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

bool is_readable(int descriptor) noexcept {
    pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
    return poll_for(&one, 1, 0) > 0;
}

Woken look(const spi::Wait& wait) noexcept {
    if (wait.stop != nullptr && wait.stop->stop_requested()) return Woken::stopped;
    return !wait.deadline.is_never() && wait.deadline.passed() ? Woken::deadline : Woken::ready;
}

Woken wait_for(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept {
    if (spi::Waiter* waiter = spi::Waiter::here()) {
        if (wait.deadline.passed()) return Woken::deadline;
        return waiter->wait(descriptors, wait);
    }
    constexpr std::size_t most = 3;  // a session's socket, a cancel request, and the signal of a stop
    if (wait.stop == nullptr || !wait.stop->stop_possible() || descriptors.size() >= most)
        return poll_until(descriptors.data(), descriptors.size(), wait.deadline);

    Signal stopped;
    if (stopped.descriptor() < 0) return poll_and_look(descriptors, wait);
    const StopCallback callback(
        wait.stop, [](void* signal) noexcept { static_cast<Signal*>(signal)->raise(); }, &stopped);
    std::array<pollfd, most> all{};
    std::copy(descriptors.begin(), descriptors.end(), all.begin());
    all[descriptors.size()] = {.fd = stopped.descriptor(), .events = POLLIN, .revents = 0};
    const Woken woken = poll_until(all.data(), descriptors.size() + 1, wait.deadline);
    std::copy_n(all.begin(), descriptors.size(), descriptors.begin());
    if (woken == Woken::ready && all[descriptors.size()].revents != 0) return Woken::stopped;
    return woken;
}

Woken wait_for(int descriptor, short events, const spi::Wait& wait) noexcept {
    pollfd one{.fd = descriptor, .events = events, .revents = 0};
    return wait_for(std::span(&one, 1), wait);
}

}  // namespace pg::libpq
