// LargeObject: values of up to 4 TiB, read and written in pieces within a transaction.
#pragma once

#include <cstddef>
#include <span>

#include "pg/transaction.hpp"

namespace pg {
namespace detail {
struct LargeObjectCalls;
}

/// What it is opened for, and what is seen of it.
enum class LargeObjectMode : std::uint8_t {
    read,        ///< as it was when the transaction took its snapshot
    read_write,  ///< as it is now
};

/// Where an offset counts from.
enum class SeekFrom : std::uint8_t { begin, current, end };

/// An open large object. Handle: move-only; closes with its transaction at the latest, and with the rollback of a
/// savepoint that was there when it was opened: a call after that is a UsageError. One thread at a time. Each call is a
/// statement of the transaction or, for more than a megabyte, several, and each takes at most the client's timeout. One
/// that fails ends the transaction.
class PGCLIENT_API LargeObject final {
public:
    /// Makes an empty one, under a number that the server chooses, or under `wanted`. Throws UniqueViolation.
    static Oid create(Transaction& transaction, Oid wanted = {}) { return try_create(transaction, wanted).value(); }
    [[nodiscard]] static Expected<Oid> try_create(Transaction& transaction, Oid wanted = {});
    /// Deletes one. Throws ServerError (42704) when there is none of that number.
    static void remove(Transaction& transaction, Oid oid) { try_remove(transaction, oid).value(); }
    [[nodiscard]] static Expected<void> try_remove(Transaction& transaction, Oid oid);

    /// Opens one at its beginning. Throws ServerError (42704) when there is none of that number.
    LargeObject(Transaction& transaction, Oid oid, LargeObjectMode mode = LargeObjectMode::read)
        : LargeObject(try_open(transaction, oid, mode).value()) {}
    [[nodiscard]] static Expected<LargeObject> try_open(Transaction& transaction, Oid oid,
                                                        LargeObjectMode mode = LargeObjectMode::read);
    LargeObject(LargeObject&& other) noexcept;
    LargeObject& operator=(LargeObject&& other) noexcept;
    ~LargeObject();

    /// Reads from the position on until `into` is full or the object ends; how many bytes.
    std::size_t read(std::span<std::byte> into) { return try_read(into).value(); }
    [[nodiscard]] Expected<std::size_t> try_read(std::span<std::byte> into);
    /// Writes at the position, over what is there and beyond the end.
    void write(std::span<const std::byte> bytes) { try_write(bytes).value(); }
    [[nodiscard]] Expected<void> try_write(std::span<const std::byte> bytes);

    /// Moves the position, beyond the end if need be; where it is then.
    std::int64_t seek(std::int64_t offset, SeekFrom from = SeekFrom::begin) { return try_seek(offset, from).value(); }
    [[nodiscard]] Expected<std::int64_t> try_seek(std::int64_t offset, SeekFrom from = SeekFrom::begin);
    [[nodiscard]] std::int64_t tell() { return try_tell().value(); }  ///< the position, in bytes from the beginning
    [[nodiscard]] Expected<std::int64_t> try_tell();
    /// Cuts it off, or fills it up with zeros, to this size. The position stays.
    void truncate(std::int64_t size) { try_truncate(size).value(); }
    [[nodiscard]] Expected<void> try_truncate(std::int64_t size);
    /// The position stays.
    [[nodiscard]] std::int64_t size() { return try_size().value(); }
    [[nodiscard]] Expected<std::int64_t> try_size();

    [[nodiscard]] Oid oid() const noexcept { return oid_; }  ///< what opens it again
    /// Closes it before its transaction ends; a second time does nothing.
    void close() { try_close().value(); }
    [[nodiscard]] Expected<void> try_close();

private:
    friend struct detail::LargeObjectCalls;
    LargeObject(std::shared_ptr<Transaction::Impl> transaction, Oid oid, std::int32_t descriptor);
    [[nodiscard]] bool is_open() const noexcept;

    std::shared_ptr<Transaction::Impl> transaction_;  // null once it is closed
    Oid oid_;
    std::int32_t descriptor_;
    std::uint32_t number_;  // of the descriptor: the server gives the same one again
};

}  // namespace pg
