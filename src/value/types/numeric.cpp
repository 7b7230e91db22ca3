// Numeric: digits to the base of 10,000, as the server keeps them.
#include "pg/types/numeric.hpp"

#include <algorithm>

#include "pg/scalar_codecs.hpp"
#include "src/value/number_text.hpp"
#include "src/value/numeric_digits.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::numeric_base;
using detail::NumericView;
namespace numeric_sign = detail::numeric_sign;

constexpr int group_digits = 4;
constexpr Fault malformed{"malformed numeric"};
__extension__ using UnsignedInt128 = unsigned __int128;

int power_of_ten(int exponent) {
    int power = 1;
    while (exponent-- > 0) power *= 10;
    return power;
}

// `text` without its sign, as digits before the point and behind it; false when it is not like that.
bool split(std::string_view text, std::string_view& integer, std::string_view& fraction) {
    const std::size_t point = text.find('.');
    integer = text.substr(0, point);
    fraction = point == text.npos ? std::string_view{} : text.substr(point + 1);
    constexpr std::string_view digits = "0123456789";
    return !integer.empty() && (point == text.npos || !fraction.empty()) &&
           integer.find_first_not_of(digits) == text.npos && fraction.find_first_not_of(digits) == text.npos;
}

}  // namespace

// ---- making them -----------------------------------------------------------------------------------

void Numeric::assign(bool negative, std::uint64_t magnitude) {
    for (; magnitude != 0; magnitude /= numeric_base)
        digits_.push_back(static_cast<std::uint16_t>(magnitude % numeric_base));
    std::reverse(digits_.begin(), digits_.end());
    weight_ = static_cast<std::int32_t>(digits_.size()) - 1;
    negative_ = negative;
    normalize();
}

Numeric Numeric::from_units(Int128 units, int scale) {
    if (scale < 0 || scale > max_scale) {
        ErrorFields fields;
        fields.kind = ErrorKind::usage;
        fields.message = "scale of a numeric outside 0 to 16383";
        Error(std::move(fields)).raise();
    }
    Numeric value;
    value.negative_ = units < 0;
    value.scale_ = static_cast<std::uint16_t>(scale);
    auto rest = units < 0 ? 0 - static_cast<UnsignedInt128>(units) : static_cast<UnsignedInt128>(units);

    // The lowest group holds only as many places as the scale leaves for it.
    const int places = scale % group_digits;
    if (places != 0) {
        const auto unit = static_cast<unsigned>(power_of_ten(places));
        const int shift = power_of_ten(group_digits - places);
        value.digits_.push_back(static_cast<std::uint16_t>(static_cast<int>(rest % unit) * shift));
        rest /= unit;
    }
    for (; rest != 0; rest /= numeric_base) value.digits_.push_back(static_cast<std::uint16_t>(rest % numeric_base));
    std::reverse(value.digits_.begin(), value.digits_.end());
    const int groups_behind_point = (scale + group_digits - 1) / group_digits;
    value.weight_ = static_cast<std::int32_t>(value.digits_.size()) - groups_behind_point - 1;
    value.normalize();
    return value;
}

void Numeric::normalize() {
    const auto first = std::find_if(digits_.begin(), digits_.end(), [](auto digit) { return digit != 0; });
    weight_ -= static_cast<std::int32_t>(first - digits_.begin());
    digits_.erase(digits_.begin(), first);
    while (!digits_.empty() && digits_.back() == 0) digits_.pop_back();
    if (!digits_.empty()) return;
    weight_ = 0;
    negative_ = false;
}

bool Numeric::read_text(std::string_view text) {
    negative_ = text.starts_with('-');
    std::string_view integer, fraction;
    if (!split(text.substr(negative_ ? 1 : 0), integer, fraction)) return false;
    integer.remove_prefix(std::min(integer.find_first_not_of('0'), integer.size()));
    if (integer.size() > max_integer_digits || fraction.size() > max_scale) return false;

    const std::size_t groups_before = (integer.size() + group_digits - 1) / group_digits;
    const std::size_t groups_behind = (fraction.size() + group_digits - 1) / group_digits;
    digits_.assign(groups_before + groups_behind, 0);
    const auto append = [this](std::size_t place, char digit) {
        auto& group = digits_[place / group_digits];
        group = static_cast<std::uint16_t>(group * 10 + (digit - '0'));
    };
    const std::size_t missing = groups_before * group_digits - integer.size();
    for (std::size_t i = 0; i < integer.size(); ++i) append(missing + i, integer[i]);
    for (std::size_t i = 0; i < groups_behind * group_digits; ++i)
        append(groups_before * group_digits + i, i < fraction.size() ? fraction[i] : '0');
    weight_ = static_cast<std::int32_t>(groups_before) - 1;
    scale_ = static_cast<std::uint16_t>(fraction.size());
    normalize();
    return true;
}

// ---- comparing and converting ----------------------------------------------------------------------

bool operator==(const Numeric& a, const Numeric& b) {
    return a.kind_ == b.kind_ && a.negative_ == b.negative_ && a.weight_ == b.weight_ && a.digits_ == b.digits_;
}

std::weak_ordering operator<=>(const Numeric& a, const Numeric& b) {
    if (a.kind_ != b.kind_ || !a.is_finite()) return a.kind_ <=> b.kind_;
    if (a.negative_ != b.negative_) return b.negative_ <=> a.negative_;
    std::weak_ordering magnitudes = b.is_zero() <=> a.is_zero();
    if (magnitudes == 0) magnitudes = a.weight_ <=> b.weight_;
    if (magnitudes == 0) magnitudes = a.digits_ <=> b.digits_;
    return a.negative_ ? 0 <=> magnitudes : magnitudes;
}

std::optional<Int128> Numeric::to_units(int scale) const {
    if (!is_finite() || scale < 0 || scale > max_scale) return std::nullopt;
    // Downwards, as the least number has no positive twin.
    constexpr Int128 least = Int128{std::numeric_limits<std::int64_t>::min()} * (Int128{1} << 64);
    Int128 sum = 0;
    const auto append = [&sum](int base, int digit) {
        if (sum < (least + digit) / base) return false;
        sum = sum * base - digit;
        return true;
    };
    const auto count = static_cast<std::int32_t>(digits_.size());
    const auto group = [this, count](std::int32_t index) {
        return index < 0 || index >= count ? 0 : int{digits_[static_cast<std::size_t>(index)]};
    };
    const int whole_groups = scale / group_digits;
    const int places = scale % group_digits;

    std::int32_t index = std::min(weight_ + 1, 0);
    for (; index <= weight_ + whole_groups; ++index)
        if (!append(numeric_base, group(index))) return std::nullopt;
    if (places > 0) {
        const int cut = power_of_ten(group_digits - places);
        if (group(index) % cut != 0 || !append(power_of_ten(places), group(index) / cut)) return std::nullopt;
        ++index;
    }
    if (index < count) return std::nullopt;
    if (negative_) return sum;
    if (sum == least) return std::nullopt;
    return -sum;
}

std::optional<std::int64_t> Numeric::to_int64() const {
    const std::optional<Int128> wide = to_units(0);
    if (!wide || static_cast<std::int64_t>(*wide) != *wide) return std::nullopt;
    return static_cast<std::int64_t>(*wide);
}

std::optional<double> Numeric::to_double() const {
    double value = 0;
    if (is_zero()) return value;
    const std::string text = to_string();
    if (detail::parse_float(text, value)) return value;
    // Too large, or so small that the nearest is zero.
    if (weight_ >= 0) return std::nullopt;
    return negative_ ? -0.0 : 0.0;
}

Expected<Numeric> Numeric::parse(std::string_view text) { return detail::parse_value<Numeric>(text); }
std::string Numeric::to_string() const { return detail::text_of(*this); }

// ---- the codec -------------------------------------------------------------------------------------

bool Codec<Numeric>::accepts(const WireType& wire) { return wire.oid == type.oid || detail::is_integer_type(wire.oid); }

Fault Codec<Numeric>::decode(const Cell& cell, const WireType& wire, Numeric& out) {
    if (wire.format == Format::binary && detail::is_integer_type(wire.oid)) {
        std::int64_t integer = 0;
        if (Fault fault = Codec<long>::decode(cell, wire, integer)) return fault;
        out = Numeric(integer);
        return {};
    }
    if (wire.format == Format::text) {
        const std::string_view text = cell.bytes();
        if (text == "NaN") {
            out = Numeric::nan();
        } else if (text == "Infinity") {
            out = Numeric::infinity();
        } else if (text == "-Infinity") {
            out = Numeric::minus_infinity();
        } else {
            Numeric value;
            if (!value.read_text(text)) return malformed;
            out = std::move(value);
        }
        return {};
    }
    NumericView view;
    if (Fault fault = detail::read_numeric(cell.bytes(), view)) return fault;
    switch (view.sign) {
        case numeric_sign::nan: out = Numeric::nan(); return {};
        case numeric_sign::positive_infinity: out = Numeric::infinity(); return {};
        case numeric_sign::negative_infinity: out = Numeric::minus_infinity(); return {};
        default: break;
    }
    Numeric value;
    value.negative_ = view.sign == numeric_sign::negative;
    value.weight_ = view.weight;
    value.scale_ = view.scale;
    value.digits_.reserve(view.count);
    for (std::size_t i = 0; i < view.count; ++i) value.digits_.push_back(view.digit(i));
    value.normalize();
    out = std::move(value);
    return {};
}

Fault Codec<Numeric>::encode(Writer& out, const Numeric& value) {
    std::uint16_t sign = value.negative_ ? numeric_sign::negative : numeric_sign::positive;
    if (value.kind_ == Numeric::Kind::nan) sign = numeric_sign::nan;
    if (value.kind_ == Numeric::Kind::infinity) sign = numeric_sign::positive_infinity;
    if (value.kind_ == Numeric::Kind::minus_infinity) sign = numeric_sign::negative_infinity;
    out.put(static_cast<std::uint16_t>(value.digits_.size()));
    out.put(static_cast<std::int16_t>(value.weight_));
    out.put(sign);
    out.put(value.scale_);
    for (const std::uint16_t digit : value.digits_) out.put(digit);
    return {};
}

Fault Codec<Numeric>::encode_text(Writer& out, const Numeric& value) {
    Writer binary;
    NumericView view;
    if (Fault fault = encode(binary, value)) return fault;
    if (Fault fault = detail::read_numeric(binary.bytes(), view)) return fault;
    detail::write_numeric_text(out, view);
    return {};
}

}  // namespace pg
