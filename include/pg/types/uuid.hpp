// Universally unique identifiers.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// A uuid, as its 16 bytes. Value. Ordered by them, as the server does.
struct Uuid {
    std::array<std::byte, 16> bytes{};  ///< in the order that they are written

    /// From and to `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11`; read in either case.
    PGCLIENT_API static Expected<Uuid> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const Uuid&, const Uuid&) = default;
};

template <>
struct Codec<Uuid> : detail::OwnType<Uuid> {
    static constexpr TypeId type{Oid{2950}, Oid{2951}, "uuid"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Uuid& out);
    PGCLIENT_API static Fault encode(Writer& out, const Uuid& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Uuid& value);
};

}  // namespace pg
