// Stack: the memory that a fiber runs on.
#pragma once

#include <cstddef>

namespace pg::fibers {

/// Memory for a stack, with a page below it that must not be touched: whoever runs over its end stops there. Pages that
/// are never used cost nothing. Handle: pinned.
class Stack {
public:
    /// What OpenSSL, libpq and the name services want at most, and several times over. Throws std::bad_alloc.
    Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;
    ~Stack();

    [[nodiscard]] void* bottom() const noexcept;
    [[nodiscard]] static constexpr std::size_t size() noexcept { return bytes; }

private:
    static constexpr std::size_t bytes = 256 * 1024;
    void* mapped_;  // the guard page and the stack above it
};

}  // namespace pg::fibers
