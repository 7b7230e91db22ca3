// The answer that most executions of a prepared statement have, found in one step where all of it has arrived.
#pragma once

#include <cstring>

#include "src/wire/server_messages.hpp"

namespace pg::wire {

/// What the server says to Bind, Execute and perhaps Sync where the statement gives one row or none. Views of the bytes
/// that it was found in.
struct Answer {
    std::string_view row;  ///< the body of its DataRow; null when there is none
    std::string_view tag;
    TransactionState state{};  ///< of ReadyForQuery, where that was looked for

    [[nodiscard]] bool has_row() const noexcept { return row.data() != nullptr; }
};

/// Looks for one at the beginning of `held`, up to its ReadyForQuery if it is to have one. How many bytes it has; zero
/// when it has not arrived whole, has other messages in it or is malformed: then they are to be looked at one by one.
[[nodiscard]] inline std::size_t find_answer(std::string_view held, bool with_ready, Answer& answer) noexcept {
    using std::string_view_literals::operator""sv;
    const auto begins = [&](std::size_t at, std::string_view bytes) {
        return held.size() - at >= bytes.size() && std::memcmp(held.data() + at, bytes.data(), bytes.size()) == 0;
    };
    // Of a message whose header is there: the bytes behind its type, its length among them.
    const auto length_at = [&](std::size_t at) { return std::size_t{load<std::uint32_t>(held.data() + at + 1)}; };
    constexpr auto bound = "2\0\0\0\4"sv, one_selected = "C\0\0\0\15SELECT 1\0"sv,
                   one_inserted = "C\0\0\0\17INSERT 0 1\0"sv, ready = "Z\0\0\0\5"sv;
    constexpr std::size_t header = 5, length_size = 4;

    if (!begins(0, bound)) return 0;
    std::size_t at = bound.size();
    answer.row = {};
    if (begins(at, "D"sv)) {
        if (held.size() - at < header) return 0;
        const std::size_t length = length_at(at);
        if (length < length_size || length >= held.size() - at) return 0;
        answer.row = held.substr(at + header, length - length_size);
        at += 1 + length;
    }
    if (begins(at, one_selected)) {
        answer.tag = "SELECT 1";
        at += one_selected.size();
    } else if (begins(at, one_inserted)) {
        answer.tag = "INSERT 0 1";
        at += one_inserted.size();
    } else {
        if (!begins(at, "C"sv) || held.size() - at < header) return 0;
        const std::size_t length = length_at(at);
        if (length < length_size || length >= held.size() - at) return 0;
        const auto tag = read_tag(held.substr(at + header, length - length_size));
        if (!tag) return 0;
        answer.tag = *tag;
        at += 1 + length;
    }
    if (!with_ready) return at;
    if (!begins(at, ready) || held.size() - at <= ready.size()) return 0;
    const auto state = read_ready(held.substr(at + ready.size(), 1));
    if (!state) return 0;
    answer.state = *state;
    return at + ready.size() + 1;
}

}  // namespace pg::wire
