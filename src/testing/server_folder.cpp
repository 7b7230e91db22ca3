// The folders of one server, and the templates that they are copied from.
#include "src/testing/server_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "src/testing/cache.hpp"
#include "src/testing/certificates.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/process.hpp"

namespace pg::testing {
namespace {

bool has_room(const char* folder) {
    constexpr std::uint64_t enough = std::uint64_t{1} << 30U;
    struct statvfs status{};
    return ::access(folder, W_OK) == 0 && ::statvfs(folder, &status) == 0 &&
           status.f_bavail * status.f_frsize >= enough;
}

Expected<std::string> make_private_folder(const std::string& parent, const Account& account) {
    std::string folder = parent + "/pgclient-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) return system_failure("make a folder in " + parent, errno);
    if (auto given = give_to(account, folder); !given) {
        ::rmdir(folder.c_str());
        return std::move(given).error();
    }
    return folder;
}

}  // namespace

std::string temporary_folder() {
    const char* chosen = std::getenv("TMPDIR");
    if (chosen != nullptr && *chosen != '\0') return std::filesystem::absolute(chosen).string();
    return has_room("/dev/shm") ? "/dev/shm" : "/tmp";
}

bool fits_a_socket(const std::string& folder) {
    constexpr std::size_t longest = 99 - std::string_view("/.s.PGSQL.65535").size();
    constexpr std::string_view safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    return folder.size() <= longest && folder.find_first_not_of(safe) == std::string::npos;
}

Expected<ServerFolder> make_server_folder(const Account& account) {
    auto root = make_private_folder(temporary_folder(), account);
    if (!root) return root.error();
    ServerFolder folder{.root = *root, .sockets = *root};
    if (fits_a_socket(*root)) return folder;
    auto sockets = make_private_folder("/tmp", account);
    if (!sockets) {
        ::rmdir(root->c_str());
        return sockets.error();
    }
    folder.sockets = *sockets;
    return folder;
}

Expected<std::string> make_socket_folder() {
    constexpr std::string_view added = "/pgclient-XXXXXX";
    std::string parent = temporary_folder();
    if (!fits_a_socket(parent + std::string(added))) parent = "/tmp";
    std::string folder = parent + std::string(added);
    if (::mkdtemp(folder.data()) == nullptr) return system_failure("make a folder in " + parent, errno);
    return folder;
}

Expected<std::string> cluster_template(const std::string& programs, int major, const std::string& cache,
                                       const Account& account, Deadline deadline) {
    const auto print = fingerprint(programs + "/postgres");
    if (!print) return print.error();
    const std::string name = "pg" + std::to_string(major) + "-" + std::to_string(account.uid) + "-" + *print;
    auto made = made_once(cache + "/templates", name, account, deadline, [&](const std::string& folder) {
        return run({.program = programs + "/initdb",
                    .arguments = {"--no-sync", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale",
                                  "--pgdata=" + folder + "/data"},
                    .account = &account,
                    .output = folder + "/log"},
                   deadline);
    });
    if (!made) return made;
    return *made + "/data";
}

Expected<std::string> certificate_template(const std::string& cache, const Account& account, Deadline deadline) {
    const std::string name = "tls-" + std::to_string(account.uid);
    return made_once(cache + "/templates", name, account, deadline,
                     [&](const std::string& folder) { return make_certificates(folder, account, deadline); });
}

}  // namespace pg::testing
