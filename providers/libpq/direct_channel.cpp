// Moving bytes through a socket or a TLS session, and telling what stands in the way.
#include "providers/libpq/direct_channel.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/time.h>
#include <sys/uio.h>
#include <system_error>
#include <utility>

#include "providers/libpq/system_calls.hpp"

namespace pg::libpq::direct {
namespace {

// What SSL_get_error gives; part of OpenSSL's interface since its beginning.
constexpr int ssl_error_want_write = 3;
constexpr int ssl_error_zero_return = 6;

/// A length as OpenSSL takes it.
int as_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, std::numeric_limits<int>::max())); }

/// Adds a flag to those of a descriptor, or takes it away. False when that failed.
bool set_flag(int descriptor, int flag, bool on) noexcept {
    const int flags = ::fcntl(descriptor, F_GETFL);
    return flags >= 0 && ::fcntl(descriptor, F_SETFL, on ? flags | flag : flags & ~flag) == 0;
}

}  // namespace

bool Channel::allow_waiting() noexcept {
    if (tls_ != nullptr) return false;
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    is_local_ = ::getsockopt(socket_, SOL_SOCKET, SO_DOMAIN, &family, &size) == 0 && family == AF_UNIX;
    const timeval most{.tv_sec = 0, .tv_usec = std::chrono::microseconds(patience).count()};
    return ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) == 0 &&
           set_flag(socket_, O_NONBLOCK, false);
}

void Channel::end_waiting() noexcept { set_flag(socket_, O_NONBLOCK, true); }

Movement Channel::receive_patiently(std::span<char> room) noexcept {
    if (std::exchange(wakes_early_, false)) {
        pollfd one{.fd = socket_, .events = POLLIN, .revents = 0};
        if (poll_for(&one, 1, static_cast<int>(patience.count())) <= 0) return {Moved::wants_read};
    }
    return receive_plain(room, 0);
}

Movement Channel::receive_plain(std::span<char> room, int flags) noexcept {
    for (;;) {
        const auto count = receive_from(socket_, room.data(), room.size(), flags);
        if (count > 0) return {Moved::some, static_cast<std::size_t>(count)};
        if (count == 0) return {Moved::end};
        if (errno == EINTR) {
            if (flags == 0) return {Moved::wants_read};
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {Moved::wants_read};
        error_ = errno;
        return {Moved::broken};
    }
}

template <class Call>
Movement Channel::send_by(Call call) noexcept {
    wakes_early_ = is_local_;
    for (;;) {
        const ssize_t count = call(MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) return {Moved::some, static_cast<std::size_t>(count)};
        if (errno == EINTR) continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return {Moved::wants_write};
        error_ = errno;
        return {Moved::broken};
    }
}

Movement Channel::send_plain(std::string_view bytes) noexcept {
    return send_by([&](int flags) { return send_to(socket_, bytes.data(), bytes.size(), flags); });
}

Movement Channel::send_plain(std::string_view bytes, std::string_view behind) noexcept {
    // What is sent is not written to, whatever the type says.
    std::array<iovec, 2> places{
        {{const_cast<char*>(bytes.data()), bytes.size()}, {const_cast<char*>(behind.data()), behind.size()}}};
    msghdr message{};
    message.msg_iov = places.data();
    message.msg_iovlen = places.size();
    return send_by([&](int flags) { return send_all_to(socket_, message, flags); });
}

Movement Channel::receive_tls(std::span<char> room) noexcept {
    if (behind_ != Moved::some) return {behind_};
    const TlsFunctions& tls = tls_functions();
    std::size_t received = 0;
    holds_more_ = false;
    // A call gives one record at most. What is left in the session's own memory would never make the socket readable.
    do {
        tls.clear_error();
        errno = 0;
        const int count = tls.read(tls_, room.data() + received, as_int(room.size() - received));
        if (count <= 0) {
            const Movement moved = tls_result(count, errno);
            if (received == 0) return moved;
            if (moved.what != Moved::end && moved.what != Moved::broken) break;  // the next call meets it again
            behind_ = moved.what;  // the session tells it once, and the socket may never be readable again
            return holds_more_ = true, Movement{Moved::some, received};
        }
        received += static_cast<std::size_t>(count);
    } while (received < room.size());
    holds_more_ = received == room.size();
    return {Moved::some, received};
}

Movement Channel::send_tls(std::string_view bytes) noexcept {
    const TlsFunctions& tls = tls_functions();
    tls.clear_error();
    errno = 0;
    const int count = tls.write(tls_, bytes.data(), as_int(bytes.size()));
    if (count > 0) return {Moved::some, static_cast<std::size_t>(count)};
    return tls_result(count, errno);
}

Movement Channel::tls_result(int result, int saved_errno) noexcept {
    switch (tls_functions().get_error(tls_, result)) {
        case ssl_error_want_read: return {Moved::wants_read};
        case ssl_error_want_write: return {Moved::wants_write};
        case ssl_error_zero_return: return {Moved::end};
        case ssl_error_ssl: tls_error_ = tls_functions().take_error(); return {Moved::broken};
        default:  // a system call failed, or the peer went without a word
            if (saved_errno == 0) return {Moved::end};
            error_ = saved_errno;
            return {Moved::broken};
    }
}

std::string Channel::failure() const {
    if (error_ != 0) return std::generic_category().message(error_);
    const char* reason = tls_error_ != 0 ? tls_functions().reason(tls_error_) : nullptr;
    return std::string("TLS failed") + (reason != nullptr ? std::string(": ") + reason : std::string());
}

}  // namespace pg::libpq::direct
