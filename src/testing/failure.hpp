// How the component makes its errors.
#pragma once

#include <string>
#include <system_error>
#include <utility>

#include "pg/error.hpp"

namespace pg::testing {

inline Error failure(ErrorKind kind, std::string message, std::string detail = {}, std::string hint = {}) {
    ErrorFields fields;
    fields.kind = kind;
    fields.message = std::move(message);
    fields.detail = std::move(detail);
    fields.hint = std::move(hint);
    return Error(std::move(fields));
}

/// A system call that failed; `code` is its errno.
inline Error system_failure(const std::string& what, int code) {
    return failure(ErrorKind::connect, what + ": " + std::error_code(code, std::generic_category()).message());
}

}  // namespace pg::testing
