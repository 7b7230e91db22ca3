// WakeUp: a descriptor that another thread makes readable, so that poll() returns.
#pragma once

#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/testing/descriptor.hpp"

namespace pg::testing {

/// Handle. Thread-safe, but for moving and destroying.
class WakeUp final {
public:
    WakeUp() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(event_); }
    [[nodiscard]] int get() const noexcept { return event_.get(); }
    void ring() const noexcept {
        const std::uint64_t one = 1;
        static_cast<void>(!::write(event_.get(), &one, sizeof one));  // a full counter is readable already
    }
    /// Makes it quiet again.
    void hush() const noexcept {
        std::uint64_t count = 0;
        static_cast<void>(!::read(event_.get(), &count, sizeof count));
    }

private:
    Descriptor event_;
};

}  // namespace pg::testing
