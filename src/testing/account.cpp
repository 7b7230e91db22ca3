// The account that a server runs under.
#include "src/testing/account.hpp"

#include <array>
#include <cerrno>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <unistd.h>

#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

std::optional<Account> named_account(const char* name) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return std::nullopt;

    Account account{.name = name, .uid = entry.pw_uid, .gid = entry.pw_gid, .groups = {}, .differs = true};
    int count = 64;
    account.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name, entry.pw_gid, account.groups.data(), &count) < 0) {
        account.groups.assign(1, entry.pw_gid);
    } else {
        account.groups.resize(static_cast<std::size_t>(count));
    }
    return account;
}

}  // namespace

Expected<Account> server_account() {
    if (::geteuid() != 0) {
        return Account{.name = "", .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .differs = false};
    }
    for (const char* name : {"postgres", "nobody"}) {
        if (auto account = named_account(name)) return *std::move(account);
    }
    return failure(ErrorKind::usage, "start a test server as root: neither the account postgres nor nobody exists", {},
                   "make one of them, or run the tests under an unprivileged account");
}

Expected<void> give_to(const Account& account, const std::string& path) {
    if (account.differs && ::chown(path.c_str(), account.uid, account.gid) != 0)
        return system_failure("give " + path + " to " + account.name, errno);
    return {};
}

}  // namespace pg::testing
