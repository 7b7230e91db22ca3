// inet, cidr, macaddr and macaddr8.
#include "pg/types/network.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include "src/value/hexadecimal.hpp"
#include "src/value/reader.hpp"
#include "src/value/scanner.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;

constexpr std::uint8_t wire_family_v4 = 2;
constexpr std::uint8_t wire_family_v6 = 3;
constexpr Fault malformed{"malformed network address"};
constexpr Fault prefix_too_long{"network address with a prefix longer than it is"};
constexpr Fault bits_behind_prefix{"cidr with bits set behind its prefix"};

struct Network {
    IpAddress address;
    std::uint8_t prefix = 0;
};

// The bits of the address up to `prefix`.
IpAddress masked(IpAddress address, std::uint8_t prefix) {
    for (std::size_t i = 0; i < address.bytes.size(); ++i) {
        const int kept = std::clamp(prefix - 8 * static_cast<int>(i), 0, 8);
        address.bytes[i] &= static_cast<std::byte>(0xff00 >> kept);
    }
    return address;
}

Fault check(const Network& network, bool is_cidr) {
    if (network.prefix > network.address.width()) return prefix_too_long;
    if (is_cidr && masked(network.address, network.prefix) != network.address) return bits_behind_prefix;
    return {};
}

std::strong_ordering compare(const Network& a, const Network& b) {
    const auto families = a.address.family <=> b.address.family;
    if (families != 0) return families;
    const std::uint8_t common = std::min(a.prefix, b.prefix);
    const auto networks = masked(a.address, common) <=> masked(b.address, common);
    if (networks != 0) return networks;
    const auto prefixes = a.prefix <=> b.prefix;
    return prefixes != 0 ? prefixes : a.address <=> b.address;
}

// ---- text ------------------------------------------------------------------------------------------

Fault read_text(std::string_view bytes, Network& out) {
    Scanner text(bytes);
    const std::string_view address = text.take_until("/");
    char terminated[INET6_ADDRSTRLEN] = {};
    if (address.size() >= sizeof(terminated)) return malformed;
    address.copy(terminated, address.size());

    const bool is_v6 = address.find(':') != address.npos;
    out.address = IpAddress{is_v6 ? IpFamily::v6 : IpFamily::v4, {}};
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, terminated, out.address.bytes.data()) != 1) return malformed;
    out.prefix = out.address.width();
    if (text.take('/') && !text.take_digits(1, 3, out.prefix)) return malformed;
    return text.at_end() ? Fault{} : malformed;
}

void write_v4(Writer& out, const std::byte* bytes) {
    for (int i = 0; i < 4; ++i) {
        if (i != 0) out.put('.');
        detail::write_integer(out, static_cast<unsigned>(bytes[i]));
    }
}

void write_word(Writer& out, unsigned word) {
    char digits[4];
    const char* end = std::to_chars(digits, digits + sizeof(digits), word, 16).ptr;
    out.put(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

// The longest run of two zero words or more, the first of several, becomes "::"; IPv4 in IPv6 ends as IPv4 is written.
void write_v6(Writer& out, const std::byte* bytes) {
    unsigned words[8];
    for (int i = 0; i < 8; ++i)
        words[i] = static_cast<unsigned>(bytes[2 * i]) << 8 | static_cast<unsigned>(bytes[2 * i + 1]);
    int start = 9, length = 1;
    for (int i = 0; i < 8; ++i) {
        int end = i;
        while (end < 8 && words[end] == 0) ++end;
        if (end - i <= length) continue;
        start = i;
        length = end - i;
    }
    const bool ends_as_v4 = start == 0 && (length == 6 || (length == 5 && words[5] == 0xffff));

    for (int i = 0; i < 8; ++i) {
        if (i == start) out.put(':');
        if (i >= start && i < start + length) continue;
        if (i != 0) out.put(':');
        if (ends_as_v4 && i == 6) return write_v4(out, bytes + 12);
        write_word(out, words[i]);
    }
    if (start + length == 8) out.put(':');
}

void write_text(Writer& out, const Network& network, bool always_prefix) {
    if (network.address.family == IpFamily::v4)
        write_v4(out, network.address.bytes.data());
    else
        write_v6(out, network.address.bytes.data());
    if (!always_prefix && network.prefix == network.address.width()) return;
    out.put('/');
    detail::write_integer(out, unsigned{network.prefix});
}

// ---- binary ----------------------------------------------------------------------------------------

Fault read_binary(std::string_view bytes, Network& out) {
    Reader reader(bytes);
    const auto family = reader.take<std::uint8_t>();
    out.prefix = reader.take<std::uint8_t>();
    (void)reader.take<std::uint8_t>();  // whether it is a cidr, which the type says already
    const auto size = reader.take<std::uint8_t>();
    if (family != wire_family_v4 && family != wire_family_v6) return {"network address of an unknown family"};
    out.address = IpAddress{family == wire_family_v4 ? IpFamily::v4 : IpFamily::v6, {}};
    const std::string_view address = reader.take_bytes(size);
    if (!reader.finished() || size != out.address.size())
        return {"network address with more or fewer bytes than it says"};
    std::memcpy(out.address.bytes.data(), address.data(), address.size());
    return {};
}

template <class T>
Fault decode_network(const Cell& cell, const WireType& wire, T& out) {
    Network network;
    if (Fault fault =
            wire.format == Format::binary ? read_binary(cell.bytes(), network) : read_text(cell.bytes(), network))
        return fault;
    if (Fault fault = check(network, std::is_same_v<T, Cidr>)) return fault;
    out = T{network.address, network.prefix};
    return {};
}

Fault encode_network(Writer& out, const Network& network, bool is_cidr) {
    if (Fault fault = check(network, is_cidr)) return fault;
    out.put(network.address.family == IpFamily::v4 ? wire_family_v4 : wire_family_v6);
    out.put(network.prefix);
    out.put(static_cast<std::uint8_t>(is_cidr));
    out.put(static_cast<std::uint8_t>(network.address.size()));
    out.put(std::string_view(reinterpret_cast<const char*>(network.address.bytes.data()), network.address.size()));
    return {};
}

// ---- network cards ---------------------------------------------------------------------------------

template <class T>
Fault decode_card(const Cell& cell, const WireType& wire, T& out) {
    constexpr Fault malformed_card{"malformed MAC address"};
    const std::string_view bytes = cell.bytes();
    T value;
    if (wire.format == Format::binary) {
        if (bytes.size() != value.bytes.size()) return {"MAC address with more or fewer bytes than its type"};
        std::memcpy(value.bytes.data(), bytes.data(), bytes.size());
    } else {
        if (bytes.size() != 3 * value.bytes.size() - 1) return malformed_card;
        for (std::size_t i = 0; i < value.bytes.size(); ++i) {
            if (i != 0 && bytes[3 * i - 1] != ':') return malformed_card;
            if (!detail::hex_byte(bytes.data() + 3 * i, value.bytes[i])) return malformed_card;
        }
    }
    out = value;
    return {};
}

Fault encode_card(Writer& out, std::span<const std::byte> bytes) {
    out.put(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    return {};
}

Fault encode_card_text(Writer& out, std::span<const std::byte> bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i != 0) out.put(':');
        detail::write_hex(out, bytes.subspan(i, 1));
    }
    return {};
}

}  // namespace

std::strong_ordering operator<=>(const Inet& a, const Inet& b) {
    return compare({a.address, a.prefix}, {b.address, b.prefix});
}
std::strong_ordering operator<=>(const Cidr& a, const Cidr& b) {
    return compare({a.address, a.prefix}, {b.address, b.prefix});
}

bool Codec<Inet>::accepts(const WireType& wire) { return wire.oid == type.oid || wire.oid == Codec<Cidr>::type.oid; }
Fault Codec<Inet>::decode(const Cell& cell, const WireType& wire, Inet& out) { return decode_network(cell, wire, out); }
Fault Codec<Inet>::encode(Writer& out, const Inet& value) {
    return encode_network(out, {value.address, value.prefix}, false);
}
Fault Codec<Inet>::encode_text(Writer& out, const Inet& value) {
    if (Fault fault = check({value.address, value.prefix}, false)) return fault;
    write_text(out, {value.address, value.prefix}, false);
    return {};
}
Expected<Inet> Inet::parse(std::string_view text) { return detail::parse_value<Inet>(text); }
std::string Inet::to_string() const { return detail::text_of(*this); }

Fault Codec<Cidr>::decode(const Cell& cell, const WireType& wire, Cidr& out) { return decode_network(cell, wire, out); }
Fault Codec<Cidr>::encode(Writer& out, const Cidr& value) {
    return encode_network(out, {value.address, value.prefix}, true);
}
Fault Codec<Cidr>::encode_text(Writer& out, const Cidr& value) {
    if (Fault fault = check({value.address, value.prefix}, true)) return fault;
    write_text(out, {value.address, value.prefix}, true);
    return {};
}
Expected<Cidr> Cidr::parse(std::string_view text) { return detail::parse_value<Cidr>(text); }
std::string Cidr::to_string() const { return detail::text_of(*this); }

Fault Codec<MacAddr>::decode(const Cell& cell, const WireType& wire, MacAddr& out) {
    return decode_card(cell, wire, out);
}
Fault Codec<MacAddr>::encode(Writer& out, const MacAddr& value) { return encode_card(out, value.bytes); }
Fault Codec<MacAddr>::encode_text(Writer& out, const MacAddr& value) { return encode_card_text(out, value.bytes); }
Expected<MacAddr> MacAddr::parse(std::string_view text) { return detail::parse_value<MacAddr>(text); }
std::string MacAddr::to_string() const { return detail::text_of(*this); }

Fault Codec<MacAddr8>::decode(const Cell& cell, const WireType& wire, MacAddr8& out) {
    return decode_card(cell, wire, out);
}
Fault Codec<MacAddr8>::encode(Writer& out, const MacAddr8& value) { return encode_card(out, value.bytes); }
Fault Codec<MacAddr8>::encode_text(Writer& out, const MacAddr8& value) { return encode_card_text(out, value.bytes); }
Expected<MacAddr8> MacAddr8::parse(std::string_view text) { return detail::parse_value<MacAddr8>(text); }
std::string MacAddr8::to_string() const { return detail::text_of(*this); }

}  // namespace pg
