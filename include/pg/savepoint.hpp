// Savepoint: a part of a transaction that can fail alone.
#pragma once

#include <cstdint>

#include "pg/transaction.hpp"

namespace pg {

/// A part of a transaction. Handle: move-only; destroyed without `release`, it rolls its part back. The parts made
/// inside of it end with it.
class PGCLIENT_API Savepoint final {
public:
    Savepoint(Savepoint&& other) noexcept;
    Savepoint& operator=(Savepoint&& other) noexcept;
    ~Savepoint();

    /// Keeps what was done since.
    void release() { try_release().value(); }
    [[nodiscard]] Expected<void> try_release();
    /// Undoes what was done since; the transaction can go on.
    void rollback() { try_rollback().value(); }
    [[nodiscard]] Expected<void> try_rollback();

private:
    friend class Transaction;
    Savepoint(Transaction& transaction, std::uint32_t number) : transaction_(&transaction), number_(number) {}

    [[nodiscard]] bool is_open() const noexcept;
    [[nodiscard]] Expected<void> end(std::string_view statement);

    Transaction* transaction_;  // null once it was moved from
    std::uint32_t number_;
};

inline Savepoint Transaction::savepoint() { return try_savepoint().value(); }

}  // namespace pg
