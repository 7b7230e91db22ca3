// Throwaway certificates, made with the openssl command.
#pragma once

#include <string>

#include "pg/deadline.hpp"
#include "pg/testing/test_server.hpp"
#include "src/testing/account.hpp"

namespace pg::testing {

/// The names of the files in `folder`, whether they are there or not.
TestServerTls tls_files(const std::string& folder);

/// Fills `folder`, as `account`. Errors: connect (openssl is missing or failed), timeout.
Expected<void> make_certificates(const std::string& folder, const Account& account, Deadline deadline);

}  // namespace pg::testing
