// Telling characters of UTF-8 from other bytes.
#include "providers/libpq/copy_reason.hpp"

#include <algorithm>

namespace pg::libpq {
namespace {

/// The server closes a session that sends a CopyFail of more than 10,000.
constexpr std::size_t most_bytes = 8000;

/// The bytes of the character that `text`, which is not empty, begins with; zero when it begins with none.
std::size_t character_size(std::string_view text) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    const std::size_t size = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xc0U) != 0x80) return 0;
    const bool is_too_long = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool is_none = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
    return is_too_long || is_none ? 0 : size;
}

}  // namespace

std::string copy_reason(std::string_view reason) {
    std::string text;
    reason = reason.substr(0, reason.find('\0'));
    while (!reason.empty()) {
        const std::size_t size = character_size(reason);
        const std::string_view one = size == 0 ? "?" : reason.substr(0, size);
        if (text.size() + one.size() > most_bytes) break;
        text.append(one);
        reason.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return text;
}

}  // namespace pg::libpq
