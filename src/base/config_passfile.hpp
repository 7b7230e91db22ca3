// The password file: one line a password, host:port:database:user:password.
#pragma once

#include <optional>
#include <string_view>

#include "pg/secret.hpp"

namespace pg::config {

/// What a line of a password file is looked up by.
struct PasswordKey {
    std::string_view host;  ///< "localhost" for the default socket
    std::string_view port;
    std::string_view dbname;
    std::string_view user;
};

/// The password of the first line that fits, or nothing. `*` fits anything; `\` takes the next character as it is.
std::optional<Secret> find_password(std::string_view text, const PasswordKey& key);

}  // namespace pg::config
