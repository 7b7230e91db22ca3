// The texts that make a server what its options ask for: postgresql.conf, pg_hba.conf and connection strings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pg/testing/test_server.hpp"

namespace pg::testing {

[[nodiscard]] bool needs_tls(const TestServerOptions& options);
[[nodiscard]] bool needs_password(const TestServerOptions& options);

/// Lines to append to the postgresql.conf that initdb wrote.
std::string configuration_text(const TestServerOptions& options, const TestServerTls& tls);

/// A whole pg_hba.conf. The unix socket always trusts `postgres` in template1: that is how the component itself comes
/// in.
std::string access_text(TestServerAuth auth);

/// `password_encryption` for a server with that kind of password.
std::string_view password_encryption(TestServerAuth auth);

/// Where a server listens and what gets in. Views must outlive the call that it is handed to. Value.
struct Address {
    std::string_view socket_folder;
    std::uint16_t port;
    std::string_view password;
};

std::string socket_conninfo(const Address& address, std::string_view database);
/// Asks for verify-full when `tls` has files; names the client certificate for `cert`.
std::string tcp_conninfo(const Address& address, std::string_view database, const TestServerTls& tls,
                         TestServerAuth auth);

/// 'x' in a connection string, with backslashes and quotes escaped by a backslash.
std::string conninfo_value(std::string_view value);
/// 'x' in a configuration file or in SQL, with quotes doubled.
std::string quoted_text(std::string_view value);
/// "x" in SQL.
std::string quoted_name(std::string_view name);

}  // namespace pg::testing
