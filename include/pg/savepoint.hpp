// Savepoint: a part of a transaction that can fail alone.
#pragma once

#include <cstdint>

#include "pg/transaction.hpp"

namespace pg {

/// A part of a transaction. Handle: move-only; destroyed without `release`, it rolls its part back. The parts made
/// inside of it end with it, and all of them with the transaction: a call after that is a UsageError.
class PGCLIENT_API Savepoint final {
public:
    Savepoint(Savepoint&& other) noexcept;
    Savepoint& operator=(Savepoint&& other) noexcept;
    ~Savepoint();

    /// Keeps what was done since. UsageError while a stream or a COPY of the transaction is open.
    void release() { try_release().value(); }
    [[nodiscard]] Expected<void> try_release();
    /// Undoes what was done since, and ends a stream or a COPY that is open; the transaction can go on.
    void rollback() { try_rollback().value(); }
    [[nodiscard]] Expected<void> try_rollback();

private:
    friend class Transaction;
    Savepoint(std::shared_ptr<Transaction::Impl> transaction, std::uint32_t number);

    std::shared_ptr<Transaction::Impl> transaction_;  // null once it was moved from
    std::uint32_t number_;
};

inline Savepoint Transaction::savepoint() { return try_savepoint().value(); }

}  // namespace pg
