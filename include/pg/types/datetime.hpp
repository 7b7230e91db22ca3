// Dates, times and intervals: PostgreSQL's own ranges and infinities, and std::chrono where it can hold the value.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <ratio>
#include <string>
#include <string_view>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {
namespace detail {

using Microseconds = std::chrono::duration<std::int64_t, std::micro>;

inline constexpr std::chrono::sys_days postgres_epoch{std::chrono::days{10957}};  // 2000-01-01
inline constexpr std::int64_t postgres_epoch_microseconds = 946'684'800'000'000;  // the same, after 1970-01-01
inline constexpr std::int64_t day_microseconds = 86'400'000'000;

/// The microseconds since 1970 of a count since 2000; nullopt for an infinity, and for the last 30 years that
/// PostgreSQL knows (those up to 294276), which 64 bits cannot count from 1970.
constexpr std::optional<Microseconds> since_1970(std::int64_t since_2000) {
    std::int64_t count = 0;
    if (since_2000 == std::numeric_limits<std::int64_t>::min() ||
        __builtin_add_overflow(since_2000, postgres_epoch_microseconds, &count))
        return std::nullopt;
    return Microseconds(count);
}

}  // namespace detail

/// A date, or an infinity. Value. The server holds 4714-11-24 BC to 5874897-12-31.
struct Date {
    std::int32_t days = 0;  ///< since 2000-01-01; the least and the greatest are the infinities

    static constexpr Date infinity() { return {std::numeric_limits<std::int32_t>::max()}; }
    static constexpr Date minus_infinity() { return {std::numeric_limits<std::int32_t>::min()}; }
    /// The date that std::chrono calls `day`; nullopt when PostgreSQL has no count for it.
    static constexpr std::optional<Date> of(std::chrono::sys_days day) {
        Date date;
        if (__builtin_sub_overflow(day.time_since_epoch().count(), detail::postgres_epoch.time_since_epoch().count(),
                                   &date.days) ||
            !date.is_finite())
            return std::nullopt;
        return date;
    }
    /// Midnight of it; nullopt for an infinity and where std::chrono has no count for it.
    [[nodiscard]] constexpr std::optional<std::chrono::sys_days> day() const {
        const auto count = std::int64_t{days} + detail::postgres_epoch.time_since_epoch().count();
        if (!is_finite() || count > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
        return std::chrono::sys_days(std::chrono::days(count));
    }
    [[nodiscard]] constexpr bool is_finite() const { return *this != infinity() && *this != minus_infinity(); }

    /// From and to what the server writes: `2024-05-17`, `0044-03-15 BC`, `infinity`.
    PGCLIENT_API static Expected<Date> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const Date&, const Date&) = default;
};

/// A time of the day, without a date or a zone: 00:00:00 to 24:00:00, both included. Value.
struct TimeOfDay {
    std::chrono::microseconds since_midnight{0};  ///< 0 to 24 hours, both included

    PGCLIENT_API static Expected<TimeOfDay> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const TimeOfDay&, const TimeOfDay&) = default;
};

/// A time of the day in a zone. Value. Ordered as the server does: by the moment, then from east to west.
struct TimeTz {
    TimeOfDay time;                  ///< on the clocks of that zone
    std::chrono::seconds offset{0};  ///< east of UTC, as in `+02`: the sign of ISO 8601

    PGCLIENT_API static Expected<TimeTz> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr bool operator==(const TimeTz&, const TimeTz&) = default;
    friend constexpr std::strong_ordering operator<=>(const TimeTz& a, const TimeTz& b) {
        const auto moments = (a.time.since_midnight - a.offset) <=> (b.time.since_midnight - b.offset);
        return moments != 0 ? moments : b.offset <=> a.offset;
    }
};

/// A date and time that no zone belongs to, or an infinity. Value. The server holds 4714-11-24 BC to 294276 AD.
struct Timestamp {
    std::int64_t microseconds = 0;  ///< since 2000-01-01 00:00; the least and the greatest are the infinities

    static constexpr Timestamp infinity() { return {std::numeric_limits<std::int64_t>::max()}; }
    static constexpr Timestamp minus_infinity() { return {std::numeric_limits<std::int64_t>::min()}; }
    /// As std::chrono counts it; nullopt for an infinity and for years after 294246.
    [[nodiscard]] constexpr std::optional<std::chrono::local_time<std::chrono::microseconds>> time() const {
        const auto count = is_finite() ? detail::since_1970(microseconds) : std::nullopt;
        if (!count) return std::nullopt;
        return std::chrono::local_time<std::chrono::microseconds>(*count);
    }
    [[nodiscard]] constexpr bool is_finite() const { return *this != infinity() && *this != minus_infinity(); }

    /// From and to what the server writes: `2024-05-17 12:30:00.25`, `0044-03-15 12:00:00 BC`.
    PGCLIENT_API static Expected<Timestamp> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// A moment, or an infinity. Value. The server keeps no zone, only shows it in the session's.
struct TimestampTz {
    std::int64_t microseconds = 0;  ///< since 2000-01-01 00:00 UTC; the least and the greatest are the infinities

    static constexpr TimestampTz infinity() { return {std::numeric_limits<std::int64_t>::max()}; }
    static constexpr TimestampTz minus_infinity() { return {std::numeric_limits<std::int64_t>::min()}; }
    /// As std::chrono counts it; nullopt for an infinity and for years after 294246.
    [[nodiscard]] constexpr std::optional<std::chrono::sys_time<std::chrono::microseconds>> time() const {
        const auto count = is_finite() ? detail::since_1970(microseconds) : std::nullopt;
        if (!count) return std::nullopt;
        return std::chrono::sys_time<std::chrono::microseconds>(*count);
    }
    [[nodiscard]] constexpr bool is_finite() const { return *this != infinity() && *this != minus_infinity(); }

    /// From what the server writes, in any zone: `2024-05-17 12:30:00.25+02`.
    PGCLIENT_API static Expected<TimestampTz> parse(std::string_view text);
    /// In UTC: `2024-05-17 10:30:00.25+00`.
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr auto operator<=>(const TimestampTz&, const TimestampTz&) = default;
};

/// Months, days and microseconds, none of which is a fixed number of another. Value.
/// Equal means equal in each of the three; the server's `=` takes a month as 30 days and a day as 24 hours.
struct Interval {
    /// Each may have a sign of its own. @{
    std::int32_t months = 0;
    std::int32_t days = 0;
    std::int64_t microseconds = 0;  /// @}

    /// Since PostgreSQL 17; older servers take these for very long intervals.
    static constexpr Interval infinity() {
        return {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max(),
                std::numeric_limits<std::int64_t>::max()};
    }
    static constexpr Interval minus_infinity() {
        return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min(),
                std::numeric_limits<std::int64_t>::min()};
    }
    [[nodiscard]] constexpr bool is_finite() const { return *this != infinity() && *this != minus_infinity(); }

    /// From and to what the server writes in the style `postgres`: `1 year 2 mons -3 days +04:05:06.7`.
    PGCLIENT_API static Expected<Interval> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;

    friend constexpr bool operator==(const Interval&, const Interval&) = default;
};

template <>
struct Codec<Date> : detail::OwnType<Date> {
    static constexpr TypeId type{Oid{1082}, Oid{1182}, "date"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Date& out);
    PGCLIENT_API static Fault encode(Writer& out, const Date& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Date& value);
};
template <>
struct Codec<TimeOfDay> : detail::OwnType<TimeOfDay> {
    static constexpr TypeId type{Oid{1083}, Oid{1183}, "time"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, TimeOfDay& out);
    PGCLIENT_API static Fault encode(Writer& out, const TimeOfDay& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const TimeOfDay& value);
};
template <>
struct Codec<TimeTz> : detail::OwnType<TimeTz> {
    static constexpr TypeId type{Oid{1266}, Oid{1270}, "timetz"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, TimeTz& out);
    PGCLIENT_API static Fault encode(Writer& out, const TimeTz& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const TimeTz& value);
};
template <>
struct Codec<Timestamp> : detail::OwnType<Timestamp> {
    static constexpr TypeId type{Oid{1114}, Oid{1115}, "timestamp"};
    static Fault decode(const Cell& cell, const WireType& wire, Timestamp& out) {
        if (cell.length != sizeof(std::int64_t) || wire.format != Format::binary) [[unlikely]]
            return decode_otherwise(cell, wire, out);
        out.microseconds = detail::load_big_endian<std::int64_t>(cell.data);
        return {};
    }
    PGCLIENT_API static Fault encode(Writer& out, const Timestamp& value);
    static Fault plain(const Timestamp& value, std::int64_t& out) {
        out = value.microseconds;
        return {};
    }
    PGCLIENT_API static Fault encode_text(Writer& out, const Timestamp& value);

private:
    PGCLIENT_API static Fault decode_otherwise(const Cell& cell, const WireType& wire, Timestamp& out);
};
template <>
struct Codec<TimestampTz> : detail::OwnType<TimestampTz> {
    static constexpr TypeId type{Oid{1184}, Oid{1185}, "timestamptz"};
    static Fault decode(const Cell& cell, const WireType& wire, TimestampTz& out) {
        if (cell.length != sizeof(std::int64_t) || wire.format != Format::binary) [[unlikely]]
            return decode_otherwise(cell, wire, out);
        out.microseconds = detail::load_big_endian<std::int64_t>(cell.data);
        return {};
    }
    PGCLIENT_API static Fault encode(Writer& out, const TimestampTz& value);
    static Fault plain(const TimestampTz& value, std::int64_t& out) {
        out = value.microseconds;
        return {};
    }
    PGCLIENT_API static Fault encode_text(Writer& out, const TimestampTz& value);

private:
    PGCLIENT_API static Fault decode_otherwise(const Cell& cell, const WireType& wire, TimestampTz& out);
};
template <>
struct Codec<Interval> : detail::OwnType<Interval> {
    static constexpr TypeId type{Oid{1186}, Oid{1187}, "interval"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Interval& out);
    PGCLIENT_API static Fault encode(Writer& out, const Interval& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Interval& value);
};

namespace detail {

/// `count` of a unit that is `Unit` microseconds, as microseconds; false when they cannot hold it exactly.
template <class Unit, class Rep>
constexpr bool to_microseconds(Rep count, std::int64_t& out) {
    if constexpr (Unit::den == 1)
        return !__builtin_mul_overflow(count, std::int64_t{Unit::num}, &out);
    else
        return count % Unit::den == 0 && !__builtin_mul_overflow(count / Unit::den, std::int64_t{Unit::num}, &out);
}
/// The other way; false when a `Rep` of that unit cannot hold them exactly.
template <class Unit, class Rep>
constexpr bool from_microseconds(std::int64_t microseconds, Rep& out) {
    return microseconds % Unit::num == 0 &&
           !__builtin_mul_overflow(microseconds / Unit::num, std::int64_t{Unit::den}, &out);
}

/// std::chrono's time points as `Wire`, which is Timestamp or TimestampTz.
template <class Time, class Wire>
struct ChronoCodec {
    using Duration = typename Time::duration;
    using Unit = std::ratio_divide<typename Duration::period, std::micro>;
    static_assert(std::is_integral_v<typename Duration::rep>, "a floating point time has no exact microseconds");

    static constexpr TypeId type = Codec<Wire>::type;
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return Codec<Wire>::accepts(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, Time& out) {
        Wire value;
        if (Fault fault = Codec<Wire>::decode(cell, wire, value)) return fault;
        const auto time = value.time();
        typename Duration::rep count{};
        if (!time || !from_microseconds<Unit>(time->time_since_epoch().count(), count))
            return {
                "time that is infinite, or that its target cannot hold exactly: use pg::Timestamp, pg::TimestampTz"};
        out = Time(Duration(count));
        return {};
    }
    static Fault encode(Writer& out, const Time& time) {
        Wire value;
        if (Fault fault = convert(time, value)) return fault;
        return Codec<Wire>::encode(out, value);
    }
    static Fault plain(const Time& time, std::int64_t& out) {
        Wire value;
        const Fault fault = convert(time, value);
        out = value.microseconds;
        return fault;
    }
    static Fault encode_text(Writer& out, const Time& time) {
        Wire value;
        if (Fault fault = convert(time, value)) return fault;
        return Codec<Wire>::encode_text(out, value);
    }

private:
    static Fault convert(const Time& time, Wire& out) {
        std::int64_t count = 0;
        if (!to_microseconds<Unit>(time.time_since_epoch().count(), count) ||
            __builtin_sub_overflow(count, postgres_epoch_microseconds, &out.microseconds) || !out.is_finite())
            return {"time that is no whole number of microseconds, or out of range: use std::chrono::floor"};
        return {};
    }
};

/// std::chrono's days as dates.
template <class Day>
struct DayCodec {
    static constexpr TypeId type = Codec<Date>::type;
    static constexpr Format argument = Format::binary;

    static bool accepts(const WireType& wire) { return Codec<Date>::accepts(wire); }
    static Fault decode(const Cell& cell, const WireType& wire, Day& out) {
        Date date;
        if (Fault fault = Codec<Date>::decode(cell, wire, date)) return fault;
        const auto day = date.day();
        if (!day) return {"date that is infinite, or out of the range of std::chrono: use pg::Date"};
        out = Day(day->time_since_epoch());
        return {};
    }
    static Fault encode(Writer& out, const Day& day) {
        const auto date = Date::of(std::chrono::sys_days(day.time_since_epoch()));
        return date ? Codec<Date>::encode(out, *date) : Fault{"date out of range"};
    }
    static Fault encode_text(Writer& out, const Day& day) {
        const auto date = Date::of(std::chrono::sys_days(day.time_since_epoch()));
        return date ? Codec<Date>::encode_text(out, *date) : Fault{"date out of range"};
    }
};

}  // namespace detail

/// A moment in any whole unit that holds it exactly: reading one with more digits than the unit has is a fault.
template <class Duration>
struct Codec<std::chrono::sys_time<Duration>> : detail::ChronoCodec<std::chrono::sys_time<Duration>, TimestampTz> {};
template <class Duration>
struct Codec<std::chrono::local_time<Duration>> : detail::ChronoCodec<std::chrono::local_time<Duration>, Timestamp> {};
template <>
struct Codec<std::chrono::sys_days> : detail::DayCodec<std::chrono::sys_days> {};
template <>
struct Codec<std::chrono::local_days> : detail::DayCodec<std::chrono::local_days> {};

}  // namespace pg
