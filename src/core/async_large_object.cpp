// Large objects of awaited transactions: the calls of LargeObject, each in its turn on the session.
#include "pg/async_large_object.hpp"

#include "src/core/async_held.hpp"
#include "src/core/large_object_calls.hpp"

namespace pg {
namespace detail {
namespace {

using Calls = LargeObjectCalls;
using LargeObjectTarget = ObjectTarget<LargeObject>;

/// Appends to bytes of its own.
class Gatherer final : public Calls::Taker {
public:
    void take(std::span<const std::byte> piece) override { bytes.insert(bytes.end(), piece.begin(), piece.end()); }
    std::vector<std::byte> bytes;
};

/// `function(transaction, options)`, on a fiber.
template <class A, class Function>
AnswerOperation<A>* make_within(const AsyncTransaction& transaction, Function function) {
    return make_operation<A>(transaction.target(), {}, [function](Executor& executor, const Site& site) {
        return function(static_cast<Transaction&>(executor), site.options);
    });
}
/// `function(object, options)`, on a fiber.
template <class A, class Function>
AnswerOperation<A>* make_call(const std::shared_ptr<AsyncTarget>& target, Function function) {
    return make_operation<A>(target, {}, [call = std::move(function)](Executor&, const Site& site) {
        return call(static_cast<LargeObjectTarget&>(site.target).object, site.options);
    });
}

/// What moves the position, and so is told by its answer alone: one that nobody hears of would leave a gap, or a half.
template <class A, class Function>
struct MovingCall {
    Function function;

    Expected<A> operator()(Executor&, const Site& site) {
        if (auto lost = lost_part(site.target)) return *std::move(lost);
        return function(static_cast<LargeObjectTarget&>(site.target).object, site.options);
    }
    void undelivered(AsyncTarget& target, Expected<A>&) const noexcept { lose_part(target); }
    void not_begun(AsyncTarget& target) const noexcept
        requires(!std::is_same_v<A, std::vector<std::byte>>)
    {
        lose_part(target);
    }
};
template <class A, class Function>
AnswerOperation<A>* make_moving_call(const std::shared_ptr<AsyncTarget>& target, Function function) {
    return make_operation<A>(target, {}, MovingCall<A, Function>{std::move(function)});
}

AnswerOperation<Oid>* make_create(const AsyncTransaction& transaction, Oid wanted) {
    return make_within<Oid>(transaction, [wanted](Transaction& within, const QueryOptions& options) {
        return Calls::create(within, wanted, options);
    });
}

AnswerOperation<void>* make_remove(const AsyncTransaction& transaction, Oid oid) {
    return make_within<void>(transaction, [oid](Transaction& within, const QueryOptions& options) {
        return Calls::remove(within, oid, options);
    });
}

AnswerOperation<AsyncLargeObject>* make_open(const AsyncTransaction& transaction, Oid oid, LargeObjectMode mode) {
    return make_operation<AsyncLargeObject>(
        transaction.target(), {}, [oid, mode](Executor& executor, const Site& site) -> Expected<AsyncLargeObject> {
            auto object = Calls::open(static_cast<Transaction&>(executor), oid, mode, site.options);
            if (!object) return std::move(object).error();
            return AsyncLargeObject(target_for(site, *std::move(object)), oid);
        });
}

AnswerOperation<std::vector<std::byte>>* make_read(const std::shared_ptr<AsyncTarget>& target, std::size_t most) {
    using Bytes = std::vector<std::byte>;
    return make_moving_call<Bytes>(target, [most](LargeObject& object, const QueryOptions& options) -> Expected<Bytes> {
        Gatherer gatherer;
        if (auto read = Calls::read(object, most, gatherer, options); !read) return std::move(read).error();
        return std::move(gatherer.bytes);
    });
}

AnswerOperation<void>* make_write(const std::shared_ptr<AsyncTarget>& target, std::vector<std::byte> bytes) {
    return make_moving_call<void>(target, [kept = std::move(bytes)](LargeObject& object, const QueryOptions& options) {
        return Calls::write(object, kept, options);
    });
}

AnswerOperation<std::int64_t>* make_seek(const std::shared_ptr<AsyncTarget>& target, std::int64_t offset,
                                         SeekFrom from) {
    return make_moving_call<std::int64_t>(target, [offset, from](LargeObject& object, const QueryOptions& options) {
        return Calls::seek(object, offset, from, options);
    });
}

AnswerOperation<void>* make_truncate(const std::shared_ptr<AsyncTarget>& target, std::int64_t size) {
    return make_moving_call<void>(target, [size](LargeObject& object, const QueryOptions& options) {
        return Calls::truncate(object, size, options);
    });
}

}  // namespace
}  // namespace detail

AsyncLargeObject::AsyncLargeObject(std::shared_ptr<detail::AsyncTarget> target, Oid oid)
    : target_(std::move(target)), oid_(oid) {}

Async<Oid> AsyncLargeObject::create(const AsyncTransaction& transaction, Oid wanted) {
    return Async<Oid>(detail::make_create(transaction, wanted));
}
Async<Expected<Oid>> AsyncLargeObject::try_create(const AsyncTransaction& transaction, Oid wanted) {
    return Async<Expected<Oid>>(detail::make_create(transaction, wanted));
}
Async<void> AsyncLargeObject::remove(const AsyncTransaction& transaction, Oid oid) {
    return Async<void>(detail::make_remove(transaction, oid));
}
Async<Expected<void>> AsyncLargeObject::try_remove(const AsyncTransaction& transaction, Oid oid) {
    return Async<Expected<void>>(detail::make_remove(transaction, oid));
}
Async<AsyncLargeObject> AsyncLargeObject::open(const AsyncTransaction& transaction, Oid oid, LargeObjectMode mode) {
    return Async<AsyncLargeObject>(detail::make_open(transaction, oid, mode));
}
Async<Expected<AsyncLargeObject>> AsyncLargeObject::try_open(const AsyncTransaction& transaction, Oid oid,
                                                             LargeObjectMode mode) {
    return Async<Expected<AsyncLargeObject>>(detail::make_open(transaction, oid, mode));
}

Async<std::vector<std::byte>> AsyncLargeObject::read(std::size_t most) {
    return Async<std::vector<std::byte>>(detail::make_read(target_, most));
}
Async<Expected<std::vector<std::byte>>> AsyncLargeObject::try_read(std::size_t most) {
    return Async<Expected<std::vector<std::byte>>>(detail::make_read(target_, most));
}
Async<void> AsyncLargeObject::write(std::vector<std::byte> bytes) {
    return Async<void>(detail::make_write(target_, std::move(bytes)));
}
Async<Expected<void>> AsyncLargeObject::try_write(std::vector<std::byte> bytes) {
    return Async<Expected<void>>(detail::make_write(target_, std::move(bytes)));
}

Async<std::int64_t> AsyncLargeObject::seek(std::int64_t offset, SeekFrom from) {
    return Async<std::int64_t>(detail::make_seek(target_, offset, from));
}
Async<Expected<std::int64_t>> AsyncLargeObject::try_seek(std::int64_t offset, SeekFrom from) {
    return Async<Expected<std::int64_t>>(detail::make_seek(target_, offset, from));
}
Async<std::int64_t> AsyncLargeObject::tell() {
    return Async<std::int64_t>(detail::make_call<std::int64_t>(target_, &detail::LargeObjectCalls::tell));
}
Async<Expected<std::int64_t>> AsyncLargeObject::try_tell() {
    return Async<Expected<std::int64_t>>(detail::make_call<std::int64_t>(target_, &detail::LargeObjectCalls::tell));
}
Async<void> AsyncLargeObject::truncate(std::int64_t size) { return Async<void>(detail::make_truncate(target_, size)); }
Async<Expected<void>> AsyncLargeObject::try_truncate(std::int64_t size) {
    return Async<Expected<void>>(detail::make_truncate(target_, size));
}
Async<std::int64_t> AsyncLargeObject::size() {
    return Async<std::int64_t>(detail::make_call<std::int64_t>(target_, &detail::LargeObjectCalls::size));
}
Async<Expected<std::int64_t>> AsyncLargeObject::try_size() {
    return Async<Expected<std::int64_t>>(detail::make_call<std::int64_t>(target_, &detail::LargeObjectCalls::size));
}

Async<void> AsyncLargeObject::close() {
    return Async<void>(detail::make_call<void>(target_, &detail::LargeObjectCalls::close));
}
Async<Expected<void>> AsyncLargeObject::try_close() {
    return Async<Expected<void>>(detail::make_call<void>(target_, &detail::LargeObjectCalls::close));
}

}  // namespace pg
