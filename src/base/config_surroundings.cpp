// How environment, accounts and files are read.
#include "src/base/config_surroundings.hpp"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace pg::config {
namespace {

/// A field of the effective user's account; empty when there is no account.
std::string of_account(char* passwd::* field) {
    std::vector<char> buffer(16384);
    passwd account{};
    passwd* found = nullptr;
    if (getpwuid_r(geteuid(), &account, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
    return found->*field;
}

class Descriptor {
public:
    explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

Secret read_all(int descriptor) {
    constexpr std::size_t step = 4096;
    std::string bytes;
    std::size_t length = 0;
    while (true) {
        // Grown by copying into a new text, so that the old one can be wiped: a plain resize would leave a copy behind.
        std::string grown(length + step, '\0');
        std::memcpy(grown.data(), bytes.data(), length);
        explicit_bzero(bytes.data(), bytes.size());
        bytes.swap(grown);
        const ssize_t count = read(descriptor, bytes.data() + length, step);
        if (count <= 0) break;
        length += static_cast<std::size_t>(count);
    }
    Secret secret(std::string_view(bytes).substr(0, length));
    explicit_bzero(bytes.data(), bytes.size());
    return secret;
}

}  // namespace

std::optional<std::string> environment(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
}

std::string user_name() { return of_account(&passwd::pw_name); }

std::string home_directory(int version) {
    const auto home = version >= 150000 ? environment("HOME") : std::nullopt;
    return home && !home->empty() ? *home : of_account(&passwd::pw_dir);
}

std::string system_configuration_directory() { return environment("PGSYSCONFDIR").value_or(PGCLIENT_SYSCONF_DIR); }

std::string default_socket_directory() { return PGCLIENT_SOCKET_DIR; }

std::optional<File> read_file(const std::string& path) {
    const Descriptor descriptor(path);
    struct stat status{};
    if (descriptor.number() < 0 || fstat(descriptor.number(), &status) != 0) return std::nullopt;
    File file;
    file.regular = S_ISREG(status.st_mode);
    file.open_to_others = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (file.regular) file.content = read_all(descriptor.number());
    return file;
}

}  // namespace pg::config
