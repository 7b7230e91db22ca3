// The component's own way into a server: just enough of the protocol to run a statement, so that it links no client.
#pragma once

#include <string>
#include <string_view>

#include "pg/deadline.hpp"
#include "pg/expected.hpp"

namespace pg::testing {

/// Connects to template1 as `postgres` through the socket, which asks for no password, runs one statement and leaves.
/// Errors: server (with SQLSTATE, detail and hint), connect, connection_lost, protocol, timeout.
Expected<void> execute(const std::string& socket_path, std::string_view sql, Deadline deadline);

}  // namespace pg::testing
