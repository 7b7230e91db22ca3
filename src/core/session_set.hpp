// SessionSet: a simple set of sessions, opened when they are wanted, at most so many. Internal to core and assembly.
//
//   (S1) open_ counts sessions lent, idle or being opened; it never passes max_size.
//   (S2) An idle session is outside a transaction, clean of its borrower's traces, and nobody else's.
//   (S3) The lock is never held while a server is talked to.
//   (S4) Whoever lowers open_ or adds an idle session wakes one waiter.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "pg/config.hpp"
#include "pg/fwd.hpp"
#include "pg/spi/provider.hpp"
#include "pg/spi/session_source.hpp"

namespace pg::detail {

/// Lends the most recently returned session first. Thread-safe.
class PGCLIENT_API SessionSet final : public spi::SessionSource {
public:
    SessionSet(std::shared_ptr<spi::Provider> provider, Config config, spi::SessionContext context,
               std::size_t max_size);
    ~SessionSet() override;

private:
    Expected<spi::Lease> do_acquire(const spi::Wait& wait) noexcept override;
    void do_release(spi::SessionSlot& slot) noexcept override;
    void do_close() noexcept override;

    using Slot = std::unique_ptr<spi::SessionSlot>;

    [[nodiscard]] Expected<Slot> take_or_reserve(const spi::Wait& wait);
    [[nodiscard]] Expected<Slot> open(const spi::Wait& wait);
    [[nodiscard]] static bool clean(spi::SessionSlot& slot) noexcept;
    void forget_one() noexcept;
    static void wake(void* set) noexcept;

    const std::shared_ptr<spi::Provider> provider_;
    const Config config_;
    const spi::SessionContext context_;
    const std::size_t max_size_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<Slot> idle_;
    std::size_t open_ = 0;
    bool closed_ = false;
};

}  // namespace pg::detail
