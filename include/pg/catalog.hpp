// What a database says of the types that are no part of PostgreSQL itself: enums, composites, domains, extensions.
#pragma once

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
    void add(TypeInfo info);

    /// True for an oid that only this database's catalogue can explain: one that was not assigned by hand, but as the
    /// database was made or later.
    [[nodiscard]] static constexpr bool is_user_defined(Oid oid) { return static_cast<std::uint32_t>(oid) >= 10000; }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace pg
