// Addresses of hosts, networks and network cards.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// IPv4 comes before IPv6.
enum class IpFamily : std::uint8_t { v4, v6 };

/// An IPv4 or IPv6 address. Value.
struct IpAddress {
    IpFamily family = IpFamily::v4;     ///< says how many of the bytes count
    std::array<std::byte, 16> bytes{};  ///< in network order; IPv4 uses the first four, and the others are zero

    [[nodiscard]] constexpr std::size_t size() const { return family == IpFamily::v4 ? 4 : 16; }
    /// The number of bits.
    [[nodiscard]] constexpr std::uint8_t width() const { return family == IpFamily::v4 ? 32 : 128; }

    friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// The address of a host and the network that it is in, which may be the host alone. Value.
/// Ordered as the server does: by family, by network, by the network's size, by host.
struct Inet {
    IpAddress address;  ///< of the host
    /// The number of leading bits that name the network: at most 32, or 128 for IPv6. All: it is the host alone.
    std::uint8_t prefix = address.width();

    /// From and to what the server writes: `192.0.2.7/24`, `2001:db8::7`.
    PGCLIENT_API static Expected<Inet> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr bool operator==(const Inet&, const Inet&) = default;
    friend PGCLIENT_API std::strong_ordering operator<=>(const Inet& a, const Inet& b);
};

/// A network: the bits behind its prefix are zero. Value. Ordered as `Inet`.
struct Cidr {
    IpAddress address;  ///< the first of the network
    /// The number of leading bits that name it: at most 32, or 128 for IPv6. All: a network of one host.
    std::uint8_t prefix = address.width();

    /// From and to what the server writes: `192.0.2.0/24`.
    PGCLIENT_API static Expected<Cidr> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr bool operator==(const Cidr&, const Cidr&) = default;
    friend PGCLIENT_API std::strong_ordering operator<=>(const Cidr& a, const Cidr& b);
};

/// A MAC address of 48 bits. Value.
struct MacAddr {
    std::array<std::byte, 6> bytes{};  ///< in the order of the text

    /// From and to `08:00:2b:01:02:03`.
    PGCLIENT_API static Expected<MacAddr> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const MacAddr&, const MacAddr&) = default;
};

/// A MAC address of 64 bits. Value.
struct MacAddr8 {
    std::array<std::byte, 8> bytes{};  ///< in the order of the text

    /// From and to `08:00:2b:01:02:03:04:05`.
    PGCLIENT_API static Expected<MacAddr8> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const MacAddr8&, const MacAddr8&) = default;
};

/// inet, and cidr, all of whose values it holds.
template <>
struct Codec<Inet> {
    static constexpr TypeId type{Oid{869}, Oid{1041}, "inet"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Inet& out);
    PGCLIENT_API static Fault encode(Writer& out, const Inet& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Inet& value);
};
template <>
struct Codec<Cidr> : detail::OwnType<Cidr> {
    static constexpr TypeId type{Oid{650}, Oid{651}, "cidr"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Cidr& out);
    PGCLIENT_API static Fault encode(Writer& out, const Cidr& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Cidr& value);
};
template <>
struct Codec<MacAddr> : detail::OwnType<MacAddr> {
    static constexpr TypeId type{Oid{829}, Oid{1040}, "macaddr"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, MacAddr& out);
    PGCLIENT_API static Fault encode(Writer& out, const MacAddr& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const MacAddr& value);
};
template <>
struct Codec<MacAddr8> : detail::OwnType<MacAddr8> {
    static constexpr TypeId type{Oid{774}, Oid{775}, "macaddr8"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, MacAddr8& out);
    PGCLIENT_API static Fault encode(Writer& out, const MacAddr8& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const MacAddr8& value);
};

}  // namespace pg
