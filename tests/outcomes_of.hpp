// Running requests as one batch, for tests that look at what became of each.
#pragma once

#include <span>
#include <vector>

#include "pg/spi/session.hpp"

namespace pg::testing {

inline std::vector<Expected<Result>> outcomes_of(spi::Session& session, std::span<const spi::Request> requests,
                                                 spi::BatchSync sync, const spi::Wait& wait) {
    std::vector<spi::BatchItem> items;
    items.reserve(requests.size());
    std::vector<spi::BatchItem*> all;
    for (const spi::Request& request : requests) all.push_back(&items.emplace_back(spi::BatchItem{request}));
    session.run_batch(all, sync, wait);
    std::vector<Expected<Result>> outcomes;
    for (spi::BatchItem& item : items) outcomes.push_back(item.outcome.value());
    return outcomes;
}

}  // namespace pg::testing
