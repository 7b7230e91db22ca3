// AsyncLargeObject: values of up to 4 TiB, read and written in pieces within an awaited transaction.
#pragma once

#include "pg/async.hpp"
#include "pg/large_object.hpp"

namespace pg {

/// An open large object, as `LargeObject`. Handle: move-only; destroyed, it closes in the background, and with its
/// transaction, or the part that it was opened in, at the latest: a call after that is a UsageError. Calls wait for
/// their turn on the session. Each is one statement of the transaction or, for more than a megabyte, several, and each
/// statement takes at most the client's timeout; one that fails ends the transaction, and so does one that is given up.
class PGCLIENT_API AsyncLargeObject final {
public:
    /// Makes an empty one, under a number that the server chooses, or under `wanted`. Throws UniqueViolation. @{
    static Async<Oid> create(const AsyncTransaction& transaction, Oid wanted = {});
    static Async<Expected<Oid>> try_create(const AsyncTransaction& transaction, Oid wanted = {});  /// @}
    /// Deletes one. Throws ServerError (42704) when there is none of that number. @{
    static Async<void> remove(const AsyncTransaction& transaction, Oid oid);
    static Async<Expected<void>> try_remove(const AsyncTransaction& transaction, Oid oid);  /// @}
    /// Opens one at its beginning. Throws ServerError (42704) when there is none of that number. @{
    static Async<AsyncLargeObject> open(const AsyncTransaction& transaction, Oid oid,
                                        LargeObjectMode mode = LargeObjectMode::read);
    static Async<Expected<AsyncLargeObject>> try_open(const AsyncTransaction& transaction, Oid oid,
                                                      LargeObjectMode mode = LargeObjectMode::read);  /// @}

    AsyncLargeObject(std::shared_ptr<detail::AsyncTarget> target, Oid oid);
    AsyncLargeObject(AsyncLargeObject&&) noexcept = default;
    AsyncLargeObject& operator=(AsyncLargeObject&&) noexcept = default;

    /// Reads from the position on: so many bytes, or fewer where the object ends, and then none. @{
    Async<std::vector<std::byte>> read(std::size_t most);
    Async<Expected<std::vector<std::byte>>> try_read(std::size_t most);  /// @}
    /// Writes at the position, over what is there and beyond the end. @{
    Async<void> write(std::vector<std::byte> bytes);
    Async<Expected<void>> try_write(std::vector<std::byte> bytes);  /// @}

    /// Moves the position, beyond the end if need be; where it is then. @{
    Async<std::int64_t> seek(std::int64_t offset, SeekFrom from = SeekFrom::begin);
    Async<Expected<std::int64_t>> try_seek(std::int64_t offset, SeekFrom from = SeekFrom::begin);  /// @}
    /// The position, in bytes from the beginning. @{
    Async<std::int64_t> tell();
    Async<Expected<std::int64_t>> try_tell();  /// @}
    /// Cuts it off, or fills it up with zeros, to this size. The position stays. @{
    Async<void> truncate(std::int64_t size);
    Async<Expected<void>> try_truncate(std::int64_t size);  /// @}
    /// How many bytes it has. The position stays. @{
    Async<std::int64_t> size();
    Async<Expected<std::int64_t>> try_size();  /// @}

    [[nodiscard]] Oid oid() const noexcept { return oid_; }  ///< what opens it again
    /// Closes it before its transaction ends; a second time does nothing. @{
    Async<void> close();
    Async<Expected<void>> try_close();  /// @}

private:
    std::shared_ptr<detail::AsyncTarget> target_;  // null once it was moved from
    Oid oid_;
};

}  // namespace pg
