// Faults of a network and of a server, one after the other, as a seed says.
#pragma once

#include <map>
#include <random>
#include <string>

#include "pg/client.hpp"
#include "pg/testing/fault_proxy.hpp"
#include "pg/testing/test_server.hpp"

namespace soak {

/// One at a time. Each lasts for some tenths of a second, and is over when its call returns.
class Faults {
public:
    Faults(pg::testing::TestServer& server, pg::testing::FaultProxy& proxy, std::uint32_t seed);

    /// Whether connections could be opened while it lasted.
    enum class Door : std::uint8_t { open, closed };
    Door next();
    /// How often each came.
    [[nodiscard]] std::string done() const;
    [[nodiscard]] int count() const;  ///< all of them

private:
    void wait(int least, int most);
    void with(pg::testing::Direction direction, const pg::testing::Faults& faults, int least, int most);
    void terminate(int sessions);
    void freeze_one();

    pg::testing::TestServer& server_;
    pg::testing::FaultProxy& proxy_;
    pg::Client admin_;
    std::mt19937 random_;
    std::map<std::string, int> done_;
};

}  // namespace soak
