// The one place where a session waits, always with a deadline and a way to be stopped.
#pragma once

#include <poll.h>

#include "pg/spi/waiter.hpp"

namespace pg::libpq {

using spi::Woken;

/// For who waits for the server alone.
inline constexpr pollfd nothing_else{.fd = -1, .events = 0, .revents = 0};

/// A file descriptor of ours. Handle.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
    Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Descriptor();

    [[nodiscard]] int get() const noexcept { return descriptor_; }

private:
    int descriptor_ = -1;
};

/// A flag that another thread raises and `poll` sees. Raising is safe from any thread.
class Signal {
public:
    /// Without a descriptor when the process has none left: then `raise` is seen by nobody.
    Signal() noexcept;
    [[nodiscard]] int descriptor() const noexcept { return event_.get(); }
    void raise() noexcept;

private:
    Descriptor event_;
};

/// What `wait` returns for a wait that must not begin, `ready` for one that may: a statement whose time is over, or
/// that was stopped before, is not sent.
[[nodiscard]] Woken look(const spi::Wait& wait) noexcept;

/// Whether a descriptor can be read now; costs one system call.
[[nodiscard]] bool is_readable(int descriptor) noexcept;

/// Waits until one of `descriptors` is ready (its `revents` say which), the deadline passes, or a stop is asked for.
/// After its deadline a wait does not begin, whatever is ready: a peer that always has more to say must not keep an
/// exchange going for ever. The calling thread waits, unless the work that calls has a waiter.
[[nodiscard]] Woken wait_for(std::span<pollfd> descriptors, const spi::Wait& wait) noexcept;
[[nodiscard]] Woken wait_for(int descriptor, short events, const spi::Wait& wait) noexcept;

}  // namespace pg::libpq
