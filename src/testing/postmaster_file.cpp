// postmaster.pid, line by line: pid, data folder, start time, port, socket folder, address, memory, status.
#include "src/testing/postmaster_file.hpp"

#include <charconv>

namespace pg::testing {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

int number_or(int otherwise, std::string_view text) {
    int value = otherwise;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

}  // namespace

PostmasterFile parse_postmaster_file(std::string_view text) {
    constexpr int pid_line = 1;
    constexpr int memory_line = 7;
    constexpr int status_line = 8;

    PostmasterFile file;
    for (int line = 1; !text.empty(); ++line) {
        // A line without its end is still being written.
        const auto end = text.find('\n');
        if (end == std::string_view::npos) break;
        const auto content = trimmed(text.substr(0, end));
        text.remove_prefix(end + 1);
        if (line == pid_line) file.pid = number_or(0, content);
        if (line == memory_line) {
            const auto gap = content.rfind(' ');
            if (gap != std::string_view::npos) file.shared_memory_id = number_or(-1, content.substr(gap + 1));
        }
        if (line == status_line) file.ready = content == "ready" || content == "standby";
    }
    return file;
}

}  // namespace pg::testing
