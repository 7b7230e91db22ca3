// System calls without glibc's cancellation points, which cost some thirty instructions each in a process with threads.
// Nothing here can be cancelled anyway: it is noexcept throughout, where a cancelled thread would end the process.
#pragma once

#include <cstddef>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// A sanitizer knows the functions of the C library, and looks at what they are given.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PGCLIENT_LIBC_CALLS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PGCLIENT_LIBC_CALLS 1
#endif
#endif
#if !defined(SYS_poll) || !defined(SYS_recvfrom) || !defined(SYS_sendto) || !defined(SYS_sendmsg)
#define PGCLIENT_LIBC_CALLS 1
#endif

namespace pg::libpq {

/// As those of POSIX, with their results and errno. @{
inline ssize_t receive_from(int socket, void* room, std::size_t size, int flags) noexcept {
#if defined(PGCLIENT_LIBC_CALLS)
    return ::recv(socket, room, size, flags);
#else
    return ::syscall(SYS_recvfrom, socket, room, size, flags, nullptr, nullptr);
#endif
}
inline ssize_t send_to(int socket, const void* bytes, std::size_t size, int flags) noexcept {
#if defined(PGCLIENT_LIBC_CALLS)
    return ::send(socket, bytes, size, flags);
#else
    return ::syscall(SYS_sendto, socket, bytes, size, flags, nullptr, 0);
#endif
}
inline ssize_t send_all_to(int socket, const msghdr& message, int flags) noexcept {
#if defined(PGCLIENT_LIBC_CALLS)
    return ::sendmsg(socket, &message, flags);
#else
    return ::syscall(SYS_sendmsg, socket, &message, flags);
#endif
}
inline int poll_for(pollfd* descriptors, std::size_t count, int milliseconds) noexcept {
#if defined(PGCLIENT_LIBC_CALLS)
    return ::poll(descriptors, count, milliseconds);
#else
    return static_cast<int>(::syscall(SYS_poll, descriptors, count, milliseconds));
#endif
}  /// @}

}  // namespace pg::libpq
