// LargeObject: the server's own functions, called by ordinary statements.
#include "pg/large_object.hpp"

#include <algorithm>
#include <utility>

#include "pg/types/bytea.hpp"
#include "pg/types/unsigned.hpp"
#include "src/core/transaction_impl.hpp"

namespace pg {
namespace {

/// Bytes that one statement moves: a longer read or write is several.
constexpr std::size_t piece = std::size_t{1} << 20;

constexpr std::int32_t mode_bits(LargeObjectMode mode) {
    constexpr std::int32_t write = 0x20000;
    constexpr std::int32_t read = 0x40000;
    return mode == LargeObjectMode::read ? read : read | write;
}

template <class T>
Expected<void> without_value(Expected<T> result) {
    if (!result) return std::move(result).error();
    return {};
}

}  // namespace

Expected<Oid> LargeObject::try_create(Transaction& transaction, Oid wanted) {
    return transaction.try_query_one<Oid>("select lo_create($1)", wanted);
}

Expected<void> LargeObject::try_remove(Transaction& transaction, Oid oid) {
    return without_value(transaction.try_query_one<std::int32_t>("select lo_unlink($1)", oid));
}

Expected<LargeObject> LargeObject::try_open(Transaction& transaction, Oid oid, LargeObjectMode mode) {
    auto descriptor = transaction.try_query_one<std::int32_t>("select lo_open($1, $2)", oid, mode_bits(mode));
    if (!descriptor) return std::move(descriptor).error();
    return LargeObject(transaction.impl_, oid, *descriptor);
}

LargeObject::LargeObject(std::shared_ptr<Transaction::Impl> transaction, Oid oid, std::int32_t descriptor)
    : transaction_(std::move(transaction)), oid_(oid), descriptor_(descriptor) {}
LargeObject::LargeObject(LargeObject&& other) noexcept = default;
LargeObject& LargeObject::operator=(LargeObject&& other) noexcept {
    std::swap(transaction_, other.transaction_);
    std::swap(oid_, other.oid_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

LargeObject::~LargeObject() {
    if (transaction_ && transaction_->is_open()) static_cast<void>(try_close());
}

Expected<Executor*> LargeObject::transaction() const {
    if (!transaction_) return detail::usage_error("the large object is closed; open it again");
    return transaction_.get();
}

Expected<std::size_t> LargeObject::try_read(std::span<std::byte> into) {
    const auto within = transaction();
    if (!within) return within.error();
    std::size_t total = 0;
    while (total < into.size()) {
        const std::size_t wanted = std::min(into.size() - total, piece);
        const auto bytes = (*within)->try_query_one<std::vector<std::byte>>("select loread($1, $2)", descriptor_,
                                                                            static_cast<std::int32_t>(wanted));
        if (!bytes) return bytes.error();
        std::copy_n(bytes->begin(), std::min(bytes->size(), wanted), into.begin() + static_cast<std::ptrdiff_t>(total));
        total += bytes->size();
        if (bytes->size() < wanted) break;
    }
    return total;
}

Expected<void> LargeObject::try_write(std::span<const std::byte> bytes) {
    const auto within = transaction();
    if (!within) return within.error();
    while (!bytes.empty()) {
        const auto next = bytes.first(std::min(bytes.size(), piece));
        const auto written = (*within)->try_query_one<std::int32_t>("select lowrite($1, $2)", descriptor_, next);
        if (!written) return written.error();
        bytes = bytes.subspan(next.size());
    }
    return {};
}

Expected<std::int64_t> LargeObject::try_seek(std::int64_t offset, SeekFrom from) {
    const auto within = transaction();
    if (!within) return within.error();
    return (*within)->try_query_one<std::int64_t>("select lo_lseek64($1, $2, $3)", descriptor_, offset,
                                                  static_cast<std::int32_t>(from));
}

Expected<std::int64_t> LargeObject::try_tell() {
    const auto within = transaction();
    if (!within) return within.error();
    return (*within)->try_query_one<std::int64_t>("select lo_tell64($1)", descriptor_);
}

Expected<void> LargeObject::try_truncate(std::int64_t size) {
    const auto within = transaction();
    if (!within) return within.error();
    return without_value((*within)->try_query_one<std::int32_t>("select lo_truncate64($1, $2)", descriptor_, size));
}

Expected<std::int64_t> LargeObject::try_size() {
    auto position = try_tell();
    if (!position) return position;
    auto end = try_seek(0, SeekFrom::end);
    if (!end) return end;
    if (auto back = try_seek(*position); !back) return back;
    return end;
}

Expected<void> LargeObject::try_close() {
    if (!transaction_) return {};
    const auto within = std::exchange(transaction_, nullptr);
    return without_value(within->try_query_one<std::int32_t>("select lo_close($1)", descriptor_));
}

}  // namespace pg
