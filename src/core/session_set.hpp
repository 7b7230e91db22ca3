// SessionSet: a simple set of sessions, opened when they are wanted, at most so many. Internal to core and assembly.
//
//   (S1) open_ counts sessions lent, idle or being opened; it never passes max_size.
//   (S2) An idle session is outside a transaction, clean of its borrower's traces, and nobody else's.
//   (S3) The lock is never held while a server is talked to.
//   (S4) Whoever lowers open_ or adds an idle session wakes one waiter.
//   (S5) ready_ is lent and taken back without the lock. Whoever waits has raised waiting_ before looking at it, and
//        whoever fills it looks at waiting_ and closed_ afterwards: one of the two sees the other.
#pragma once

#include <atomic>
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

    [[nodiscard]] Slot take_ready() noexcept { return Slot(ready_.exchange(nullptr)); }
    [[nodiscard]] Expected<Slot> take_or_reserve(const spi::Wait& wait);
    [[nodiscard]] Expected<spi::Lease> open(const spi::Wait& wait);
    void keep(Slot slot) noexcept;
    void forget_one() noexcept;
    static void wake(void* set) noexcept;

    const std::shared_ptr<spi::Provider> provider_;
    const Config config_;
    const spi::SessionContext context_;
    const std::size_t max_size_;

    std::atomic<spi::SessionSlot*> ready_{nullptr};  // owned; the idle session that came back last
    std::atomic<std::size_t> waiting_{0};            // callers between their first and their last look
    std::atomic<bool> closed_{false};                // set under the lock

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<Slot> idle_;  // beside ready_
    std::size_t open_ = 0;
};

}  // namespace pg::detail
