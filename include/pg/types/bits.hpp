// Bit strings: pg::Bits of any length, std::bitset of a fixed one.
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// A bit string. Value. Bit 0 is the first one written.
class PGCLIENT_API Bits {
public:
    Bits() = default;
    /// `count` bits, none of them set.
    explicit Bits(std::size_t count) : bytes_((count + 7) / 8), size_(count) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    /// Undefined for an `index` that is not below `size()`, as in the next one.
    [[nodiscard]] bool operator[](std::size_t index) const { return (bytes_[index / 8] & mask(index)) != std::byte{0}; }
    /// Undefined for an `index` that is not below `size()`.
    void set(std::size_t index, bool value = true) {
        std::byte& byte = bytes_[index / 8];
        byte = value ? byte | mask(index) : byte & ~mask(index);
    }
    /// Adds a bit behind the last one.
    void push_back(bool value) {
        if (size_ % 8 == 0) bytes_.push_back(std::byte{0});
        set(size_++, value);
    }

    /// From and to `10110`.
    static Expected<Bits> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Bits&, const Bits&) = default;

private:
    friend struct Codec<Bits>;
    static std::byte mask(std::size_t index) { return std::byte{0x80} >> (index % 8); }

    std::vector<std::byte> bytes_;  // what is behind the last bit is zero
    std::size_t size_ = 0;
};

/// bit and varbit; sent as varbit.
template <>
struct Codec<Bits> {
    static constexpr TypeId type{Oid{1562}, Oid{1563}, "varbit"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Bits& out);
    PGCLIENT_API static Fault encode(Writer& out, const Bits& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Bits& value);
};

/// Bit strings of exactly `N` bits. Its `to_string()` is what the server writes, so its bit 0 is the last one written.
template <std::size_t N>
struct Codec<std::bitset<N>> {
    static constexpr TypeId type{Oid{1560}, Oid{1561}, "bit"};
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return Codec<Bits>::accepts(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, std::bitset<N>& out) {
        Bits bits;
        if (Fault fault = Codec<Bits>::decode(cell, wire, bits)) return fault;
        if (bits.size() != N) return {"bit string of another length than its std::bitset: use pg::Bits"};
        for (std::size_t i = 0; i < N; ++i) out[N - 1 - i] = bits[i];
        return {};
    }
    static Fault encode(Writer& out, const std::bitset<N>& value) { return Codec<Bits>::encode(out, bits_of(value)); }
    static Fault encode_text(Writer& out, const std::bitset<N>& value) {
        return Codec<Bits>::encode_text(out, bits_of(value));
    }

private:
    static Bits bits_of(const std::bitset<N>& value) {
        Bits bits(N);
        for (std::size_t i = 0; i < N; ++i) bits.set(i, value[N - 1 - i]);
        return bits;
    }
};

}  // namespace pg
