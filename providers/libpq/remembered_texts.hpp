// RememberedTexts: the statements that a session learned something about.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

namespace pg::libpq {

/// Not more than a bound of them, after which it learns anew. Value.
class RememberedTexts {
public:
    [[nodiscard]] bool contains(std::string_view text) const {
        return !texts_.empty() && texts_.find(text) != texts_.end();
    }
    void add(std::string_view text) {
        if (texts_.size() >= most) texts_.clear();
        texts_.emplace(text);
    }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
    };
    static constexpr std::size_t most = 256;
    std::unordered_set<std::string, Hash, std::equal_to<>> texts_;
};

}  // namespace pg::libpq
