// What is expensive to make is made once: a lock file, a folder beside the final one, and a rename.
#include "src/testing/cache.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>

#include "src/testing/descriptor.hpp"
#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

namespace fs = std::filesystem;

/// Locks the file until the descriptor is closed. The kernel lets go when the process ends.
Expected<Descriptor> lock(const std::string& path, Deadline deadline) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) return system_failure("open " + path, errno);
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return system_failure("lock " + path, errno);
        if (deadline.passed()) return failure(ErrorKind::timeout, "lock " + path + ": the deadline passed");
        ::poll(nullptr, 0, 10);
    }
    return file;
}

/// A folder and those that it is in; what is new lets every account in, if that of the servers is another one, whatever
/// the process gives its files.
void make_folders_for(const Account& account, const fs::path& folder, std::error_code& error) {
    std::vector<fs::path> made;
    for (fs::path path = folder; !path.empty() && !fs::exists(path, error); path = path.parent_path())
        made.push_back(path);
    fs::create_directories(folder, error);
    if (!account.differs) return;
    constexpr auto open =
        fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec;
    for (const fs::path& path : made)
        if (!error) fs::permissions(path, open, fs::perm_options::add, error);
}

/// Whoever made the others is gone: the lock is ours.
void remove_unfinished(const fs::path& folder, const std::string& prefix) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored))
        if (entry.path().filename().native().starts_with(prefix)) fs::remove_all(entry.path(), ignored);
}

}  // namespace

Expected<std::string> made_once(const std::string& cache, const std::string& name, const Account& account,
                                Deadline deadline, const std::function<Expected<void>(const std::string&)>& make) {
    std::string made = cache + "/" + name;
    std::error_code error;
    if (fs::exists(made, error)) return made;
    make_folders_for(account, cache, error);
    if (error)
        return failure(ErrorKind::connect, "make the folder " + cache + ": " + error.message(), {},
                       "set PGCLIENT_CACHE to a folder that can be written");

    const auto locked = lock(made + ".lock", deadline);
    if (!locked) return locked.error();
    if (fs::exists(made, error)) return made;

    remove_unfinished(cache, name + ".new-");
    std::string unfinished = made + ".new-XXXXXX";
    if (::mkdtemp(unfinished.data()) == nullptr) return system_failure("make a folder in " + cache, errno);
    auto outcome = give_to(account, unfinished);
    if (outcome) outcome = make(unfinished);
    if (outcome && ::rename(unfinished.c_str(), made.c_str()) != 0)
        outcome = system_failure("rename " + unfinished, errno);
    if (outcome) return made;
    fs::remove_all(unfinished, error);
    return std::move(outcome).error();
}

Expected<std::string> fingerprint(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return system_failure("read " + path, errno);
    const std::string identity =
        path + "\n" + std::to_string(status.st_size) + "\n" + std::to_string(status.st_mtim.tv_sec);
    std::uint64_t hash = 14695981039346656037U;  // FNV-1a
    for (const char c : identity) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    std::array<char, 16> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), hash, 16).ptr;
    return std::string(text.data(), end);
}

}  // namespace pg::testing
