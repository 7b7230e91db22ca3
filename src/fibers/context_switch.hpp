// Switching between stacks: the few instructions under a fiber.
#pragma once

#include <cstddef>

namespace pg::fibers {

/// Where a stack was left. Value; good for one return.
using StackPointer = void*;

/// Makes a fresh stack of `size` bytes from `bottom` on ready to be entered: `entry(argument)` runs on it, and must
/// never return.
[[nodiscard]] StackPointer make_context(void* bottom, std::size_t size, void (*entry)(void*), void* argument) noexcept;

/// Leaves the current stack, noting where in `from`, and goes on where `to` was left. Returns when somebody goes back
/// to `from`. Keeps what the C++ runtime knows of exceptions with the stack that they are on.
void switch_context(StackPointer& from, StackPointer to) noexcept;

}  // namespace pg::fibers
