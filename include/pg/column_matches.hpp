// ColumnMatches: which columns a row type reads, found once for all results of a prepared statement.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>

#include "pg/row.hpp"

namespace pg::detail {

/// 0, 1, 2, …: where the columns of targets are that have them in their order, as most have. A storage that is asked
/// for columns from here on need not look at their numbers.
PGCLIENT_API extern const std::array<std::uint16_t, 256> columns_in_order;
[[nodiscard]] inline bool are_in_order(std::span<const std::uint16_t> columns) noexcept {
    return columns.data() == columns_in_order.data();
}

/// Keeps the match of the first row type that asked, which most often is the only one, and whether the catalogue knew
/// the types of all columns. Pinned. Thread-safe.
class PGCLIENT_API ColumnMatches {
public:
    ColumnMatches() noexcept;
    ColumnMatches(const ColumnMatches&) = delete;
    ColumnMatches& operator=(const ColumnMatches&) = delete;
    ~ColumnMatches();

    /// No other in this process has or had this number, which is not zero.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

    /// The columns of these targets, as long as this lives; null when they were not kept. Targets are known by their
    /// place.
    [[nodiscard]] const ColumnMap* find(std::span<const Target> targets, Extra extra) const noexcept {
        const Match* match = first_.load(std::memory_order_acquire);
        return match && match->targets == targets.data() && match->extra == extra ? &match->map : nullptr;
    }
    /// The numbers are copied, unless the columns are in order.
    void keep(std::span<const Target> targets, Extra extra, const ColumnMap& map);

    /// The catalogue knew the types of all columns. Whoever has an era of it begin closes what was prepared before. @{
    [[nodiscard]] bool has_known_types() const noexcept { return types_.load(std::memory_order_relaxed); }
    void keep_known_types(bool known = true) noexcept { types_.store(known, std::memory_order_relaxed); }  /// @}

private:
    struct Match {
        const Target* targets;
        Extra extra;
        ColumnMap map;
        std::unique_ptr<std::uint16_t[]> own;  // that its numbers are in, if they are
    };
    const std::uint64_t number_;
    std::atomic<const Match*> first_{nullptr};  // set once
    std::atomic<bool> types_{false};            // known
};

/// Looks at each column.
[[nodiscard]] PGCLIENT_API bool find_types(const ResultStorage& columns);
/// Whether the catalogue knows the types of all columns. What is described for results to come remembers that it does;
/// it need not when its statement was prepared with its first execution, whose types are learned behind that.
[[nodiscard]] inline bool knows_types(const ResultStorage& columns) {
    return columns.columns().empty() || (columns.matches() && columns.matches()->has_known_types()) ||
           find_types(columns);
}

}  // namespace pg::detail
