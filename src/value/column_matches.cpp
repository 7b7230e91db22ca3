// ColumnMatches: the first match wins, and what is known never changes again.
#include "pg/column_matches.hpp"

#include <algorithm>

#include "pg/catalog.hpp"

namespace pg::detail {

constinit const std::array<std::uint16_t, 256> columns_in_order = [] {
    std::array<std::uint16_t, 256> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::uint16_t>(i);
    return numbers;
}();

ColumnMatches::ColumnMatches() noexcept
    : number_([] {
          static std::atomic<std::uint64_t> last{0};
          return last.fetch_add(1, std::memory_order_relaxed) + 1;
      }()) {}

ColumnMatches::~ColumnMatches() { delete first_.load(std::memory_order_acquire); }

void ColumnMatches::keep(std::span<const Target> targets, Extra extra, const ColumnMap& map) {
    auto match = std::make_unique<Match>(Match{targets.data(), extra, map, nullptr});
    if (!are_in_order({map.numbers, targets.size()})) {
        match->own = std::make_unique<std::uint16_t[]>(targets.size());
        std::copy_n(map.numbers, targets.size(), match->own.get());
        match->map.numbers = match->own.get();
    }
    const Match* none = nullptr;
    if (first_.compare_exchange_strong(none, match.get(), std::memory_order_acq_rel))
        static_cast<void>(match.release());
}

bool find_types(const ResultStorage& columns) {
    for (const Column& column : columns.columns())
        if (TypeCatalog::is_user_defined(column.type.oid) &&
            (!column.type.types || !column.type.types->is_current(column.type.oid)))
            return false;
    if (columns.matches()) columns.matches()->keep_known_types();
    return true;
}

}  // namespace pg::detail
