// What a connection holds. Internal to core.
#pragma once

#include "pg/connection.hpp"
#include "src/core/context.hpp"

namespace pg {

struct Connection::Impl {
    std::shared_ptr<detail::Context> context;  // outlives the lease
    spi::Lease lease;

    Impl(std::shared_ptr<detail::Context> shared, spi::Lease session)
        : context(std::move(shared)), lease(std::move(session)) {}

    [[nodiscard]] detail::Borrowed lend(const spi::Wait& wait) {
        if (lease.session().transaction_status() == spi::TransactionStatus::idle)
            detail::forget_expired(lease.slot(), wait);
        return {context, {}, &lease.slot(), wait};
    }
};

}  // namespace pg
