// The binary form of numeric, read, written and printed.
#include "src/value/numeric_digits.hpp"

namespace pg::detail {
namespace {

// The smallest unit of a group of four digits that the scale still shows; 10,000 when it shows none of them.
int unit_shown(const NumericView& value, std::size_t index) {
    const int behind_point = static_cast<int>(index) - value.weight;  // 1 for the first group behind it
    const int places = value.scale - 4 * (behind_point - 1);
    if (behind_point < 1 || places >= 4) return 1;
    int unit = numeric_base;
    for (int i = 0; i < places; ++i) unit /= 10;
    return unit;
}

}  // namespace

Fault read_numeric(std::string_view bytes, NumericView& out) {
    if (bytes.size() < numeric_header_size) return {"numeric without its header"};
    out.count = load_big_endian<std::uint16_t>(bytes.data());
    out.weight = load_big_endian<std::int16_t>(bytes.data() + 2);
    out.sign = load_big_endian<std::uint16_t>(bytes.data() + 4);
    out.scale = load_big_endian<std::uint16_t>(bytes.data() + 6);
    out.digits = bytes.data() + numeric_header_size;
    switch (out.sign) {
        case numeric_sign::positive:
        case numeric_sign::negative: break;
        case numeric_sign::nan:
        case numeric_sign::positive_infinity:
        case numeric_sign::negative_infinity:
            return out.count == 0 && bytes.size() == numeric_header_size
                       ? Fault{}
                       : Fault{"numeric with digits behind NaN or infinity"};
        default: return {"numeric with an unknown sign"};
    }
    if (out.scale > max_numeric_scale) return {"numeric with a scale out of range"};
    if (bytes.size() != numeric_header_size + 2 * std::size_t{out.count})
        return {"numeric with more or fewer digits than it says"};
    for (std::size_t i = 0; i < out.count; ++i) {
        if (out.digit(i) >= numeric_base) return {"numeric with a digit out of range"};
        if (out.digit(i) % unit_shown(out, i) != 0) return {"numeric with digits beyond its scale"};
    }
    return {};
}

Fault read_whole_numeric(std::string_view bytes, std::uint64_t& out) {
    NumericView value;
    if (Fault fault = read_numeric(bytes, value)) return fault;
    if (value.sign != numeric_sign::positive && value.sign != numeric_sign::negative)
        return {"numeric that is NaN or infinite for an integer"};
    std::uint64_t sum = 0;
    for (int i = 0; i < value.count; ++i)
        if (i > value.weight && value.digit(static_cast<std::size_t>(i)) != 0)
            return {"numeric with a fraction for an integer"};
    for (int i = 0; i <= value.weight; ++i) {
        const std::uint64_t digit = i < value.count ? value.digit(static_cast<std::size_t>(i)) : 0;
        if (__builtin_mul_overflow(sum, numeric_base, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return {"integer out of the target's range"};
    }
    if (sum != 0 && value.sign == numeric_sign::negative) return {"integer out of the target's range"};
    out = sum;
    return {};
}

void write_whole_numeric(Writer& out, std::uint64_t value) {
    std::uint16_t digits[5];  // lowest first; 10000^5 > 2^64
    std::uint16_t count = 0;
    std::uint16_t zeros = 0;  // at the low end, which the form leaves out
    for (; value != 0; value /= numeric_base) {
        digits[count] = static_cast<std::uint16_t>(value % numeric_base);
        if (digits[count] == 0 && zeros == count) ++zeros;
        ++count;
    }
    out.put(static_cast<std::uint16_t>(count - zeros));
    out.put(static_cast<std::int16_t>(count == 0 ? 0 : count - 1));
    out.put(numeric_sign::positive);
    out.put(std::uint16_t{0});
    while (count > zeros) out.put(digits[--count]);
}

void write_numeric_text(Writer& out, const NumericView& value) {
    switch (value.sign) {
        case numeric_sign::nan: return out.put("NaN");
        case numeric_sign::positive_infinity: return out.put("Infinity");
        case numeric_sign::negative_infinity: return out.put("-Infinity");
        case numeric_sign::negative: out.put('-'); break;
        default: break;
    }
    // The digit group that counts 10000^power, zero where none is stored.
    const auto group = [&value](int power) -> int {
        const int index = value.weight - power;
        return index < 0 || index >= value.count ? 0 : value.digit(static_cast<std::size_t>(index));
    };
    const auto put_group = [&out](int digits, int places) {
        for (int unit = 1000; places > 0; --places, unit /= 10) out.put(static_cast<char>('0' + digits / unit % 10));
    };

    int power = value.weight;
    while (power > 0 && group(power) == 0) --power;
    if (power < 0) power = 0;
    bool leading = true;
    for (; power >= 0; --power) {
        const int digits = group(power);
        for (int unit = 1000; unit > 0; unit /= 10) {
            const int digit = digits / unit % 10;
            leading = leading && digit == 0 && !(power == 0 && unit == 1);
            if (!leading) out.put(static_cast<char>('0' + digit));
        }
    }
    if (value.scale == 0) return;
    out.put('.');
    int left = value.scale;
    for (power = -1; left > 0; --power, left -= 4) put_group(group(power), left < 4 ? left : 4);
}

}  // namespace pg::detail
