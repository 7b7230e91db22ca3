// Resolver: host names to addresses, without the caller's thread getting stuck in a look-up.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "pg/expected.hpp"
#include "pg/spi/request.hpp"
#include "providers/libpq/workers.hpp"

namespace pg::libpq {

/// What a look-up found. Value.
struct Addresses {
    std::vector<std::string> numeric;  ///< in the order of preference; empty when `problem` says why
    std::string problem;
};

/// The call that blocks: a name to all its addresses.
using LookUp = Addresses (*)(const std::string& name);
/// By getaddrinfo.
[[nodiscard]] Addresses look_up(const std::string& name);

/// Resolves names, each on one thread: who asks for it meanwhile is told the same. A look-up that takes too long is
/// abandoned: its thread is busy until it ends, but nobody waits for it, except the end of the process, for a second.
/// Another thread is started when all are busy, up to `most_threads`. Thread-safe.
class Resolver {
public:
    static constexpr std::size_t most_threads = 8;

    explicit Resolver(LookUp look_up) : look_up_(look_up), workers_(most_threads, most_of_a_name) {}

    /// A numeric address is itself, at once. Errors: connect, timeout, cancelled.
    [[nodiscard]] Expected<std::vector<std::string>> resolve(const std::string& name, const spi::Wait& wait);
    /// Waits for look-ups that are under way, until then; no name is resolved from then on.
    void end(const Deadline& until) noexcept { workers_.end(until); }
    /// Look-ups that were abandoned so far.
    [[nodiscard]] std::size_t abandoned() const noexcept { return abandoned_.load(std::memory_order_relaxed); }

private:
    /// Who ask for one name at once. Each costs a descriptor while it waits, of which a process has fewer.
    static constexpr std::size_t most_of_a_name = 100'000;

    LookUp look_up_;
    std::atomic<std::size_t> abandoned_{0};
    ProcessWorkers workers_;
};

/// The one of this process.
[[nodiscard]] Resolver& process_resolver();

}  // namespace pg::libpq
