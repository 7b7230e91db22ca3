// The account that a server runs under: PostgreSQL refuses root.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "pg/expected.hpp"

namespace pg::testing {

/// An account of the machine. Value.
struct Account {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    bool differs = false;  ///< the process has to change to it
};

/// The process's own account; for root `postgres`, or `nobody` where there is no `postgres`.
Expected<Account> server_account();

/// Makes `account` the owner of `path`; nothing to do when it is the process's own.
Expected<void> give_to(const Account& account, const std::string& path);

}  // namespace pg::testing
