// The binary and text forms of pgvector's types: dense, half-precision and sparse vectors.
#include "pg/types/extension.hpp"
#include "src/value/reader.hpp"
#include "src/value/scanner.hpp"

namespace pg {
namespace {

constexpr Fault wrong_size{"vector whose bytes are not those of its dimensions"};
constexpr Fault malformed{"malformed vector"};
constexpr std::size_t max_dimensions = 16000;
constexpr std::int32_t max_sparse_dimensions = 1000000000;

// Half precision: a sign, 5 bits of exponent with a bias of 15, 10 bits of fraction.
float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1f;
    const std::uint32_t fraction = half & 0x3ff;
    if (exponent == 0) {
        const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
        return sign != 0 ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 0x1f ? 0xff : exponent + (127 - 15);
    return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

// Rounds to nearest, ties to even. False for a number that half precision cannot hold.
bool float_to_half(float value, std::uint16_t& out) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
    const std::uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x477ff000) return false;  // 65520 and more round to infinity; NaN is above
    std::uint32_t half = 0;
    if (magnitude < 0x38800000) {  // below 2^-14: a multiple of 2^-24
        half = static_cast<std::uint32_t>(std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F));
    } else {
        const std::uint32_t rebiased = magnitude - ((127U - 15U) << 23);
        half = (rebiased + 0xfff + ((rebiased >> 13) & 1)) >> 13;
    }
    out = static_cast<std::uint16_t>(sign | half);
    return true;
}

// "[1,2,3]".
Fault read_dense_literal(std::string_view text, std::vector<float>& out) {
    detail::Scanner in(text);
    out.clear();
    if (!in.take('[')) return malformed;
    do {
        if (!detail::parse_float(in.take_until(",]"), out.emplace_back())) return malformed;
    } while (in.take(','));
    return in.take(']') && in.at_end() ? Fault{} : malformed;
}

// Two words, of which the second is unused, and the elements.
template <class Bits, class F>
Fault read_dense(const Cell& cell, std::vector<float>& out, F to_float) {
    detail::Reader in(cell.bytes());
    const std::size_t count = in.take<std::uint16_t>();
    static_cast<void>(in.take<std::uint16_t>());
    if (in.failed() || count == 0 || in.left() != count * sizeof(Bits)) return wrong_size;
    out.resize(count);
    for (float& value : out) value = to_float(in.take<Bits>());
    return {};
}

Fault check_dense(std::size_t count) {
    const bool fits = count >= 1 && count <= max_dimensions;
    return fits ? Fault{} : Fault{"vector of less than 1 or more than 16000 dimensions"};
}

Fault write_dense_header(Writer& out, std::size_t count) {
    if (Fault fault = check_dense(count)) return fault;
    out.put(static_cast<std::uint16_t>(count));
    out.put(std::uint16_t{0});
    return {};
}

Fault write_dense_literal(Writer& out, const std::vector<float>& values) {
    if (Fault fault = check_dense(values.size())) return fault;
    out.put('[');
    for (const float& value : values) {
        if (&value != values.data()) out.put(',');
        detail::write_float(out, value);
    }
    out.put(']');
    return {};
}

Fault check_sparse(const SparseVector& vector) {
    if (vector.dimensions < 1 || vector.dimensions > max_sparse_dimensions)
        return {"sparse vector of less than 1 or more than 1000000000 dimensions"};
    std::int32_t next = 0;
    for (const auto& [index, value] : vector.elements) {
        if (index < next || index >= vector.dimensions)
            return {"sparse vector whose indices do not rise within its dimensions"};
        next = index + 1;
    }
    return {};
}

// "{1:1.5,3:2}/5", where the indices count from one.
Fault read_sparse_literal(std::string_view text, SparseVector& out) {
    const std::size_t close = text.find("}/");
    out.elements.clear();
    if (!text.starts_with('{') || close == text.npos) return malformed;
    if (!detail::parse_integer(text.substr(close + 2), out.dimensions)) return malformed;
    std::string_view list = text.substr(1, close - 1);
    while (!list.empty()) {
        const std::string_view element = list.substr(0, list.find(','));
        const std::size_t colon = element.find(':');
        auto& [index, value] = out.elements.emplace_back();
        if (colon == element.npos || !detail::parse_integer(element.substr(0, colon), index) || index < 1 ||
            !detail::parse_float(element.substr(colon + 1), value))
            return malformed;
        --index;
        list.remove_prefix(element.size());
        if (list.empty()) break;
        list.remove_prefix(1);
        if (list.empty()) return malformed;
    }
    return check_sparse(out);
}

}  // namespace

Fault Codec<Vector>::decode(const Cell& cell, const WireType& wire, Vector& out) {
    if (wire.format == Format::text) return read_dense_literal(cell.bytes(), out.values);
    return read_dense<std::uint32_t>(cell, out.values, [](std::uint32_t bits) { return std::bit_cast<float>(bits); });
}
Fault Codec<Vector>::encode(Writer& out, const Vector& value) {
    if (Fault fault = write_dense_header(out, value.values.size())) return fault;
    for (float element : value.values) out.put(element);
    return {};
}
Fault Codec<Vector>::encode_text(Writer& out, const Vector& value) { return write_dense_literal(out, value.values); }

Fault Codec<HalfVector>::decode(const Cell& cell, const WireType& wire, HalfVector& out) {
    if (wire.format == Format::text) return read_dense_literal(cell.bytes(), out.values);
    return read_dense<std::uint16_t>(cell, out.values, &half_to_float);
}
Fault Codec<HalfVector>::encode(Writer& out, const HalfVector& value) {
    if (Fault fault = write_dense_header(out, value.values.size())) return fault;
    for (float element : value.values) {
        std::uint16_t half = 0;
        if (!float_to_half(element, half)) return {"number that half precision cannot hold"};
        out.put(half);
    }
    return {};
}
Fault Codec<HalfVector>::encode_text(Writer& out, const HalfVector& value) {
    return write_dense_literal(out, value.values);
}

// Dimensions, number of elements and an unused word; then all indices, then all values.
Fault Codec<SparseVector>::decode(const Cell& cell, const WireType& wire, SparseVector& out) {
    if (wire.format == Format::text) return read_sparse_literal(cell.bytes(), out);
    constexpr std::size_t element_size = 8;
    detail::Reader in(cell.bytes());
    out.dimensions = in.take<std::int32_t>();
    const std::size_t count = in.take<std::uint32_t>();
    static_cast<void>(in.take<std::uint32_t>());
    if (in.failed() || in.left() != count * element_size) return wrong_size;
    out.elements.resize(count);
    for (auto& element : out.elements) element.first = in.take<std::int32_t>();
    for (auto& element : out.elements) element.second = std::bit_cast<float>(in.take<std::uint32_t>());
    return check_sparse(out);
}
Fault Codec<SparseVector>::encode(Writer& out, const SparseVector& value) {
    if (Fault fault = check_sparse(value)) return fault;
    out.put(value.dimensions);
    out.put(static_cast<std::int32_t>(value.elements.size()));
    out.put(std::int32_t{0});
    for (const auto& element : value.elements) out.put(element.first);
    for (const auto& element : value.elements) out.put(element.second);
    return {};
}
Fault Codec<SparseVector>::encode_text(Writer& out, const SparseVector& value) {
    if (Fault fault = check_sparse(value)) return fault;
    out.put('{');
    for (const auto& element : value.elements) {
        if (&element != value.elements.data()) out.put(',');
        detail::write_integer(out, element.first + 1);
        out.put(':');
        detail::write_float(out, element.second);
    }
    out.put("}/");
    detail::write_integer(out, value.dimensions);
    return {};
}

}  // namespace pg
