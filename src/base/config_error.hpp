// Errors about a configuration: all of kind usage, none with a secret.
#pragma once

#include <string>
#include <utility>

#include "pg/error.hpp"

namespace pg::config {

inline Error usage_error(std::string message) {
    ErrorFields fields;
    fields.kind = ErrorKind::usage;
    fields.message = std::move(message);
    return Error(std::move(fields));
}

}  // namespace pg::config
