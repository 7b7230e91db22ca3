// Reading what a client says into messages that own their parts.
#pragma once

#include <optional>
#include <string>

#include "pg/testing/conversation.hpp"

namespace pg::testing {

/// The first message in `bytes`, which lose it; nothing when it is not there yet. `startup`: before a session has
/// begun.
[[nodiscard]] std::optional<ClientMessage> cut_client_message(std::string& bytes, bool startup);

}  // namespace pg::testing
