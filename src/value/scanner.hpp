// Scanner: the text forms of types, piece by piece.
#pragma once

#include <string_view>

#include "src/value/number_text.hpp"

namespace pg::detail {

/// Each step takes its piece off the front and says true, or takes nothing and says false.
class Scanner {
public:
    explicit Scanner(std::string_view text) : left_(text) {}

    [[nodiscard]] bool take(char expected) { return take(std::string_view(&expected, 1)); }
    [[nodiscard]] bool take(std::string_view expected) {
        if (!left_.starts_with(expected)) return false;
        left_.remove_prefix(expected.size());
        return true;
    }
    /// An unsigned number in at least `fewest` and at most `most` decimal digits, which must fit `T`.
    template <class T>
    [[nodiscard]] bool take_digits(std::size_t fewest, std::size_t most, T& out) {
        const std::size_t count = digit_count();
        if (count < fewest || count > most || !parse_integer(left_.substr(0, count), out)) return false;
        left_.remove_prefix(count);
        return true;
    }
    /// What stands before the next of the `stops`, or all that is left.
    [[nodiscard]] std::string_view take_until(std::string_view stops) {
        const std::string_view taken = left_.substr(0, left_.find_first_of(stops));
        left_.remove_prefix(taken.size());
        return taken;
    }
    [[nodiscard]] std::size_t digit_count() const {
        const std::size_t end = left_.find_first_not_of("0123456789");
        return end == left_.npos ? left_.size() : end;
    }

    [[nodiscard]] char peek() const { return left_.empty() ? '\0' : left_.front(); }
    [[nodiscard]] std::string_view left() const { return left_; }
    [[nodiscard]] bool at_end() const { return left_.empty(); }

private:
    std::string_view left_;
};

}  // namespace pg::detail
