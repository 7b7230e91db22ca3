// The lines of a text, without copying it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pg::config {

/// Gives one line after the other, without its line feed.
class Lines {
public:
    explicit Lines(std::string_view text) : rest_(text) {}

    std::optional<std::string_view> next() {
        if (rest_.empty()) return std::nullopt;
        ++number_;
        const std::size_t end = rest_.find('\n');
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
        return line;
    }
    /// Of the line that was given last, from 1.
    [[nodiscard]] std::size_t number() const { return number_; }

private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

}  // namespace pg::config
