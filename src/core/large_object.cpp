// LargeObject: the server's own functions, called by ordinary statements.
#include "pg/large_object.hpp"

#include <algorithm>
#include <utility>

#include "pg/types/bytea.hpp"
#include "pg/types/unsigned.hpp"
#include "src/core/large_object_calls.hpp"
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

/// Hands on the value of the only row of a result; its size.
template <class Bytes>
Expected<std::size_t> hand_on(const Result& result, detail::LargeObjectCalls::Taker& into) {
    detail::RowReader<Bytes> reader;
    if (auto matched = reader.match(*result.storage()); !matched) return std::move(matched).error();
    if (result.size() != 1) return detail::no_rows("select loread($1, $2)");
    Bytes bytes;
    if (const Fault fault = reader.read(0, bytes)) return reader.error(0, fault);
    into.take(bytes);
    return bytes.size();
}

/// Fills a buffer of the caller's.
class Filler final : public detail::LargeObjectCalls::Taker {
public:
    explicit Filler(std::span<std::byte> into) : into_(into) {}
    void take(std::span<const std::byte> bytes) override {
        const std::size_t count = std::min(bytes.size(), into_.size() - filled_);
        std::copy_n(bytes.begin(), count, into_.begin() + static_cast<std::ptrdiff_t>(filled_));
        filled_ += count;
    }
    [[nodiscard]] std::size_t filled() const { return filled_; }

private:
    const std::span<std::byte> into_;
    std::size_t filled_ = 0;
};

}  // namespace

namespace detail {

Expected<Oid> LargeObjectCalls::create(Transaction& transaction, Oid wanted, const QueryOptions& options) {
    return transaction.with(options).try_query_one<Oid>("select lo_create($1)", wanted);
}

Expected<void> LargeObjectCalls::remove(Transaction& transaction, Oid oid, const QueryOptions& options) {
    return without_value(transaction.with(options).try_query_one<std::int32_t>("select lo_unlink($1)", oid));
}

Expected<LargeObject> LargeObjectCalls::open(Transaction& transaction, Oid oid, LargeObjectMode mode,
                                             const QueryOptions& options) {
    auto descriptor =
        transaction.with(options).try_query_one<std::int32_t>("select lo_open($1, $2)", oid, mode_bits(mode));
    if (!descriptor) return std::move(descriptor).error();
    return LargeObject(ExecutorAccess::shared(transaction), oid, *descriptor);
}

std::optional<Error> LargeObjectCalls::refusal(const LargeObject& object) {
    // A transaction that has ended says so itself.
    if (object.transaction_ && (object.is_open() || !object.transaction_->is_open())) return std::nullopt;
    return usage_error("the large object is closed; open it again");
}

void LargeObjectCalls::note_failure(const LargeObject& object, const Error& error) {
    const Transaction::Impl& transaction = *object.transaction_;
    const bool ended_early = error.kind() == ErrorKind::timeout || error.kind() == ErrorKind::cancelled;
    if (!ended_early || !transaction.is_open()) return;
    spi::Session& session = transaction.held->session();
    if (session.transaction_status() == spi::TransactionStatus::open) roll_back(session);
}

template <class... A>
Expected<Result> LargeObjectCalls::query(const LargeObject& object, const QueryOptions& options, Sql<sizeof...(A)> sql,
                                         const A&... arguments) {
    if (auto refused = refusal(object)) return *std::move(refused);
    auto answer = object.transaction_->with(options).try_query(sql, arguments...);
    if (!answer) note_failure(object, answer.error());
    return answer;
}
template <class T, class... A>
Expected<T> LargeObjectCalls::call(const LargeObject& object, const QueryOptions& options, Sql<sizeof...(A)> sql,
                                   const A&... arguments) {
    if (auto refused = refusal(object)) return *std::move(refused);
    auto answer = object.transaction_->with(options).template try_query_one<T>(sql, arguments...);
    if (!answer) note_failure(object, answer.error());
    return answer;
}

Expected<void> LargeObjectCalls::read(const LargeObject& object, std::size_t most, Taker& into,
                                      const QueryOptions& options) {
    if (auto refused = refusal(object)) return *std::move(refused);
    for (std::size_t total = 0; total < most;) {
        const std::size_t wanted = std::min(most - total, piece);
        const auto answer =
            query(object, options, "select loread($1, $2)", object.descriptor_, static_cast<std::int32_t>(wanted));
        if (!answer) return answer.error();
        // Where they were received, if they came as they are.
        const bool in_binary = !answer->columns().empty() && answer->columns()[0].type.format == Format::binary;
        const auto count = in_binary ? hand_on<std::span<const std::byte>>(*answer, into)
                                     : hand_on<std::vector<std::byte>>(*answer, into);
        if (!count) return count.error();
        total += *count;
        if (*count < wanted) break;
    }
    return {};
}

Expected<void> LargeObjectCalls::write(const LargeObject& object, std::span<const std::byte> bytes,
                                       const QueryOptions& options) {
    if (auto refused = refusal(object)) return *std::move(refused);
    while (!bytes.empty()) {
        const auto next = bytes.first(std::min(bytes.size(), piece));
        const auto written = call<std::int32_t>(object, options, "select lowrite($1, $2)", object.descriptor_, next);
        if (!written) return written.error();
        bytes = bytes.subspan(next.size());
    }
    return {};
}

Expected<std::int64_t> LargeObjectCalls::seek(const LargeObject& object, std::int64_t offset, SeekFrom from,
                                              const QueryOptions& options) {
    return call<std::int64_t>(object, options, "select lo_lseek64($1, $2, $3)", object.descriptor_, offset,
                              static_cast<std::int32_t>(from));
}

Expected<std::int64_t> LargeObjectCalls::tell(const LargeObject& object, const QueryOptions& options) {
    return call<std::int64_t>(object, options, "select lo_tell64($1)", object.descriptor_);
}

Expected<void> LargeObjectCalls::truncate(const LargeObject& object, std::int64_t size, const QueryOptions& options) {
    return without_value(call<std::int32_t>(object, options, "select lo_truncate64($1, $2)", object.descriptor_, size));
}

Expected<std::int64_t> LargeObjectCalls::size(const LargeObject& object, const QueryOptions& options) {
    auto position = tell(object, options);
    if (!position) return position;
    auto end = seek(object, 0, SeekFrom::end, options);
    if (!end) return end;
    if (auto back = seek(object, *position, SeekFrom::begin, options); !back) return back;
    return end;
}

Expected<void> LargeObjectCalls::close(LargeObject& object, const QueryOptions& options) {
    const auto transaction = std::exchange(object.transaction_, nullptr);
    if (!transaction || (transaction->is_open() && !transaction->has_object(object.number_))) return {};
    transaction->remove_object(object.number_);
    return without_value(
        transaction->with(options).try_query_one<std::int32_t>("select lo_close($1)", object.descriptor_));
}

}  // namespace detail

Expected<Oid> LargeObject::try_create(Transaction& transaction, Oid wanted) {
    return detail::LargeObjectCalls::create(transaction, wanted, {});
}
Expected<void> LargeObject::try_remove(Transaction& transaction, Oid oid) {
    return detail::LargeObjectCalls::remove(transaction, oid, {});
}
Expected<LargeObject> LargeObject::try_open(Transaction& transaction, Oid oid, LargeObjectMode mode) {
    return detail::LargeObjectCalls::open(transaction, oid, mode, {});
}

LargeObject::LargeObject(std::shared_ptr<Transaction::Impl> transaction, Oid oid, std::int32_t descriptor)
    : transaction_(std::move(transaction)),
      oid_(oid),
      descriptor_(descriptor),
      number_(transaction_->add_object(descriptor)) {}
LargeObject::LargeObject(LargeObject&& other) noexcept = default;
LargeObject& LargeObject::operator=(LargeObject&& other) noexcept {
    std::swap(transaction_, other.transaction_);
    std::swap(oid_, other.oid_);
    std::swap(descriptor_, other.descriptor_);
    std::swap(number_, other.number_);
    return *this;
}

LargeObject::~LargeObject() {
    if (is_open()) static_cast<void>(try_close());
}

bool LargeObject::is_open() const noexcept { return transaction_ && transaction_->has_object(number_); }

Expected<std::size_t> LargeObject::try_read(std::span<std::byte> into) {
    Filler filler(into);
    if (auto read = detail::LargeObjectCalls::read(*this, into.size(), filler, {}); !read)
        return std::move(read).error();
    return filler.filled();
}
Expected<void> LargeObject::try_write(std::span<const std::byte> bytes) {
    return detail::LargeObjectCalls::write(*this, bytes, {});
}
Expected<std::int64_t> LargeObject::try_seek(std::int64_t offset, SeekFrom from) {
    return detail::LargeObjectCalls::seek(*this, offset, from, {});
}
Expected<std::int64_t> LargeObject::try_tell() { return detail::LargeObjectCalls::tell(*this, {}); }
Expected<void> LargeObject::try_truncate(std::int64_t size) {
    return detail::LargeObjectCalls::truncate(*this, size, {});
}
Expected<std::int64_t> LargeObject::try_size() { return detail::LargeObjectCalls::size(*this, {}); }
Expected<void> LargeObject::try_close() { return detail::LargeObjectCalls::close(*this, {}); }

}  // namespace pg
