// Whole files at once.
#include "src/testing/files.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include "src/testing/descriptor.hpp"
#include "src/testing/failure.hpp"

namespace pg::testing {
namespace {

Expected<void> write_with(int flags, const std::string& path, std::string_view content) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600));
    if (!file) return system_failure("open " + path, errno);
    while (!content.empty()) {
        const ssize_t written = ::write(file.get(), content.data(), content.size());
        if (written < 0 && errno != EINTR) return system_failure("write " + path, errno);
        if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

std::string read_file(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string content;
    if (!file) return content;
    std::array<char, 8192> buffer{};
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return content;
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Expected<void> write_file(const std::string& path, std::string_view content) {
    return write_with(O_TRUNC, path, content);
}

Expected<void> append_to_file(const std::string& path, std::string_view content) {
    return write_with(O_APPEND, path, content);
}

std::string tail(std::string_view text) {
    constexpr int most_lines = 15;
    constexpr std::size_t most_characters = 2000;
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (text.size() > most_characters) text.remove_prefix(text.size() - most_characters);
    std::size_t begin = text.size();
    for (int line = 0; line < most_lines && begin != std::string_view::npos && begin > 0; ++line)
        begin = text.rfind('\n', begin - 1);
    if (begin != std::string_view::npos && begin > 0) text.remove_prefix(begin + 1);
    return std::string(text);
}

}  // namespace pg::testing
