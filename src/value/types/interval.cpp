// interval, in the style `postgres`.
#include "pg/types/datetime.hpp"
#include "src/value/reader.hpp"
#include "src/value/types/calendar.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;

constexpr std::int32_t months_per_year = 12;

// `[+-]hours:minutes:seconds.fraction`. Counted downwards, for the least number of microseconds has no positive twin.
bool scan_time(Scanner& text, bool negative, std::int64_t& out) {
    std::int64_t hours = 0, minutes = 0, seconds = 0, fraction = 0;
    if (!text.take_digits(2, 10, hours) || !text.take(':') || !text.take_digits(2, 2, minutes) || !text.take(':') ||
        !text.take_digits(2, 2, seconds) || !detail::scan_fraction(text, fraction) || minutes > 59 || seconds > 59)
        return false;
    const std::int64_t whole = (hours * 60 + minutes) * 60 + seconds;
    std::int64_t count = 0;
    if (__builtin_mul_overflow(-whole, detail::microseconds_per_second, &count) ||
        __builtin_sub_overflow(count, fraction, &count))
        return false;
    return !__builtin_mul_overflow(count, negative ? std::int64_t{1} : std::int64_t{-1}, &out);
}

bool add_months(std::int64_t count, std::int64_t unit, std::int32_t& months) {
    return !__builtin_add_overflow(months, count * unit, &months);
}

// One of `3 years`, `2 mons`, `1 day`, `04:05:06`, each at most once and in this order: `step` says how far we are.
bool scan_part(Scanner& text, int& step, Interval& out) {
    const bool negative = text.peek() == '-';
    if (!text.take('-')) (void)text.take('+');
    const std::size_t digits = text.digit_count();
    if (text.left().substr(digits).starts_with(':')) {
        step = 4;
        return scan_time(text, negative, out.microseconds) && text.at_end();
    }
    std::int64_t count = 0;
    if (!text.take_digits(1, 10, count) || !text.take(' ')) return false;
    if (negative) count = -count;
    const std::string_view unit = text.take_until(" ");
    const int last = step;
    if (unit == "year" || unit == "years") {
        step = 1;
        return last < step && add_months(count, months_per_year, out.months);
    }
    if (unit == "mon" || unit == "mons") {
        step = 2;
        return last < step && add_months(count, 1, out.months);
    }
    step = 3;
    if (last >= step || (unit != "day" && unit != "days")) return false;
    return !__builtin_add_overflow(count, 0, &out.days);
}

Fault read_text(std::string_view bytes, Interval& out) {
    if (bytes == "infinity" || bytes == "-infinity") {
        out = bytes.front() == '-' ? Interval::minus_infinity() : Interval::infinity();
        return {};
    }
    Scanner text(bytes);
    Interval value;
    int step = 0;
    do {
        if (!scan_part(text, step, value)) return {"malformed interval: IntervalStyle must be postgres"};
    } while (text.take(' '));
    if (!text.at_end()) return {"malformed interval: IntervalStyle must be postgres"};
    out = value;
    return {};
}

// A part after a negative one says its `+`, as every reader of the style expects.
struct TextWriter {
    Writer& out;
    bool empty = true;
    bool after_negative = false;

    void put(std::int32_t count, std::string_view unit) {
        if (count == 0) return;
        if (!empty) out.put(' ');
        if (after_negative && count > 0) out.put('+');
        detail::write_integer(out, count);
        out.put(' ');
        out.put(unit);
        if (count != 1) out.put('s');
        after_negative = count < 0;
        empty = false;
    }
    void put_time(std::int64_t microseconds) {
        if (microseconds == 0 && !empty) return;
        if (!empty) out.put(' ');
        if (microseconds < 0)
            out.put('-');
        else if (after_negative)
            out.put('+');
        const auto count = static_cast<std::uint64_t>(microseconds);
        detail::write_clock(out, microseconds < 0 ? 0 - count : count);
    }
};

}  // namespace

Fault Codec<Interval>::decode(const Cell& cell, const WireType& wire, Interval& out) {
    if (wire.format == Format::text) return read_text(cell.bytes(), out);
    Reader reader(cell.bytes());
    Interval value;
    value.microseconds = reader.take<std::int64_t>();
    value.days = reader.take<std::int32_t>();
    value.months = reader.take<std::int32_t>();
    if (!reader.finished()) return {"interval of other than 16 bytes"};
    out = value;
    return {};
}

Fault Codec<Interval>::encode(Writer& out, const Interval& value) {
    out.put(value.microseconds);
    out.put(value.days);
    out.put(value.months);
    return {};
}

Fault Codec<Interval>::encode_text(Writer& out, const Interval& value) {
    if (!value.is_finite()) {
        out.put(value == Interval::infinity() ? "infinity" : "-infinity");
        return {};
    }
    TextWriter text{out};
    text.put(value.months / months_per_year, "year");
    text.put(value.months % months_per_year, "mon");
    text.put(value.days, "day");
    text.put_time(value.microseconds);
    return {};
}

Expected<Interval> Interval::parse(std::string_view text) { return detail::parse_value<Interval>(text); }
std::string Interval::to_string() const { return detail::text_of(*this); }

}  // namespace pg
