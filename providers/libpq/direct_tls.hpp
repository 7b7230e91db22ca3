// The functions of OpenSSL in the very library that libpq loaded: two copies of OpenSSL do not share a session.
#pragma once

#include <cstdint>

namespace pg::libpq::direct {

/// What SSL_get_error gives after a failure of TLS itself; part of OpenSSL's interface since its beginning.
inline constexpr int ssl_error_ssl = 1;
/// The same where a record has not arrived whole.
inline constexpr int ssl_error_want_read = 2;

/// Found by libpq's own handle; null where they are not.
struct TlsFunctions {
    bool in_shared_library = false;                   ///< libpq is one, and so has a handle to find things by
    int (*read)(void*, void*, int) = nullptr;         ///< SSL_read
    int (*peek)(void*, void*, int) = nullptr;         ///< SSL_peek
    int (*pending)(const void*) = nullptr;            ///< SSL_pending
    int (*write)(void*, const void*, int) = nullptr;  ///< SSL_write
    int (*get_error)(const void*, int) = nullptr;     ///< SSL_get_error
    void (*clear_error)() = nullptr;                  ///< ERR_clear_error
    unsigned long (*take_error)() = nullptr;          ///< ERR_get_error
    const char* (*reason)(unsigned long) = nullptr;   ///< ERR_reason_error_string

    [[nodiscard]] bool complete() const noexcept {
        return read && peek && pending && write && get_error && clear_error && take_error && reason;
    }
};

/// Found once. Thread-safe.
[[nodiscard]] const TlsFunctions& tls_functions() noexcept;

}  // namespace pg::libpq::direct
