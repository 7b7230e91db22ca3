// date, time, timetz, timestamp and timestamptz.
#include "pg/types/datetime.hpp"

#include "src/value/reader.hpp"
#include "src/value/types/calendar.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::CivilDay;
using detail::microseconds_per_day;
using detail::Reader;
using detail::Scanner;

constexpr Fault malformed_time{"malformed time of day"};
constexpr Fault time_out_of_range{"time of day before 00:00:00 or after 24:00:00"};
constexpr std::int64_t max_offset = 16 * 3600 - 1;  // seconds

// "infinity" and "-infinity".
template <class T>
bool read_infinity(std::string_view text, T& out) {
    if (text != "infinity" && text != "-infinity") return false;
    out = text.front() == '-' ? T::minus_infinity() : T::infinity();
    return true;
}
template <class T>
bool write_infinity(Writer& out, const T& value) {
    if (value.is_finite()) return false;
    out.put(value == T::infinity() ? "infinity" : "-infinity");
    return true;
}

Fault check(const TimeOfDay& time) {
    const std::int64_t count = time.since_midnight.count();
    return count < 0 || count > microseconds_per_day ? time_out_of_range : Fault{};
}

Fault check(const TimeTz& value) {
    const std::int64_t seconds = value.offset.count();
    if (seconds < -max_offset || seconds > max_offset) return {"time zone 16 hours or more away from UTC"};
    return check(value.time);
}

// The text of a timestamp; `with_offset` for one with a zone, whose microseconds become those of UTC.
bool read_moment(std::string_view bytes, bool with_offset, std::int64_t& out) {
    Scanner text(bytes);
    CivilDay civil;
    std::int64_t clock = 0, offset = 0, sum = 0;
    if (!detail::scan_day(text, civil) || !text.take(' ') || !detail::scan_clock(text, clock)) return false;
    if (with_offset && !detail::scan_offset(text, offset)) return false;
    if (!detail::scan_era(text, civil)) return false;
    // The days alone may be out of range where the sum is not, so they are brought towards 2000 by one.
    std::int64_t days = detail::days_of(civil);
    if (days < 0) {
        ++days;
        clock -= microseconds_per_day;
    }
    if (__builtin_mul_overflow(days, microseconds_per_day, &sum)) return false;
    if (__builtin_add_overflow(sum, clock - offset * detail::microseconds_per_second, &sum)) return false;
    out = sum;
    return true;
}

CivilDay split_moment(std::int64_t microseconds, std::uint64_t& clock) {
    std::int64_t days = microseconds / microseconds_per_day;
    std::int64_t rest = microseconds % microseconds_per_day;
    if (rest < 0) {
        rest += microseconds_per_day;
        --days;
    }
    clock = static_cast<std::uint64_t>(rest);
    return detail::civil_of(days);
}

// Both kinds of timestamp differ in a zone in their text, and in nothing else.
template <class T>
Fault decode_moment(const Cell& cell, const WireType& wire, T& out) {
    constexpr bool with_offset = std::is_same_v<T, TimestampTz>;
    if (wire.format == Format::binary) return {"timestamp of other than 8 bytes"};
    if (read_infinity(cell.bytes(), out)) return {};
    T value;
    if (!read_moment(cell.bytes(), with_offset, value.microseconds) || !value.is_finite())
        return {"malformed timestamp: DateStyle must be ISO"};
    out = value;
    return {};
}

template <class T>
Fault encode_moment_text(Writer& out, const T& value) {
    if (write_infinity(out, value)) return {};
    std::uint64_t clock = 0;
    const CivilDay civil = split_moment(value.microseconds, clock);
    detail::write_day(out, civil);
    out.put(' ');
    detail::write_clock(out, clock);
    if (std::is_same_v<T, TimestampTz>) detail::write_offset(out, 0);
    detail::write_era(out, civil);
    return {};
}

}  // namespace

// ---- date ------------------------------------------------------------------------------------------

Fault Codec<Date>::decode(const Cell& cell, const WireType& wire, Date& out) {
    if (wire.format == Format::binary) {
        if (cell.length != 4) return {"date of other than 4 bytes"};
        out.days = detail::load_big_endian<std::int32_t>(cell.data);
        return {};
    }
    if (read_infinity(cell.bytes(), out)) return {};
    Scanner text(cell.bytes());
    CivilDay civil;
    if (!detail::scan_day(text, civil) || !detail::scan_era(text, civil))
        return {"malformed date: DateStyle must be ISO"};
    const std::int64_t days = detail::days_of(civil);
    if (days <= Date::minus_infinity().days || days >= Date::infinity().days) return {"date out of range"};
    out.days = static_cast<std::int32_t>(days);
    return {};
}

Fault Codec<Date>::encode(Writer& out, const Date& value) {
    out.put(value.days);
    return {};
}

Fault Codec<Date>::encode_text(Writer& out, const Date& value) {
    if (write_infinity(out, value)) return {};
    const CivilDay civil = detail::civil_of(value.days);
    detail::write_day(out, civil);
    detail::write_era(out, civil);
    return {};
}

Expected<Date> Date::parse(std::string_view text) { return detail::parse_value<Date>(text); }
std::string Date::to_string() const { return detail::text_of(*this); }

// ---- time and timetz -------------------------------------------------------------------------------

Fault Codec<TimeOfDay>::decode(const Cell& cell, const WireType& wire, TimeOfDay& out) {
    std::int64_t count = 0;
    if (wire.format == Format::binary) {
        if (cell.length != 8) return {"time of other than 8 bytes"};
        count = detail::load_big_endian<std::int64_t>(cell.data);
    } else {
        Scanner text(cell.bytes());
        if (!detail::scan_clock(text, count) || !text.at_end()) return malformed_time;
    }
    const TimeOfDay value{std::chrono::microseconds(count)};
    if (Fault fault = check(value)) return fault;
    out = value;
    return {};
}

Fault Codec<TimeOfDay>::encode(Writer& out, const TimeOfDay& value) {
    if (Fault fault = check(value)) return fault;
    out.put(std::int64_t{value.since_midnight.count()});
    return {};
}

Fault Codec<TimeOfDay>::encode_text(Writer& out, const TimeOfDay& value) {
    if (Fault fault = check(value)) return fault;
    detail::write_clock(out, static_cast<std::uint64_t>(value.since_midnight.count()));
    return {};
}

Expected<TimeOfDay> TimeOfDay::parse(std::string_view text) { return detail::parse_value<TimeOfDay>(text); }
std::string TimeOfDay::to_string() const { return detail::text_of(*this); }

Fault Codec<TimeTz>::decode(const Cell& cell, const WireType& wire, TimeTz& out) {
    std::int64_t count = 0, offset = 0;
    if (wire.format == Format::binary) {
        Reader reader(cell.bytes());
        count = reader.take<std::int64_t>();
        offset = -std::int64_t{reader.take<std::int32_t>()};  // the wire counts westwards
        if (!reader.finished()) return {"timetz of other than 12 bytes"};
    } else {
        Scanner text(cell.bytes());
        if (!detail::scan_clock(text, count) || !detail::scan_offset(text, offset) || !text.at_end())
            return malformed_time;
    }
    const TimeTz value{TimeOfDay{std::chrono::microseconds(count)}, std::chrono::seconds(offset)};
    if (Fault fault = check(value)) return fault;
    out = value;
    return {};
}

Fault Codec<TimeTz>::encode(Writer& out, const TimeTz& value) {
    if (Fault fault = check(value)) return fault;
    out.put(std::int64_t{value.time.since_midnight.count()});
    out.put(static_cast<std::int32_t>(-value.offset.count()));
    return {};
}

Fault Codec<TimeTz>::encode_text(Writer& out, const TimeTz& value) {
    if (Fault fault = check(value)) return fault;
    detail::write_clock(out, static_cast<std::uint64_t>(value.time.since_midnight.count()));
    detail::write_offset(out, value.offset.count());
    return {};
}

Expected<TimeTz> TimeTz::parse(std::string_view text) { return detail::parse_value<TimeTz>(text); }
std::string TimeTz::to_string() const { return detail::text_of(*this); }

// ---- timestamp and timestamptz ---------------------------------------------------------------------

Fault Codec<Timestamp>::decode_otherwise(const Cell& cell, const WireType& wire, Timestamp& out) {
    return decode_moment(cell, wire, out);
}
Fault Codec<Timestamp>::encode(Writer& out, const Timestamp& value) {
    out.put(value.microseconds);
    return {};
}
Fault Codec<Timestamp>::encode_text(Writer& out, const Timestamp& value) { return encode_moment_text(out, value); }
Expected<Timestamp> Timestamp::parse(std::string_view text) { return detail::parse_value<Timestamp>(text); }
std::string Timestamp::to_string() const { return detail::text_of(*this); }

Fault Codec<TimestampTz>::decode_otherwise(const Cell& cell, const WireType& wire, TimestampTz& out) {
    return decode_moment(cell, wire, out);
}
Fault Codec<TimestampTz>::encode(Writer& out, const TimestampTz& value) {
    out.put(value.microseconds);
    return {};
}
Fault Codec<TimestampTz>::encode_text(Writer& out, const TimestampTz& value) { return encode_moment_text(out, value); }
Expected<TimestampTz> TimestampTz::parse(std::string_view text) { return detail::parse_value<TimestampTz>(text); }
std::string TimestampTz::to_string() const { return detail::text_of(*this); }

}  // namespace pg
