// What is done with large objects, whoever waits for it: the options say how long and until what. Internal to core.
#pragma once

#include <optional>
#include <vector>

#include "pg/large_object.hpp"

namespace pg::detail {

struct LargeObjectCalls {
    [[nodiscard]] static Expected<Oid> create(Transaction& transaction, Oid wanted, const QueryOptions& options);
    [[nodiscard]] static Expected<void> remove(Transaction& transaction, Oid oid, const QueryOptions& options);
    [[nodiscard]] static Expected<LargeObject> open(Transaction& transaction, Oid oid, LargeObjectMode mode,
                                                    const QueryOptions& options);

    /// Takes what was read piece by piece.
    class Taker {
    public:
        virtual void take(std::span<const std::byte> piece) = 0;

    protected:
        ~Taker() = default;
    };
    [[nodiscard]] static Expected<void> read(const LargeObject& object, std::size_t most, Taker& into,
                                             const QueryOptions& options);
    [[nodiscard]] static Expected<void> write(const LargeObject& object, std::span<const std::byte> bytes,
                                              const QueryOptions& options);
    [[nodiscard]] static Expected<std::int64_t> seek(const LargeObject& object, std::int64_t offset, SeekFrom from,
                                                     const QueryOptions& options);
    [[nodiscard]] static Expected<std::int64_t> tell(const LargeObject& object, const QueryOptions& options);
    [[nodiscard]] static Expected<void> truncate(const LargeObject& object, std::int64_t size,
                                                 const QueryOptions& options);
    [[nodiscard]] static Expected<std::int64_t> size(const LargeObject& object, const QueryOptions& options);
    [[nodiscard]] static Expected<void> close(LargeObject& object, const QueryOptions& options);

private:
    /// Why an object cannot be used that is closed.
    [[nodiscard]] static std::optional<Error> refusal(const LargeObject& object);
    /// One that ended early and left its transaction as it was ends that: nobody knows where the position is, and what
    /// was written.
    static void note_failure(const LargeObject& object, const Error& error);
    template <class... A>
    static Expected<Result> query(const LargeObject& object, const QueryOptions& options, Sql<sizeof...(A)> sql,
                                  const A&... arguments);
    template <class T, class... A>
    static Expected<T> call(const LargeObject& object, const QueryOptions& options, Sql<sizeof...(A)> sql,
                            const A&... arguments);
};

}  // namespace pg::detail
