// What AddressSanitizer and ThreadSanitizer have to be told when a thread changes its stack.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PGCLIENT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define PGCLIENT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PGCLIENT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define PGCLIENT_TSAN 1
#endif

#if defined(PGCLIENT_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(PGCLIENT_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

namespace pg::fibers {

/// A stack as the sanitizers know it.
struct KnownStack {
    const void* bottom = nullptr;
    std::size_t size = 0;
    void* thread = nullptr;  ///< ThreadSanitizer's
    void* frames = nullptr;  ///< AddressSanitizer's, while the stack is left
};

/// A fresh stack, whose memory may have been another one before. @{
inline void make_known([[maybe_unused]] KnownStack& stack) noexcept {
#if defined(PGCLIENT_TSAN)
    stack.thread = __tsan_create_fiber(0);
#endif
#if defined(PGCLIENT_ASAN)
    __asan_unpoison_memory_region(stack.bottom, stack.size);
#endif
}
inline void forget_known([[maybe_unused]] KnownStack& stack) noexcept {
#if defined(PGCLIENT_TSAN)
    __tsan_destroy_fiber(stack.thread);
#endif
}  /// @}

/// Just before a thread leaves `from` for `to`.
inline void leaving([[maybe_unused]] KnownStack& from, [[maybe_unused]] const KnownStack& to) noexcept {
#if defined(PGCLIENT_TSAN)
    from.thread = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.thread, 0);
#endif
#if defined(PGCLIENT_ASAN)
    __sanitizer_start_switch_fiber(&from.frames, to.bottom, to.size);
#endif
}

/// Just after it came to `here`, from `from`.
inline void arrived([[maybe_unused]] const KnownStack& here, [[maybe_unused]] KnownStack& from) noexcept {
#if defined(PGCLIENT_ASAN)
    __sanitizer_finish_switch_fiber(here.frames, &from.bottom, &from.size);
#endif
}

}  // namespace pg::fibers
