// The distance between two words, counted in slips of the fingers.
#include "src/base/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace pg {
namespace {

// Words longer than any keyword are no slip of one, and need no square of their length.
constexpr std::size_t longest = 40;

std::size_t slips(std::string_view a, std::string_view b) {
    // rows[i][j]: slips between the first i characters of a and the first j of b.
    std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t wrong = a[i - 1] == b[j - 1] ? 0 : 1;
            rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + wrong});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
        }
    }
    return rows[a.size()][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    std::string_view best;
    if (word.size() > longest) return best;
    std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = slips(word, candidate);
        if (distance < fewest && distance < candidate.size()) {
            fewest = distance;
            best = candidate;
        }
    }
    return best;
}

}  // namespace pg
