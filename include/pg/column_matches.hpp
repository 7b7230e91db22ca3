// ColumnMatches: which columns a row type reads, found once for all results of a prepared statement.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "pg/row.hpp"

namespace pg::detail {

/// Keeps the match of the first row type that asked, which most often is the only one. Pinned. Thread-safe.
class PGCLIENT_API ColumnMatches {
public:
    ColumnMatches() = default;
    ColumnMatches(const ColumnMatches&) = delete;
    ColumnMatches& operator=(const ColumnMatches&) = delete;
    ~ColumnMatches();

    /// The columns of these targets, as long as this lives; null when they were not kept. Targets are known by their
    /// place.
    [[nodiscard]] const std::uint16_t* find(std::span<const Target> targets, Extra extra) const noexcept {
        const Match* match = first_.load(std::memory_order_acquire);
        return match && match->targets == targets.data() && match->extra == extra ? match->map.get() : nullptr;
    }
    void keep(std::span<const Target> targets, Extra extra, const std::uint16_t* map);

private:
    struct Match {
        const Target* targets;
        Extra extra;
        std::unique_ptr<std::uint16_t[]> map;
    };
    std::atomic<const Match*> first_{nullptr};  // set once
};

}  // namespace pg::detail
