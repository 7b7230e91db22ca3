// What a process finds around it: environment, user, home, and small files that may hold secrets.
#pragma once

#include <optional>
#include <string>

#include "pg/secret.hpp"

namespace pg::config {

/// The variable's value, or nothing when it is not set. An empty value counts, as it does for libpq.
std::optional<std::string> environment(const char* name);

/// The name of the effective user; empty when it has none.
std::string user_name();

/// The folder where libpq of this version looks for the user's files: $HOME since 15 (before, and when it is empty,
/// what the user's account says). Empty when there is none.
std::string home_directory(int version);

/// The folder of pg_service.conf: $PGSYSCONFDIR, or what libpq was built with.
std::string system_configuration_directory();

/// The folder of the server's socket that libpq uses when no host is given.
PGCLIENT_API std::string default_socket_directory();

/// A file as it is found.
struct File {
    Secret content;
    bool regular = false;  ///< content is read of such files only
    bool open_to_others = false;
};

/// The file, or nothing when it cannot be opened.
std::optional<File> read_file(const std::string& path);

}  // namespace pg::config
