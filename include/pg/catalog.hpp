// What a database says of the types that are no part of PostgreSQL itself: enums, composites, domains, extensions.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/fwd.hpp"

namespace pg {

/// What pg_type.typtype says, and whether it is an array.
enum class TypeKind : std::uint8_t { base, composite, domain, enumeration, range, multirange, array, pseudo };

/// One field of a composite type.
struct TypeField {
    std::string name;  ///< as the catalogue has it
    Oid type{};        ///< of its values

    friend bool operator==(const TypeField&, const TypeField&) = default;
};

/// One type. Value.
struct TypeInfo {
    Oid oid{};  ///< of the type, in this database alone
    /// As the catalogue has them, without quotes. @{
    std::string schema, name;        /// @}
    TypeKind kind = TypeKind::base;  ///< decides which of the fields below are set
    Oid array{};                     ///< the array type over it; zero when there is none
    Oid element{};  ///< array: of its elements; range and multirange: of its bounds; domain: the base type
    std::vector<TypeField> fields;    ///< composite: its fields, in order
    std::vector<std::string> labels;  ///< enumeration: its labels, in order

    friend bool operator==(const TypeInfo&, const TypeInfo&) = default;
};

/// The types of one database that were asked for so far. Shared by the sessions of a client. Thread-safe; an entry,
/// once given out, stays valid for the catalogue's life.
class PGCLIENT_API TypeCatalog {
public:
    TypeCatalog();
    ~TypeCatalog();
    TypeCatalog(const TypeCatalog&) = delete;
    TypeCatalog& operator=(const TypeCatalog&) = delete;

    /// The type with this oid; null when it was never loaded.
    [[nodiscard]] const TypeInfo* find(Oid oid) const;
    /// The type with this name: `name` or `schema.name`; null when it was never loaded.
    [[nodiscard]] const TypeInfo* find(std::string_view name) const;
    /// Adds a type, or replaces what is known under its oid.
    void add(TypeInfo info) { add(std::move(info), era()); }

    /// Counts how often the types, or what names mean, may have changed. What is known from before an era is still
    /// given out, and is to be asked for again before it is relied on. @{
    [[nodiscard]] std::uint64_t era() const noexcept { return era_.load(std::memory_order_relaxed); }
    void outdate() const noexcept { era_.fetch_add(1, std::memory_order_relaxed); }  /// @}
    /// An era that never is: what is added in that is to be asked for again at once.
    static constexpr std::uint64_t no_era = ~std::uint64_t{0};
    /// The same with what was asked for in an era. A type that had been known otherwise in the same begins another one.
    void add(TypeInfo info, std::uint64_t era);
    /// Whether a type need not be asked for.
    [[nodiscard]] bool is_current(Oid oid) const;
    /// Has one type asked for again: something did not fit it that may fit what it is now.
    void doubt(Oid oid) const;

    /// True for an oid that only this database's catalogue can explain: one that was not assigned by hand, but as the
    /// database was made or later.
    [[nodiscard]] static constexpr bool is_user_defined(Oid oid) { return static_cast<std::uint32_t>(oid) >= 10000; }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
    mutable std::atomic<std::uint64_t> era_{0};
};

}  // namespace pg
