// Poison: tells AddressSanitizer which memory is kept for later, and must not be touched meanwhile. Internal.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PGCLIENT_POISONS  // clang
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define PGCLIENT_POISONS  // g++
#endif

#if defined(PGCLIENT_POISONS)
#include <sanitizer/asan_interface.h>
#define PGCLIENT_POISON(address, size) __asan_poison_memory_region(address, size)
#define PGCLIENT_UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#else
#define PGCLIENT_POISON(address, size) static_cast<void>(0)
#define PGCLIENT_UNPOISON(address, size) static_cast<void>(0)
#endif
